"""Correction across the effects of an analysis, and step-down over points."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from groupwise.errors import InputError
from groupwise.permutation.blocks import run_block
from groupwise.permutation.infer import Result, oriented, reaching
from groupwise.permutation.merge import Null
from groupwise.permutation.prepared import Prepared
from groupwise.permutation.statistic import tie_bounds


def smallest_p(nulls: Sequence[Null], kind: str) -> np.ndarray:
    """(N,) smallest p of each permutation over several effects (Tippett's combination).

    Maxima of different effects have different scales (their degrees of freedom differ), so each
    permutation's maximum is first turned into its p within its own effect.

    Parameters
    ----------
    nulls : of effects that share their permutations.
    kind : "mass", "size" or "statistic".

    Raises
    ------
    InputError : the nulls are not of the same permutations.
    """
    if len({(null.n, null.distinct) for null in nulls}) > 1:
        counts = ", ".join(f"{null.n} of {null.distinct}" for null in nulls)
        raise InputError(
            f"effects with different resamplings ({counts}) cannot be corrected together: an "
            "effect within subjects flips signs, one between groups exchanges subjects"
        )
    ps = []
    for null in nulls:
        maxima = getattr(null, kind).max(axis=1)
        ps.append(reaching(maxima, maxima) / null.n)
    return np.min(ps, axis=0)


def correct_across(result: Result, nulls: Sequence[Null]) -> Result:
    """A result with p that are corrected over several effects too.

    Parameters
    ----------
    result : of one of the effects.
    nulls : null distributions of all of them, this one's among them.

    Returns
    -------
    The result, its clusters with the column `p_across`, its maps with `p_max_across`.
    """
    if result.null.digest not in {null.digest for null in nulls}:
        raise InputError("the effect's own null distribution is not among those of the analysis")
    mass, statistic = smallest_p(nulls, "mass"), smallest_p(nulls, "statistic")
    table = result.clusters.copy()
    table.insert(
        table.columns.get_loc("p_high") + 1, "p_across", _share(mass, table["p"].to_numpy())
    )
    maps = result.maps | {"p_max_across": _share(statistic, result.p_max)}
    return replace(result, clusters=table, maps=maps)


def _share(null: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Share of permutations whose smallest p is at or below each p; NaN stays NaN."""
    # p are multiples of 1/N: half of one is beyond any rounding.
    count = np.searchsorted(np.sort(null), p + 0.5 / len(null), side="right")
    return np.where(np.isnan(p), np.nan, count / len(null))


def step_down(result: Result, threads: int = 1) -> Result:
    """A result with `p_step_down`, the p of the maximum statistic with step-down.

    Points whose p is at or below alpha are taken out and the others are compared with the largest
    statistic among themselves, until no more are found (Holmes et al. 1996, J Cereb Blood Flow
    Metab 16:7; Romano and Wolf 2005, J Am Stat Assoc 100:94). It finds what the plain maximum
    statistic finds and may find more, at the same family-wise error rate.

    Raises
    ------
    InputError : the variance is regularised by the map's largest one, which would change with
        the points.
    """
    prepared = result.prepared
    if prepared.hat is not None and "relative" in prepared.hat:
        raise InputError("step-down: a relative hat changes with the points; give an absolute one")
    least = oriented(prepared, tie_bounds(prepared))
    p = result.p_max.ravel()[prepared.kept]
    left = p > result.alpha
    while left.any() and not left.all():
        rest = _subset(prepared, left)
        null = run_block(rest, 0, result.null.n, threads=threads).statistic.max(axis=1)
        stepped = reaching(null, least[left]) / result.null.n
        found = stepped <= result.alpha
        p[left] = stepped
        if not found.any():
            break
        left[np.flatnonzero(left)[found]] = False
    everywhere = np.full(prepared.n_points, np.nan)
    everywhere[prepared.kept] = p
    maps = result.maps | {"p_step_down": everywhere.reshape(prepared.shape)}
    return replace(result, maps=maps)


def _subset(prepared: Prepared, points: np.ndarray) -> Prepared:
    return replace(
        prepared,
        values=np.ascontiguousarray(prepared.values[:, :, points]),
        kept=prepared.kept[points],
        power=prepared.power[points] if len(prepared.power) else prepared.power,
        thresholds=prepared.thresholds[:1],
        tfce=None,
    )
