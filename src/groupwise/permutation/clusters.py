"""Clusters as connected components of the points above a threshold, by SciPy."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, triu
from scipy.sparse.csgraph import connected_components


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Neighbours of points: adjacent places at one time, one place at consecutive times.

    Points are place-major: the times of a place are contiguous.

    Attributes
    ----------
    indptr, indices : int32 csr arrays of the upper triangle of the adjacency of places.
    n_times : number of times at each place; 1 for maps without time.
    """

    indptr: np.ndarray
    indices: np.ndarray
    n_times: int

    @classmethod
    def of(cls, adjacency: csr_array, n_times: int = 1) -> "Neighbours":
        """Return the neighbours of a symmetric adjacency (places, places)."""
        upper = csr_array(triu(csr_array(adjacency, dtype=bool), k=1, format="csr"))
        upper.eliminate_zeros()
        upper.sort_indices()
        return cls(upper.indptr.astype(np.int32), upper.indices.astype(np.int32), n_times)

    def components(self, points: np.ndarray, positive: np.ndarray) -> tuple[int, np.ndarray]:
        """Return the connected components of some points; a component has points of one side.

        Parameters
        ----------
        points : (k,) int64, ascending point numbers.
        positive : (k,) bool, whether the value of each point is positive.

        Returns
        -------
        count : number of components.
        labels : (k,) int32, 0..count-1.
        """
        here = np.arange(len(points))
        place, time = np.divmod(points, self.n_times)
        after = (np.diff(points) == 1) & (place[1:] == place[:-1])
        if self.n_times == 1:
            after[:] = False
        # Neighbours in space at the same time, each pair once.
        first, many = self.indptr[place], np.diff(self.indptr)[place]
        origin = np.repeat(here, many)
        offset = np.arange(len(origin)) - np.repeat(np.cumsum(many) - many, many)
        target = self.indices[first[origin] + offset] * self.n_times + time[origin]
        found = np.searchsorted(points, target)
        found[found == len(points)] = 0
        real = points[found] == target if len(points) else np.zeros(0, bool)
        rows = np.concatenate([here[:-1][after], origin[real]])
        columns = np.concatenate([here[1:][after], found[real]])
        same = positive[rows] == positive[columns]
        rows, columns = rows[same], columns[same]
        graph = csr_array(
            (np.ones(len(rows), bool), (rows, columns)), shape=(len(points), len(points))
        )
        return connected_components(graph, directed=False)


def point_masses(values: np.ndarray, threshold: float, mass: str) -> np.ndarray:
    """Return what each point above the threshold adds to the mass of its cluster, a magnitude.

    Parameters
    ----------
    mass : "sum" of the statistic, or of its "excess" over the threshold.
    """
    return np.abs(values) - (threshold if mass == "excess" else 0.0)


def mass_and_size(
    labels: np.ndarray, count: int, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the sum of the weights and the number of points of each component, (count,).

    `bincount` adds in the order of the points, as the compiled cluster search does, so that both
    give the same bits.
    """
    mass = np.bincount(labels, weights=weights, minlength=count)
    return mass, np.bincount(labels, minlength=count)
