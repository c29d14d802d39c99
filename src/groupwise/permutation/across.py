"""Correction for several effects of an analysis, and step-down over points."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from groupwise.errors import InputError
from groupwise.permutation.blocks import run_block
from groupwise.permutation.infer import Result, count_reaching, orient_values
from groupwise.permutation.merge import Null
from groupwise.permutation.prepared import Prepared
from groupwise.permutation.statistic import tie_bounds


def smallest_p(nulls: Sequence[Null], kind: str) -> np.ndarray:
    """Return the smallest p over several effects of each permutation, (N,) (Tippett's combination).

    The maxima of different effects have different scales, because their degrees of freedom differ.
    So the maximum of each permutation is first converted to its p within its effect.

    Parameters
    ----------
    nulls : null distributions of effects that have the same resamplings.
    kind : "mass", "size" or "statistic".

    Raises
    ------
    InputError : the effects have different resamplings.
    """
    if len({(null.n, null.distinct) for null in nulls}) > 1:
        counts = ", ".join(f"{null.n} of {null.distinct}" for null in nulls)
        raise InputError(
            f"effects with different resamplings ({counts}) cannot be corrected together: an "
            "effect within subjects flips signs, one between groups exchanges subjects; correct "
            "them in two analyses"
        )
    ps = []
    for null in nulls:
        maxima = getattr(null, kind).max(axis=1)
        ps.append(count_reaching(maxima, maxima) / null.n)
    return np.min(ps, axis=0)


def correct_across(result: Result, nulls: Sequence[Null]) -> Result:
    """Return a result with p that are also corrected for several effects.

    Parameters
    ----------
    result : result of one of the effects.
    nulls : null distributions of all effects, including that of the result.

    Returns
    -------
    Result : its clusters have the column `p_across`, its maps `p_max_across`.

    Raises
    ------
    InputError : the null distribution of the result is missing, or resamplings differ.
    """
    if result.null.digest not in {null.digest for null in nulls}:
        raise InputError(
            "the null distribution of the effect is not one of those of the analysis; add it"
        )
    mass, statistic = smallest_p(nulls, "mass"), smallest_p(nulls, "statistic")
    table = result.clusters.copy()
    table.insert(
        table.columns.get_loc("p_high") + 1, "p_across", _share_at_most(mass, table["p"].to_numpy())
    )
    maps = result.maps | {"p_max_across": _share_at_most(statistic, result.p_max)}
    return replace(result, clusters=table, maps=maps)


def _share_at_most(null: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Return the share of permutations whose smallest p is at most each p; NaN for NaN."""
    # p are multiples of 1/N, so that half a step is larger than any rounding error.
    count = np.searchsorted(np.sort(null), p + 0.5 / len(null), side="right")
    return np.where(np.isnan(p), np.nan, count / len(null))


def step_down(result: Result, threads: int = 1) -> Result:
    """Return a result with the map `p_step_down`, the p of the step-down maximum statistic.

    Points with p <= alpha are removed, and the remaining points are compared with their own maximum
    statistic, until no more points are found (Holmes et al. 1996, J Cereb Blood Flow Metab 16:7;
    Romano and Wolf 2005, J Am Stat Assoc 100:94). It finds all points that the maximum statistic
    finds, and possibly more, at the same family-wise error rate.

    Parameters
    ----------
    threads : number of threads; no result depends on it.

    Raises
    ------
    InputError : the variance is regularised by a share of the largest variance, which depends on
        the set of points.
    """
    prepared = result.prepared
    if prepared.hat is not None and "relative" in prepared.hat:
        raise InputError(
            "step-down: a relative hat depends on the set of points; give an absolute one"
        )
    least = orient_values(prepared, tie_bounds(prepared))
    p = result.p_max.ravel()[prepared.kept]
    left = p > result.alpha
    while left.any() and not left.all():
        rest = _select_points(prepared, left)
        null = run_block(rest, 0, result.null.n, threads=threads).statistic.max(axis=1)
        stepped = count_reaching(null, least[left]) / result.null.n
        found = stepped <= result.alpha
        p[left] = stepped
        if not found.any():
            break
        left[np.flatnonzero(left)[found]] = False
    everywhere = np.full(prepared.n_points, np.nan)
    everywhere[prepared.kept] = p
    maps = result.maps | {"p_step_down": everywhere.reshape(prepared.shape)}
    return replace(result, maps=maps)


def _select_points(prepared: Prepared, points: np.ndarray) -> Prepared:
    """Return a prepared effect with some of the tested points, a bool for each."""
    return replace(
        prepared,
        values=np.ascontiguousarray(prepared.values[:, :, points]),
        kept=prepared.kept[points],
        power=prepared.power[points] if len(prepared.power) else prepared.power,
        thresholds=prepared.thresholds[:1],
        tfce=None,
    )
