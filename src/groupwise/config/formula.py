"""Contrasts as users write them: sums of conditions by name, never typed zeros."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

import numpy as np

from groupwise.errors import InputError

#: A term of a contrast: sign, weight (a number or a fraction), name of a condition or tag.
TERM = re.compile(r"\s*([+-]?)\s*(?:(\d*\.?\d+)(?:\s*/\s*(\d*\.?\d+))?\s*\*?)?\s*([A-Za-z_][\w/]*)")


def weights_of(formula: str, conditions: Sequence[str]) -> np.ndarray:
    """Weights of the conditions in a sum such as "famous - scrambled" or "0.5*a + 1/2 b - c".

    A name that is a condition stands for it; one that is a tag of several conditions (their names
    have tags parted by /) for their mean.

    Returns
    -------
    (conditions,) float64.

    Raises
    ------
    InputError : the formula is no sum of names, a name is no condition and no tag, or all weights
        are 0.
    """
    conditions = list(conditions)
    weights = np.zeros(len(conditions))
    rest = formula
    while rest.strip():
        term = TERM.match(rest)
        if term is None or (rest is not formula and not term[1]):
            raise InputError(
                f"contrast {formula!r}: {rest.strip()!r} is no term; write a sum such as "
                f"{conditions[0]} - {conditions[-1]}, each condition with a number before it"
            )
        if term[3] and not float(term[3]):
            raise InputError(f"contrast {formula!r}: divides by 0")
        sign = -1.0 if term[1] == "-" else 1.0
        weight = sign * float(term[2] or 1) / float(term[3] or 1)
        tags = set(term[4].split("/"))
        fitting = [k for k, name in enumerate(conditions) if tags <= set(name.split("/"))]
        if term[4] in conditions:
            fitting = [conditions.index(term[4])]
        if not fitting:
            known = sorted({tag for name in conditions for tag in (name, *name.split("/"))})
            near = get_close_matches(term[4], known, n=1)
            hint = f"; did you mean {near[0]}?" if near else f" ({', '.join(known)})"
            raise InputError(f"contrast {formula!r}: {term[4]} is no condition{hint}")
        weights[fitting] += weight / len(fitting)
        rest = rest[term.end() :]
    # Of terms that cancel, rounding may leave crumbs.
    weights[np.abs(weights) < 1e-12 * np.abs(weights).max(initial=0)] = 0
    if not weights.any():
        raise InputError(f"contrast {formula!r}: all its weights are 0")
    return weights


def contrasts_of(
    conditions: Sequence[str], contrasts: Mapping[str, str]
) -> dict[str, dict[str, float]]:
    """Weights of conditions, by name of a condition or contrast: those that are not 0."""
    named = {name: {name: 1.0} for name in conditions}
    for name, formula in contrasts.items():
        weights = weights_of(formula, conditions)
        named[name] = {
            condition: float(weight)
            for condition, weight in zip(conditions, weights, strict=True)
            if weight
        }
    return named
