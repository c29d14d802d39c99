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

#: Bits of a pass of the radix sort; three passes sort the 32 bits of a positive float32.
RADIX = 11


class Workspace:
    """Memory of one thread, used again for every map.

    Parameters
    ----------
    n_points : of a map.
    """

    def __init__(self, n_points: int) -> None:
        self.above = np.empty(n_points, np.int32)
        self.basin = np.empty(n_points, np.int32)
        self.first = np.empty(n_points, np.int32)
        self.others = np.empty(max(16, n_points), np.int32)
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
    _climb(statistic, indptr, indices, n_times, work.above)
    count = _basins(work.above, work.basin)
    while True:
        common = (statistic, work.basin, indptr, indices, n_times, work.first)
        needed = _meetings(*common, work.others)
        if needed <= len(work.others):
            break
        work.others = np.empty(needed, np.int32)
    keys, records = _sorted(statistic, work.basin, work.first, work.keys, work.records)
    found = np.zeros(2)
    _flood(statistic, keys, records, work.above, work.basin, count, work.others, *exponents, found)
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
def _climb(statistic, indptr, indices, n_times, above):
    """The farthest from 0 of each point and its neighbours of the same side; of equal ones that
    with the lower number. -1 where a point takes no part."""
    places = len(indptr) - 1
    if n_times == 1:
        for v in range(places):
            side = np.float32(1) if statistic[v] > 0 else np.float32(-1)
            height, number = statistic[v] * side, np.int32(v)
            for e in range(indptr[v], indptr[v + 1]):
                w = indices[e]
                other = statistic[w] * side
                better = (other > height) | ((other == height) & (w < number))
                height = other if better else height
                number = w if better else number
            above[v] = number if statistic[v] != 0 else -1
        return
    side = np.empty(n_times, np.float32)
    top = np.empty(n_times, np.float32)
    which = np.empty(n_times, np.int32)
    for place in range(places):
        start = place * n_times
        for t in range(n_times):
            value = statistic[start + t]
            side[t] = np.float32(1) if value > 0 else np.float32(-1)
            top[t] = value * side[t]
            which[t] = start + t
        for t in range(1, n_times):
            height = statistic[start + t - 1] * side[t]
            better = height >= top[t]
            top[t] = height if better else top[t]
            which[t] = start + t - 1 if better else which[t]
        for t in range(n_times - 1):
            height = statistic[start + t + 1] * side[t]
            better = height > top[t]
            top[t] = height if better else top[t]
            which[t] = start + t + 1 if better else which[t]
        for e in range(indptr[place], indptr[place + 1]):
            other = indices[e] * n_times
            for t in range(n_times):
                height = statistic[other + t] * side[t]
                number = np.int32(other + t)
                better = (height > top[t]) | ((height == top[t]) & (number < which[t]))
                top[t] = height if better else top[t]
                which[t] = number if better else which[t]
        for t in range(n_times):
            above[start + t] = which[t] if statistic[start + t] != 0 else -1


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


@njit(nogil=True, cache=True, inline="always")
def _meets(statistic, basin, v, w):
    """1 if w is higher than v on the same side and in another basin, else 0."""
    value = statistic[v]
    side = np.float32(1) if value > 0 else np.float32(-1)
    height = value * side
    other = statistic[w] * side
    higher = (other > height) | ((other == height) & (w < v))
    return np.int32(higher & (basin[w] != basin[v]) & (value != 0))


@njit(nogil=True, cache=True)
def _meetings(statistic, basin, indptr, indices, n_times, first, others):
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
            for e in range(indptr[v], indptr[v + 1]):
                w = indices[e]
                others[needed] = basin[w]
                needed += _meets(statistic, basin, v, w)
            first[v] = begin if needed > begin else -1
            if needed > begin:
                others[needed - 1] = ~others[needed - 1]
        return needed
    # Of each time how many do so: one sum a neighbour over all times, without branches.
    meets = np.empty(n_times, np.int32)
    for place in range(places):
        start = place * n_times
        begin_edge, end_edge = indptr[place], indptr[place + 1]
        room = needed + n_times * (end_edge - begin_edge + 2)
        if room > len(others):
            return 2 * room
        for t in range(n_times):
            meets[t] = 0
        for t in range(1, n_times):
            meets[t] += _meets(statistic, basin, start + t, start + t - 1)
        for t in range(n_times - 1):
            meets[t] += _meets(statistic, basin, start + t, start + t + 1)
        for e in range(begin_edge, end_edge):
            other = indices[e] * n_times
            for t in range(n_times):
                meets[t] += _meets(statistic, basin, start + t, other + t)
        for t in range(n_times):
            v = start + t
            if meets[t] == 0:
                first[v] = -1
                continue
            first[v] = needed
            if t > 0:
                others[needed] = basin[v - 1]
                needed += _meets(statistic, basin, v, v - 1)
            if t + 1 < n_times:
                others[needed] = basin[v + 1]
                needed += _meets(statistic, basin, v, v + 1)
            for e in range(begin_edge, end_edge):
                w = indices[e] * n_times + t
                others[needed] = basin[w]
                needed += _meets(statistic, basin, v, w)
            others[needed - 1] = ~others[needed - 1]
    return needed


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
def _flood(statistic, keys, records, above, basin, count, others, e, h, found):
    """Best values of any component by side, times H + 1, after a flood from the highest to 0."""
    parent = np.arange(count).astype(np.int32)
    # Extent, height^(H+1) of its last change, best value: together, for they are used together.
    state = np.zeros((count, 3), np.float64)
    heights = (~keys & np.uint32(0x7FFFFFFF)).view(np.float32)
    for k in range(len(keys)):
        level = _power(np.float64(heights[k]), h + 1.0)
        mine = _root(parent, records[k, 0])
        extent = state[mine, 0]
        if extent > 0:
            state[mine, 2] += _power(extent, e) * (state[mine, 1] - level)
        extent += 1.0
        j = records[k, 1]
        while j >= 0:
            entry = others[j]
            j = j + 1 if entry >= 0 else -1
            other = _root(parent, entry if entry >= 0 else ~entry)
            if other == mine:
                continue
            value = state[other, 2] + _power(state[other, 0], e) * (state[other, 1] - level)
            state[mine, 2] = max(state[mine, 2], value)
            extent += state[other, 0]
            parent[other] = mine
        state[mine, 0] = extent
        state[mine, 1] = level
    for v in range(len(above)):
        if above[v] == v and parent[basin[v]] == basin[v]:  # the maximum of a component
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
