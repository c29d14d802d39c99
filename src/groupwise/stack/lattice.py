"""Adjacency of regular grids, such as the voxels of a volume."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.sparse import csr_array

from groupwise.errors import InputError

#: Number of coordinates in which neighbours may differ: in 3-D, 6, 18 or 26 neighbours.
STEPS = {"faces": 1, "edges": 2, "corners": 3}


@dataclass(frozen=True, eq=False)
class Lattice:
    """A regular grid of any number of dimensions.

    Parameters
    ----------
    shape : number of points along each axis.
    connectivity : "faces" (6 neighbours in 3-D), "edges" (18) or "corners" (26).
    mask : bool of that shape; only points inside it exist, in C order.
    """

    shape: Sequence[int]
    connectivity: str = "faces"
    mask: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.connectivity not in STEPS:
            raise InputError(
                f"connectivity {self.connectivity!r} is unknown; use one of {', '.join(STEPS)}"
            )
        if self.mask is not None and np.shape(self.mask) != tuple(self.shape):
            raise InputError(
                f"the mask has shape {np.shape(self.mask)}, the lattice {tuple(self.shape)}; give "
                "both the same shape"
            )

    @property
    def n_points(self) -> int:
        """Number of points; with a mask, of those inside."""
        return int(np.prod(self.shape) if self.mask is None else np.count_nonzero(self.mask))

    def adjacency(self) -> csr_array:
        """Return the adjacency: (points, points) bool csr, symmetric, without diagonal, sorted."""
        shape = tuple(self.shape)
        inside = np.ones(shape, bool) if self.mask is None else np.asarray(self.mask, bool)
        number = np.full(shape, -1, np.int32)
        number[inside] = np.arange(np.count_nonzero(inside), dtype=np.int32)
        pairs = []
        for step in product((-1, 0, 1), repeat=len(shape)):
            # Half of the directions: the opposite ones give the same edges.
            if step <= (0,) * len(shape) or np.count_nonzero(step) > STEPS[self.connectivity]:
                continue
            here = number[
                tuple(slice(max(0, -s), k - max(0, s)) for s, k in zip(step, shape, strict=True))
            ]
            there = number[
                tuple(slice(max(0, s), k - max(0, -s)) for s, k in zip(step, shape, strict=True))
            ]
            both = (here >= 0) & (there >= 0)
            pairs.append(np.stack([here[both], there[both]]))
        size = self.n_points
        one, two = np.concatenate(pairs, axis=1) if pairs else np.zeros((2, 0), np.int32)
        rows, columns = np.concatenate([one, two]), np.concatenate([two, one])
        adjacency = csr_array((np.ones(len(rows), bool), (rows, columns)), shape=(size, size))
        adjacency.sort_indices()
        return adjacency
