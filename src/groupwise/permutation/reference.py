"""Reference implementation of a block in NumPy and SciPy, slow and without compiled loops.

The tests require the same maxima from `groupwise.permutation.blocks`; nothing else uses it.
"""

import numpy as np

from groupwise.permutation.clusters import mass_and_size, point_masses
from groupwise.permutation.prepared import Prepared
from groupwise.permutation.statistic import PANEL, compute_statistics
from groupwise.permutation.stored import Block
from groupwise.permutation.tfce_maps import tfce_of_map

#: Permutations whose maps are in memory together.
BATCH = 32


def reference_block(
    prepared: Prepared, start: int, stop: int, *, batch: int = BATCH, panel: int = PANEL
) -> Block:
    """Return the maxima of the permutations start..stop-1, as `blocks.run_block` does."""
    stop = min(stop, prepared.resampling.distinct)
    sides = np.array(prepared.sides)
    shape = (stop - start, len(prepared.thresholds), len(sides))
    statistic = np.empty((stop - start, len(sides)))
    mass, size = np.zeros(shape), np.zeros(shape, np.int64)
    tfce = np.zeros((stop - start, len(sides) if prepared.tfce else 0))
    for first in range(start, stop, batch):
        draw = prepared.draw(first, min(first + batch, stop))
        maps = compute_statistics(prepared, draw, panel=panel)
        for k, values in enumerate(maps, first - start):
            statistic[k] = [(values * side).max() for side in sides]
            for j, threshold in enumerate(prepared.thresholds):
                mass[k, j], size[k, j] = _largest_clusters(prepared, values, threshold)
            if prepared.tfce:
                enhanced = tfce_of_map(prepared, values, prepared.tfce)
                tfce[k] = [(enhanced * side).max(initial=0.0) for side in sides]
    return Block(
        start=start,
        stop=stop,
        statistic=statistic,
        mass=mass,
        size=size,
        tfce=tfce,
        sides=prepared.sides,
        digest=prepared.digest,
        distinct=prepared.resampling.distinct,
    )


def _largest_clusters(
    prepared: Prepared, values: np.ndarray, threshold: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest mass and the largest size of a map's clusters, each (sides,)."""
    sides = prepared.sides
    mass, size = np.zeros(len(sides)), np.zeros(len(sides), np.int64)
    above = np.zeros(len(values), bool)
    for side in sides:
        above |= values * side > threshold
    points, values = prepared.kept[above], values[above]
    if not len(points):
        return mass, size
    count, labels = prepared.neighbours.components(points, values > 0)
    weights = point_masses(values, threshold, prepared.mass)
    masses, sizes = mass_and_size(labels, count, weights)
    positive = np.zeros(count, bool)
    positive[labels] = values > 0
    for k, side in enumerate(sides):
        mine = positive == (side > 0)
        if mine.any():
            mass[k], size[k] = masses[mine].max(), sizes[mine].max()
    return mass, size
