"""Threshold-free cluster enhancement (Smith and Nichols 2009, NeuroImage 44:83), exact.

TFCE(v) is the integral over h from 0 to the height of v of extent(h)^E h^H, extent the number of
points of the component above h that holds v. Between two heights of the map the extent is constant
and the integral is extent^E (a^(H+1) - b^(H+1)) / (H+1): no step size. Heights are float32; sums
are float64 in a fixed order.

Only the largest value of a permuted map is wanted. It lies on a local maximum, since a point's
value never exceeds that of a higher one in the same component. So no map is built: points are
visited from the highest to the lowest, and each component carries its extent, the height of its
last change, and the best sum of its local maxima. Components are made of basins, a basin of the
points from which the steepest ascent leads to the same maximum. Basins are found by sweeps through
memory; only points where basins meet need to look at others.
"""

import numpy as np
from numba import njit

from groupwise.permutation.kernels import lowest_bit

#: Bits of a pass of the radix sort; three passes sort the 32 bits of a positive float32.
RADIX = 11


class Workspace:
    """Memory of one thread, used again for every map.

    Parameters
    ----------
    n_points : of a map.
    n_times : times a place.
    """

    def __init__(self, n_points: int, n_times: int) -> None:
        self.ranks = np.empty(n_points if n_times == 1 else 0, np.int64)
        self.above = np.empty(n_points, np.int32)
        self.basin = np.empty(n_points, np.int32)
        self.first = np.empty(n_points, np.int32)
        self.others = np.empty(max(16, n_points), np.int32)
        self.parent = np.empty(0, np.int32)
        self.state = np.empty((0, 3), np.float64)
        self.keys = np.empty((2, n_points), np.uint32)
        self.records = np.empty((2, n_points, 2), np.int32)


def largest(
    statistic: np.ndarray,
    indptr: np.ndarray,
    indices: np.ndarray,
    n_times: int,
    exponents: tuple[float, float],
    work: Workspace,
) -> tuple[float, float]:
    """Largest TFCE over a map's positive and over its negative values; 0 where there are none.

    Both sides are worked on at once, and never joined.

    Parameters
    ----------
    statistic : (points,) float32, place-major; 0 where a point takes no part.
    indptr, indices : int32 csr of the adjacency of places, both directions.
    n_times : times a place; a point's neighbours in time are those at its place.
    exponents : E and H.
    """
    _climb(statistic, indptr, indices, n_times, work.above, work.ranks)
    count = _basins(work.above, work.basin)
    while True:
        common = (statistic, work.ranks, work.basin, indptr, indices, n_times, work.first)
        needed = _meetings(*common, work.others)
        if needed <= len(work.others):
            break
        work.others = np.empty(needed, np.int32)
    keys, records = _sorted(statistic, work.basin, work.first, work.keys, work.records)
    if count > len(work.parent):
        work.parent = np.empty(count + count // 4, np.int32)
        work.state = np.empty((count + count // 4, 3), np.float64)
    found = np.zeros(2)
    _flood(
        *(statistic, keys, records, work.above, work.basin, count, work.others, *exponents),
        *(work.parent, work.state, found),
    )
    return found[0] / (exponents[1] + 1.0), found[1] / (exponents[1] + 1.0)


def tfce_map(
    statistic: np.ndarray,
    sign: int,
    indptr: np.ndarray,
    indices: np.ndarray,
    n_times: int,
    exponents: tuple[float, float],
) -> np.ndarray:
    """(points,) float64 TFCE of a map's positive (sign 1) or negative (-1) values, 0 elsewhere.

    Parameters as of `largest`, of which this gives every value; slower, and for one map.
    """
    heights = np.maximum(np.asarray(statistic, np.float32) * np.float32(sign), np.float32(0))
    order = np.argsort(-heights, kind="stable")[: np.count_nonzero(heights)]
    return _every(heights, order, indptr, indices, n_times, *exponents) / (exponents[1] + 1.0)


@njit(nogil=True, cache=True)
def _climb(statistic, indptr, indices, n_times, above, ranks):
    """The farthest from 0 of each point and its neighbours of the same side; of equal ones that
    with the lower number. -1 where a point takes no part."""
    places = len(indptr) - 1
    if n_times == 1:
        # Height, then number, in one integer: negative on the negative side.
        bits = statistic.view(np.int32)
        for v in range(places):
            rank = (np.int64(bits[v] & 0x7FFFFFFF) << 32) | np.int64(0x7FFFFFFF - v)
            ranks[v] = -rank if bits[v] < 0 else rank
        for v in range(places):
            side = np.int64(-1) if ranks[v] < 0 else np.int64(1)
            rank = ranks[v] * side
            for e in range(indptr[v], indptr[v + 1]):
                rank = max(rank, ranks[indices[e]] * side)
            above[v] = 0x7FFFFFFF - (rank & 0xFFFFFFFF) if statistic[v] != 0 else -1
        return
    side = np.empty(n_times, np.float32)
    top = np.empty(n_times, np.float32)
    which = np.empty(n_times, np.int32)
    times = np.uint64(n_times)
    for place in range(places):
        start = place * n_times
        mine = statistic[start : start + n_times]
        for t in range(times):
            side[t] = np.float32(1) if mine[t] > 0 else np.float32(-1)
            top[t] = mine[t] * side[t]
            which[t] = np.int32(start + np.int64(t))
        for t in range(np.uint64(1), times):
            height = mine[t - np.uint64(1)] * side[t]
            better = height >= top[t]
            top[t] = height if better else top[t]
            which[t] = np.int32(start + np.int64(t) - 1) if better else which[t]
        for t in range(np.uint64(n_times - 1)):
            height = mine[t + np.uint64(1)] * side[t]
            better = height > top[t]
            top[t] = height if better else top[t]
            which[t] = np.int32(start + np.int64(t) + 1) if better else which[t]
        for e in range(indptr[place], indptr[place + 1]):
            begin = indices[e] * n_times
            other = statistic[begin : begin + n_times]
            for t in range(times):
                height = other[t] * side[t]
                number = np.int32(begin + np.int64(t))
                better = (height > top[t]) | ((height == top[t]) & (number < which[t]))
                top[t] = height if better else top[t]
                which[t] = number if better else which[t]
        for t in range(times):
            above[start + np.int64(t)] = which[t] if mine[t] != 0 else np.int32(-1)


@njit(nogil=True, cache=True)
def _basins(above, basin):
    """Number of basins, and the basin of each point that takes part; -1 of the others."""
    basin[:] = -1
    count = 0
    for start in range(len(above)):
        if above[start] < 0 or basin[start] >= 0:
            continue
        point = start
        while basin[point] < 0 and above[point] != point:
            point = above[point]
        if basin[point] < 0:
            basin[point] = count
            count += 1
        found = basin[point]
        point = start
        while basin[point] < 0:
            basin[point] = found
            point = above[point]
    return count


@njit(nogil=True, cache=True)
def _meetings(statistic, ranks, basin, indptr, indices, n_times, first, others):
    """Of each point the basins of higher neighbours that are not its own.

    They stand in `others` from `first[v]` on, the last one as its complement (negative); -1 in
    `first`: none. Returns the room that they need: larger than `others`, it was not enough.
    """
    places = len(indptr) - 1
    needed = 0
    if n_times == 1:
        if indptr[places] + 1 > len(others):
            return indptr[places] + 1
        for v in range(places):
            begin = needed
            mine = basin[v]
            side = np.int64(-1) if ranks[v] < 0 else np.int64(1)
            rank = ranks[v] * side
            for e in range(indptr[v], indptr[v + 1]):
                w = indices[e]
                others[needed] = basin[w]
                needed += np.int32((ranks[w] * side > rank) & (basin[w] != mine))
            if mine < 0:
                needed = begin
            first[v] = begin if needed > begin else -1
            if needed > begin:
                others[needed - 1] = ~others[needed - 1]
        return needed
    meets = np.empty(n_times, np.uint32)
    origin = np.empty(32, np.int64)
    for place in range(places):
        start = place * n_times
        first_edge, end_edge = indptr[place], indptr[place + 1]
        room = needed + n_times * (end_edge - first_edge + 2)
        if room > len(others):
            return 2 * room
        _compare(statistic, basin, indptr, indices, n_times, place, meets, origin)
        for t in range(n_times):
            v = start + t
            begin = needed
            bits = np.uint64(meets[t]) if basin[v] >= 0 else np.uint64(0)
            while bits:
                others[needed] = basin[origin[lowest_bit(bits)] + t]
                needed += 1
                bits &= bits - np.uint64(1)
            side = np.float32(1) if statistic[v] > 0 else np.float32(-1)
            for e in range(first_edge + 30, end_edge):  # more neighbours than bits
                w = indices[e] * n_times + t
                other, height = statistic[w] * side, statistic[v] * side
                higher = other > height or (other == height and w < v)
                if higher and basin[w] != basin[v] and basin[v] >= 0:
                    others[needed] = basin[w]
                    needed += 1
            first[v] = begin if needed > begin else -1
            if needed > begin:
                others[needed - 1] = ~others[needed - 1]
    return needed


@njit(nogil=True, cache=True)
def _compare(statistic, basin, indptr, indices, n_times, place, meets, origin):
    """Of each time of a place which neighbours are higher and of another basin, a bit each.

    Bits 0 and 1 are the times before and after, the others the first 30 neighbours in space;
    `origin` + time is the neighbour of a bit. Of equal heights the lower number is higher.
    """
    times = np.uint64(n_times)
    start = place * n_times
    mine, own = statistic[start : start + n_times], basin[start : start + n_times]
    for t in range(times):
        meets[t] = np.uint32(0)
    for t in range(np.uint64(1), times):
        side = np.float32(1) if mine[t] > 0 else np.float32(-1)
        k = t - np.uint64(1)
        meets[t] |= np.uint32((mine[k] * side >= mine[t] * side) & (own[k] != own[t]))
    for t in range(np.uint64(n_times - 1)):
        side = np.float32(1) if mine[t] > 0 else np.float32(-1)
        k = t + np.uint64(1)
        found = np.uint32((mine[k] * side > mine[t] * side) & (own[k] != own[t]))
        meets[t] |= found << np.uint32(1)
    origin[0], origin[1] = start - 1, start + 1
    bit = np.uint32(2)
    for e in range(indptr[place], min(indptr[place + 1], indptr[place] + 30)):
        begin = indices[e] * n_times
        origin[bit] = begin
        other, their = statistic[begin : begin + n_times], basin[begin : begin + n_times]
        if begin < start:
            for t in range(times):
                side = np.float32(1) if mine[t] > 0 else np.float32(-1)
                found = np.uint32((other[t] * side >= mine[t] * side) & (their[t] != own[t]))
                meets[t] |= found << bit
        else:
            for t in range(times):
                side = np.float32(1) if mine[t] > 0 else np.float32(-1)
                found = np.uint32((other[t] * side > mine[t] * side) & (their[t] != own[t]))
                meets[t] |= found << bit
        bit += np.uint32(1)


@njit(nogil=True, cache=True)
def _sorted(statistic, basin, first, keys, records):
    """Points by descending height, equal ones by number: keys (complement of the height's bits),
    and records (basin, first) that travel with them, so that the flood reads memory in order."""
    bits = statistic.view(np.uint32)
    count = 0
    buckets = np.zeros((3, 1 << RADIX), np.int64)
    mask = np.uint32((1 << RADIX) - 1)
    for v in range(len(statistic)):
        if basin[v] >= 0:
            key = ~bits[v] & np.uint32(0x7FFFFFFF)  # without the sign, descending
            keys[0, count] = key
            records[0, count, 0] = basin[v]
            records[0, count, 1] = first[v]
            count += 1
            buckets[0, key & mask] += 1
            buckets[1, (key >> np.uint32(RADIX)) & mask] += 1
            buckets[2, key >> np.uint32(2 * RADIX)] += 1
    for turn in range(3):
        total = 0
        for b in range(1 << RADIX):
            here = buckets[turn, b]
            buckets[turn, b] = total
            total += here
        source, target = turn % 2, 1 - turn % 2
        shift = np.uint32(turn * RADIX)
        for k in range(count):
            key = keys[source, k]
            b = (key >> shift) & mask
            place = buckets[turn, b]
            buckets[turn, b] = place + 1
            keys[target, place] = key
            records[target, place, 0] = records[source, k, 0]
            records[target, place, 1] = records[source, k, 1]
    return keys[1, :count], records[1, :count]


@njit(nogil=True, cache=True, inline="always")
def _root(parent, k):
    while parent[k] != k:
        parent[k] = parent[parent[k]]
        k = parent[k]
    return k


@njit(nogil=True, cache=True, inline="always")
def _power(value, exponent):
    """value^exponent; the usual exponents without a call of pow."""
    if exponent == 0.5:
        return np.sqrt(value)
    if exponent == 3.0:
        return value * value * value
    return value**exponent


@njit(nogil=True, cache=True)
def _flood(statistic, keys, records, above, basin, count, others, e, h, parent, state, found):
    """Best values of any component by side, times H + 1, after a flood from the highest to 0.

    Of two components that meet the larger goes on. `state` holds extent, height^(H+1) of the last
    change, and best value side by side, for they are used together.
    """
    for b in range(count):
        parent[b] = b
        state[b, 0] = 0.0
        state[b, 1] = 0.0
        state[b, 2] = 0.0
    heights = (~keys & np.uint32(0x7FFFFFFF)).view(np.float32)
    for k in range(len(keys)):
        level = _power(np.float64(heights[k]), h + 1.0)
        mine = _root(parent, records[k, 0])
        extent = state[mine, 0]
        best = 0.0
        if extent > 0:
            best = state[mine, 2] + _power(extent, e) * (state[mine, 1] - level)
        extent += 1.0
        j = records[k, 1]
        while j >= 0:
            entry = others[j]
            j = j + 1 if entry >= 0 else -1
            other = _root(parent, entry if entry >= 0 else ~entry)
            if other == mine:
                continue
            value = state[other, 2] + _power(state[other, 0], e) * (state[other, 1] - level)
            best = value if value > best else best
            if state[other, 0] > extent:
                parent[mine] = other
                mine = other
                extent += state[other, 0]
            else:
                parent[other] = mine
                extent += state[other, 0]
        state[mine, 0] = extent
        state[mine, 1] = level
        state[mine, 2] = best
    for v in range(len(above)):
        if above[v] == v and parent[basin[v]] == basin[v]:  # a maximum of what is a root at last
            b = basin[v]
            side = 0 if statistic[v] > 0 else 1
            value = state[b, 2] + _power(state[b, 0], e) * state[b, 1]
            found[side] = max(found[side], value)


@njit(nogil=True, cache=True)
def _every(heights, order, indptr, indices, n_times, e, h):
    """TFCE of every point, times H + 1: a tree of the components, then sums from its root up."""
    points = len(heights)
    parent = np.full(points, -1, np.int64)  # union-find
    below = np.full(points, -1, np.int64)  # the point at which a component next grows
    extent = np.zeros(points, np.float64)  # of the component, from the point's height down
    newest = np.full(points, -1, np.int64)  # of a root: the last point of its component
    for v in order:
        parent[v] = v
        newest[v] = v
        extent[v] = 1.0
        place = v // n_times
        t = v - place * n_times
        degree = indptr[place + 1] - indptr[place]
        for k in range(degree + 2):
            if k < degree:
                w = indices[indptr[place] + k] * n_times + t
            elif k == degree:
                w = v - 1 if t > 0 else v
            else:
                w = v + 1 if t + 1 < n_times else v
            if w == v or parent[w] < 0:
                continue
            root = _root(parent, w)
            mine = _root(parent, v)
            if root == mine:
                continue
            node = newest[root]
            below[node] = v
            extent[v] += extent[node]
            parent[root] = mine
            newest[mine] = v
    value = np.zeros(points, np.float64)
    for k in range(len(order) - 1, -1, -1):
        v = order[k]
        level = _power(np.float64(heights[v]), h + 1.0)
        base, start = 0.0, 0.0
        if below[v] >= 0:
            base = _power(np.float64(heights[below[v]]), h + 1.0)
            start = value[below[v]]
        value[v] = start + _power(extent[v], e) * (level - base)
    return value
