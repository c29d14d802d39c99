"""Cautions for contrasts that compare conditions with weights that do not sum to 0.

They are no errors: in `AV - A - V`, the criterion of superadditive responses, the sum is -1.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from groupwise.config.formula import weights_of

#: Largest sum of weights, relative to the largest weight, that counts as 0: a rounding error of
#: float64, but not of weights such as 0.33 for 1/3.
ROUNDING = 1e-6


def contrast_cautions(
    analysis: Mapping[str, Any], section: Mapping[str, Any], effect: str | None = None
) -> list[str]:
    """Return the cautions for the contrasts of an analysis, each with its key.

    Sums of one sign, such as `famous` or `famous + unfamiliar`, test responses against the baseline
    and have no caution.

    Parameters
    ----------
    analysis : analysis of the config, as plain values.
    section : section of its data, whose contrasts the analysis may use as conditions.
    effect : effect of the analysis to which its own contrasts are limited.
    """
    within = (analysis.get("within") or {}).values()
    cells = ["/".join(levels) for levels in product(*within)] if within else []
    cautions = []
    for name, sums in (analysis.get("contrasts") or {}).items():
        if effect in (None, name):
            for formula in [sums] if isinstance(sums, str) else sums:
                cautions += _caution(f"contrasts.{name}", formula, cells)
    tags = [set(name.split("/")) for name in cells or analysis.get("conditions") or ()]
    for name, formula in (section.get("contrasts") or {}).items():
        if any(each <= set(name.split("/")) for each in tags):
            key = f"{analysis['data']}.contrasts.{name}"
            cautions += _caution(key, formula, list(section["conditions"]))
    return cautions


def _caution(key: str, formula: str, conditions: Sequence[str]) -> list[str]:
    weights = weights_of(formula, conditions)
    total = float(weights.sum())
    one_sign = (weights >= 0).all() or (weights <= 0).all()
    if one_sign or abs(total) <= ROUNDING * np.abs(weights).max():
        return []
    return [
        f"{key}: the weights of {formula!r} sum to {total:.4g}, not 0, so a response that is the "
        "same in all conditions also changes the result. If the conditions are to be compared, "
        "correct the weights (1/3 is more exact than 0.33)."
    ]
