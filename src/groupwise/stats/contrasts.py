"""Effects of a factorial design as orthonormal contrasts of its cells."""

from collections.abc import Mapping
from difflib import get_close_matches
from itertools import combinations

import numpy as np

from groupwise.errors import InputError


def effects_of(factors: Mapping[str, int]) -> list[str]:
    """Return all effects of a factorial design: main effects, then interactions by order.

    >>> effects_of({"noise": 2, "angle": 3})
    ['noise', 'angle', 'noise:angle']
    """
    names = list(factors)
    return [
        ":".join(chosen)
        for order in range(1, len(names) + 1)
        for chosen in combinations(names, order)
    ]


def canonical_effect(factors: Mapping[str, int], effect: str) -> str:
    """Return the name of an effect with its factors in the order of the design.

    Raises
    ------
    InputError : a part of the name is not a factor of the design, or is repeated.
    """
    parts = [part.strip() for part in effect.split(":")]
    unknown = [part for part in parts if part not in factors]
    if unknown or len(set(parts)) < len(parts):
        near = get_close_matches(":".join(parts), effects_of(factors), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise InputError(
            f"effect {effect!r} is not an effect of the design; it has "
            f"{', '.join(effects_of(factors))}{hint}"
        )
    return ":".join(name for name in factors if name in parts)


def orthonormal_contrasts(levels: int) -> np.ndarray:
    """Return (levels, levels - 1) Helmert contrasts: orthonormal columns with a sum of 0."""
    matrix = np.zeros((levels, levels - 1))
    for j in range(1, levels):
        matrix[:j, j - 1] = 1.0
        matrix[j, j - 1] = -j
        matrix[:, j - 1] /= np.sqrt(j * (j + 1.0))
    return matrix


def effect_contrasts(factors: Mapping[str, int], effect: str) -> np.ndarray:
    """Return (cells, d) contrasts of an effect; the first factor varies slowest over the cells.

    They are the Kronecker product over the factors: of the orthonormal contrasts if the factor is
    part of the effect, and otherwise of the mean (1/sqrt(k) for each of k levels).
    """
    chosen = canonical_effect(factors, effect).split(":")
    matrix = np.ones((1, 1))
    for name, levels in factors.items():
        mean = np.full((levels, 1), 1.0 / np.sqrt(levels))
        matrix = np.kron(matrix, orthonormal_contrasts(levels) if name in chosen else mean)
    return matrix
