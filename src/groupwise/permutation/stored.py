"""What the stages of a test leave for each other; read and written without the engine.

The kernels take a second to import, which a merge, an export or a picture does not need.
"""

import os
from dataclasses import dataclass

import numpy as np

from groupwise.errors import InputError
from groupwise.files import write_whole
from groupwise.npz import open_arrays, read_arrays


@dataclass(frozen=True, eq=False)
class Block:
    """Maxima over the map of the permutations start..stop-1, by side.

    Attributes
    ----------
    start, stop : range of indices.
    statistic : (k, sides) float64, largest statistic (of -t on the negative side).
    mass : (k, thresholds, sides) float64, largest cluster mass as a magnitude; 0 without a cluster.
    size : (k, thresholds, sides) int64, points of the largest cluster; 0 without a cluster.
    tfce : (k, sides) float64, largest threshold-free enhanced value; (k, 0) where not asked for.
    sides : (sides,) int, 1 or -1.
    digest : of the prepared effect.
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
        """Write the block as .npz, whole or not at all."""
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
        """Read a block; InputError names a file that is truncated or no block."""
        remedy = "delete it, and it is computed again"
        with open_arrays(path, "no block of permutations", remedy) as stored:
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
                f"{path}: its arrays are not those of the permutations {start} to "
                f"{stop - 1}; {remedy}"
            )
        return block


def read_maps(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """The arrays of maps.npz."""
    return read_arrays(path, "delete it, infer again")
