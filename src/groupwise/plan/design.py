"""The design of each effect of an analysis, as plain values."""

from collections.abc import Mapping, Sequence
from typing import Any

from groupwise.config.analysis import Analysis
from groupwise.errors import InputError
from groupwise.inputs.participants import values_of

#: What users call the intercept.
MEAN = "mean"


def declare_design(
    analysis: Analysis,
    effect: str,
    subjects: Sequence[str],
    people: Mapping[str, Mapping[str, str]],
    origin: str,
) -> dict[str, Any]:
    """Return the design of one effect in its dict form.

    Parameters
    ----------
    effect : one of `analysis.effect_names`.
    subjects : in the order of the maps.
    people : subject to its columns, where the analysis has groups or covariates.
    origin : of `people`, for messages.

    Raises
    ------
    InputError : a group or covariate that is absent or not usable, subject by subject.
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
