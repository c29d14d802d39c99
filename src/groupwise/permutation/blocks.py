"""A block: the maxima of a fixed range of permutations.

Block k of size B holds the permutations k*B .. (k+1)*B - 1, clipped only at the number of
distinct resamplings. Asking for more permutations leaves the blocks that exist as they are.
"""

import os
import zipfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from groupwise.errors import InputError
from groupwise.files import write_whole
from groupwise.permutation.clusters import mass_and_size
from groupwise.permutation.fixedpoint import f_of_units, t_of_units
from groupwise.permutation.prepare import Prepared

#: Working set of the loop: permutations at a time, and points whose scores are converted to
#: float64 at a time. Neither changes a result.
BATCH = 32
PANEL = 8192


@dataclass(frozen=True, eq=False)
class Block:
    """Maxima over the map of the permutations start..stop-1, by side.

    Attributes
    ----------
    start, stop : range of indices.
    statistic : (k, sides) float64, largest statistic (of -t on the negative side).
    mass : (k, sides) float64, largest cluster mass as a magnitude; 0 without a cluster.
    size : (k, sides) int64, points of the largest cluster; 0 without a cluster.
    sides : (sides,) int, 1 or -1.
    digest : of the prepared effect.
    distinct : number of distinct resamplings of the design.
    """

    start: int
    stop: int
    statistic: np.ndarray
    mass: np.ndarray
    size: np.ndarray
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
                sides=np.array(self.sides, np.int64),
                digest=np.array(self.digest),
                distinct=np.array(str(self.distinct)),  # may exceed 64 bits
            )

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Block":
        """Read a block; InputError names a file that is truncated or no block."""
        try:
            with np.load(path, allow_pickle=False) as stored:
                start, stop = (int(k) for k in stored["range"])
                block = cls(
                    start=start,
                    stop=stop,
                    statistic=stored["statistic"],
                    mass=stored["mass"],
                    size=stored["size"],
                    sides=tuple(int(k) for k in stored["sides"]),
                    digest=str(stored["digest"]),
                    distinct=int(str(stored["distinct"])),
                )
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(
                f"{Path(path)}: not a readable block of permutations ({error}); delete it, and it "
                "is computed again"
            ) from error
        shape = (block.stop - block.start, len(block.sides))
        if any(a.shape != shape for a in (block.statistic, block.mass, block.size)):
            raise InputError(
                f"{Path(path)}: its arrays are not those of the permutations {start} to "
                f"{stop - 1}; delete it, and it is computed again"
            )
        return block


def run_block(
    prepared: Prepared, start: int, stop: int, *, batch: int = BATCH, panel: int = PANEL
) -> Block:
    """Maxima of the permutations start..stop-1.

    Memory: the scores stay where they are (a memory map), `batch` x `panel` sums exist at a time,
    and of a permuted map only the points above the threshold.

    Parameters
    ----------
    start, stop : indices, 0 <= start < stop; stop is clipped at the number of distinct
        resamplings.
    batch, panel : permutations and points at a time; no result depends on them.

    Raises
    ------
    InputError : the range is empty or lies beyond the distinct resamplings.
    """
    stop = min(stop, prepared.flips.distinct)
    if not 0 <= start < stop:
        raise InputError(
            f"permutations {start} to {stop - 1}: the design has {prepared.flips.distinct} "
            "distinct resamplings, numbered from 0"
        )
    shape = (stop - start, len(prepared.sides))
    statistic, mass = np.empty(shape), np.zeros(shape)
    size = np.zeros(shape, np.int64)
    for first in range(start, stop, batch):
        last = min(first + batch, stop)
        signs = prepared.flips.signs(first, last)
        here = slice(first - start, last - start)
        largest, above = _scan(prepared, signs, panel)
        statistic[here] = _statistic(prepared, largest) * _orientation(prepared)
        for k, (points, sums) in enumerate(above):
            mass[first - start + k], size[first - start + k] = _largest(prepared, points, sums)
    return Block(
        start=start,
        stop=stop,
        statistic=statistic,
        mass=mass,
        size=size,
        sides=prepared.sides,
        digest=prepared.digest,
        distinct=prepared.flips.distinct,
    )


def sums_of(prepared: Prepared, signs: np.ndarray, points: slice) -> np.ndarray:
    """(k, points) int64: signed sums u (t), or their sums of squares w (F), in fixed point.

    Parameters
    ----------
    signs : (k, n) float64.
    points : a panel of the tested points.
    """
    total: np.ndarray | int = 0
    for component in prepared.values:
        # float64 is exact here: every partial sum is an integer of at most 2^30 + n/2.
        u = (signs @ component[:, points].astype(np.float64)).astype(np.int64)
        total = u if prepared.design.statistic == "t" else total + u * u
    return total


def _scan(
    prepared: Prepared, signs: np.ndarray, panel: int
) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    """Extreme sums (k, sides), and of each permutation the points and sums above threshold."""
    k, n_tested = len(signs), prepared.values.shape[2]
    lowest = np.full(k, np.iinfo(np.int64).max)
    highest = np.full(k, np.iinfo(np.int64).min)
    pieces = []
    for begin in range(0, n_tested, panel):
        sums = sums_of(prepared, signs, slice(begin, min(begin + panel, n_tested)))
        np.maximum(highest, sums.max(axis=1), out=highest)
        np.minimum(lowest, sums.min(axis=1), out=lowest)
        passing = np.zeros(sums.shape, bool)
        if 1 in prepared.sides:
            passing |= sums > prepared.units
        if -1 in prepared.sides:
            passing |= sums < -prepared.units
        which, where = np.nonzero(passing)
        pieces.append((which.astype(np.int32), where + begin, sums[which, where]))
    which, where, sums = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
    order = np.argsort(which, kind="stable")  # panel after panel: ascending points within each
    bounds = np.searchsorted(which[order], np.arange(k + 1))
    above = [(prepared.kept[where[order[a:b]]], sums[order[a:b]]) for a, b in pairwise(bounds)]
    extremes = {1: highest, -1: lowest}
    return np.stack([extremes[side] for side in prepared.sides], axis=1), above


def _statistic(prepared: Prepared, sums: np.ndarray) -> np.ndarray:
    return (f_of_units if prepared.design.statistic == "F" else t_of_units)(sums, prepared.n)


def _orientation(prepared: Prepared) -> np.ndarray:
    return np.array(prepared.sides, dtype=float)


def _largest(
    prepared: Prepared, points: np.ndarray, sums: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Largest mass and size of a permutation's clusters, by side."""
    mass, size = np.zeros(len(prepared.sides)), np.zeros(len(prepared.sides), np.int64)
    if not len(points):
        return mass, size
    count, labels = prepared.neighbours.components(points, sums > 0)
    masses, sizes = mass_and_size(labels, count, weights_of(prepared, sums))
    positive = np.zeros(count, bool)
    positive[labels] = sums > 0
    for k, side in enumerate(prepared.sides):
        mine = positive == (side > 0)
        if mine.any():
            mass[k], size[k] = masses[mine].max(), sizes[mine].max()
    return mass, size


def weights_of(prepared: Prepared, sums: np.ndarray) -> np.ndarray:
    """What a point adds to the mass of its cluster: a magnitude."""
    weights = np.abs(_statistic(prepared, sums))
    return weights - prepared.threshold if prepared.mass == "excess" else weights
