"""From resamplings to their hits: the points whose statistic exceeds a level, with the statistic.

Compiled loops (`kernels`, `models`) give all points that may exceed it, with exact sums; the
statistic made of these decides. Every resampling needs a hit on every tested side, because its
largest statistic is wanted even if nothing passes the cluster-forming threshold: those without are
looked at again with a lower level.
"""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np

from groupwise.permutation import kernels, models
from groupwise.permutation.fixedpoint import (
    SCALE,
    f_of_model,
    t_of_model,
    t_of_units,
    t_of_welch,
    units_of_f,
    units_of_t,
)
from groupwise.permutation.prepare import Prepared

#: Points a panel, over all components: its tables then fit into a core's second-level cache.
PANEL = 512
#: Hits (some 30 bytes each) that a batch may hold; above it, batches become smaller.
MOST_HITS = 6_000_000
#: Below this number of values no time is lost with levels: all are hits.
FEW = 1 << 18
#: Points and permutations in a product of matrices.
PRODUCT_POINTS, PRODUCT_PERMUTATIONS = 1024, 64

#: Where each permutation's hits begin (k + 1,), their tested points, their statistics.
Hits = tuple[np.ndarray, np.ndarray, np.ndarray]


class TooManyHitsError(Exception):
    """More hits than memory is meant for: fewer permutations at a time."""


def pilot_of(
    prepared: Prepared, draw: np.ndarray, pool: ThreadPoolExecutor, threads: int, panel: int
) -> tuple[float, float]:
    """A level above which permutations have hits on every side, and how many hits, on average.

    Parameters
    ----------
    draw : (k, n) a few resamplings.
    """
    level, points = min(prepared.thresholds), prepared.values.shape[2]
    if len(draw) * points <= FEW:
        return -1.0, points
    while True:
        (_, where, _), complete = _scan(prepared, draw, level, pool, threads, panel)
        if level < 0 or complete.all():
            return level, len(where) / len(draw)
        level = level * 0.8 if level > 1e-3 else -1.0


def find_hits(
    prepared: Prepared,
    draw: np.ndarray,
    level: float,
    pool: ThreadPoolExecutor,
    threads: int,
    panel: int,
) -> Hits:
    """All points above the lowest threshold, and of every permutation and side the largest.

    Parameters
    ----------
    draw : (k, n) resamplings from `Prepared.draw`.
    level : not above the lowest threshold, from `pilot_of`; it decides on speed alone.

    Returns
    -------
    offsets : (k + 1,) int64, where the hits of each permutation begin.
    where, value : (hits,) tested point, ascending within a permutation, and signed statistic.
    """
    hits, complete = _scan(prepared, draw, level, pool, threads, panel)
    while level > 0 and not complete.all():
        again = np.flatnonzero(~complete)
        few = len(again) * prepared.values.shape[2] <= FEW
        level = -1.0 if few or level < 1e-3 else level * 0.7
        more, complete[again] = _scan(prepared, draw[again], level, pool, threads, panel)
        hits = _replaced(hits, more, again)
    return hits


def _replaced(hits: Hits, more: Hits, again: np.ndarray) -> Hits:
    """The hits, those of some permutations replaced by others."""
    parts = [
        [array[a:b] for a, b in pairwise(offsets)]
        for offsets, *arrays in (hits, more)
        for array in arrays
    ]
    for k, p in enumerate(again):
        parts[0][p], parts[1][p] = parts[2][k], parts[3][k]
    offsets = np.concatenate([[0], np.cumsum([len(part) for part in parts[0]])])
    return offsets, np.concatenate(parts[0]), np.concatenate(parts[1])


def _scan(
    prepared: Prepared,
    draw: np.ndarray,
    level: float,
    pool: ThreadPoolExecutor,
    threads: int,
    panel: int,
) -> tuple[Hits, np.ndarray]:
    """Hits above a level of the statistic on the tested sides, all points where it is negative;
    and whether each permutation (k,) has one on every tested side."""
    search = {"signs": _signs, "models": _models, "welch": _welch}[prepared.kind]
    n_points, k = prepared.values.shape[2], len(draw)
    step = 64 * max(1, -(-n_points // (64 * 4 * threads)))  # a few shares a thread
    most = MOST_HITS // threads if k > 1 else n_points
    hat = hat_of(prepared, draw) if prepared.hat else None

    def share(start: int) -> Hits:
        stop = min(start + step, n_points)
        count, which, where, sums = search(prepared, draw, level, panel, start, stop, most)
        if count < 0:
            raise TooManyHitsError
        return which, where, _statistic(prepared, draw, hat, which, where, sums)

    shares = list(pool.map(share, range(0, n_points, step)))
    if k > 1 and sum(len(which) for which, _, _ in shares) > MOST_HITS:
        raise TooManyHitsError
    sides = (1 in prepared.sides, -1 in prepared.sides)
    counts, has = np.zeros(k, np.int64), np.zeros((k, 2), bool)
    for which, _, value in shares:
        kernels.count_hits(which, value, level, *sides, counts, has)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    points, values = np.empty(offsets[-1], np.int32), np.empty(offsets[-1])
    place = offsets[:-1].copy()
    for which, where, value in shares:  # in the order of their points
        kernels.place_hits(which, where, value, level, *sides, place, points, values)
    return (offsets, points, values), has[:, sides].all(axis=1) | (level < 0)


def _signs(prepared, draw, level, panel, begin, end, most):
    d = prepared.values.shape[0]
    sizes = kernels.split_subjects(prepared.n, len(draw))
    rows = kernels.table_rows(draw, sizes)
    width = max(1, panel // (kernels.CHUNK * d)) * kernels.CHUNK
    flips = draw.astype(np.int32)
    if prepared.design.statistic == "t":
        units = -1 if level < 0 else max(0, units_of_t(level, prepared.df[1]))
        sides = (1 in prepared.sides, -1 in prepared.sides)
        common = (flips, rows, sizes, width, units)
        return kernels.scan_t(prepared.values[0], *common, *sides, begin, end, most)
    units = -1 if level < 0 else max(0, units_of_f(level, prepared.df[1] / prepared.df[0]))
    return kernels.scan_f(prepared.values, flips, rows, sizes, width, units, begin, end, most)


def _models(prepared, draw, level, _, begin, end, most):
    d, n = prepared.values.shape[:2]
    coefficients, q = prepared.coefficients, prepared.coefficients.shape[1]
    n_effect = prepared.df[0] // d
    f = max(level, 0.0) ** (2 if prepared.design.statistic == "t" else 1)
    kappa = f * prepared.df[0] / (prepared.df[1] + f * prepared.df[0])
    # Sums in float32 of terms whose squares add up to one: off by less than this.
    slack = 4 * np.sqrt(q * d) * n * 2.0**-23
    bound = -1.0 if level < 0 else kappa - slack
    if not prepared.flips and 2 * len(coefficients) <= n:
        form = models.form_of(coefficients, n_effect, kappa, np.bincount(draw[0]))
        common = (coefficients, n_effect, *form, bound)
        return models.scan_sums(prepared.values, draw, *common, begin, end, most)
    types, signs = draw, np.ones_like(draw)
    if prepared.flips:
        types, signs = np.broadcast_to(np.arange(n), draw.shape), draw
    weights = coefficients * np.where(np.arange(q) < n_effect, 1.0, np.sqrt(kappa))
    columns = (weights[types] * signs[:, :, None]).swapaxes(1, 2).astype(np.float32)  # k, q, n
    types, parts = np.ascontiguousarray(types), []
    total = 0
    for start in range(begin, end, PRODUCT_POINTS):
        stop = min(start + PRODUCT_POINTS, end)
        maps = prepared.values[:, :, start:stop].astype(np.float32) * models.UNIT
        for first in range(0, len(draw), PRODUCT_PERMUTATIONS):
            here = slice(first, first + PRODUCT_PERMUTATIONS)
            left = columns[here].reshape(-1, n)
            products = np.empty((d, len(left), stop - start), np.float32)
            for c in range(d):
                np.matmul(left, maps[c], out=products[c])
            products = products.reshape(d, -1, q, stop - start)
            found = models.pick(
                products, np.float32(bound), prepared.values, types[here], signs[here],
                coefficients, n_effect, start, first, most,
            )  # fmt: skip
            total += found[0]
            if found[0] < 0 or total > most:
                return -1, *found[1:]
            parts.append(found[1:])
    return total, *(np.concatenate(arrays) for arrays in zip(*parts, strict=True))


def _welch(prepared, draw, level, _, begin, end, most):
    one = prepared.coefficients[:, 0] > 0
    inside = one[draw]
    first = np.nonzero(inside)[1].reshape(len(draw), -1)
    sizes = np.array([first.shape[1], prepared.n - first.shape[1]])
    return models.scan_welch(prepared.values[0], first, sizes, float(level), begin, end, most)


def _statistic(
    prepared: Prepared,
    draw: np.ndarray,
    hat: np.ndarray | None,
    which: np.ndarray,
    where: np.ndarray,
    sums: np.ndarray,
) -> np.ndarray:
    """Signed statistic of hits from their sums; the operations of `plain.statistics`."""
    df1, df2 = prepared.df
    if prepared.kind == "welch":
        values = prepared.values[0]
        first = np.count_nonzero(prepared.coefficients[draw[0], 0] > 0)
        some, back = np.unique(where, return_inverse=True)
        mine = values[:, some].astype(np.int64)
        all_total, all_squares = mine.sum(axis=0)[back], (mine * mine).sum(axis=0)[back]
        sizes = (first, prepared.n - first)
        return t_of_welch(sums[:, 0], sums[:, 1], all_total, all_squares, sizes)
    if prepared.kind == "models":
        if prepared.design.statistic == "t":
            return t_of_model(sums[:, 0], sums[:, 2], df2)
        return f_of_model(sums[:, 1], sums[:, 2], df2 / df1)
    if hat is not None:
        return t_of_units(sums, df2, hat[which] / prepared.power[where])
    values = np.empty(len(sums))
    if prepared.design.statistic == "F":
        kernels.f_of_sums(sums, df2 / df1, SCALE, values)
    else:
        kernels.t_of_sums(sums, np.sqrt(float(df2)), float(SCALE), values)
    return values


def hat_of(prepared: Prepared, draw: np.ndarray) -> np.ndarray:
    """(k,) what the 'hat' adds to 1 - u^2, times the point's power, in units of 1/SCALE^2."""
    if "absolute" in prepared.hat:
        hat = prepared.hat["absolute"] * prepared.df[1] * float(SCALE) ** 2
        return np.full(len(draw), hat)
    largest = np.empty(len(draw))
    kernels.largest_product(
        *(prepared.values[0], draw, prepared.by_power, prepared.power, SCALE, largest)
    )
    return prepared.hat["relative"] * largest
