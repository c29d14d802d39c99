"""The slow twin of the kernels: the same block in plain NumPy and SciPy.

The compiled path must give the same bytes; tests hold the two together. Inference uses the sums
and weights from here, since it has one map only.
"""

from itertools import pairwise

import numpy as np

from groupwise.permutation.blocks import Block
from groupwise.permutation.clusters import mass_and_size
from groupwise.permutation.fixedpoint import f_of_units, t_of_units
from groupwise.permutation.prepare import Prepared

#: Permutations at a time, and points whose scores are converted to float64 at a time.
BATCH = 32
PANEL = 8192


def plain_block(
    prepared: Prepared, start: int, stop: int, *, batch: int = BATCH, panel: int = PANEL
) -> Block:
    """Maxima of the permutations start..stop-1, as `blocks.run_block` gives them.

    `batch` x `panel` sums exist at a time.
    """
    stop = min(stop, prepared.flips.distinct)
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
