"""Describe a test for the report: its design, its assumptions and the cautions."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from groupwise.permutation.wording import number
from groupwise.report.phrases import impulses
from groupwise.stats.declared import design_of_result
from groupwise.stats.names import StudyNames

#: Smallest epsilon without a caution, for tests that assume sphericity.
SPHERICAL = 0.75
#: Largest ratio of a subject's numbers of trials in two conditions without a caution.
UNEVEN = 1.2


def cautions(result: Mapping[str, Any], clusters: pd.DataFrame) -> list[str]:
    """Return the cautions for a test: coarse or uncertain p, non-sphericity, excluded points."""
    found = []
    count, alpha = int(result["Permutations"]), float(result["Alpha"])
    if 1 / count > alpha / 5:
        remedy = (
            "All distinct permutations were used: the number of subjects allows no more."
            if result["Exact"]
            else "Increase `permutations`."
        )
        found.append(
            f"Coarse p: {count:,} permutations allow no p below {number(1 / count)}, and alpha is "
            f"{alpha:g}. {remedy}"
        )
    if not result["Exact"] and len(clusters):
        wide = clusters[(clusters["p_low"] <= alpha) & (clusters["p_high"] > alpha)]
        if len(wide):
            names = ", ".join(str(i) for i in wide["id"])
            found.append(
                f"The Monte Carlo interval of p includes alpha ({alpha:g}) for "
                f"cluster{'s' if len(wide) > 1 else ''} {names}: more permutations could change "
                "the result."
            )
    epsilon = result.get("Epsilon")
    spherical = design_of_result(result).assumes_sphericity
    if spherical and epsilon is not None and epsilon < SPHERICAL:
        found.append(
            f"Not spherical: the Greenhouse-Geisser epsilon is {epsilon:.2f} at the median point. "
            "The exchange of conditions assumes an epsilon of 1; partitioned error does not."
        )
    lost = {why: int(k) for why, k in result["PointsExcluded"].items() if int(k)}
    if lost:
        total, tested = sum(lost.values()), int(result["PointsTested"])
        why = ", ".join(f"{name}: {k:,}" for name, k in lost.items())
        found.append(f"{total:,} of {total + tested:,} points were excluded ({why}).")
    return found


def design_words(result: Mapping[str, Any], analysis: Mapping[str, Any]) -> str:
    """Return the design in words; `analysis`, its part of the config, has the names of levels."""
    return design_of_result(result).describe(study_names(result, analysis), result["Alternative"])


def study_names(result: Mapping[str, Any], analysis: Mapping[str, Any]) -> StudyNames:
    """Return the names of conditions, levels and sums of a tested design from the config."""
    sums = (analysis.get("contrasts") or {}).get(design_of_result(result).effect or "", [])
    return StudyNames(
        conditions=analysis.get("conditions") or (),
        levels=analysis.get("within") or {},
        sums=[sums] if isinstance(sums, str) else sums,
    )


def formula_words(result: Mapping[str, Any], analysis: Mapping[str, Any]) -> str:
    """Return the weighted sums of a contrast from the config, in brackets after a space."""
    return study_names(result, analysis).in_brackets


def assumption_words(result: Mapping[str, Any]) -> str:
    """Return what the permutations assume under the null hypothesis."""
    return design_of_result(result).assumption


def uneven_trials(trials: pd.DataFrame) -> list[str]:
    """Return a caution if subjects have unequal numbers of trials in their conditions.

    Parameters
    ----------
    trials : numbers of trials, subjects by conditions.
    """
    ratio = (trials.max(axis=1) / trials.min(axis=1)).dropna()
    uneven = ratio[ratio > UNEVEN].sort_values(ascending=False)
    if not len(uneven):
        return []
    names = ", ".join(f"{subject} ({value:.2g}:1)" for subject, value in uneven.head(5).items())
    return [
        f"Uneven trials in {len(uneven)} of {len(trials)} subjects ({names}"
        f"{', ...' if len(uneven) > 5 else ''}): noise increases the magnitudes of conditions with "
        "fewer trials. Set `meeg.epochs.equalize: true` to make the numbers of trials equal."
    ]


def impulse_caution(recordings: pd.DataFrame, section: str) -> list[str]:
    """Return a caution if conditions are modelled as impulses, so that effects have no units.

    Parameters
    ----------
    recordings : table of the input check.
    section : section of the config.
    """
    words = impulses(recordings, "percent" if section == "fmri" else "concentrations")
    return [f"{words} Set `{section}.stim_duration` for such units."] if words else []
