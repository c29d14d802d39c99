"""Compiled cluster search: the largest mass and size of each permutation's clusters.

Only points that passed the threshold are visited. A place's points at consecutive times form a
run; runs of neighbouring places that share a time are joined by union-find. The two sides are
told apart throughout and never joined. The plain twin is `Neighbours.components`.

A processor that guesses wrong at a branch loses what a few points cost, and noise cannot be
guessed: so what depends on a point's sign, or on whether it begins a run, is chosen without
branches, and neighbours without a common time are mostly told by one word of bits.
"""

import numpy as np
from numba import njit


@njit(nogil=True, cache=True, inline="always")
def _root(parent, k):
    while parent[k] != k:
        parent[k] = parent[parent[k]]
        k = parent[k]
    return k


@njit(nogil=True, cache=True, inline="always")
def _join(parent, a, b):
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
    """Fill statistic, mass and size (k, 2), positive side first, of k permutations.

    Parameters
    ----------
    offsets : (k + 1,) where the hits of each permutation begin.
    where, values : tested point and statistic of each hit, ascending within a permutation.
    kept : point number of each tested point.
    indptr, indices : csr of the upper triangle of the adjacency of places.
    n_times : times a place; points are place-major.
    positive, negative : the sides that are tested.
    threshold : hits above it, on a tested side, form clusters.
    less : taken off each point's magnitude: the threshold, for the mass of the excess.
    """
    places = len(indptr) - 1
    times = np.uint32(n_times)
    all_kept = len(kept) == places * n_times  # then `kept` says nothing
    both = positive and negative
    side = 1.0 if positive else -1.0
    room = 1
    for p in range(len(mass)):
        room = max(room, offsets[p + 1] - offsets[p])
    first_run = np.empty(places, np.uint32)
    stop_run = np.empty(places, np.uint32)  # the one after a place's last
    taken = np.zeros(places, np.uint64)  # a bit for each time (modulo 64) and side
    parent = np.empty(room, np.uint32)
    run_place = np.empty(room, np.uint32)
    run_begin = np.empty(room, np.uint32)
    run_end = np.empty(room, np.uint32)  # the time after its last
    run_sign = np.empty(room, np.bool_)
    run_of = np.empty(room, np.uint32)
    weight = np.empty(room, np.float64)  # what a point adds to its cluster, negative on that side
    total_mass = np.empty(room, np.float64)
    total_size = np.empty(room, np.int64)
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
            here = np.uint32(point // times)  # of unsigned numbers the division is faster
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
            parent[r] = parent[parent[r]]  # the root, as earlier runs have theirs already
            total_mass[r] = 0.0
            total_size[r] = 0
        # In the order of the points, so that a mass has the same bits as in the twin.
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
