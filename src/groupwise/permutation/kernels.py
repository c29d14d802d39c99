"""Compiled loops over the permutations of a block: what passes the threshold, and what it forms.

Sign flips of int32 scores are summed by tables: subjects are split into groups of up to eight, all
signed partial sums of a group are tabulated for a panel of points, and a permutation costs one
addition a group and point. Most points are far from the threshold, so they are screened in int16,
at a scale of 2^14, with the threshold lowered by all that rounding may do; what passes the screen
is summed again in int32 at the full scale. So the result is that of the full sums, bit for bit,
at half the memory traffic. `plain.py` holds the same in NumPy.

No loop here depends on the order in which threads run: each has panels, then permutations, of its
own.
"""

import numpy as np
from numba import njit

#: Bits between the scale of the scores (2^30) and that of the screen (2^14).
SHIFT = 16
#: Subjects whose partial sums are tabulated together: 2^8 rows of a panel.
GROUP = 8
#: Points that are looked at together: a chunk without a candidate costs nothing more.
CHUNK = 64


def split_subjects(n: int, permutations: int) -> np.ndarray:
    """Sizes of the groups of subjects whose partial sums are tabulated.

    A group of g subjects costs 2^g rows a panel, shared by all permutations, and one row a
    permutation. The split with the fewest rows in all is taken.
    """
    best = None
    for groups in range(-(-n // GROUP), n + 1):
        sizes = np.full(groups, n // groups)
        sizes[: n % groups] += 1
        rows = (2.0**sizes).sum() + groups * permutations
        if best is None or rows < best[0]:
            best = (rows, sizes)
    return best[1].astype(np.int64)


def table_rows(signs: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """(groups, k) int64: the row of each group's table that a permutation uses.

    Bit i of a group's row number is set where its subject i is flipped; tables stand one after
    the other.
    """
    rows, first, start = [], 0, 0
    for size in sizes:
        flipped = signs[:, first : first + size] < 0
        rows.append(flipped @ (1 << np.arange(size)) + start)
        first += size
        start += 1 << size
    return np.ascontiguousarray(np.array(rows, dtype=np.int64))


@njit(nogil=True, cache=True)
def _fill_tables(panel, sizes, width, tables):
    """Signed partial sums of each group (rows, width) of an int16 panel (subjects, width)."""
    first = 0
    start = 0
    for g in range(len(sizes)):
        base = start * width
        for j in range(width):
            tables[base + j] = np.int16(0)
        for i in range(sizes[g]):
            row = (first + i) * width
            for j in range(width):
                tables[base + j] = np.int16(tables[base + j] + panel[row + j])
        for i in range(sizes[g]):
            row = np.uint64((first + i) * width)
            for m in range(1 << i):
                source = np.uint64(base + m * width)
                target = np.uint64(base + ((1 << i) + m) * width)
                for j in range(np.uint64(width)):
                    tables[target + j] = np.int16(tables[source + j] - np.int16(2 * panel[row + j]))
        first += sizes[g]
        start += 1 << sizes[g]


@njit(nogil=True, cache=True)
def _add_rows(tables, rows, p, width, sums):
    """Sums (width,) int16 of a permutation: one row of each group's table."""
    a = np.uint64(rows[0, p] * width)
    if len(rows) == 1:
        for j in range(np.uint64(width)):
            sums[j] = tables[a + j]
        return
    b = np.uint64(rows[1, p] * width)
    for j in range(np.uint64(width)):
        sums[j] = np.int16(tables[a + j] + tables[b + j])
    for g in range(2, len(rows)):
        c = np.uint64(rows[g, p] * width)
        for j in range(np.uint64(width)):
            sums[j] = np.int16(sums[j] + tables[c + j])


@njit(nogil=True, cache=True)
def _screen_of_sum(sum32, n):
    """The largest screened value that a full sum above `sum32` is sure to exceed."""
    return (sum32 - n * (1 << (SHIFT - 1))) >> SHIFT


@njit(nogil=True, cache=True)
def _grow(array, needed):
    larger = np.empty(max(needed, 2 * len(array)), array.dtype)
    larger[: len(array)] = array
    return larger


@njit(nogil=True, cache=True)
def scan_t(values, signs, rows, sizes, width, units, positive, negative, begin, end, most):
    """Extreme sums of each permutation, and the points whose sum passes the threshold.

    Parameters
    ----------
    values : (n, points) int32 scores.
    signs : (k, n) int32 of 1 and -1.
    rows, sizes : from `table_rows`, `split_subjects`.
    width : points a panel, a multiple of CHUNK.
    units : sums above it (below its negative) pass.
    positive, negative : which sides are tested.
    begin, end : points to look at.
    most : give up above this many hits.

    Returns
    -------
    highest, lowest : (k,) int64 extreme sums.
    hits : number of hits; -1 when there were more than `most`.
    which, where, sums : (hits,) int32 permutation, int64 point, int32 sum; by panel, then
        permutation, then point.
    """
    k, n = signs.shape
    table = 0
    for g in range(len(sizes)):
        table += 1 << sizes[g]
    tables = np.empty(table * width, np.int16)
    panel = np.zeros(n * width, np.int16)
    full = np.zeros((width, n), np.int32)
    row = np.empty(width, np.int16)
    highest = np.full(k, np.iinfo(np.int64).min)
    lowest = np.full(k, np.iinfo(np.int64).max)
    # Above `high` (below `low`) a point may pass, or be the new extreme: screened values.
    screen = min(_screen_of_sum(units, n), 32766)
    high = np.full(k, -32768, np.int64)
    low = np.full(k, 32767, np.int64)
    if not positive:
        high[:] = 32767
    if not negative:
        low[:] = -32768
    hits = 0
    which = np.empty(1 << 16, np.int32)
    where = np.empty(1 << 16, np.int64)
    sums = np.empty(1 << 16, np.int32)
    for start in range(begin, end, width):
        here = min(width, end - start)
        for i in range(n):
            for j in range(here):
                value = values[i, start + j]
                full[j, i] = value
                panel[i * width + j] = np.int16((value + (1 << (SHIFT - 1))) >> SHIFT)
            for j in range(here, width):
                panel[i * width + j] = np.int16(0)
        _fill_tables(panel, sizes, width, tables)
        if hits + k * here > len(which):
            needed = hits + k * here
            which = _grow(which, needed)
            where = _grow(where, needed)
            sums = _grow(sums, needed)
        for p in range(k):
            _add_rows(tables, rows, p, width, row)
            above = np.int16(high[p])
            below = np.int16(low[p])
            for chunk in range(np.uint64(0), np.uint64(here), np.uint64(CHUNK)):
                candidates = np.int16(0)
                for j in range(np.uint64(CHUNK)):
                    value = row[chunk + j]
                    candidates = np.int16(candidates + np.int16((value > above) | (value < below)))
                if candidates == 0:
                    continue
                last = min(np.int64(chunk) + CHUNK, here)
                for j in range(np.int64(chunk), last):
                    value = row[j]
                    if value <= above and value >= below:
                        continue
                    total = np.int32(0)
                    for i in range(n):
                        total += signs[p, i] * full[j, i]
                    if positive and total > highest[p]:
                        highest[p] = total
                    if negative and total < lowest[p]:
                        lowest[p] = total
                    if (positive and total > units) or (negative and total < -units):
                        which[hits] = p
                        where[hits] = start + j
                        sums[hits] = total
                        hits += 1
                if positive:
                    high[p] = min(screen, _screen_of_sum(highest[p], n))
                    above = np.int16(max(high[p], -32768))
                if negative:
                    low[p] = max(-screen, -_screen_of_sum(-lowest[p], n))
                    below = np.int16(min(low[p], 32767))
        if hits > most:
            return highest, lowest, -1, which[:0], where[:0], sums[:0]
    return highest, lowest, hits, which[:hits], where[:hits], sums[:hits]


@njit(nogil=True, cache=True)
def scan_f(values, signs, rows, sizes, width, units, begin, end, most):
    """As `scan_t`, for sums of squares over the components of `values` (d, n, points)."""
    d = len(values)
    k, n = signs.shape
    table = 0
    for g in range(len(sizes)):
        table += 1 << sizes[g]
    tables = np.empty((d, table * width), np.int16)
    panel = np.zeros(n * width, np.int16)
    full = np.zeros((width, d, n), np.int32)
    row = np.empty(width, np.int16)
    squares = np.empty(width, np.int32)
    highest = np.full(k, np.int64(-1))
    slack = np.sqrt(np.float64(d)) * n * (1 << (SHIFT - 1))
    screen = _screen_of_square(units, slack)
    high = np.full(k, np.int64(-1))
    hits = 0
    which = np.empty(1 << 16, np.int32)
    where = np.empty(1 << 16, np.int64)
    sums = np.empty(1 << 16, np.int64)
    for start in range(begin, end, width):
        here = min(width, end - start)
        for c in range(d):
            for i in range(n):
                for j in range(here):
                    value = values[c, i, start + j]
                    full[j, c, i] = value
                    panel[i * width + j] = np.int16((value + (1 << (SHIFT - 1))) >> SHIFT)
                for j in range(here, width):
                    panel[i * width + j] = np.int16(0)
            _fill_tables(panel, sizes, width, tables[c])
        if hits + k * here > len(which):
            needed = hits + k * here
            which = _grow(which, needed)
            where = _grow(where, needed)
            sums = _grow(sums, needed)
        for p in range(k):
            _add_rows(tables[0], rows, p, width, row)
            for j in range(np.uint64(width)):
                squares[j] = np.int32(row[j]) * np.int32(row[j])
            for c in range(1, d):
                _add_rows(tables[c], rows, p, width, row)
                for j in range(np.uint64(width)):
                    squares[j] = np.int32(squares[j] + np.int32(row[j]) * np.int32(row[j]))
            above = np.int32(high[p])
            for chunk in range(np.uint64(0), np.uint64(here), np.uint64(CHUNK)):
                candidates = np.int32(0)
                for j in range(np.uint64(CHUNK)):
                    candidates = np.int32(candidates + np.int32(squares[chunk + j] > above))
                if candidates == 0:
                    continue
                for j in range(np.int64(chunk), min(np.int64(chunk) + CHUNK, here)):
                    if squares[j] <= above:
                        continue
                    total = np.int64(0)
                    for c in range(d):
                        u = np.int32(0)
                        for i in range(n):
                            u += signs[p, i] * full[j, c, i]
                        total += np.int64(u) * np.int64(u)
                    if total > highest[p]:
                        highest[p] = total
                    if total > units:
                        which[hits] = p
                        where[hits] = start + j
                        sums[hits] = total
                        hits += 1
                high[p] = min(screen, _screen_of_square(highest[p], slack))
                above = np.int32(high[p])
        if hits > most:
            return highest, -1, which[:0], where[:0], sums[:0]
    return highest, hits, which[:hits], where[:hits], sums[:hits]


@njit(nogil=True, cache=True)
def _screen_of_square(total, slack):
    """The largest screened square that a full one above `total` is sure to exceed; -1: any."""
    root = (np.sqrt(np.float64(max(total, 0))) - slack) / (1 << SHIFT)
    if root <= 0:
        return np.int64(-1)
    # One less for the rounding of these very lines.
    return np.int64(root * root) - 1


@njit(nogil=True, cache=True)
def by_permutation(which, k):
    """(k + 1,) offsets and (hits,) order that bring hits together by permutation, stably."""
    offsets = np.zeros(k + 1, np.int64)
    for h in range(len(which)):
        offsets[which[h] + 1] += 1
    for p in range(k):
        offsets[p + 1] += offsets[p]
    place = offsets[:-1].copy()
    order = np.empty(len(which), np.int64)
    for h in range(len(which)):
        p = which[h]
        order[place[p]] = h
        place[p] += 1
    return offsets, order
