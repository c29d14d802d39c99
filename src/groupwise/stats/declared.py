"""Create designs from their dict form; count their resamplings; compute the smallest p."""

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from functools import lru_cache
from typing import Any

import numpy as np

import groupwise.stats.between as between
import groupwise.stats.designs as designs
import groupwise.stats.linear as linear
from groupwise.errors import InputError
from groupwise.stats.designs import Design, is_symmetric
from groupwise.stats.linear import pooled_error

#: Every design by the item "design" of its dict form: the dataclasses of these modules. "Pooled"
#: creates the GLM of a pooled-error model from factors or weights instead of a design matrix.
DESIGNS: dict[str, Callable[..., Design]] = {
    name: each
    for module in (designs, between, linear)
    for name, each in vars(module).items()
    if isinstance(each, type) and issubclass(each, Design) and is_dataclass(each)
}
DESIGNS["Pooled"] = pooled_error


def design_from_dict(spec: Mapping[str, Any]) -> Design:
    """Return the design of a dict from `to_dict`. Raises `InputError` for an unknown design."""
    spec = dict(spec)
    kind = spec.pop("design", None)
    if kind not in DESIGNS:
        raise InputError(f"design {kind!r} is unknown; it is one of {', '.join(DESIGNS)}")
    try:
        return DESIGNS[kind](**spec)
    except TypeError as error:
        raise InputError(f"design {kind} with {spec}: {error}") from error


def design_of_result(result: Mapping[str, Any]) -> Design:
    """Return the design of a result.json, from this version or an earlier one."""
    return _design_from_json(json.dumps(result["Design"]))


@lru_cache(maxsize=64)
def _design_from_json(text: str) -> Design:
    # Creating a pooled-error model of many maps takes 0.1 s, and a report needs it many times.
    return design_from_dict(json.loads(text))


def distinct_flips(n: int, symmetric: bool) -> int:
    """Return the number of distinct sign flips of n subjects, D."""
    return 2 ** (n - 1 if symmetric else n)


def distinct_orders(types: np.ndarray, blocks: np.ndarray) -> int:
    """Return the number of distinct orders D of rows, exchanged within blocks.

    Parameters
    ----------
    types : (n,) row types; exchanging rows of the same type changes nothing.
    blocks : (n,) exchangeability block of each row.
    """
    count = 1
    for block in np.unique(blocks):
        here = Counter(np.asarray(types)[blocks == block].tolist())
        count *= math.factorial(here.total())
        for same in here.values():
            count //= math.factorial(same)
    return count


def floor_of(design: Design, n: int, alternative: str = "two-sided") -> tuple[int, float]:
    """Return the number of distinct resamplings D and the smallest p of an exact test, 1/D.

    If alpha is below 1/D, no result can be significant.

    Parameters
    ----------
    n : number of rows of the design, `design.n_rows(subjects)`.
    """
    symmetric = is_symmetric(design, alternative)
    design.df(n)
    if design.exchange == "signs":
        distinct = distinct_flips(n, symmetric)
    else:
        distinct = distinct_orders(design.partition.types, design.partition.blocks)
    return distinct, 1 / distinct  # a quotient of integers cannot overflow
