"""Files of blocks and of result maps, read and written without the compiled kernels.

Merging, exports and figures so start without Numba, which takes a second to import.
"""

import os
from dataclasses import dataclass

import numpy as np

from groupwise.errors import InputError
from groupwise.files import write_whole
from groupwise.npz import open_arrays, read_arrays


@dataclass(frozen=True, eq=False)
class Block:
    """Maxima of the permutations start..stop-1 over all points, by side.

    Attributes
    ----------
    start, stop : range of permutation indices; k = stop - start.
    statistic : (k, sides) float64 largest statistic; of -t on the negative side.
    mass : (k, thresholds, sides) float64 largest cluster mass, a magnitude; 0 without a cluster.
    size : (k, thresholds, sides) int64 largest cluster size in points; 0 without a cluster.
    tfce : (k, sides) float64 largest TFCE value; (k, 0) without TFCE.
    sides : tested sides, 1 or -1 each.
    digest : digest of the prepared effect.
    distinct : number of distinct resamplings of the design.
    """

    start: int
    stop: int
    statistic: np.ndarray
    mass: np.ndarray
    size: np.ndarray
    tfce: np.ndarray
    sides: tuple[int, ...]
    digest: str
    distinct: int

    def save(self, path: str | os.PathLike) -> None:
        """Write the block as .npz, atomically."""
        with write_whole(path) as part, part.open("wb") as handle:
            np.savez(
                handle,
                range=np.array([self.start, self.stop], np.int64),
                statistic=self.statistic,
                mass=self.mass,
                size=self.size,
                tfce=self.tfce,
                sides=np.array(self.sides, np.int64),
                digest=np.array(self.digest),
                distinct=np.array(str(self.distinct)),  # may exceed 64 bits
            )

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Block":
        """Read a block.

        Raises
        ------
        InputError : the file is absent, truncated or not a block.
        """
        remedy = "delete it, and it is computed again"
        with open_arrays(path, "not a block of permutations", remedy) as stored:
            start, stop = (int(k) for k in stored["range"])
            block = cls(
                start=start,
                stop=stop,
                statistic=stored["statistic"],
                mass=stored["mass"],
                size=stored["size"],
                tfce=stored["tfce"],
                sides=tuple(int(k) for k in stored["sides"]),
                digest=str(stored["digest"]),
                distinct=int(str(stored["distinct"])),
            )
        shape = (block.stop - block.start, len(block.sides))
        shapes = [(a.shape[0], a.shape[-1]) for a in (block.statistic, block.mass, block.size)]
        if (
            any(found != shape for found in shapes)
            or block.mass.shape != block.size.shape
            or len(block.tfce) != len(block.statistic)
        ):
            raise InputError(
                f"{path}: its arrays do not have the shapes of the permutations {start} to "
                f"{stop - 1}; {remedy}"
            )
        return block


def read_maps(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Return the arrays of maps.npz, as `Result.save_maps` wrote them, by name."""
    return read_arrays(path, "delete it and infer again")
