"""Any design from its dict form, how many resamplings it has, and the smallest p they can give."""

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from groupwise.errors import InputError
from groupwise.stats.between import Between, Mixed, TwoSample
from groupwise.stats.designs import Contrast, Design, OneSample, Paired, Within, is_symmetric
from groupwise.stats.linear import GLM, Regression, pooled_error

#: Every design by the "design" of its dict form. "Pooled" is the GLM of a pooled-error model, by
#: what it is made of in place of its matrix.
DESIGNS: dict[str, Callable[..., Design]] = {
    "OneSample": OneSample,
    "Paired": Paired,
    "Contrast": Contrast,
    "Within": Within,
    "TwoSample": TwoSample,
    "Between": Between,
    "Mixed": Mixed,
    "Regression": Regression,
    "GLM": GLM,
    "Pooled": pooled_error,
}


def design_from_dict(spec: Mapping[str, Any]) -> Design:
    """The design that `to_dict` describes; InputError if there is no such design."""
    spec = dict(spec)
    kind = spec.pop("design", None)
    if kind not in DESIGNS:
        raise InputError(f"design {kind!r} is unknown; it is one of {', '.join(DESIGNS)}")
    try:
        return DESIGNS[kind](**spec)
    except TypeError as error:
        raise InputError(f"design {kind} with {spec}: {error}") from error


def design_of_result(result: Mapping[str, Any]) -> Design:
    """The design of a result.json, of this version or an earlier one."""
    return _design_from_json(json.dumps(result["Design"]))


@lru_cache(maxsize=64)
def _design_from_json(text: str) -> Design:
    # A pooled-error model of many maps takes a tenth of a second, and a report asks many times.
    return design_from_dict(json.loads(text))


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

    Parameters
    ----------
    n : rows of the design, `design.n_rows(subjects)`.
    """
    symmetric = is_symmetric(design, alternative)
    design.df(n)
    if design.exchange == "signs":
        distinct = distinct_flips(n, symmetric)
    else:
        distinct = distinct_orders(design.partition.types, design.partition.blocks)
    return distinct, 1 / distinct  # of integers: no float overflows
