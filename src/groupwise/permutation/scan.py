"""Find the hits of resamplings: the points whose statistic exceeds a level.

Compiled loops (`kernels`, `models`) return a superset of these points with their exact sums, and
the statistic computed from the sums selects the hits. Each resampling needs a hit on each tested
side, because its largest statistic is needed even if it is below the cluster-forming threshold.
Resamplings without one are scanned again with a lower level.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

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
from groupwise.permutation.statistic import compute_statistics

#: Most hits (14 bytes each) of a batch; with more hits, batches become smaller.
MAX_HITS = 4_000_000
#: Parts of a batch; the hits of one part are sorted together, which limits the memory.
PARTS = 8
#: Up to this number of values, all of them are hits: screening would cost more time.
FEW_VALUES = 1 << 12
#: Points and permutations of one matrix product.
PRODUCT_POINTS, PRODUCT_PERMUTATIONS = 1024, 64


@dataclass(frozen=True, eq=False)
class HitChunk:
    """Some of the hits of a batch.

    Attributes
    ----------
    span : range of permutations (start, stop) that contains those of the hits.
    which, where, value : (hits,) permutation, tested point and statistic.
    """

    span: tuple[int, int]
    which: np.ndarray
    where: np.ndarray
    value: np.ndarray


class HitBuffers:
    """Buffers for the hits of each thread, reused for every batch.

    New memory costs time, because the system clears it, and it is seldom returned completely.

    Parameters
    ----------
    n_points : number of tested points, which the threads chunk.
    threads : number of threads.

    Attributes
    ----------
    most : hits per thread. All threads together have space for MAX_HITS hits, and for all points of
        one permutation.
    """

    def __init__(self, n_points: int, threads: int) -> None:
        self.most = max(MAX_HITS // threads, -(-n_points // threads)) + PARTS * 128
        kinds = (np.uint16, np.int32, np.int64)
        self._buffers = [tuple(np.empty(self.most, kind) for kind in kinds) for _ in range(threads)]

    def split(self, thread: int, parts: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the buffers of a thread for permutation, point and sum, each (parts, hits)."""
        size = self.most // parts
        which, where, sums = (a[: parts * size].reshape(parts, size) for a in self._buffers[thread])
        return which, where, sums


class TooManyHitsError(Exception):
    """The hits do not fit into the buffers; use fewer permutations."""


def choose_level(
    prepared: Prepared,
    draw: np.ndarray,
    pool: ThreadPoolExecutor,
    threads: int,
    buffers: HitBuffers,
) -> tuple[float, float]:
    """Return a level that gives hits on each side, and the mean number of hits per permutation.

    Parameters
    ----------
    draw : (k, n) a few resamplings, the pilot.
    """
    level, points = min(prepared.thresholds), prepared.values.shape[2]
    if len(draw) * points <= FEW_VALUES:
        return -1.0, points
    while True:
        try:
            _, counts, complete = _scan(prepared, draw, level, pool, threads, buffers)
        except TooManyHitsError:
            draw = draw[: max(1, len(draw) // 2)]  # all points of one permutation fit
            continue
        if level < 0 or complete.all():
            return level, counts.mean()
        level = level * 0.8 if level > 1e-3 else -1.0


@dataclass(frozen=True, eq=False)
class Hits:
    """Hits of k permutations.

    Attributes
    ----------
    chunks : hits in any order of permutations; the points of each permutation ascend from chunk to
        chunk.
    counts : (k,) int64 number of hits of each permutation.
    """

    chunks: list[HitChunk]
    counts: np.ndarray

    def sort(self, begin: int, end: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the hits of the permutations begin..end-1, sorted by permutation.

        Returns
        -------
        offsets : (end - begin + 1,) index of the first hit of each permutation.
        points, values : (hits,) tested point and statistic.
        """
        offsets = np.concatenate([[0], np.cumsum(self.counts[begin:end])])
        points, values = np.empty(offsets[-1], np.int32), np.empty(offsets[-1])
        place = offsets[:-1].copy()
        for chunk in self.chunks:
            if chunk.span[0] < end and begin < chunk.span[1]:
                found = chunk.which, chunk.where, chunk.value
                kernels.place_hits(*found, begin, end, place, points, values)
        return offsets, points, values


def part_bounds(k: int) -> np.ndarray:
    """Return the bounds of the parts of k permutations, (parts + 1,)."""
    return np.linspace(0, k, min(k, PARTS) + 1).astype(np.int64)


def find_hits(
    prepared: Prepared,
    draw: np.ndarray,
    level: float,
    pool: ThreadPoolExecutor,
    threads: int,
    buffers: HitBuffers,
) -> Hits:
    """Return all points above the lowest threshold, and the largest point of each side.

    Parameters
    ----------
    draw : (k, n) resamplings from `Prepared.draw`.
    level : at most the lowest threshold, from `choose_level`; it affects only the speed.
    """
    chunks, counts, complete = _scan(prepared, draw, level, pool, threads, buffers)
    while level > 0 and not complete.all():
        # Scan the permutations without a hit again, with a lower level that includes their hits.
        again = np.flatnonzero(~complete)
        chunks = [
            HitChunk(s.span, *(array[complete[s.which]] for array in (s.which, s.where, s.value)))
            for s in chunks
        ]
        few = len(again) * prepared.values.shape[2] <= FEW_VALUES
        level = -1.0 if few or level < 1e-3 else level * 0.7
        more = _scan(prepared, draw[again], level, pool, threads, buffers)
        chunks += [
            HitChunk((0, len(draw)), again[s.which].astype(np.uint16), s.where, s.value)
            for s in more[0]
        ]
        counts[again], complete[again] = more[1:]
    return Hits(chunks, counts)


def _scan(
    prepared: Prepared,
    draw: np.ndarray,
    level: float,
    pool: ThreadPoolExecutor,
    threads: int,
    buffers: HitBuffers,
) -> tuple[list[HitChunk], np.ndarray, np.ndarray]:
    """Return the hits above a level on the tested sides; a negative level gives all points.

    Returns
    -------
    chunks : the hits.
    counts : (k,) number of hits of each permutation.
    complete : (k,) whether a permutation has a hit on each tested side.
    """
    search = SEARCHES.get(prepared.kind, _scan_in_numpy)
    n_points, k = prepared.values.shape[2], len(draw)
    step = 64 * -(-n_points // (64 * threads))
    hat = None
    if prepared.hat and prepared.kind == "signs":
        hat = compute_hat_terms(prepared, draw, prepared.hat)
    sides = (1 in prepared.sides, -1 in prepared.sides)

    def search_in(start: int) -> tuple[list[HitChunk], np.ndarray, np.ndarray]:
        stop = min(start + step, n_points)
        mine = buffers, start // step
        counts, has = np.zeros(k, np.int64), np.zeros((k, 2), bool)
        chunks = []
        for span, which, where, sums in search(prepared, draw, level, start, stop, *mine):
            value = _compute_statistic(prepared, draw, hat, which, where, sums)
            m = kernels.keep_hits(which, where, value, level, *sides, counts, has)
            chunks.append(HitChunk(span, which[:m], where[:m], value[:m]))
        return chunks, counts, has

    jobs = [pool.submit(search_in, start) for start in range(0, n_points, step)]
    wait(jobs)  # a smaller batch must not get the buffers of threads that still search
    found, each, on_sides = zip(*(job.result() for job in jobs), strict=True)
    counts, has = np.sum(each, axis=0), np.any(on_sides, axis=0)
    chunks = [chunk for some in found for chunk in some]
    return chunks, counts, has[:, sides].all(axis=1) | (level < 0)


def _scan_signs(prepared, draw, level, begin, end, buffers, thread):
    """Return the candidates of sign flips as (span, permutation, point, sum) of each part."""
    df1, df2 = prepared.df
    bounds = part_bounds(len(draw))
    hits = buffers.split(thread, len(bounds) - 1)
    if prepared.design.statistic == "t":
        units = -1 if level < 0 else max(0, units_of_t(level, df2))
        tables = kernels.Tables(draw, kernels.screen_type(units, *draw.shape[::-1]))
        counts = kernels.scan_t(
            *(prepared.values[0], tables.arrays, kernels.DOWN[tables.screened.dtype]),
            *(units, tables.screen_bound(units), 1 in prepared.sides, -1 in prepared.sides),
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


def _scan_models(prepared, draw, level, begin, end, buffers, _):
    """Return the candidates of a linear model, as `_scan_signs` does."""
    most = buffers.most
    d, n = prepared.values.shape[:2]
    coefficients, q = prepared.coefficients, prepared.coefficients.shape[1]
    n_effect = prepared.df[0] // d
    f = max(level, 0.0) ** (2 if prepared.design.statistic == "t" else 1)
    kappa = f * prepared.df[0] / (prepared.df[1] + f * prepared.df[0])
    # Upper bound of the float32 rounding error: the squares of the terms sum to one.
    slack = 4 * np.sqrt(q * d) * n * 2.0**-23
    bound = -1.0 if level < 0 else kappa - slack
    if not prepared.flips and 2 * len(coefficients) <= n:
        form = models.quadratic_form(coefficients, n_effect, kappa, np.bincount(draw[0]))
        common = (coefficients, n_effect, *form, bound)
        return _as_one_part(
            draw, *models.scan_sums(prepared.values, draw, *common, begin, end, most)
        )
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
            found = models.scan_products(
                products, np.float32(bound), prepared.values, types[here], signs[here],
                coefficients, n_effect, start, first, most,
            )  # fmt: skip
            total += found[0]
            if found[0] < 0 or total > most:
                raise TooManyHitsError
            parts.append(found[1:])
    return _as_one_part(draw, total, *(np.concatenate(a) for a in zip(*parts, strict=True)))


def _scan_welch(prepared, draw, level, begin, end, buffers, _):
    """Return the candidates of Welch's t, as `_scan_signs` does."""
    most = buffers.most
    one = prepared.coefficients[:, 0] > 0
    inside = one[draw]
    first = np.nonzero(inside)[1].reshape(len(draw), -1)
    sizes = np.array([first.shape[1], prepared.n - first.shape[1]])
    found = models.scan_welch(prepared.values[0], first, sizes, float(level), begin, end, most)
    return _as_one_part(draw, *found)


def _scan_in_numpy(prepared, draw, level, begin, end, buffers, _):
    """Return the hits of a kind without compiled loops, as `_scan_signs` does.

    They have their statistic in place of the sums.
    """
    here = slice(begin, end)
    mine = replace(
        prepared,
        values=prepared.values[:, :, here],
        kept=prepared.kept[here],
        power=prepared.power[here],
    )
    parts, total = [], 0
    for first in range(0, len(draw), PRODUCT_PERMUTATIONS):
        maps = compute_statistics(mine, draw[first : first + PRODUCT_PERMUTATIONS])
        which, where = np.nonzero(np.abs(maps) > level)
        total += len(which)
        if total > buffers.most:
            raise TooManyHitsError
        found = (which + first).astype(np.uint16), (where + begin).astype(np.int32)
        parts.append((*found, maps[which, where]))
    return _as_one_part(draw, total, *(np.concatenate(a) for a in zip(*parts, strict=True)))


#: Compiled search by the kind of sums. Other kinds are computed by `compute_statistics`.
SEARCHES = {"signs": _scan_signs, "models": _scan_models, "welch": _scan_welch}


def _as_one_part(draw, count, which, where, sums):
    """Return candidates that are not divided into parts."""
    if count < 0:
        raise TooManyHitsError
    return [((0, len(draw)), which, where, sums)]


def _compute_statistic(
    prepared: Prepared,
    draw: np.ndarray,
    hat: np.ndarray | None,
    which: np.ndarray,
    where: np.ndarray,
    sums: np.ndarray,
) -> np.ndarray:
    """Return the signed statistic of candidates by the operations of `compute_statistics`."""
    df1, df2 = prepared.df
    if prepared.kind not in SEARCHES:
        return sums
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
    values = sums.view(np.float64)  # chunks the memory
    if prepared.design.statistic == "F":
        kernels.f_of_sums(sums, df2 / df1, SCALE, values)
    else:
        kernels.t_of_sums(sums, np.sqrt(float(df2)), float(SCALE), values)
    return values


def compute_hat_terms(prepared: Prepared, draw: np.ndarray, hat: Mapping[str, float]) -> np.ndarray:
    """Return the 'hat' of each resampling, (k,), in units of 1/SCALE^2.

    Divided by the power of a point, it is the term added to 1 - u^2.

    Parameters
    ----------
    hat : {"relative": ...} or {"absolute": ...}, see `prepare`.
    """
    if "absolute" in hat:
        return np.full(len(draw), hat["absolute"] * prepared.df[1] * float(SCALE) ** 2)
    largest = np.empty(len(draw))
    kernels.largest_product(
        *(prepared.values[0], draw, prepared.by_power, prepared.power, SCALE, largest)
    )
    return hat["relative"] * largest
