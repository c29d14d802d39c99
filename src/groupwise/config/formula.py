"""Contrasts as users write them: weighted sums of named conditions."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

import numpy as np

from groupwise.errors import InputError

#: A term of a contrast: sign, weight (a number or fraction), name of a condition or tag.
TERM = re.compile(r"\s*([+-]?)\s*(?:(\d*\.?\d+)(?:\s*/\s*(\d*\.?\d+))?\s*\*?)?\s*([A-Za-z_][\w/]*)")


def weights_of(formula: str, conditions: Sequence[str]) -> np.ndarray:
    """Return the weights of the conditions in a sum, such as "famous - scrambled".

    Terms have an optional weight, as in "0.5*a + 1/2 b - c". A term is the name of a condition, or
    one or more tags (separated by /), which select the mean of all conditions that have them.

    Returns
    -------
    (conditions,) float64.

    Raises
    ------
    InputError : the formula is not a sum of names, a name is neither a condition nor a tag, or all
        weights are 0.
    """
    conditions = list(conditions)
    weights = np.zeros(len(conditions))
    rest = formula
    while rest.strip():
        term = TERM.match(rest)
        if term is None or (rest is not formula and not term[1]):
            raise InputError(
                f"contrast {formula!r}: {rest.strip()!r} is not a term; write a sum such as "
                f"{conditions[0]} - {conditions[-1]}, with an optional number before each name"
            )
        if term[3] and not float(term[3]):
            raise InputError(f"contrast {formula!r}: has a weight divided by 0; correct the weight")
        sign = -1.0 if term[1] == "-" else 1.0
        weight = sign * float(term[2] or 1) / float(term[3] or 1)
        tags = set(term[4].split("/"))
        fitting = [k for k, name in enumerate(conditions) if tags <= set(name.split("/"))]
        if term[4] in conditions:
            fitting = [conditions.index(term[4])]
        if not fitting:
            known = sorted({tag for name in conditions for tag in (name, *name.split("/"))})
            near = get_close_matches(term[4], known, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; known: {', '.join(known)}"
            raise InputError(f"contrast {formula!r}: {term[4]} is not a condition or tag{hint}")
        weights[fitting] += weight / len(fitting)
        rest = rest[term.end() :]
    # Terms that cancel can leave rounding errors.
    weights[np.abs(weights) < 1e-12 * np.abs(weights).max(initial=0)] = 0
    if not weights.any():
        raise InputError(f"contrast {formula!r}: all weights are 0; add a term or correct a weight")
    return weights


def contrasts_of(
    conditions: Sequence[str], contrasts: Mapping[str, str]
) -> dict[str, dict[str, float]]:
    """Return the nonzero weights of conditions, for each condition and contrast by name."""
    named = {name: {name: 1.0} for name in conditions}
    for name, formula in contrasts.items():
        weights = weights_of(formula, conditions)
        named[name] = {
            condition: float(weight)
            for condition, weight in zip(conditions, weights, strict=True)
            if weight
        }
    return named
