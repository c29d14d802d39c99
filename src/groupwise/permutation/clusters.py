"""Clusters of the points that pass a threshold, plainly: a sub-graph and its components."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, triu
from scipy.sparse.csgraph import connected_components


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Who is next to whom: places by their adjacency, and each place at consecutive times.

    Points are spatial-major, time-contiguous. Neighbours in space are so at the same time only.

    Attributes
    ----------
    indptr, indices : csr of the upper triangle of the adjacency of places, each edge once.
    n_times : times of a place, 1 where there is no time.
    """

    indptr: np.ndarray
    indices: np.ndarray
    n_times: int

    @classmethod
    def of(cls, adjacency: csr_array, n_times: int = 1) -> "Neighbours":
        """From a symmetric adjacency (places, places)."""
        upper = csr_array(triu(csr_array(adjacency, dtype=bool), k=1, format="csr"))
        upper.eliminate_zeros()
        upper.sort_indices()
        return cls(upper.indptr.astype(np.int32), upper.indices.astype(np.int32), n_times)

    def components(self, points: np.ndarray, positive: np.ndarray) -> tuple[int, np.ndarray]:
        """Connected components of some points, the two sides never joined.

        Parameters
        ----------
        points : (k,) int64, ascending point numbers.
        positive : (k,) bool, the side of each.

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
        # Each point's later neighbours in space, at its own time.
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
    """(count,) sum of the weights and number of points of each component.

    `bincount` adds one after the other in the order of the points, so that a mass has the same
    bits wherever it is summed.
    """
    mass = np.bincount(labels, weights=weights, minlength=count)
    return mass, np.bincount(labels, minlength=count)
