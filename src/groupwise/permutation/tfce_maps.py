"""TFCE of the observed map, and its largest values over maps of resamplings.

TFCE needs the statistic of every point of a map, so the screening of `scan` does not apply.
"""

from collections.abc import Iterator, Mapping

import numpy as np
from numba import njit

from groupwise.permutation.fixedpoint import SCALE
from groupwise.permutation.prepared import Prepared
from groupwise.permutation.scan import compute_hat_terms
from groupwise.permutation.statistic import compute_statistics
from groupwise.permutation.tfce import Workspace, largest_values, tfce_map

#: Points whose sums are computed together.
PANEL = 1024


def largest_tfce(
    prepared: Prepared, draw: np.ndarray, exponents: Mapping[str, float]
) -> np.ndarray:
    """Return the largest TFCE value of the map of each resampling, (k, sides) float64.

    Parameters
    ----------
    draw : (k, n) from `Prepared.draw`.
    """
    powers = (exponents["E"], exponents["H"])
    indptr, indices = prepared.adjacency.indptr, prepared.adjacency.indices
    places = (indptr.astype(np.int32), indices.astype(np.int32), prepared.n_times)
    work = Workspace(prepared.n_points, prepared.n_times)
    columns = [{1: 0, -1: 1}[side] for side in prepared.sides]
    found = [
        largest_values(each, *places, powers, work) for each in _statistic_maps(prepared, draw)
    ]
    return np.array(found).reshape(-1, 2)[:, columns]


def tfce_of_map(
    prepared: Prepared, values: np.ndarray, exponents: Mapping[str, float]
) -> np.ndarray:
    """Return the TFCE (points,) of a map (tested points,), negative on the negative side."""
    whole = np.zeros(prepared.n_points, np.float32)
    whole[prepared.kept] = values
    places = (
        prepared.adjacency.indptr.astype(np.int32),
        prepared.adjacency.indices.astype(np.int32),
    )
    powers = (exponents["E"], exponents["H"])
    enhanced = np.zeros_like(whole)
    for side in prepared.sides:
        enhanced = enhanced + side * tfce_map(whole, side, *places, prepared.n_times, powers)
    return enhanced


def _statistic_maps(prepared: Prepared, draw: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the statistic map of each resampling, (points,) float32, in the same memory.

    It is 0 at excluded points and for values on a side that is not tested.
    """
    whole = np.zeros(prepared.n_points, np.float32)
    low = 0.0 if -1 not in prepared.sides else -np.inf
    high = 0.0 if 1 not in prepared.sides else np.inf
    hat = np.zeros(len(draw))
    if prepared.hat and prepared.kind == "signs":
        hat = compute_hat_terms(prepared, draw, prepared.hat)
    power = prepared.power if prepared.hat else np.ones(1)
    df1, df2 = prepared.df
    for row, more in zip(draw, hat, strict=True):
        if prepared.kind != "signs":
            values = compute_statistics(prepared, row[None])[0]
            whole[prepared.kept] = np.clip(values, low, high)
        elif prepared.design.statistic == "t":
            root = np.sqrt(float(df2))
            common = (prepared.values[0], row.astype(np.int32), prepared.kept, root, more, power)
            _t_map(*common, float(SCALE), low, high, whole)
        else:
            flips = row.astype(np.int32)
            _f_map(prepared.values, flips, prepared.kept, df2 / df1, SCALE, whole)
        yield whole


# Compilers vectorise these loops because they use unsigned indices and `if else` expressions.


@njit(nogil=True, cache=True)
def _t_map(values, signs, kept, root, hat, power, scale, low, high, whole):
    """Fill `whole` with the t of all points, by the operations of `fixedpoint.t_of_units`."""
    points = values.shape[1]
    sums = np.empty(PANEL, np.int32)
    t = np.empty(PANEL, np.float32)
    more = np.zeros(PANEL, np.float64)
    most = scale - 1.0
    for start in range(0, points, PANEL):
        here = np.uint64(min(PANEL, points - start))
        _signed_sum(values, signs, start, here, sums)
        if len(power) == points:
            for j in range(here):
                more[j] = hat / power[start + j]
        for j in range(here):
            # The factors are integers below 2^53, so that their product is rounded correctly.
            u = np.float64(sums[j])
            u = u if u < most else most
            u = u if u > -most else -most
            value = root * u / np.sqrt((scale - u) * (scale + u) + more[j])
            value = value if value > low else low
            t[j] = value if value < high else high
        for j in range(here):
            whole[kept[start + j]] = t[j]


@njit(nogil=True, cache=True)
def _f_map(values, signs, kept, ratio, scale, whole):
    """Fill `whole` with the F of all points, by the operations of `fixedpoint.f_of_units`."""
    d, _, points = values.shape
    sums = np.empty(PANEL, np.int32)
    squares = np.empty(PANEL, np.int64)
    for start in range(0, points, PANEL):
        here = np.uint64(min(PANEL, points - start))
        squares[:] = 0
        for c in range(d):
            _signed_sum(values[c], signs, start, here, sums)
            for j in range(here):
                squares[j] += np.int64(sums[j]) * np.int64(sums[j])
        for j in range(here):
            w = min(squares[j], scale * scale - scale)
            f = ratio * np.float64(w) / np.float64(scale * scale - w)
            whole[kept[start + j]] = f


@njit(nogil=True, cache=True)
def _signed_sum(values, signs, start, here, sums):
    """Fill `sums` with the signed sums of the points start..start+here-1."""
    for j in range(here):
        sums[j] = np.int32(0)
    for i in range(len(values)):
        row = values[i, start : start + np.int64(here)]
        if signs[i] > 0:
            for j in range(here):
                sums[j] = np.int32(sums[j] + row[j])
        else:
            for j in range(here):
                sums[j] = np.int32(sums[j] - row[j])
