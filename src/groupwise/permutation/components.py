"""Compiled cluster search: the largest mass and size of each permutation's clusters.

Only points that passed the threshold are visited. A place's points at consecutive times form a
run; runs of neighbouring places that share a time are joined by union-find. The two sides are
told apart throughout and never joined. The plain twin is `Neighbours.components`.
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
    of_place = np.full((places, 2), -1, np.int32)  # its first run, and the one after its last
    times = np.uint32(n_times)
    all_kept = len(kept) == places * n_times  # then `kept` says nothing
    room = 1
    for p in range(len(mass)):
        room = max(room, offsets[p + 1] - offsets[p])
    parent = np.empty(room, np.int32)
    run_place = np.empty(room, np.int32)
    run_span = np.empty((room, 2), np.int32)  # first time, and the one after the last
    run_sign = np.empty(room, np.bool_)
    total_mass = np.empty(room, np.float64)
    total_size = np.empty(room, np.int64)
    for p in range(len(mass)):
        runs = 0
        for h in range(offsets[p], offsets[p + 1]):
            value = values[h]
            sign = value > 0
            statistic[p, 0] = max(statistic[p, 0], value)
            statistic[p, 1] = max(statistic[p, 1], -value)
            if not (positive if sign else negative) or abs(value) <= threshold:
                continue
            point = np.uint32(where[h] if all_kept else kept[where[h]])
            place = np.int64(point // times)  # of unsigned numbers the division is faster
            time = np.int64(point) - place * n_times
            if (
                runs > 0
                and run_place[runs - 1] == place
                and run_span[runs - 1, 1] == time
                and run_sign[runs - 1] == sign
            ):
                run_span[runs - 1, 1] = time + 1
                continue
            if runs == 0 or run_place[runs - 1] != place:
                of_place[place, 0] = runs
            of_place[place, 1] = runs + 1
            run_place[runs] = place
            run_span[runs, 0] = time
            run_span[runs, 1] = time + 1
            run_sign[runs] = sign
            parent[runs] = runs
            runs += 1
        r = 0
        while r < runs:
            place = run_place[r]
            stop = of_place[place, 1]
            for e in range(indptr[place], indptr[place + 1]):
                other = indices[e]
                b = of_place[other, 0]
                if b < 0:
                    continue
                a = r
                b_stop = of_place[other, 1]
                while a < stop and b < b_stop:
                    if (
                        (run_sign[a] == run_sign[b])
                        & (run_span[a, 0] < run_span[b, 1])
                        & (run_span[b, 0] < run_span[a, 1])
                    ):
                        _join(parent, a, b)
                    if run_span[a, 1] <= run_span[b, 1]:
                        a += 1
                    else:
                        b += 1
            r = stop
        for r in range(runs):
            total_mass[r] = 0.0
            total_size[r] = 0
            of_place[run_place[r], 0] = -1
        # In the order of the points, so that a mass has the same bits as in the twin.
        r = -1
        left = 0
        for h in range(offsets[p], offsets[p + 1]):
            value = values[h]
            if not (positive if value > 0 else negative) or abs(value) <= threshold:
                continue
            if left == 0:
                r += 1
                left = run_span[r, 1] - run_span[r, 0]
            left -= 1
            root = _root(parent, r)
            total_mass[root] += abs(value) - less
            total_size[root] += 1
        for r in range(runs):
            if parent[r] == r:
                side = 0 if run_sign[r] else 1
                mass[p, side] = max(mass[p, side], total_mass[r])
                size[p, side] = max(size[p, side], total_size[r])
