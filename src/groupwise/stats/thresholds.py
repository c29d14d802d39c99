"""Between a statistic and its parametric p.

`scipy.special` is called directly: `scipy.stats` gives the same numbers and takes longer to
import than a small block of permutations takes to run.
"""

from collections.abc import Mapping

import numpy as np
from scipy.special import betaincinv, fdtrc, stdtr, stdtrit

from groupwise.errors import InputError
from groupwise.stats.designs import Design, check_alternative


def p_of_t(t: np.ndarray, df: float | np.ndarray, alternative: str) -> np.ndarray:
    """p of Student's t; "two-sided", "greater" or "less". NaN stays NaN."""
    if alternative == "two-sided":
        return 2.0 * stdtr(df, -np.abs(t))
    return stdtr(df, -t if alternative == "greater" else t)


def p_of_f(f: np.ndarray, df: tuple[float | np.ndarray, float | np.ndarray]) -> np.ndarray:
    """Upper-tail p of F. NaN stays NaN."""
    f = np.asarray(f, dtype=float)
    return np.where(np.isposinf(f), 0.0, fdtrc(df[0], df[1], f))


def p_of(design: Design, statistic: np.ndarray, n: int, alternative: str) -> np.ndarray:
    """Parametric p of a design's statistic with n subjects."""
    check_alternative(design, alternative)
    df = design.df(n)
    if design.statistic == "F":
        return p_of_f(statistic, df)
    return p_of_t(statistic, df[1], alternative)


def cluster_threshold(
    design: Design, n: int, threshold: Mapping[str, float], alternative: str
) -> float:
    """The cluster-forming threshold as a (positive) value of the design's statistic.

    Parameters
    ----------
    threshold : {"p": ...} or {"stat": ...}. A p is converted with the design's degrees of
        freedom; a two-sided t has p/2 on each side, an F its upper tail.

    Raises
    ------
    InputError : not one of the two, or out of range.
    """
    check_alternative(design, alternative)
    if set(threshold) not in ({"p"}, {"stat"}):
        raise InputError(
            f"cluster threshold {dict(threshold)}: give one of {{p: ...}} and {{stat: ...}}"
        )
    if "stat" in threshold:
        value = float(threshold["stat"])
        if not 0 < value < np.inf:
            raise InputError(f"cluster threshold stat: {value} is not a positive number")
        return value
    p = float(threshold["p"])
    if not 0 < p < (1 if design.statistic == "F" or alternative == "two-sided" else 0.5):
        raise InputError(
            f"cluster threshold p: {p} is no usable level; give a small one such as 0.001"
        )
    df = design.df(n)
    if design.statistic == "F":
        # By way of the beta distribution's lower tail: 1 - p would round a small p away.
        x = betaincinv(df[1] / 2, df[0] / 2, p)
        return float(df[1] * (1 - x) / (df[0] * x))
    return float(-stdtrit(df[1], p / 2 if alternative == "two-sided" else p))
