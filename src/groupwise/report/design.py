"""What a reader must know of a test: its design in words, what it assumes, what to beware of."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from groupwise.permutation.wording import ALTERNATIVES, effect_words, groups_words, number

#: Below this epsilon, a test that takes errors as spherical is warned of.
SPHERICAL = 0.75
#: Largest to smallest number of a subject's trials above which conditions are called uneven.
UNEVEN = 1.2


def cautions(result: Mapping[str, Any], clusters: pd.DataFrame) -> list[str]:
    """Why a p may mislead: coarse steps, wide intervals, errors not spherical, lost points."""
    found = []
    count, alpha = int(result["Permutations"]), float(result["Alpha"])
    if 1 / count > alpha / 5:
        more = (
            "the number of subjects allows no more"
            if result["Exact"]
            else "ask for more permutations"
        )
        found.append(
            f"Coarse p: {count:,} permutations allow no p below {number(1 / count)}, and alpha is "
            f"{alpha:g}; {more}."
        )
    if not result["Exact"] and len(clusters):
        wide = clusters[(clusters["p_low"] <= alpha) & (clusters["p_high"] > alpha)]
        if len(wide):
            names = ", ".join(str(i) for i in wide["id"])
            found.append(
                f"The Monte-Carlo interval of p holds alpha ({alpha:g}) for cluster {names}: more "
                "permutations could change the verdict."
            )
    epsilon = result.get("Epsilon")
    if result["Design"]["design"] == "GLM" and epsilon is not None and epsilon < SPHERICAL:
        found.append(
            f"Not spherical: epsilon (Greenhouse and Geisser) is {epsilon:.2f} at the median "
            "point, and exchanging conditions takes it as 1; the partitioned error does not."
        )
    lost = {why: int(k) for why, k in result["PointsExcluded"].items() if int(k)}
    if lost:
        total, tested = sum(lost.values()), int(result["PointsTested"])
        why = ", ".join(f"{name}: {k:,}" for name, k in lost.items())
        found.append(f"{total:,} of {total + tested:,} points were left out ({why}).")
    return found


def design_words(result: Mapping[str, Any], analysis: Mapping[str, Any]) -> str:
    """The design in words; `analysis` is its part of the config, for the names of levels."""
    design = result["Design"]
    kind = design.get("design")
    if kind == "Within":
        levels = analysis.get("within") or {}
        factors = " × ".join(
            f"{name} ({', '.join(levels[name]) if name in levels else f'{k} levels'})"
            for name, k in design["factors"].items()
        )
        sizes = " × ".join(str(k) for k in design["factors"].values())
        named = design["effect"].split(":")
        what = (
            f"main effect of {named[0]}" if len(named) == 1 else f"interaction {design['effect']}"
        )
        return f"Repeated measures, {sizes}: {factors}. Tested: {what}, with its own error term."
    conditions = analysis.get("conditions") or []
    value = " minus ".join(conditions) if len(conditions) == 2 else "one map"
    if kind in ("TwoSample", "Between"):
        test = "Welch's t" if design.get("variances") == "unequal" else result["Statistic"]
        return f"Groups of subjects: {groups_words(result)}; {value} of each subject, {test}."
    if kind == "Mixed":
        factors = " × ".join(f"{name} ({k} levels)" for name, k in design["factors"].items())
        return (
            f"Groups {groups_words(result)} × repeated measures {factors}. Tested: "
            f"{design['effect']}."
        )
    if kind == "Regression":
        others = [name for name in design["covariates"] if name not in design["effect"].split("+")]
        nuisance = f", given {', '.join(others)}" if others else ""
        return f"Regression: {value} of each subject on {effect_words(result)}{nuisance}."
    if kind == "Contrast":
        cells = len(design["weights"])
        return (
            f"Contrast of {cells} conditions of each subject{formula_words(result, analysis)}, "
            "against zero, with its own error term."
        )
    if kind == "GLM":
        return (
            "Pooled-error model with a regressor for each subject. Tested: "
            f"{effect_words(result)}{formula_words(result, analysis)}; errors are taken as "
            "exchangeable over conditions (sphericity)."
        )
    side = ALTERNATIVES.get(result["Alternative"], "two-sided")
    if kind == "Paired":
        pair = " minus ".join(conditions) if conditions else "first minus second condition"
        return f"Paired: {pair} of each subject, against zero, {side}."
    of = f" ({conditions[0]})" if conditions else ""
    return f"One sample: one map of each subject{of}, against zero, {side}."


def formula_words(result: Mapping[str, Any], analysis: Mapping[str, Any]) -> str:
    """The sum or sums that the config gives for a contrast, in brackets."""
    sums = (analysis.get("contrasts") or {}).get(result["Effect"])
    if sums is None:
        return ""
    return f" ({sums if isinstance(sums, str) else '; '.join(sums)})"


def assumption_words(result: Mapping[str, Any]) -> str:
    """What the permutations take as true under the null hypothesis."""
    kind = result["Design"]["design"]
    if kind == "GLM":
        return (
            "under the null hypothesis the errors of a subject's maps are exchangeable among the "
            "conditions (independent and of equal variance: sphericity)"
        )
    if result["Exchangeable"] == "signs":
        what = "scores" if kind in ("Within", "Contrast", "Mixed") else "values"
        return (
            f"under the null hypothesis the subjects' {what} are independent and distributed "
            "symmetrically about zero; neither normality nor sphericity is assumed"
        )
    if result["Design"].get("variances") == "unequal":
        return (
            "under the null hypothesis subjects are exchangeable between the groups; with Welch's "
            "t this holds in large samples also where variances differ"
        )
    if kind == "Regression":
        return (
            "under the null hypothesis the errors of the subjects, given the other covariates, are "
            "exchangeable (Freedman and Lane's permutation of residuals)"
        )
    return (
        "under the null hypothesis subjects are exchangeable between the groups (equal variances)"
    )


def uneven_trials(trials: pd.DataFrame) -> list[str]:
    """A caution for subjects whose conditions rest on unequal numbers of trials.

    Parameters
    ----------
    trials : subjects by conditions.
    """
    ratio = (trials.max(axis=1) / trials.min(axis=1)).dropna()
    uneven = ratio[ratio > UNEVEN].sort_values(ascending=False)
    if not len(uneven):
        return []
    names = ", ".join(f"{subject} ({value:.2g}:1)" for subject, value in uneven.head(5).items())
    return [
        f"Uneven trials in {len(uneven)} of {len(trials)} subjects ({names}"
        f"{', ...' if len(uneven) > 5 else ''}): noise makes magnitudes of conditions with fewer "
        "trials larger; `meeg.epochs.equalize` makes them even."
    ]
