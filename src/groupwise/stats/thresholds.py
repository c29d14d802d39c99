"""Convert between a statistic and its parametric p.

`scipy.special` is called directly, because the import of `scipy.stats` takes longer than a small
block of permutations.
"""

from collections.abc import Mapping

import numpy as np
from scipy.special import betaincinv, fdtrc, stdtr, stdtrit

from groupwise.errors import InputError
from groupwise.stats.designs import Design, check_alternative


def p_of_t(t: np.ndarray, df: float | np.ndarray, alternative: str) -> np.ndarray:
    """Return p of Student's t; the alternative is "two-sided", "greater" or "less"."""
    if alternative == "two-sided":
        return 2.0 * stdtr(df, -np.abs(t))
    return stdtr(df, -t if alternative == "greater" else t)


def p_of_f(f: np.ndarray, df: tuple[float | np.ndarray, float | np.ndarray]) -> np.ndarray:
    """Return the upper-tail p of F."""
    f = np.asarray(f, dtype=float)
    return np.where(np.isposinf(f), 0.0, fdtrc(df[0], df[1], f))


def p_of(design: Design, statistic: np.ndarray, n: int, alternative: str) -> np.ndarray:
    """Return the parametric p of the statistic of a design with n rows."""
    check_alternative(design, alternative)
    df = design.df(n)
    if design.statistic == "F":
        return p_of_f(statistic, df)
    return p_of_t(statistic, df[1], alternative)


def cluster_threshold(
    design: Design, n: int, threshold: Mapping[str, float], alternative: str
) -> float:
    """Return the cluster-forming threshold as a positive value of the statistic.

    Parameters
    ----------
    threshold : {"p": ...} or {"stat": ...}. A p is converted with the degrees of freedom of the
        design: a two-sided t has p/2 on each side, and F has p in its upper tail.

    Raises
    ------
    InputError : the threshold has neither or both keys, or a value out of range.
    """
    check_alternative(design, alternative)
    if set(threshold) not in ({"p"}, {"stat"}):
        raise InputError(
            f"cluster threshold is {dict(threshold)}; give either {{p: ...}} or {{stat: ...}}"
        )
    if "stat" in threshold:
        value = float(threshold["stat"])
        if not 0 < value < np.inf:
            raise InputError(f"cluster threshold stat is {value}; give a positive number")
        return value
    p = float(threshold["p"])
    if not 0 < p < (1 if design.statistic == "F" or alternative == "two-sided" else 0.5):
        raise InputError(
            f"cluster threshold p is {p}, which is out of range; give a small p such as 0.001"
        )
    df = design.df(n)
    if design.statistic == "F":
        # Use the lower tail of the beta distribution, because 1 - p loses a small p by rounding.
        x = betaincinv(df[1] / 2, df[0] / 2, p)
        return float(df[1] * (1 - x) / (df[0] * x))
    return float(-stdtrit(df[1], p / 2 if alternative == "two-sided" else p))
