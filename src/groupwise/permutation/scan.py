"""From resamplings to their hits: the points whose statistic exceeds a level, with the statistic.

Compiled loops (`kernels`, `models`) give all points that may exceed it, with exact sums; the
statistic made of these decides. Every resampling needs a hit on every tested side, because its
largest statistic is wanted even if nothing passes the cluster-forming threshold: those without are
looked at again with a lower level.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass

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
from groupwise.permutation.prepared import Prepared

#: Hits (14 bytes each) that a batch may hold; above it, batches become smaller.
MOST_HITS = 4_000_000
#: Parts of a batch whose hits are brought together at a time: no more memory is needed than theirs.
PARTS = 8
#: Below this number of values no time is lost with levels: all are hits.
FEW = 1 << 12
#: Points and permutations in a product of matrices.
PRODUCT_POINTS, PRODUCT_PERMUTATIONS = 1024, 64


@dataclass(frozen=True, eq=False)
class Share:
    """Some hits: permutation, tested point, statistic; `span` has all of their permutations."""

    span: tuple[int, int]
    which: np.ndarray
    where: np.ndarray
    value: np.ndarray


class Room:
    """Memory for the hits of each thread, used again for every batch.

    Fresh memory costs time (it is cleared by the system) and is seldom given back whole.

    Parameters
    ----------
    n_points, threads : tested points, shared by the threads. One permutation with all its points
        has room, and otherwise MOST_HITS hits.
    """

    def __init__(self, n_points: int, threads: int) -> None:
        self.most = max(MOST_HITS // threads, -(-n_points // threads)) + PARTS * 128
        kinds = (np.uint16, np.int32, np.int64)
        self._buffers = [tuple(np.empty(self.most, kind) for kind in kinds) for _ in range(threads)]

    def of(self, thread: int, parts: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(parts, room) permutation, point and sum of hits."""
        room = self.most // parts
        which, where, sums = (a[: parts * room].reshape(parts, room) for a in self._buffers[thread])
        return which, where, sums


class TooManyHitsError(Exception):
    """More hits than memory is meant for: fewer permutations at a time."""


def pilot_of(
    prepared: Prepared,
    draw: np.ndarray,
    pool: ThreadPoolExecutor,
    threads: int,
    room: Room,
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
        try:
            _, counts, complete = _scan(prepared, draw, level, pool, threads, room)
        except TooManyHitsError:
            draw = draw[: max(1, len(draw) // 2)]  # there is room for all points of one
            continue
        if level < 0 or complete.all():
            return level, counts.mean()
        level = level * 0.8 if level > 1e-3 else -1.0


@dataclass(frozen=True, eq=False)
class Hits:
    """Hits of k permutations.

    Attributes
    ----------
    shares : hits in any order of permutations; the points of each permutation ascend from share to
        share.
    counts : (k,) int64 hits of each permutation.
    """

    shares: list[Share]
    counts: np.ndarray

    def of(self, begin: int, end: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where each permutation's hits begin (end - begin + 1,), their points and statistics."""
        offsets = np.concatenate([[0], np.cumsum(self.counts[begin:end])])
        points, values = np.empty(offsets[-1], np.int32), np.empty(offsets[-1])
        place = offsets[:-1].copy()
        for share in self.shares:
            if share.span[0] < end and begin < share.span[1]:
                found = share.which, share.where, share.value
                kernels.place_hits(*found, begin, end, place, points, values)
        return offsets, points, values


def parts_of(k: int) -> np.ndarray:
    """(parts + 1,) bounds of the parts of k permutations."""
    return np.linspace(0, k, min(k, PARTS) + 1).astype(np.int64)


def find_hits(
    prepared: Prepared,
    draw: np.ndarray,
    level: float,
    pool: ThreadPoolExecutor,
    threads: int,
    room: Room,
) -> Hits:
    """All points above the lowest threshold, and of every permutation and side the largest.

    Parameters
    ----------
    draw : (k, n) resamplings from `Prepared.draw`.
    level : not above the lowest threshold, from `pilot_of`; it decides on speed alone.
    """
    shares, counts, complete = _scan(prepared, draw, level, pool, threads, room)
    while level > 0 and not complete.all():
        # A second look at those that lack a hit, with a lower level; what they had is in it.
        again = np.flatnonzero(~complete)
        shares = [
            Share(s.span, *(array[complete[s.which]] for array in (s.which, s.where, s.value)))
            for s in shares
        ]
        few = len(again) * prepared.values.shape[2] <= FEW
        level = -1.0 if few or level < 1e-3 else level * 0.7
        more = _scan(prepared, draw[again], level, pool, threads, room)
        shares += [
            Share((0, len(draw)), again[s.which].astype(np.uint16), s.where, s.value)
            for s in more[0]
        ]
        counts[again], complete[again] = more[1:]
    return Hits(shares, counts)


def _scan(
    prepared: Prepared,
    draw: np.ndarray,
    level: float,
    pool: ThreadPoolExecutor,
    threads: int,
    room: Room,
) -> tuple[list[Share], np.ndarray, np.ndarray]:
    """Hits above a level on the tested sides (all points if it is negative), in shares; how many
    each permutation has (k,), and whether it has some on each tested side."""
    search = {"signs": _signs, "models": _models, "welch": _welch}[prepared.kind]
    n_points, k = prepared.values.shape[2], len(draw)
    step = 64 * -(-n_points // (64 * threads))
    hat = compute_hat_terms(prepared, draw, prepared.hat) if prepared.hat else None
    sides = (1 in prepared.sides, -1 in prepared.sides)

    def search_in(start: int) -> tuple[list[Share], np.ndarray, np.ndarray]:
        stop = min(start + step, n_points)
        mine = room, start // step
        counts, has = np.zeros(k, np.int64), np.zeros((k, 2), bool)
        shares = []
        for span, which, where, sums in search(prepared, draw, level, start, stop, *mine):
            value = _statistic(prepared, draw, hat, which, where, sums)
            m = kernels.keep_hits(which, where, value, level, *sides, counts, has)
            shares.append(Share(span, which[:m], where[:m], value[:m]))
        return shares, counts, has

    jobs = [pool.submit(search_in, start) for start in range(0, n_points, step)]
    wait(jobs)  # a smaller batch must not get the room of those that stand beside one that failed
    found, each, on_sides = zip(*(job.result() for job in jobs), strict=True)
    counts, has = np.sum(each, axis=0), np.any(on_sides, axis=0)
    shares = [share for some in found for share in some]
    return shares, counts, has[:, sides].all(axis=1) | (level < 0)


def _signs(prepared, draw, level, begin, end, room, thread):
    df1, df2 = prepared.df
    bounds = parts_of(len(draw))
    hits = room.of(thread, len(bounds) - 1)
    if prepared.design.statistic == "t":
        units = -1 if level < 0 else max(0, units_of_t(level, df2))
        tables = kernels.Tables(draw, kernels.screen_kind(units, *draw.shape[::-1]))
        counts = kernels.scan_t(
            *(prepared.values[0], tables.arrays, kernels.DOWN[tables.screened.dtype]),
            *(units, tables.screen_of_sum(units), 1 in prepared.sides, -1 in prepared.sides),
            *(begin, end, bounds, hits),
        )
    else:
        units = -1 if level < 0 else max(0, units_of_f(level, df2 / df1))
        tables = kernels.Tables(draw, np.int16).arrays
        counts = kernels.scan_f(prepared.values, tables, units, begin, end, bounds, hits)
    if counts[0] < 0:
        raise TooManyHitsError
    return [
        ((int(first), int(stop)), *(array[part, :count] for array in hits))
        for part, (first, stop, count) in enumerate(
            zip(bounds[:-1], bounds[1:], counts, strict=True)
        )
    ]


def _models(prepared, draw, level, begin, end, room, _):
    most = room.most
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
        return _whole(draw, *models.scan_sums(prepared.values, draw, *common, begin, end, most))
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
                raise TooManyHitsError
            parts.append(found[1:])
    return _whole(draw, total, *(np.concatenate(a) for a in zip(*parts, strict=True)))


def _welch(prepared, draw, level, begin, end, room, _):
    most = room.most
    one = prepared.coefficients[:, 0] > 0
    inside = one[draw]
    first = np.nonzero(inside)[1].reshape(len(draw), -1)
    sizes = np.array([first.shape[1], prepared.n - first.shape[1]])
    found = models.scan_welch(prepared.values[0], first, sizes, float(level), begin, end, most)
    return _whole(draw, *found)


def _whole(draw, count, which, where, sums):
    """Hits that are in no parts."""
    if count < 0:
        raise TooManyHitsError
    return [((0, len(draw)), which, where, sums)]


def _statistic(
    prepared: Prepared,
    draw: np.ndarray,
    hat: np.ndarray | None,
    which: np.ndarray,
    where: np.ndarray,
    sums: np.ndarray,
) -> np.ndarray:
    """Signed statistic of hits from their sums, by the operations of `compute_statistics`."""
    df1, df2 = prepared.df
    if prepared.kind == "welch":
        values = prepared.values[0]
        first = int(np.count_nonzero(prepared.coefficients[draw[0], 0] > 0))
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
    values = sums.view(np.float64)  # in the same memory
    if prepared.design.statistic == "F":
        kernels.f_of_sums(sums, df2 / df1, SCALE, values)
    else:
        kernels.t_of_sums(sums, np.sqrt(float(df2)), float(SCALE), values)
    return values


def compute_hat_terms(prepared: Prepared, draw: np.ndarray, hat: Mapping[str, float]) -> np.ndarray:
    """(k,) what the 'hat' adds to 1 - u^2, times the point's power, in units of 1/SCALE^2."""
    if "absolute" in hat:
        return np.full(len(draw), hat["absolute"] * prepared.df[1] * float(SCALE) ** 2)
    largest = np.empty(len(draw))
    kernels.largest_product(
        *(prepared.values[0], draw, prepared.by_power, prepared.power, SCALE, largest)
    )
    return hat["relative"] * largest
