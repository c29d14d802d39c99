"""Compiled loops over the permutations of a block: what passes the threshold, and what it forms.

Sign flips of int32 scores are summed by tables: subjects are split into groups of up to eight, all
signed partial sums of a group are tabulated for a panel of points, and a permutation costs one
addition a group and point. Most points are far from the threshold, so they are screened in int16,
at a scale of 2^14, with the threshold lowered by all that rounding may do; what passes the screen
is summed again at the full scale, and the caller decides on the statistic that follows. So the
result is that of the full sums, bit for bit, at half the memory traffic. `plain.py` holds the same
in NumPy.

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
#: The number of a lone bit, by a multiplication.
DE_BRUIJN = 0x03F79D71B4CB0A89
BIT = np.argsort([(DE_BRUIJN << k & 0xFFFFFFFFFFFFFFFF) >> 58 for k in range(64)])


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
def _take_panel(values, start, here, width, panel, full):
    """Scores of some points, rounded for the screen (n, width) and whole (width, n)."""
    for i in range(len(values)):
        row = values[i, start : start + here]
        target = panel[i * width : i * width + width]
        for j in range(np.uint64(here)):
            target[j] = np.int16((row[j] + np.int32(1 << (SHIFT - 1))) >> np.int32(SHIFT))
        for j in range(here, width):
            target[j] = np.int16(0)
    n = len(values)
    for j in range(np.uint64(here)):
        for i in range(np.uint64(n)):
            full[j, i] = values[i, np.uint64(start) + j]


@njit(nogil=True, cache=True)
def _fill_tables(panel, sizes, width, tables):
    """Signed partial sums of each group (rows, width) of an int16 panel (subjects, width)."""
    first = 0
    start = 0
    for g in range(len(sizes)):
        base = np.uint64(start * width)
        for j in range(np.uint64(width)):
            tables[base + j] = np.int16(0)
        for i in range(sizes[g]):
            row = np.uint64((first + i) * width)
            for j in range(np.uint64(width)):
                tables[base + j] = np.int16(tables[base + j] + panel[row + j])
        for i in range(sizes[g]):
            row = np.uint64((first + i) * width)
            for m in range(1 << i):
                source = base + np.uint64(m * width)
                target = base + np.uint64(((1 << i) + m) * width)
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
def _grow(array, needed):
    larger = np.empty(max(needed, 2 * len(array)), array.dtype)
    larger[: len(array)] = array
    return larger


@njit(nogil=True, cache=True, inline="always")
def lowest_bit(bits):
    """Number of the lowest bit of 64 that is set (Leiserson, Prokop and Randall 1998)."""
    alone = bits & (~bits + np.uint64(1))
    return BIT[(alone * np.uint64(DE_BRUIJN)) >> np.uint64(58)]


@njit(nogil=True, cache=True)
def scan_t(
    values, signs, rows, sizes, width, level, positive, negative, begin, end, which, where, sums
):
    """Points of each permutation whose sum may pass a level: all that do, and a few below.

    Parameters
    ----------
    values : (n, points) int32 scores.
    signs : (k, n) int32 of 1 and -1.
    rows, sizes : from `table_rows`, `split_subjects`.
    width : points a panel, a multiple of CHUNK.
    level : sums above it (below its negative) are wanted; a negative one: all.
    positive, negative : which sides are wanted.
    begin, end : points to look at.
    which, where, sums : int32, int32, int64, receive permutation, point and sum of the hits; each
        permutation's points ascend.

    Returns
    -------
    Number of hits; -1 when there is no room for them.
    """
    n = signs.shape[1]
    table = 0
    for g in range(len(sizes)):
        table += 1 << sizes[g]
    tables = np.zeros((table + 2) * width, np.int16)
    panel = np.zeros(n * width, np.int16)
    full = np.zeros((width, n), np.int32)
    # What a sum above the level is sure to exceed when its terms are rounded to the screen. Sums
    # between `below` and `above` are of no interest: by way of unsigned numbers, which start again
    # at 0, that is one comparison, and the shift stands in the table of the first group.
    screen = min(max((level - n * (1 << (SHIFT - 1))) >> SHIFT, -1), 32766)
    above = screen if positive else 32767
    below = -screen if negative else -32768
    shift, limit = np.uint16(-below & 0xFFFF), np.uint16((above - below) & 0xFFFF)
    every = level < 0 or above < below
    by_first = np.argsort(rows[0])  # a row of the table serves several permutations in turn
    hits = 0
    for start in range(begin, end, width):
        here = min(width, end - start)
        _take_panel(values, start, here, width, panel, full)
        _fill_tables(panel, sizes, width, tables)
        shifted = tables.view(np.uint16)
        for j in range(np.uint64((1 << sizes[0]) * width)):
            shifted[j] = np.uint16(shifted[j] + shift)
        for p in by_first:
            one, two = _two_rows(shifted, rows, p, width)
            for first in range(np.uint64(0), np.uint64(here), np.uint64(CHUNK)):
                found = every
                for j in range(np.uint64(CHUNK)):
                    value = np.uint16(shifted[one + first + j] + shifted[two + first + j])
                    found |= value > limit
                if not found:
                    continue
                if hits + CHUNK > len(which):
                    return -1
                bits = np.uint64(0)
                for j in range(np.uint64(CHUNK)):
                    value = np.uint16(shifted[one + first + j] + shifted[two + first + j])
                    bits |= np.uint64((value > limit) | every) << j
                while bits:
                    j = np.int64(first) + lowest_bit(bits)
                    bits &= bits - np.uint64(1)
                    if j >= here:
                        break
                    total = np.int32(0)
                    for i in range(np.uint64(n)):
                        total = np.int32(total + np.int32(signs[p, i] * full[j, i]))
                    which[hits] = p
                    where[hits] = start + j
                    sums[hits] = total
                    hits += 1
    return hits


@njit(nogil=True, cache=True)
def _two_rows(tables, rows, p, width):
    """Where two rows (width,) begin whose sum is that of all groups' rows.

    Behind the tables stand a row of zeros, for a single group, and one for the sum of all groups
    but the last, where there are more than two.
    """
    groups = len(rows)
    one = np.uint64(rows[0, p] * width)
    last = np.uint64(rows[groups - 1, p] * width)
    if groups == 2:
        return one, last
    zeros = np.uint64(len(tables) - 2 * width)
    if groups == 1:
        return one, zeros
    row = np.uint64(len(tables) - width)
    for j in range(np.uint64(width)):
        tables[row + j] = tables[one + j]
    for g in range(1, groups - 1):
        other = np.uint64(rows[g, p] * width)
        for j in range(np.uint64(width)):
            tables[row + j] = np.uint16(tables[row + j] + tables[other + j])
    return row, last


@njit(nogil=True, cache=True)
def scan_f(values, signs, rows, sizes, width, level, begin, end, which, where, sums):
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
    above = np.int32(_screen_of_square(level, np.sqrt(np.float64(d)) * n * (1 << (SHIFT - 1))))
    hits = 0
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
        for p in range(k):
            _add_rows(tables[0], rows, p, width, row)
            for j in range(np.uint64(width)):
                squares[j] = np.int32(row[j]) * np.int32(row[j])
            for c in range(1, d):
                _add_rows(tables[c], rows, p, width, row)
                for j in range(np.uint64(width)):
                    squares[j] = np.int32(squares[j] + np.int32(row[j]) * np.int32(row[j]))
            for chunk in range(np.uint64(0), np.uint64(here), np.uint64(CHUNK)):
                candidates = np.int32(0)
                for j in range(np.uint64(CHUNK)):
                    candidates = np.int32(candidates + np.int32(squares[chunk + j] > above))
                if candidates == 0:
                    continue
                if hits + CHUNK > len(which):
                    return -1
                for j in range(np.int64(chunk), min(np.int64(chunk) + CHUNK, here)):
                    if squares[j] <= above:
                        continue
                    total = np.int64(0)
                    for c in range(d):
                        u = np.int64(0)
                        for i in range(n):
                            u += signs[p, i] * full[j, c, i]
                        total += u * u
                    which[hits] = p
                    where[hits] = start + j
                    sums[hits] = total
                    hits += 1
    return hits


@njit(nogil=True, cache=True)
def _screen_of_square(total, slack):
    """The largest screened square that a full one above `total` is sure to exceed; -1: any."""
    if total < 0:
        return np.int64(-1)
    root = (np.sqrt(np.float64(total)) - slack) / (1 << SHIFT)
    if root <= 0:
        return np.int64(-1)
    # One less for the rounding of these very lines.
    return np.int64(root * root) - 1


@njit(nogil=True, cache=True)
def largest_product(values, signs, order, power, scale, largest):
    """Fill `largest` (k,): the largest power * (1 - u^2) over the map, in units of scale^2.

    Points are visited in `order`, of descending power (their sum of squares), and no further than
    to where no later one can exceed what was found: two or three visits instead of a pass.
    """
    k, n = signs.shape
    for p in range(k):
        best = 0.0
        for point in order:
            if power[point] * (np.float64(scale) * np.float64(scale)) <= best:
                break
            u = np.int64(0)
            for i in range(n):
                u += signs[p, i] * values[i, point]
            u = min(max(u, -(scale - 1)), scale - 1)
            best = max(best, power[point] * np.float64((scale - u) * (scale + u)))
        largest[p] = best


@njit(nogil=True, cache=True)
def t_of_sums(sums, root, scale, t):
    """As `fixedpoint.t_of_units`, the same operations in the same order."""
    most = scale - 1.0
    for h in range(np.uint64(len(sums))):
        # Factors are whole numbers below 2^53: their product is rounded as the integer would.
        u = np.float64(sums[h])
        u = u if u < most else most
        u = u if u > -most else -most
        t[h] = root * u / np.sqrt((scale - u) * (scale + u))


@njit(nogil=True, cache=True)
def f_of_sums(sums, ratio, scale, f):
    """As `fixedpoint.f_of_units`, the same operations in the same order."""
    most = scale * scale - scale
    for h in range(np.uint64(len(sums))):
        w = sums[h] if sums[h] < most else most
        f[h] = ratio * np.float64(w) / np.float64(scale * scale - w)


@njit(nogil=True, cache=True)
def keep_hits(which, where, value, level, positive, negative, counts, has):
    """Move the hits above a level on a wanted side to the front; their number.

    A negative level takes all. They are added to `counts` (k,), and the sides they are on noted
    in `has` (k, 2).
    """
    kept = 0
    for h in range(len(which)):
        v = value[h]
        if level < 0 or (positive and v > level) or (negative and -v > level):
            p = which[h]
            which[kept] = p
            where[kept] = where[h]
            value[kept] = v
            kept += 1
            counts[p] += 1
            has[p, 0] |= v > 0
            has[p, 1] |= v < 0
    return kept


@njit(nogil=True, cache=True)
def place_hits(which, where, value, begin, end, place, points, values):
    """Bring hits of the permutations begin..end-1 together, each from `place` on, which moves."""
    for h in range(len(which)):
        p = which[h]
        if begin <= p < end:
            to = place[p - begin]
            place[p - begin] = to + 1
            points[to] = where[h]
            values[to] = value[h]
