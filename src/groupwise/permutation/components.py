"""Compiled cluster search: the largest cluster mass and size of each permutation.

Only points above the threshold are visited. The points of a place at consecutive times are a run;
runs of neighbouring places with a common time are joined by union-find. A run has points of one
side, and runs of different sides are never joined. `Neighbours.components` is the implementation in
SciPy.

The loops avoid data-dependent branches, because a branch misprediction costs as much as several
points: choices by the sign of a point or the start of a run are arithmetic, and most neighbours
without a common time are excluded by comparing one word of bits.
"""

import numpy as np
from numba import njit


@njit(nogil=True, cache=True, inline="always")
def _root(parent, k):
    """Return the root of run k, and shorten its path."""
    while parent[k] != k:
        parent[k] = parent[parent[k]]
        k = parent[k]
    return k


@njit(nogil=True, cache=True, inline="always")
def _join(parent, a, b):
    """Join the components of runs a and b; the lower number is the root."""
    a = _root(parent, a)
    b = _root(parent, b)
    if a < b:
        parent[b] = a
    elif b < a:
        parent[a] = b


@njit(nogil=True, cache=True)
def largest_clusters(
    offsets, where, values, kept, indptr, indices, n_times, positive, negative,
    threshold, less, statistic, mass, size,
):  # fmt: skip
    """Fill the maxima of k permutations: statistic, mass and size (k, 2), positive side first.

    Parameters
    ----------
    offsets : (k + 1,) index of the first hit of each permutation.
    where, values : (hits,) tested point and statistic; points ascend within a permutation.
    kept : (tested points,) point numbers.
    indptr, indices : csr arrays of the upper triangle of the adjacency of places.
    n_times : number of times at each place; points are place-major.
    positive, negative : whether each side is tested.
    threshold : cluster-forming threshold; hits above it on a tested side form clusters.
    less : subtracted from the magnitude of each point: the threshold, if mass is the excess.
    """
    places = len(indptr) - 1
    times = np.uint32(n_times)
    all_kept = len(kept) == places * n_times  # `kept` is not needed
    both = positive and negative
    side = 1.0 if positive else -1.0
    most = 1
    for p in range(len(mass)):
        most = max(most, offsets[p + 1] - offsets[p])
    first_run = np.empty(places, np.uint32)
    stop_run = np.empty(places, np.uint32)  # one after the last run of a place
    taken = np.zeros(places, np.uint64)  # a bit of each time (modulo 64) and side
    parent = np.empty(most, np.uint32)
    run_place = np.empty(most, np.uint32)
    run_begin = np.empty(most, np.uint32)
    run_end = np.empty(most, np.uint32)  # the time after the last of the run
    run_sign = np.empty(most, np.bool_)
    run_of = np.empty(most, np.uint32)
    weight = np.empty(most, np.float64)  # mass of a point, with its sign
    total_mass = np.empty(most, np.float64)
    total_size = np.empty(most, np.int64)
    for p in range(len(mass)):
        runs = np.uint32(0)
        hits = np.uint32(0)
        place = np.uint32(places)
        first = np.uint32(0)
        begin = np.uint32(0)
        end = np.uint32(0)
        sign = False
        highest = statistic[p, 0]
        lowest = -statistic[p, 1]
        for h in range(np.uint64(offsets[p]), np.uint64(offsets[p + 1])):
            value = values[h]
            highest = value if value > highest else highest
            lowest = value if value < lowest else lowest
            height = abs(value) if both else side * value
            if height <= threshold:
                continue
            point = np.uint32(where[h])
            if not all_kept:
                point = np.uint32(kept[point])
            here = np.uint32(point // times)  # unsigned division is faster
            time = np.uint32(point - here * times)
            up = value > 0
            bit = (np.uint64(time) + (np.uint64(up) << np.uint64(5))) & np.uint64(63)
            taken[here] |= np.uint64(1) << bit
            new_place = here != place
            new = new_place | (time != end) | (up != sign)
            runs = np.uint32(runs + np.uint32(new))
            run = np.uint32(runs - np.uint32(1))
            begin = time if new else begin
            first = run if new_place else first
            place, end, sign = here, np.uint32(time + np.uint32(1)), up
            first_run[place] = first
            stop_run[place] = runs
            run_place[run] = place
            run_begin[run] = begin
            run_end[run] = end
            run_sign[run] = sign
            parent[run] = run
            run_of[hits] = run
            weight[hits] = np.copysign(height - less, value)
            hits += np.uint32(1)
        statistic[p, 0] = highest
        statistic[p, 1] = -lowest
        r = np.uint32(0)
        while r < runs:
            place = run_place[r]
            stop = stop_run[place]
            for e in range(np.uint64(indptr[place]), np.uint64(indptr[place + np.uint32(1)])):
                other = np.uint32(indices[e])
                if taken[place] & taken[other] == 0:
                    continue
                a = r
                b = first_run[other]
                b_stop = stop_run[other]
                while (a < stop) & (b < b_stop):
                    if (
                        (run_sign[a] == run_sign[b])
                        & (run_begin[a] < run_end[b])
                        & (run_begin[b] < run_end[a])
                    ):
                        _join(parent, a, b)
                    ahead = run_end[a] <= run_end[b]
                    a += np.uint32(ahead)
                    b += np.uint32(not ahead)
            r = stop
        for r in range(runs):
            taken[run_place[r]] = np.uint64(0)
            parent[r] = parent[parent[r]]  # the root, because earlier runs are done
            total_mass[r] = 0.0
            total_size[r] = 0
        # In the order of the points, so that masses have the same bits as in `mass_and_size`.
        for h in range(hits):
            root = parent[run_of[h]]
            total_mass[root] += weight[h]
            total_size[root] += 2 * np.int64(weight[h] > 0) - 1
        heaviest, deepest = mass[p, 0], -mass[p, 1]
        largest, least = size[p, 0], -size[p, 1]
        for r in range(runs):
            total, count = total_mass[r], total_size[r]
            heaviest = total if total > heaviest else heaviest
            deepest = total if total < deepest else deepest
            largest = count if count > largest else largest
            least = count if count < least else least
        mass[p, 0], mass[p, 1] = heaviest, -deepest
        size[p, 0], size[p, 1] = largest, -least
