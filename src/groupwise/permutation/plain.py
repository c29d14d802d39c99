"""The slow twin of the kernels: the same block in plain NumPy and SciPy.

The compiled path must give the same bytes; tests hold the two together. Inference takes the
observed map from here, since it has one map only.
"""

from typing import TYPE_CHECKING

import numpy as np

from groupwise.permutation.clusters import mass_and_size
from groupwise.permutation.fixedpoint import (
    SCALE,
    f_of_model,
    f_of_units,
    lowered,
    rest_of_units,
    t_of_model,
    t_of_units,
    t_of_welch,
)
from groupwise.permutation.prepare import Prepared
from groupwise.permutation.tfce import tfce_map

if TYPE_CHECKING:
    from groupwise.permutation.blocks import Block

#: Permutations at a time, and points whose scores are converted to float64 at a time.
BATCH = 32
PANEL = 8192


def plain_block(
    prepared: Prepared, start: int, stop: int, *, batch: int = BATCH, panel: int = PANEL
) -> "Block":
    """Maxima of the permutations start..stop-1, as `blocks.run_block` gives them."""
    from groupwise.permutation.blocks import Block  # which needs this module

    stop = min(stop, prepared.resampling.distinct)
    sides = np.array(prepared.sides)
    shape = (stop - start, len(prepared.thresholds), len(sides))
    statistic = np.empty((stop - start, len(sides)))
    mass, size = np.zeros(shape), np.zeros(shape, np.int64)
    tfce = np.zeros((stop - start, len(sides) if prepared.tfce else 0))
    for first in range(start, stop, batch):
        maps = statistics(prepared, prepared.draw(first, min(first + batch, stop)), panel=panel)
        for k, values in enumerate(maps, first - start):
            statistic[k] = [(values * side).max() for side in sides]
            for j, threshold in enumerate(prepared.thresholds):
                mass[k, j], size[k, j] = _largest(prepared, values, threshold)
            if prepared.tfce:
                enhanced = enhanced_map(prepared, values)
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


def enhanced_map(prepared: Prepared, values: np.ndarray) -> np.ndarray:
    """(points,) TFCE of a map (tested points,) on the tested sides, negative on the other one."""
    whole = np.zeros(prepared.n_points, np.float32)
    whole[prepared.kept] = values
    places = (
        prepared.adjacency.indptr.astype(np.int32),
        prepared.adjacency.indices.astype(np.int32),
    )
    exponents = (prepared.tfce["E"], prepared.tfce["H"])
    enhanced = np.zeros_like(whole)
    for side in prepared.sides:
        enhanced = enhanced + side * tfce_map(whole, side, *places, prepared.n_times, exponents)
    return enhanced


def statistics(
    prepared: Prepared, draw: np.ndarray, *, slack: int = 0, panel: int = PANEL
) -> np.ndarray:
    """(k, tested points) float64 statistic of resamplings.

    Parameters
    ----------
    draw : (k, n) from `Prepared.draw`.
    slack : 1, -1: the smallest, largest magnitude that the rounding of the scores allows for.
    """
    hat = _largest_product(prepared, draw, panel) if prepared.hat else None
    count = prepared.values.shape[2]
    panels = [slice(start, min(start + panel, count)) for start in range(0, count, panel)]
    return np.concatenate([_panel(prepared, draw, here, hat, slack) for here in panels], axis=1)


def least_to_reach(prepared: Prepared) -> np.ndarray:
    """(tested points,) what a permutation must reach to count as a tie with the observed map.

    Two resamplings whose exact statistics are equal (ties happen in discrete data) may differ by
    the rounding of the scores. So the observed statistic is taken a little towards what is easier
    to reach.
    """
    identity = prepared.draw(0, 1)
    smaller = statistics(prepared, identity, slack=1)[0]
    if len(prepared.sides) == 2:
        return smaller
    larger = statistics(prepared, identity, slack=-1)[0]
    return np.where(smaller * prepared.sides[0] > 0, smaller, larger)


def _panel(
    prepared: Prepared, draw: np.ndarray, here: slice, hat: np.ndarray | None, slack: int
) -> np.ndarray:
    values = prepared.values[:, :, here]
    d, n = values.shape[:2]
    df1, df2 = prepared.df
    if prepared.kind == "welch":
        return _welch(prepared, draw, values[0].astype(np.int64), slack)
    if prepared.kind == "models":
        a, a2, b2 = model_sums(prepared, draw, values)
        if slack:
            room = np.sqrt(n * d) * 4 * slack
            b2 = np.maximum(b2 - room * 2 * np.sqrt(b2), 0.0)
            a = np.sign(a) * np.maximum(np.abs(a) - room, 0.0)
            a2 = np.maximum(np.sqrt(a2) - room, 0.0) ** 2
        if prepared.design.statistic == "t":
            return t_of_model(a, b2, df2)
        return f_of_model(a2, b2, df2 / df1)
    # float64 is exact here: every partial sum is an integer far below 2^53.
    u = np.stack([draw.astype(float) @ component.astype(float) for component in values])
    u = u.astype(np.int64)
    if prepared.design.statistic == "F":
        w = (u * u).sum(axis=0)
        return f_of_units(lowered(w, slack * n, d, "F") if slack else w, df2 / df1)
    u = u[0]
    if slack:
        u = np.sign(u) * np.maximum(lowered(np.abs(u), slack * n, d, "t"), 0)
    if hat is None:
        return t_of_units(u, df2)
    more = hat[:, None] / prepared.power[here]
    return t_of_units(u, df2, more * (1 + 1e-6 * slack))


def model_sums(
    prepared: Prepared, draw: np.ndarray, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First effect, squared effect and squared nuisance (k, points) of values (d, n, points)."""
    coefficients = prepared.coefficients
    n_types, q = coefficients.shape
    n_effect = prepared.df[0] // len(values)
    first, effect, nuisance = (np.zeros((len(draw), values.shape[2])) for _ in range(3))
    for c, component in enumerate(values.astype(float)):
        if prepared.flips:
            sums = [draw[:, [t]] * component[[t]] for t in range(n_types)]
        else:
            sums = [(draw == t).astype(float) @ component for t in range(n_types)]
        for j in range(q):
            total = np.zeros_like(first)
            for t in range(n_types):
                total += coefficients[t, j] * sums[t]
            if j == 0 and c == 0:
                first = total
            if j < n_effect:
                effect += total * total
            else:
                nuisance += total * total
    return first, effect, nuisance


def _welch(prepared: Prepared, draw: np.ndarray, values: np.ndarray, slack: int) -> np.ndarray:
    inside = (prepared.coefficients[draw, 0] > 0).astype(np.int64)
    one = int(inside[0].sum())
    squares = values * values
    return t_of_welch(
        *(inside @ values, inside @ squares, values.sum(axis=0), squares.sum(axis=0)),
        *((one, prepared.n - one), 2.0 * slack),
    )


def _largest_product(prepared: Prepared, draw: np.ndarray, panel: int) -> np.ndarray:
    """(k,) as `scan.hat_of`."""
    if "absolute" in prepared.hat:
        return np.full(len(draw), prepared.hat["absolute"] * prepared.df[1] * float(SCALE) ** 2)
    largest = np.zeros(len(draw))
    for start in range(0, prepared.values.shape[2], panel):
        here = slice(start, start + panel)
        u = (draw.astype(float) @ prepared.values[0, :, here].astype(float)).astype(np.int64)
        largest = np.maximum(largest, (prepared.power[here] * rest_of_units(u)).max(axis=1))
    return prepared.hat["relative"] * largest


def _largest(
    prepared: Prepared, values: np.ndarray, threshold: float
) -> tuple[np.ndarray, np.ndarray]:
    """Largest mass and size of a map's clusters, by side."""
    sides = prepared.sides
    mass, size = np.zeros(len(sides)), np.zeros(len(sides), np.int64)
    above = np.zeros(len(values), bool)
    for side in sides:
        above |= values * side > threshold
    points, values = prepared.kept[above], values[above]
    if not len(points):
        return mass, size
    count, labels = prepared.neighbours.components(points, values > 0)
    masses, sizes = mass_and_size(labels, count, weights_of(prepared, values, threshold))
    positive = np.zeros(count, bool)
    positive[labels] = values > 0
    for k, side in enumerate(sides):
        mine = positive == (side > 0)
        if mine.any():
            mass[k], size[k] = masses[mine].max(), sizes[mine].max()
    return mass, size


def weights_of(prepared: Prepared, values: np.ndarray, threshold: float) -> np.ndarray:
    """What a point adds to the mass of its cluster: a magnitude."""
    return np.abs(values) - (threshold if prepared.mass == "excess" else 0.0)
