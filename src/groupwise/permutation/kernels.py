"""Compiled loops over the permutations of a block: what passes the threshold, and what it forms.

Sign flips of int32 scores are summed by tables: subjects are split into groups of up to eight, all
signed partial sums of a group are tabulated for a panel of points, and a permutation costs one
addition a group and point. Most points are far from the threshold, so they are screened in 8 or 16
bits, with the threshold lowered by all that rounding may do; what passes the screen is summed
again at the full scale, from the exact partial sums of each half of a group, and the caller decides
on the statistic that follows. So the result is that of the full sums, bit for bit, at a fraction of
the memory traffic. `statistic.py` computes the same in NumPy.

No loop here depends on the order in which threads run: each has panels, then permutations, of its
own.
"""

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

#: Subjects whose partial sums are tabulated together: 2^8 rows.
GROUP = 8
#: Points a panel: the tables of 16 subjects then fit into a core's first-level cache, and a mask of
#: all its points is one word.
WIDTH = 64
#: Bits between the scores (scale 2^30) and the screen. It keeps 31/32 of the scale that is left, so
#: that the sums of rounded halves cannot leave the range of 8 or 16 bits.
DOWN = {np.dtype(np.uint8): 23, np.dtype(np.uint16): 15, np.dtype(np.int16): 15}
#: Screening in 8 bits pays as long as rounding blurs the level by no more than this part of it.
BLUR = 0.1
#: The number of a lone bit, by a multiplication.
DE_BRUIJN = 0x03F79D71B4CB0A89
BIT = np.argsort([(DE_BRUIJN << k & 0xFFFFFFFFFFFFFFFF) >> 58 for k in range(64)]).astype(np.uint64)


def split_subjects(n: int, permutations: int) -> np.ndarray:
    """Sizes of the groups of subjects whose partial sums are tabulated.

    A group of g subjects costs 2^g rows a panel, shared by all permutations, and one row a
    permutation. The split with the fewest rows in all is taken.
    """
    options = []
    for groups in range(-(-n // GROUP), n + 1):
        sizes = np.full(groups, n // groups)
        sizes[: n % groups] += 1
        rows = (2.0**sizes).sum() + groups * permutations
        options.append((rows, sizes))
    return min(options, key=lambda option: option[0])[1].astype(np.int64)


class Tables:
    """Space for the partial sums of one component, and where each permutation finds its own.

    A group's row number has bit i set where its subject i is flipped. Its lower and its upper half
    have exact sums of their own, at the same bits.

    Parameters
    ----------
    signs : (k, n) of 1 and -1.
    kind : integer type of the screen.

    Attributes
    ----------
    sizes : (groups,) int64 subjects.
    rows : (k, groups) uint8, row number of each permutation in each group's table.
    screened : (rows, WIDTH) of `kind`: sums of the groups, one table after the other, and two rows
        more for `_find_candidates`, the first of them 0.
    exact, rounded : (rows, WIDTH) int32 and `kind`: sums of the halves, one table after the other.
    """

    def __init__(self, signs: np.ndarray, kind: type) -> None:
        self.sizes = split_subjects(signs.shape[1], len(signs))
        bounds = np.cumsum(self.sizes)[:-1]
        flipped = np.split(signs < 0, bounds, axis=1)
        numbers = [group @ (1 << np.arange(group.shape[1])) for group in flipped]
        self.rows = np.array(numbers, np.uint8).T.copy()
        low = (self.sizes + 1) // 2
        halves = int(((1 << low) + (1 << self.sizes - low)).sum())
        self.screened = _aligned(int((1 << self.sizes).sum()) + 2, kind)
        self.exact, self.rounded = _aligned(halves, np.int32), _aligned(halves, kind)

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """All attributes, as the kernels take them."""
        return self.sizes, self.rows, self.screened, self.exact, self.rounded

    def screen_of_sum(self, level: int) -> int:
        """What the screened sum of one above `level` is sure to exceed; negative: nothing."""
        halves, down = 2 * len(self.sizes), DOWN[self.screened.dtype]
        return int(np.floor((level * 31 / 32 - halves) / 2**down - halves / 2))


def _aligned(rows: int, kind: type) -> np.ndarray:
    """(rows, WIDTH) of 0. A vector across two lines of the cache would cost two accesses."""
    size = rows * WIDTH * np.dtype(kind).itemsize
    space = np.zeros(size + 64, np.uint8)
    first = -space.ctypes.data % 64
    return space[first : first + size].view(kind).reshape(rows, WIDTH)


def screen_kind(level: int, n: int, permutations: int) -> type:
    """The smallest integer in which a screen at this level lets few points pass for nothing."""
    blur = len(split_subjects(n, permutations)) * 2 ** DOWN[np.dtype(np.uint8)]
    return np.uint8 if blur <= BLUR * level else np.uint16


def _vectors(context, builder, kind, array):
    """By row number: where a row of a (rows, WIDTH) array lies, as a vector."""
    data = context.make_array(kind)(context, builder, array).data
    vector = ir.VectorType(ir.IntType(kind.dtype.bitwidth), WIDTH)

    def place(row):
        first = builder.gep(data, [builder.mul(row, ir.Constant(row.type, WIDTH))])
        return builder.bitcast(first, vector.as_pointer())

    return place


@intrinsic
def _add_rows(typing, target, to, source, one, other):
    """target[to] = source[one] + source[other], whole rows of WIDTH.

    As a loop, each row would begin with a test of whether the arrays overlap.
    """

    def generate(context, builder, signature, arguments):
        target, to, source, one, other = arguments
        into = _vectors(context, builder, signature.args[0], target)
        of = _vectors(context, builder, signature.args[2], source)
        terms = [builder.load(of(row), align=1) for row in (one, other)]
        builder.store(builder.add(*terms), into(to), align=1)
        return context.get_dummy_value()

    return types.void(target, types.uint64, source, types.uint64, types.uint64), generate


@intrinsic
def _sums_above(typing, table, one, other, limit):
    """64 bits: where table[one] + table[other] > limit, all unsigned, rows of WIDTH.

    Processors give such masks in a few instructions, which a compiler does not find in a loop.
    """

    def generate(context, builder, signature, arguments):
        table, one, other, limit = arguments
        of = _vectors(context, builder, signature.args[0], table)
        total = builder.add(*(builder.load(of(row), align=1) for row in (one, other)))
        nothing = ir.Constant(total.type, ir.Undefined)
        lone = builder.insert_element(nothing, limit, ir.Constant(ir.IntType(32), 0))
        first = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
        limits = builder.shuffle_vector(lone, nothing, first)
        return builder.bitcast(builder.icmp_unsigned(">", total, limits), ir.IntType(WIDTH))

    return types.uint64(table, types.uint64, types.uint64, table.dtype), generate


@njit(nogil=True, cache=True)
def _fill_tables(values, start, here, sizes, screened, exact, rounded, down, shift):
    """Signed partial sums of groups and their halves, for the points start..start+here-1.

    `shift` is added to those of the first group, at the screen's scale.
    """
    first = 0
    row = np.uint64(0)
    target = np.uint64(0)
    nudge = np.int32(1) << np.int32(down - 1)
    for g in range(len(sizes)):
        low = (sizes[g] + 1) // 2
        halves = row
        for half in range(2):
            base = row
            count = low if half == 0 else sizes[g] - low
            for j in range(np.uint64(WIDTH)):
                exact[base, j] = np.int32(0)
            for i in range(count):
                score = values[first + i, start : start + here]
                for j in range(np.uint64(here)):
                    exact[base, j] = np.int32(exact[base, j] + score[j])
            for i in range(count):
                score = values[first + i, start : start + here]
                for m in range(np.uint64(1 << i)):
                    one = base + m
                    other = base + np.uint64(1 << i) + m
                    for j in range(np.uint64(here)):
                        exact[other, j] = np.int32(exact[one, j] - np.int32(2 * score[j]))
            add = shift if g == 0 and half == 0 else 0
            for m in range(np.uint64(1 << count)):
                for j in range(np.uint64(WIDTH)):
                    total = exact[base + m, j]
                    total = np.int32(np.int32(total - (total >> np.int32(5))) + nudge)
                    rounded[base + m, j] = (total >> np.int32(down)) + add
            first += count
            row += np.uint64(1 << count)
        for high in range(np.uint64(1 << (sizes[g] - low))):
            other = halves + np.uint64(1 << low) + high
            for m in range(np.uint64(1 << low)):
                _add_rows(screened, target, rounded, halves + m, other)
                target += np.uint64(1)


@njit(nogil=True, cache=True, inline="always")
def _exact_sum(exact, sizes, rows, p, j):
    """The sum of a permutation at one point, at the full scale."""
    total = np.int32(0)
    half = np.uint64(0)
    for g in range(np.uint64(len(sizes))):
        number = np.uint64(rows[p, g])
        low = np.uint64((sizes[g] + 1) >> 1)
        high = np.uint64(sizes[g]) - low
        other = half + (np.uint64(1) << low)
        lower = exact[half + (number & ((np.uint64(1) << low) - np.uint64(1))), j]
        total = np.int32(total + np.int32(lower + exact[other + (number >> low), j]))
        half = other + (np.uint64(1) << high)
    return total


@njit(nogil=True, cache=True, inline="always")
def _two_rows(sizes, rows, screened, p):
    """Numbers of two rows whose sum is that of a permutation.

    Behind the tables stand a row of zeros, for a single group, and one for the sum of all groups
    but the first, where there are more than two.
    """
    first = np.uint64(1) << np.uint64(sizes[0])
    other = np.uint64(len(screened) - 2)
    for g in range(np.uint64(1), np.uint64(len(sizes))):
        row = first + np.uint64(rows[p, g])
        if g == 1:
            other = row
        else:
            spare = np.uint64(len(screened) - 1)
            _add_rows(screened, spare, screened, other, row)
            other = spare
        first += np.uint64(1) << np.uint64(sizes[g])
    return np.uint64(rows[p, 0]), other


@njit(nogil=True, cache=True)
def _find_candidates(sizes, rows, screened, limit, found, masks):
    """Permutations that pass the screen somewhere in the panel, and where; how many.

    Nothing here depends on a branch: which permutation passes is what a processor cannot guess.
    """
    count = np.uint64(0)
    if len(sizes) == 2:
        first = np.uint64(1) << np.uint64(sizes[0])
        for p in range(np.uint64(len(rows))):
            one, other = np.uint64(rows[p, 0]), first + np.uint64(rows[p, 1])
            found[count] = p
            masks[count] = _sums_above(screened, one, other, limit)
            count += np.uint64(masks[count] != 0)
        return count
    for p in range(np.uint64(len(rows))):
        one, other = _two_rows(sizes, rows, screened, p)
        found[count] = p
        masks[count] = _sums_above(screened, one, other, limit)
        count += np.uint64(masks[count] != 0)
    return count


@njit(nogil=True, cache=True, inline="always")
def lowest_bit(bits):
    """Number of the lowest bit of 64 that is set (Leiserson, Prokop and Randall 1998)."""
    alone = bits & (~bits + np.uint64(1))
    return BIT[(alone * np.uint64(DE_BRUIJN)) >> np.uint64(58)]


@njit(nogil=True, cache=True)
def scan_t(values, tables, down, level, screen, positive, negative, begin, end, bounds, hits):
    """Points of each permutation whose sum is above a level.

    Parameters
    ----------
    values : (n, points) int32 scores.
    tables, down : `Tables.arrays` of uint8 or uint16, and DOWN of these.
    level : sums above it (below its negative) are wanted; a negative one: all.
    screen : `Tables.screen_of_sum` of the level.
    positive, negative : which sides are wanted.
    begin, end : points to look at.
    bounds : (parts + 1,) int64; part i has the permutations bounds[i]..bounds[i + 1] - 1.
    hits : uint16, int32, int64 (parts, room), receive permutation, point and sum of each part's
        hits; the points of each permutation ascend.

    Returns
    -------
    (parts,) number of hits; the first is -1 when there is no room for all.
    """
    sizes, rows, screened, exact, rounded = tables
    which, where, sums = hits
    k = np.uint64(len(rows))
    counts = np.zeros(len(bounds) - 1, np.int64)
    found = np.empty(k + np.uint64(1), np.uint16)
    masks = np.empty(k + np.uint64(1), np.uint64)
    # Sums between `below` and `above` are of no interest: by way of unsigned numbers, which start
    # again at 0, that is one comparison, and the shift stands in the table of the first group.
    most = (1 << (30 - down)) - 1
    above = min(screen, most) if positive else most
    below = -min(screen, most) if negative else -most
    limit = screened.dtype.type(above - below)
    every = level < 0 or screen < 0
    room = np.uint64(which.shape[1])
    for start in range(begin, end, WIDTH):
        here = min(WIDTH, end - start)
        part = np.uint64(0)
        inside = ~np.uint64(0) >> np.uint64(WIDTH - here)
        _fill_tables(values, start, here, sizes, screened, exact, rounded, down, -below)
        candidates = k
        if not every:
            candidates = _find_candidates(sizes, rows, screened, limit, found, masks)
        for c in range(candidates):
            p = c if every else np.uint64(found[c])
            bits = inside if every else masks[c] & inside
            while np.int64(p) >= bounds[part + np.uint64(1)]:
                part += np.uint64(1)
            count = np.uint64(counts[part])
            if count + np.uint64(WIDTH) > room:
                counts[0] = -1
                return counts
            while bits:
                j = lowest_bit(bits)
                bits &= bits - np.uint64(1)
                total = _exact_sum(exact, sizes, rows, p, j)
                which[part, count] = p
                where[part, count] = np.uint64(start) + j
                sums[part, count] = total
                wanted = (positive & (total > level)) | (negative & (-total > level))
                count += np.uint64(wanted | (level < 0))
            counts[part] = count
    return counts


@njit(nogil=True, cache=True)
def scan_f(values, tables, level, begin, end, bounds, hits):
    """As `scan_t`, for sums of squares over the components of `values` (d, n, points).

    `tables` are those of one component, of int16; the hits may include a few that are not above
    the level.
    """
    sizes, rows, screened_one, exact_one, rounded = tables
    which, where, sums = hits
    d = len(values)
    down = 15
    screened = np.zeros((d, *screened_one.shape), np.int16)
    exact = np.zeros((d, *exact_one.shape), np.int32)
    squares = np.empty(WIDTH, np.int32)
    slack = np.sqrt(np.float64(d)) * 2 * len(sizes) * (1 + (1 << (down - 1)))
    above = np.int32(_screen_of_square(level, slack, down))
    counts = np.zeros(len(bounds) - 1, np.int64)
    for start in range(begin, end, WIDTH):
        here = min(WIDTH, end - start)
        for c in range(d):
            _fill_tables(values[c], start, here, sizes, screened[c], exact[c], rounded, down, 0)
        part = np.uint64(0)
        for p in range(np.uint64(len(rows))):
            squares[:] = 0
            for c in range(d):
                one, other = _two_rows(sizes, rows, screened[c], p)
                for j in range(np.uint64(WIDTH)):
                    total = np.int16(screened[c, one, j] + screened[c, other, j])
                    squares[j] = np.int32(squares[j] + np.int32(total) * np.int32(total))
            candidates = np.int32(0)
            for j in range(np.uint64(WIDTH)):
                candidates = np.int32(candidates + np.int32(squares[j] > above))
            if candidates == 0:
                continue
            while np.int64(p) >= bounds[part + np.uint64(1)]:
                part += np.uint64(1)
            count = np.uint64(counts[part])
            if count + np.uint64(WIDTH) > np.uint64(which.shape[1]):
                counts[0] = -1
                return counts
            for j in range(np.uint64(here)):
                if squares[j] <= above:
                    continue
                total = np.int64(0)
                for c in range(d):
                    u = np.int64(_exact_sum(exact[c], sizes, rows, p, j))
                    total += u * u
                which[part, count] = p
                where[part, count] = np.uint64(start) + j
                sums[part, count] = total
                count += np.uint64(1)
            counts[part] = count
    return counts


@njit(nogil=True, cache=True)
def _screen_of_square(total, slack, down):
    """The largest screened square that a full one above `total` is sure to exceed; -1: any."""
    if total < 0:
        return np.int64(-1)
    root = (np.sqrt(np.float64(total)) * 31 / 32 - slack) / (1 << down)
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
