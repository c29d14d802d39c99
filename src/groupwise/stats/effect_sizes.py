"""Effect sizes and their intervals from a statistic (Steiger 2004, Psychol Methods 9).

The ends of an interval are the noncentralities for which the observed statistic is a quantile of
the tail. The effect size of a peak is biased upwards, because the peak was selected for its size.

SciPy's distributions are imported in the functions, because their import takes longer than a small
block of permutations, which needs designs but no effect sizes.
"""

import math
from collections.abc import Callable

#: Largest noncentrality of the search.
FAR = 1e6


def cohens_d(t: float, df: float, scale: float, level: float = 0.95) -> tuple[float, float, float]:
    """Return Cohen's d of a mean or difference, and both ends of its interval.

    Parameters
    ----------
    t, df : statistic and degrees of freedom.
    scale : d / t, which is 1 / sqrt(n) for one sample or pairs, and sqrt(1 / n1 + 1 / n2) for two
        groups.
    level : confidence level of the interval.
    """
    from scipy import stats

    tail = (1 - level) / 2
    low, high = (_solve(lambda nc, q=q: stats.nct.cdf(t, df, nc) - q, t) for q in (1 - tail, tail))
    return t * scale, low * scale, high * scale


def partial_eta_squared(
    f: float, df1: float, df2: float, level: float = 0.95
) -> tuple[float, float, float]:
    """Return partial eta squared, effect / (effect + error), and both ends of its interval.

    An end is 0 if F is below the corresponding quantile of the central F distribution.
    """
    from scipy import stats

    tail = (1 - level) / 2
    ends = []
    for q in (1 - tail, tail):
        if stats.f.cdf(f, df1, df2) < q:
            ends.append(0.0)
            continue
        noncentral = _solve(lambda nc, q=q: stats.ncf.cdf(f, df1, df2, max(nc, 0.0)) - q, f * df1)
        noncentral = max(noncentral, 0.0)
        ends.append(noncentral / (noncentral + df1 + df2 + 1))
    return f * df1 / (f * df1 + df2), ends[0], ends[1]


def partial_correlation(t: float, df: float, level: float = 0.95) -> tuple[float, float, float]:
    """Return the partial correlation of a regressor, and both ends of its interval.

    t and the noncentralities at both ends are converted by r = t / sqrt(t^2 + df).
    """
    size, low, high = (end / (end * end + df) ** 0.5 for end in cohens_d(t, df, 1.0, level))
    return size, low, high


def _solve(function: Callable[[float], float], near: float) -> float:
    """Return the root of a decreasing function, in a growing interval around `near`."""
    from scipy import optimize

    reach = 5.0 + abs(near)
    while reach < FAR:
        try:
            return float(optimize.brentq(function, near - reach, near + reach, xtol=1e-9))
        except ValueError:
            reach *= 2
    return math.nan
