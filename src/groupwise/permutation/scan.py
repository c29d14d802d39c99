"""From resamplings to their hits: the points whose statistic exceeds a level, with the statistic.

Compiled loops (`kernels`, `models`) give all points that may exceed it, with exact sums; the
statistic made of these decides. Every resampling needs a hit on every tested side, because its
largest statistic is wanted even if nothing passes the cluster-forming threshold: those without are
looked at again with a lower level.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from groupwise.permutation import kernels, models
from groupwise.permutation.fixedpoint import (
    SCALE,
    f_of_model,
    f_of_units,
    t_of_model,
    t_of_units,
    t_of_welch,
    units_of_f,
    units_of_t,
)
from groupwise.permutation.prepare import Prepared

#: Points a panel, over all components: its tables then fit into a core's second-level cache.
PANEL = 512
#: Hits (20 to 40 bytes each) that a batch may hold; above it, batches become smaller.
MOST_HITS = 6_000_000
#: Permutations that tell whether the level is one that all pass.
PILOT = 8
#: Below this number of values no time is lost with levels: all are hits.
FEW = 1 << 18
#: Points and permutations in a product of matrices.
PRODUCT_POINTS, PRODUCT_PERMUTATIONS = 1024, 64

#: Permutation, tested point, statistic of each hit.
Hits = tuple[np.ndarray, np.ndarray, np.ndarray]


class TooManyHitsError(Exception):
    """More hits than memory is meant for: fewer permutations at a time."""


def find_hits(
    prepared: Prepared, draw: np.ndarray, pool: ThreadPoolExecutor, threads: int, panel: int
) -> Hits:
    """All points above the lowest threshold, and of every permutation and side the largest.

    Parameters
    ----------
    draw : (k, n) resamplings from `Prepared.draw`.

    Returns
    -------
    which, where, value : hits by permutation number, tested point and signed statistic; each
        permutation's points in ascending order.
    """
    level = min(prepared.thresholds)
    if len(draw) * prepared.values.shape[2] <= FEW:
        return _scan(prepared, draw, -1.0, pool, threads, panel)
    pilot = draw[-PILOT:]  # not the first: the observed map may be unlike all others
    while level > 0 and len(_without(prepared, len(pilot), *_scan(
        prepared, pilot, level, pool, threads, panel
    ))):  # fmt: skip
        level = level * 0.8 if level > 1e-3 else -1.0
    parts, remaining = [], np.arange(len(draw))
    while len(remaining):
        which, where, value = _scan(prepared, draw[remaining], level, pool, threads, panel)
        again = _without(prepared, len(remaining), which, where, value) if level > 0 else []
        done = np.ones(len(remaining), bool)
        done[again] = False
        mine = done[which]
        parts.append((remaining[which[mine]], where[mine], value[mine]))
        remaining = remaining[again]
        few = len(remaining) * prepared.values.shape[2] <= FEW
        level = -1.0 if few or level < 1e-3 else level * 0.7
    return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))


def _without(prepared: Prepared, k: int, which: np.ndarray, _, value: np.ndarray) -> np.ndarray:
    """Numbers of the permutations that lack a hit on a tested side."""
    has = np.ones(k, bool)
    for side in prepared.sides:
        has &= np.bincount(which[value * side > 0], minlength=k) > 0
    return np.flatnonzero(~has)


def _scan(
    prepared: Prepared,
    draw: np.ndarray,
    level: float,
    pool: ThreadPoolExecutor,
    threads: int,
    panel: int,
) -> Hits:
    """Hits above a level of the statistic on the tested sides; all points where it is negative."""
    search = {"signs": _signs, "models": _models, "welch": _welch}[prepared.kind]
    n_points = prepared.values.shape[2]
    step = 64 * max(1, -(-n_points // (64 * 4 * threads)))  # a few shares a thread
    most = MOST_HITS // threads if len(draw) > 1 else n_points
    jobs = [
        pool.submit(search, prepared, draw, level, panel, start, min(start + step, n_points), most)
        for start in range(0, n_points, step)
    ]
    found = [job.result() for job in jobs]
    if any(part[0] < 0 for part in found) or (
        len(draw) > 1 and sum(part[0] for part in found) > MOST_HITS
    ):
        raise TooManyHitsError
    which, where = (np.concatenate([part[k] for part in found]) for k in (1, 2))
    sums = np.concatenate([part[3] for part in found])
    value = _statistic(prepared, draw, which, where, sums)
    above = np.zeros(len(value), bool)
    for side in prepared.sides:
        above |= value * side > level
    if level < 0:
        above[:] = True
    return which[above], where[above], value[above]


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
    if prepared.design.statistic == "F":
        return f_of_units(sums, df2 / df1)
    if prepared.hat is None:
        return t_of_units(sums, df2)
    return t_of_units(sums, df2, hat_of(prepared, draw)[which] / prepared.power[where])


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
