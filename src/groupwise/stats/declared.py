"""Any design from its dict form, how many resamplings it has, and the smallest p they can give."""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from groupwise.errors import InputError
from groupwise.stats.between import (
    GLM,
    Between,
    Mixed,
    Regression,
    TwoSample,
    pooled_anova,
    pooled_contrast,
)
from groupwise.stats.designs import Contrast, Design, OneSample, Paired, Within, is_symmetric

KINDS = {
    k.__name__: k
    for k in (OneSample, Paired, Contrast, Within, TwoSample, Between, Mixed, Regression, GLM)
}


def design_from_dict(spec: Mapping[str, Any]) -> Design:
    """The design that `to_dict` describes; InputError where there is no such design.

    "Pooled" stands for the GLM of `pooled_anova`, or with weights of `pooled_contrast`.
    """
    spec = dict(spec)
    kind = spec.pop("design", None)
    if kind == "Pooled":
        return (pooled_contrast if "weights" in spec else pooled_anova)(**spec)
    if kind not in KINDS:
        raise InputError(f"design {kind!r} is unknown; it is one of {', '.join(KINDS)}")
    try:
        return KINDS[kind](**spec)
    except TypeError as error:
        raise InputError(f"design {kind} with {spec}: {error}") from error


def distinct_flips(n: int, symmetric: bool) -> int:
    """Number of distinct sign flips of n subjects, D."""
    return 2 ** (n - 1 if symmetric else n)


def distinct_orders(types: np.ndarray, blocks: np.ndarray) -> int:
    """Number of distinct orders D of rows of some types, exchanged within blocks."""
    count = 1
    for block in np.unique(blocks):
        here = Counter(np.asarray(types)[blocks == block].tolist())
        count *= math.factorial(here.total())
        for same in here.values():
            count //= math.factorial(same)
    return count


def floor_of(design: Design, n: int, alternative: str = "two-sided") -> tuple[int, float]:
    """Number of distinct resamplings D, and the smallest p that they can give, 1/D.

    A study whose alpha is below 1/D can not find anything: this tells it before any work.
    """
    symmetric = is_symmetric(design, alternative)
    design.df(n)
    if design.exchange == "signs":
        distinct = distinct_flips(n, symmetric)
    else:
        distinct = distinct_orders(design.partition.types, design.partition.blocks)
    return distinct, 1 / distinct  # of integers: no float overflows
