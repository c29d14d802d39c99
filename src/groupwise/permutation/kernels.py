"""Compiled loops over sign flips: the points whose sum can exceed a threshold.

Sign flips of int32 scores are summed by tables. Subjects are split into groups of up to eight, all
signed partial sums of a group are tabulated for a panel of points, and a permutation costs one
addition per group and point. Most points are far below the threshold, so they are screened in 8 or
16 bits, with the threshold lowered by the largest rounding error. The candidates are summed again
at full scale, from the exact partial sums of each half of a group, and the caller selects by the
statistic. So the result is that of the full sums, bit for bit, with a fraction of the memory
traffic. `statistic.py` computes the same in NumPy.

Results do not depend on the order in which threads run: each thread has its own panels of points or
its own permutations.
"""

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

#: Subjects whose partial sums are tabulated together: 2^8 rows.
GROUP = 8
#: Points per panel: the tables of 16 subjects then fit into the L1 cache, and a mask of the points
#: of a panel is one word.
WIDTH = 64
#: Bits that the screen drops from scores at the scale of 2^30. Scores are multiplied by 31/32 too,
#: so that sums of rounded halves cannot overflow 8 or 16 bits.
DOWN = {np.dtype(np.uint8): 23, np.dtype(np.uint16): 15, np.dtype(np.int16): 15}
#: Screening in 8 bits is faster if its rounding error is at most this share of the level.
MAX_SCREEN_ERROR = 0.1
#: De Bruijn sequence, which gives the number of a single set bit by a multiplication.
DE_BRUIJN = 0x03F79D71B4CB0A89
BIT = np.argsort([(DE_BRUIJN << k & 0xFFFFFFFFFFFFFFFF) >> 58 for k in range(64)]).astype(np.uint64)


def split_subjects(n: int, permutations: int) -> np.ndarray:
    """Return the sizes of the groups of subjects whose partial sums are tabulated.

    A group of g subjects costs 2^g rows per panel, which all permutations share, and one row per
    permutation. The split with the fewest rows in total is chosen.
    """
    options = []
    for groups in range(-(-n // GROUP), n + 1):
        sizes = np.full(groups, n // groups)
        sizes[: n % groups] += 1
        rows = (2.0**sizes).sum() + groups * permutations
        options.append((rows, sizes))
    return min(options, key=lambda option: option[0])[1].astype(np.int64)


class Tables:
    """Buffers for the partial sums of one component, and the rows that each permutation uses.

    Bit i of a row number is set if subject i of the group is flipped. The lower and the upper half
    of a group have exact sums, whose row numbers are the lower and upper bits.

    Parameters
    ----------
    signs : (k, n) signs, 1 or -1.
    kind : integer type of the screen.

    Attributes
    ----------
    sizes : (groups,) int64 number of subjects of each group.
    rows : (k, groups) uint8 row number of each permutation in the table of each group.
    screened : (rows, WIDTH) of type `kind`, the tables of all groups in sequence, and two further
        rows for `_two_rows`, the first of them 0.
    exact, rounded : (rows, WIDTH) int32 and `kind`, the tables of all halves in sequence.
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
        """All attributes, in the order in which the kernels take them."""
        return self.sizes, self.rows, self.screened, self.exact, self.rounded

    def screen_bound(self, level: int) -> int:
        """Return the lower bound of the screened sum for exact sums above `level`.

        It is negative if there is no bound.
        """
        halves, down = 2 * len(self.sizes), DOWN[self.screened.dtype]
        return int(np.floor((level * 31 / 32 - halves) / 2**down - halves / 2))


def _aligned(rows: int, kind: type) -> np.ndarray:
    """Return zeros (rows, WIDTH) that begin at a cache line.

    A vector that spans two cache lines costs two accesses.
    """
    size = rows * WIDTH * np.dtype(kind).itemsize
    space = np.zeros(size + 64, np.uint8)
    first = -space.ctypes.data % 64
    return space[first : first + size].view(kind).reshape(rows, WIDTH)


def screen_type(level: int, n: int, permutations: int) -> type:
    """Return the smallest integer type whose screen at this level has few false positives."""
    error = len(split_subjects(n, permutations)) * 2 ** DOWN[np.dtype(np.uint8)]
    return np.uint8 if error <= MAX_SCREEN_ERROR * level else np.uint16


def _vectors(context, builder, kind, array):
    """Return a function that gives the address of a row of a (rows, WIDTH) array, as a vector."""
    data = context.make_array(kind)(context, builder, array).data
    vector = ir.VectorType(ir.IntType(kind.dtype.bitwidth), WIDTH)

    def place(row):
        first = builder.gep(data, [builder.mul(row, ir.Constant(row.type, WIDTH))])
        return builder.bitcast(first, vector.as_pointer())

    return place


@intrinsic
def _add_rows(typing, target, to, source, one, other):
    """Set target[to] = source[one] + source[other], rows of WIDTH.

    In a loop, the compiler would test for each row whether the arrays overlap.
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
    """Return the mask of table[one] + table[other] > limit, unsigned rows of WIDTH, as 64 bits.

    Processors compute such a mask in a few instructions, which compilers do not use for a loop.
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
    """Fill the tables of groups and halves for the points start..start+here-1.

    `shift` is added to the screened sums of the first group.
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
    """Return the sum of permutation p at point j of the panel, at full scale."""
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
    """Return the numbers of two rows of `screened` whose sum is that of permutation p.

    The row of zeros after the tables is used if there is one group. The last row is filled with the
    sum of all groups but the first if there are more than two.
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
    """Fill `found` and `masks` with the permutations that have candidates; return their number.

    A mask has a bit for each point of the panel. The loop has no data-dependent branch, because
    branch prediction fails on which permutations pass the screen.
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
    """Return the number of the lowest set bit of 64 (Leiserson, Prokop and Randall 1998)."""
    alone = bits & (~bits + np.uint64(1))
    return BIT[(alone * np.uint64(DE_BRUIJN)) >> np.uint64(58)]


@njit(nogil=True, cache=True)
def scan_t(values, tables, down, level, screen, positive, negative, begin, end, bounds, hits):
    """Find the points of each permutation whose sum exceeds a level.

    Parameters
    ----------
    values : (n, points) int32 scores.
    tables, down : `Tables.arrays` of uint8 or uint16, and DOWN of these.
    level : level of |sum|; if it is negative, all points are returned.
    screen : `Tables.screen_bound` of the level.
    positive, negative : whether each side is tested.
    begin, end : range of points.
    bounds : (parts + 1,) int64; part i has the permutations bounds[i]..bounds[i + 1] - 1.
    hits : buffers uint16, int32, int64 (parts, size) for permutation, point and sum of the hits of
        each part; the points of each permutation ascend.

    Returns
    -------
    counts : (parts,) number of hits; the first is -1 if they do not fit into the buffers.
    """
    sizes, rows, screened, exact, rounded = tables
    which, where, sums = hits
    k = np.uint64(len(rows))
    counts = np.zeros(len(bounds) - 1, np.int64)
    found = np.empty(k + np.uint64(1), np.uint16)
    masks = np.empty(k + np.uint64(1), np.uint64)
    # Sums in below..above are no candidates. Shifted by `-below` (in the table of the first group)
    # and unsigned, where negative numbers wrap to large ones, this is one comparison.
    most = (1 << (30 - down)) - 1
    above = min(screen, most) if positive else most
    below = -min(screen, most) if negative else -most
    limit = screened.dtype.type(above - below)
    every = level < 0 or screen < 0
    size = np.uint64(which.shape[1])
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
            if count + np.uint64(WIDTH) > size:
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
    """Find the points whose sum of squares over components exceeds a level, as `scan_t` does.

    `values` are (d, n, points), and `tables` are those of one component, of int16. The hits can
    include a few points that do not exceed the level.
    """
    sizes, rows, screened_one, exact_one, rounded = tables
    which, where, sums = hits
    d = len(values)
    down = 15
    screened = np.zeros((d, *screened_one.shape), np.int16)
    exact = np.zeros((d, *exact_one.shape), np.int32)
    squares = np.empty(WIDTH, np.int32)
    slack = np.sqrt(np.float64(d)) * 2 * len(sizes) * (1 + (1 << (down - 1)))
    above = np.int32(_square_screen_bound(level, slack, down))
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
def _square_screen_bound(total, slack, down):
    """Return the lower bound of the screened square for exact squares above `total`; -1: none."""
    if total < 0:
        return np.int64(-1)
    root = (np.sqrt(np.float64(total)) * 31 / 32 - slack) / (1 << down)
    if root <= 0:
        return np.int64(-1)
    # One less for the rounding in this function.
    return np.int64(root * root) - 1


@njit(nogil=True, cache=True)
def largest_product(values, signs, order, power, scale, largest):
    """Fill `largest` (k,) with the largest power * (1 - u^2) of a map, in units of scale^2.

    Points are visited in `order`, by descending power (sum of squares), until no later point can
    exceed the largest value: two or three visits instead of a pass over all points.
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
    """Fill `t` by the operations of `fixedpoint.t_of_units`, in the same order."""
    most = scale - 1.0
    for h in range(np.uint64(len(sums))):
        # The factors are integers below 2^53, so that their product is rounded correctly.
        u = np.float64(sums[h])
        u = u if u < most else most
        u = u if u > -most else -most
        t[h] = root * u / np.sqrt((scale - u) * (scale + u))


@njit(nogil=True, cache=True)
def f_of_sums(sums, ratio, scale, f):
    """Fill `f` by the operations of `fixedpoint.f_of_units`, in the same order."""
    most = scale * scale - scale
    for h in range(np.uint64(len(sums))):
        w = sums[h] if sums[h] < most else most
        f[h] = ratio * np.float64(w) / np.float64(scale * scale - w)


@njit(nogil=True, cache=True)
def keep_hits(which, where, value, level, positive, negative, counts, has):
    """Move the hits above a level on a tested side to the front, and return their number.

    A negative level keeps all. `counts` (k,) is increased by the hits of each permutation, and
    `has` (k, 2) is set for the sides that have hits.
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
    """Copy the hits of the permutations begin..end-1 to `points` and `values`.

    Those of a permutation begin at its entry of `place`, which is advanced.
    """
    for h in range(len(which)):
        p = which[h]
        if begin <= p < end:
            to = place[p - begin]
            place[p - begin] = to + 1
            points[to] = where[h]
            values[to] = value[h]
