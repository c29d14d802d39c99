"""Compiled screening of linear models: the points that can exceed a threshold.

The permuted residuals z of a point give the effect a = effect' z and the nuisance b = nuisance' z.
With k = f df1 / (df2 + f df1), F exceeds f if and only if a^2 + k b^2 > k. So one quadratic form in
float32 screens each point, with the threshold lowered by the largest rounding error. For the
candidates, the sums are computed again from integers, in float64 and in a fixed order; the caller
selects by the statistic. With few row types, the sums of each type are computed first, n additions
per point (`scan_sums`); if all rows differ, a matrix product is faster (`scan_products`).
"""

import numpy as np
from numba import njit

#: Points per panel of `scan_sums`, whose rows then fit into the L1 cache.
WIDTH = 64
UNIT = np.float32(2.0**-30)


@njit(nogil=True, cache=True)
def _grow(array, needed):
    """Return a copy with space for `needed` entries or more."""
    larger = np.empty(max(needed, 2 * len(array)), array.dtype)
    larger[: len(array)] = array
    return larger


@njit(nogil=True, cache=True)
def _exact_sums(values, types, signs, coefficients, n_effect, point, sums):
    """Return first effect, squared effect, squared nuisance of a point, in units of 2^30 and 2^60.

    The operations and their order are those of `statistic._sum_models`.
    """
    d, n = values.shape[:2]
    n_types, q = coefficients.shape
    first = 0.0
    effect = 0.0
    nuisance = 0.0
    for c in range(d):
        sums[:] = 0
        for i in range(n):
            sums[types[i]] += signs[i] * values[c, i, point]
        for j in range(q):
            total = 0.0
            for t in range(n_types):
                total += coefficients[t, j] * np.float64(sums[t])
            if j == 0 and c == 0:
                first = total
            if j < n_effect:
                effect += total * total
            else:
                nuisance += total * total
    return first, effect, nuisance


def quadratic_form(coefficients, n_effect, kappa, counts):
    """Return the quadratic form a^2 + kappa b^2 of the sums of each row type.

    If effect and nuisance span all differences between row types, a^2 + b^2 is the sum of the
    squared sums divided by their numbers of rows, and only the columns of the effect remain.

    Parameters
    ----------
    coefficients : (types, q) float64 columns of the effect, then of the nuisance.
    kappa : weight of the nuisance.
    counts : (types,) number of rows of each type.

    Returns
    -------
    squares : (types,) float32 weights of the squared sums.
    weights : (columns, types) float32; the squares of their products with the sums are added.
    """
    n_types, q = coefficients.shape
    every = coefficients @ coefficients.T + 1.0 / counts.sum()
    if np.abs(every - np.diag(1.0 / counts)).max() < 1e-9:
        squares = kappa / counts
        weights = coefficients[:, :n_effect].T * np.sqrt(1.0 - kappa)
    else:
        squares = np.zeros(n_types)
        weights = (coefficients * np.where(np.arange(q) < n_effect, 1.0, np.sqrt(kappa))).T
    return squares.astype(np.float32), np.ascontiguousarray(weights, np.float32)


@njit(nogil=True, cache=True)
def scan_sums(values, types, coefficients, n_effect, squares, weights, bound, begin, end, most):
    """Return the points of each permutation whose quadratic form can exceed `bound`.

    Parameters
    ----------
    values : (d, n, points) int32 residuals.
    types : (k, n) int64 row type assigned to each position.
    coefficients : (types, q) float64 columns of the effect, then of the nuisance.
    n_effect : number of columns of the effect.
    squares, weights : (types,) and (columns, types) float32, from `quadratic_form`.
    bound : bound of the form; if it is negative, all points are returned.
    begin, end : range of points.
    most : largest number of candidates.

    Returns
    -------
    hits : number of candidates; -1 if there are more than `most`.
    which, where : (hits,) uint16 permutation, int32 point.
    sums : (hits, 3) float64, from `_exact_sums`.
    """
    d, n = values.shape[:2]
    k = len(types)
    n_types = len(coefficients)
    columns = len(weights)
    # Rows sorted by type; each type has the same number of rows in all permutations.
    ends = np.zeros(n_types + 1, np.int64)
    for i in range(n):
        ends[types[0, i] + 1] += 1
    for t in range(n_types):
        ends[t + 1] += ends[t]
    order = np.empty((k, n), np.int64)
    for p in range(k):
        place = ends[:-1].copy()
        for i in range(n):
            order[p, place[types[p, i]]] = i
            place[types[p, i]] += 1
    plus = np.ones(n, np.int64)
    panel = np.zeros((d, n, WIDTH), np.float32)
    total = np.zeros(WIDTH, np.float32)
    form = np.zeros(WIDTH, np.float32)
    product = np.zeros((columns, WIDTH), np.float32)
    scratch = np.zeros(n_types, np.int64)
    limit = np.float32(bound)
    hits = 0
    which = np.empty(1 << 16, np.uint16)
    where = np.empty(1 << 16, np.int32)
    found = np.empty((1 << 16, 3), np.float64)
    for start in range(begin, end, WIDTH):
        here = min(WIDTH, end - start)
        for c in range(d):
            for i in range(n):
                for j in range(here):
                    panel[c, i, j] = np.float32(values[c, i, start + j]) * UNIT
                for j in range(here, WIDTH):
                    panel[c, i, j] = np.float32(0)
        if hits + k * here > len(which):
            which = _grow(which, hits + k * here)
            where = _grow(where, hits + k * here)
            larger = np.empty((len(which), 3), np.float64)
            larger[:hits] = found[:hits]
            found = larger
        for p in range(k):
            for j in range(WIDTH):
                form[j] = np.float32(0)
            for c in range(d):
                product[:] = np.float32(0)
                for t in range(n_types):
                    _sum_rows(panel[c], order[p], ends[t], ends[t + 1], total)
                    square = squares[t]
                    for j in range(WIDTH):
                        form[j] += square * total[j] * total[j]
                    for r in range(columns):
                        weight = weights[r, t]
                        for j in range(WIDTH):
                            product[r, j] += weight * total[j]
                for r in range(columns):
                    for j in range(WIDTH):
                        form[j] += product[r, j] * product[r, j]
            candidates = 0
            for j in range(WIDTH):
                candidates += np.int32(form[j] > limit)
            if candidates == 0:
                continue
            for j in range(here):
                if form[j] > limit:
                    which[hits] = p
                    where[hits] = start + j
                    found[hits] = _exact_sums(
                        values, types[p], plus, coefficients, n_effect, start + j, scratch
                    )
                    hits += 1
        if hits > most:
            return -1, which[:0], where[:0], found[:0]
    return hits, which[:hits], where[:hits], found[:hits]


@njit(nogil=True, cache=True)
def _sum_rows(panel, order, begin, end, total):
    """Fill `total` with the sum of some rows of a panel, eight at a time to save stores."""
    for j in range(WIDTH):
        total[j] = np.float32(0)
    i = begin
    while i + 8 <= end:
        a, b, c, d = order[i], order[i + 1], order[i + 2], order[i + 3]
        e, f, g, h = order[i + 4], order[i + 5], order[i + 6], order[i + 7]
        for j in range(WIDTH):
            half = (panel[a, j] + panel[b, j]) + (panel[c, j] + panel[d, j])
            total[j] += half + ((panel[e, j] + panel[f, j]) + (panel[g, j] + panel[h, j]))
        i += 8
    while i < end:
        a = order[i]
        for j in range(WIDTH):
            total[j] += panel[a, j]
        i += 1


@njit(nogil=True, cache=True)
def scan_products(
    products, limit, values, types, signs, coefficients, n_effect, start, first, most
):
    """Return what `scan_sums` returns, from matrix products.

    Parameters
    ----------
    products : (d, k, q, width) float32 products of the weighted columns with a panel of points.
    types, signs : (k, n) int64 row type and sign of each position.
    start : first point of the panel.
    first : index of the first permutation.
    """
    d, k, q, width = products.shape
    scratch = np.zeros(len(coefficients), np.int64)
    form = np.zeros(width, np.float32)
    size = 1 << 12
    which = np.empty(size, np.uint16)
    where = np.empty(size, np.int32)
    found = np.empty((size, 3), np.float64)
    hits = 0
    for p in range(k):
        form[:] = 0
        for c in range(d):
            for r in range(q):
                row = products[c, p, r]
                for j in range(width):
                    form[j] += row[j] * row[j]
        if hits + width > len(which):
            which = _grow(which, hits + width)
            where = _grow(where, hits + width)
            larger = np.empty((len(which), 3), np.float64)
            larger[:hits] = found[:hits]
            found = larger
        for j in range(width):
            if form[j] > limit:
                which[hits] = first + p
                where[hits] = start + j
                found[hits] = _exact_sums(
                    values, types[p], signs[p], coefficients, n_effect, start + j, scratch
                )
                hits += 1
        if hits > most:
            return -1, which[:0], where[:0], found[:0]
    return hits, which[:hits], where[:hits], found[:hits]


@njit(nogil=True, cache=True)
def scan_welch(values, first, sizes, level, begin, end, most):
    """Return the points of each permutation whose Welch's t can exceed a level in magnitude.

    Parameters
    ----------
    values : (n, points) int32 centred scores.
    first : (k, n1) int64 rows of the first group.
    sizes : (2,) int64 number of subjects of each group.
    level : level of |t|; if it is negative, all points are returned.

    Returns
    -------
    hits, which, where : as of `scan_sums`.
    sums : (hits, 2) int64 sum and sum of squares of the first group.
    """
    n = len(values)
    k, n1 = first.shape
    one, two = np.float32(sizes[0]), np.float32(sizes[1])
    panel = np.zeros((n, WIDTH), np.float32)
    square = np.zeros((n, WIDTH), np.float32)
    total = np.zeros(WIDTH, np.float32)
    squares = np.zeros(WIDTH, np.float32)
    excess = np.zeros(WIDTH, np.float32)
    limit = np.float32(level) * np.float32(level) if level >= 0 else np.float32(-1)
    # All terms are multiplied by the square of the first group's size, so that they are near one.
    # Scores have length one; `slack` bounds the rounding error of float32 sums of n of them.
    share = np.float32(1) + one / two
    slack = np.float32(n**1.5 * 2.0**-22) * (np.float32(1) + limit) * share * share
    f1 = one / (one - np.float32(1))
    f2 = one * one / (two * (two - np.float32(1)))
    hits = 0
    which = np.empty(1 << 16, np.uint16)
    where = np.empty(1 << 16, np.int32)
    found = np.empty((1 << 16, 2), np.int64)
    for start in range(begin, end, WIDTH):
        here = min(WIDTH, end - start)
        for i in range(n):
            for j in range(here):
                value = np.float32(values[i, start + j]) * UNIT
                panel[i, j] = value
                square[i, j] = value * value
            for j in range(here, WIDTH):
                panel[i, j] = np.float32(0)
                square[i, j] = np.float32(0)
        if hits + k * here > len(which):
            which = _grow(which, hits + k * here)
            where = _grow(where, hits + k * here)
            larger = np.empty((len(which), 2), np.int64)
            larger[:hits] = found[:hits]
            found = larger
        for p in range(k):
            _sum_rows(panel, first[p], 0, n1, total)
            _sum_rows(square, first[p], 0, n1, squares)
            candidates = 0
            for j in range(WIDTH):
                s = total[j]
                error = f1 * (squares[j] - s * s / one)
                error += f2 * (np.float32(1) - squares[j] - s * s / two)
                difference = s * share
                excess[j] = difference * difference - limit * error + slack
                candidates += np.int32(excess[j] > 0)
            if candidates == 0 and limit >= 0:
                continue
            for j in range(here):
                if excess[j] > 0 or limit < 0:
                    exact = np.int64(0)
                    exact_squares = np.int64(0)
                    for i in first[p]:
                        value = np.int64(values[i, start + j])
                        exact += value
                        exact_squares += value * value
                    which[hits] = p
                    where[hits] = start + j
                    found[hits, 0] = exact
                    found[hits, 1] = exact_squares
                    hits += 1
        if hits > most:
            return -1, which[:0], where[:0], found[:0]
    return hits, which[:hits], where[:hits], found[:hits]
