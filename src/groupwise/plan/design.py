"""Declare the design of each effect of an analysis, as plain values."""

from collections.abc import Mapping, Sequence
from typing import Any

from groupwise.config.analysis import Analysis
from groupwise.errors import InputError
from groupwise.inputs.participants import values_of

#: Name of the effect of the intercept in the config.
MEAN = "mean"


def declare_design(
    analysis: Analysis,
    effect: str,
    subjects: Sequence[str],
    people: Mapping[str, Mapping[str, str]],
    origin: str,
) -> dict[str, Any]:
    """Return the dict form of the design of one effect.

    Parameters
    ----------
    effect : one of `analysis.effect_names`.
    subjects : labels in the order of the maps.
    people : columns of each subject; empty if the analysis has no groups and no covariates.
    origin : file from which `people` was read, for messages.

    Raises
    ------
    InputError : a group or covariate is missing or not usable; all such subjects are listed.
    """
    factors = {name: len(levels) for name, levels in (analysis.within or {}).items()}
    weights = [1.0, -1.0] if analysis.test == "paired" else None
    if analysis.between:
        ((column, levels),) = analysis.between.items()
        groups = values_of(people, subjects, column, origin, levels)
        common = {"groups": groups, "levels": levels}
        if factors:
            return {"design": "Mixed", **common, "group": column, "factors": factors,
                    "effect": effect}  # fmt: skip
        if len(levels) > 2:
            return {"design": "Between", **common, "weights": weights}
        return {"design": "TwoSample", **common, "variances": analysis.variances,
                "weights": weights}  # fmt: skip
    if analysis.covariates:
        covariates, findings = {}, []
        for name in analysis.covariates:
            try:
                covariates[name] = values_of(people, subjects, name, origin)
            except InputError as error:
                findings += error.findings
        if findings:
            raise InputError(list(dict.fromkeys(findings)))
        tested = "intercept" if effect == MEAN else effect
        return {"design": "Regression", "covariates": covariates, "effect": tested,
                "weights": weights}  # fmt: skip
    if not factors:
        return {"design": "Paired" if analysis.test == "paired" else "OneSample"}
    if analysis.contrasts:
        named = {"weights": analysis.weights(effect), "name": effect}
        if analysis.error == "pooled":
            return {"design": "Pooled", **named, "subjects": len(subjects)}
        return {"design": "Contrast", **named}
    if analysis.error == "pooled":
        return {"design": "Pooled", "factors": factors, "effect": effect,
                "subjects": len(subjects)}  # fmt: skip
    return {"design": "Within", "factors": factors, "effect": effect}
