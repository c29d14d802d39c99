"""Threshold-free cluster enhancement (Smith and Nichols 2009, NeuroImage 44:83), exact.

TFCE(v) is the integral of extent(h)^E h^H over h from 0 to the height of v, where extent(h) is the
number of points of the component above h that contains v. Between two consecutive heights of the
map the extent is constant, and the integral is extent^E (a^(H+1) - b^(H+1)) / (H+1). So no step
size is needed. Heights are float32; sums are float64 in a fixed order.

Of a permuted map only the largest value is needed. It is at a local maximum, because the value of a
point is at most that of a higher point of the same component. So the map of TFCE values is not
computed: points are visited in descending order of height, and each component has its extent, the
height of its last change, and the largest sum of its local maxima. Components consist of basins; a
basin has the points whose steepest ascent leads to the same maximum. Basins are found by sweeps
through memory, and only points at the border of basins need their neighbours.
"""

import numpy as np
from numba import njit

from groupwise.permutation.kernels import lowest_bit

#: Bits per pass of the radix sort; three passes sort the 31 bits of a float32 without its sign.
RADIX = 11


class Workspace:
    """Buffers of one thread, reused for every map.

    Parameters
    ----------
    n_points : number of points of a map.
    n_times : number of times at each place.
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


def largest_values(
    statistic: np.ndarray,
    indptr: np.ndarray,
    indices: np.ndarray,
    n_times: int,
    exponents: tuple[float, float],
    work: Workspace,
) -> tuple[float, float]:
    """Return the largest TFCE of the positive and of the negative values of a map, 0 if none.

    Both sides are computed in the same passes and never joined.

    Parameters
    ----------
    statistic : (points,) float32 map, place-major; 0 at points without a component.
    indptr, indices : int32 csr arrays of the adjacency of places, each edge in both directions.
    n_times : number of times at each place; consecutive times of a place are neighbours.
    exponents : E and H.
    work : buffers of the calling thread.
    """
    _find_ascents(statistic, indptr, indices, n_times, work.above, work.ranks)
    count = _label_basins(work.above, work.basin)
    while True:
        common = (statistic, work.ranks, work.basin, indptr, indices, n_times, work.first)
        needed = _list_adjacent_basins(*common, work.others)
        if needed <= len(work.others):
            break
        work.others = np.empty(needed, np.int32)
    keys, records = _sort_points(statistic, work.basin, work.first, work.keys, work.records)
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
    """Return the TFCE of the positive (sign 1) or negative (-1) values of a map, (points,) float64.

    It is 0 at other points. It has every value that `largest_values` compares and is slower. The
    parameters are those of `largest_values`.
    """
    heights = np.maximum(np.asarray(statistic, np.float32) * np.float32(sign), np.float32(0))
    order = np.argsort(-heights, kind="stable")[: np.count_nonzero(heights)]
    return _all_values(heights, order, indptr, indices, n_times, *exponents) / (exponents[1] + 1.0)


@njit(nogil=True, cache=True)
def _find_ascents(statistic, indptr, indices, n_times, above, ranks):
    """Fill `above` with the highest of each point and its neighbours on the same side.

    Height is the distance from 0; of equal heights the lower point number counts as higher. -1 at
    points that are 0.
    """
    places = len(indptr) - 1
    if n_times == 1:
        # An integer of height and then point number, negative on the negative side.
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
def _label_basins(above, basin):
    """Return the number of basins, and fill `basin` with that of each point, -1 for points of 0."""
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
def _list_adjacent_basins(statistic, ranks, basin, indptr, indices, n_times, first, others):
    """List the other basins that the higher neighbours of each point belong to.

    Those of point v begin at `others[first[v]]`; the last of them is stored as its bitwise
    complement, which is negative. `first[v]` is -1 if there are none. Returns the size that
    `others` must have; if it is larger than the given array, the lists are incomplete.
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
        size = needed + n_times * (end_edge - first_edge + 2)
        if size > len(others):
            return 2 * size
        _mark_higher_neighbours(statistic, basin, indptr, indices, n_times, place, meets, origin)
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
def _mark_higher_neighbours(statistic, basin, indptr, indices, n_times, place, meets, origin):
    """Set a bit for each neighbour that is higher and of another basin, at each time of a place.

    Bits 0 and 1 are the times before and after, the others are the first 30 neighbours in space.
    The neighbour of a bit is `origin[bit]` + time. Of equal heights the lower point number counts
    as higher.
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
def _sort_points(statistic, basin, first, keys, records):
    """Return keys and records of the points by descending height, of equal heights by number.

    A key is the bitwise complement of the height; a record is (basin, first). The records are
    sorted with the keys, so that the flood reads memory sequentially.
    """
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
    """Return value^exponent; the default exponents need no call of pow."""
    if exponent == 0.5:
        return np.sqrt(value)
    if exponent == 3.0:
        return value * value * value
    return value**exponent


@njit(nogil=True, cache=True)
def _flood(statistic, keys, records, above, basin, count, others, e, h, parent, state, found):
    """Fill `found` with the largest TFCE of each side, times H + 1, by a flood from the top to 0.

    If two components meet, the smaller is merged into the larger. `state` has the extent,
    height^(H+1) of the last change and the largest value of a component in one row, because they
    are used together.
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
        if above[v] == v and parent[basin[v]] == basin[v]:  # the maximum of a basin that is a root
            b = basin[v]
            side = 0 if statistic[v] > 0 else 1
            value = state[b, 2] + _power(state[b, 0], e) * state[b, 1]
            found[side] = max(found[side], value)


@njit(nogil=True, cache=True)
def _all_values(heights, order, indptr, indices, n_times, e, h):
    """Return the TFCE of every point, times H + 1.

    It builds the tree of components in descending order of height, then sums from the root up.
    """
    points = len(heights)
    parent = np.full(points, -1, np.int64)  # union-find
    below = np.full(points, -1, np.int64)  # the point at which the component grows next
    extent = np.zeros(points, np.float64)  # of the component at the height of the point
    newest = np.full(points, -1, np.int64)  # of a root: the latest point of its component
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
