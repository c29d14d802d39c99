"""Effect sizes with their intervals, from an observed statistic (Steiger 2004, Psychol Methods 9).

Intervals are those of the noncentral distributions: the noncentralities under which the observed
statistic lies at the upper and lower tail. At a peak that was chosen for its size an effect size is
too large; it describes.

SciPy's distributions are imported where they are used: importing them takes longer than a small
block of permutations, which needs designs but no effect size.
"""

import math
from collections.abc import Callable

#: Noncentralities beyond it are not looked for.
FAR = 1e6


def cohens_d(t: float, df: float, scale: float, level: float = 0.95) -> tuple[float, float, float]:
    """Standardised mean or difference, and its interval.

    Parameters
    ----------
    t, df : of the test.
    scale : d / t: 1 / sqrt(n) of one sample or of pairs, sqrt(1 / n1 + 1 / n2) of two groups.
    level : of the interval.
    """
    from scipy import stats

    tail = (1 - level) / 2
    low, high = (_solve(lambda nc, q=q: stats.nct.cdf(t, df, nc) - q, t) for q in (1 - tail, tail))
    return t * scale, low * scale, high * scale


def partial_eta_squared(
    f: float, df1: float, df2: float, level: float = 0.95
) -> tuple[float, float, float]:
    """Share of variance that an effect explains beside its error, and its interval.

    The lower end is 0 where F is no larger than by chance.
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
    """Partial correlation of the tested regressor, and its interval.

    The ends are those of the noncentralities of t, converted as t is: r = t / sqrt(t^2 + df).
    """
    size, low, high = (end / (end * end + df) ** 0.5 for end in cohens_d(t, df, 1.0, level))
    return size, low, high


def _solve(function: Callable[[float], float], near: float) -> float:
    """Where a falling function is 0, looked for ever further around `near`."""
    from scipy import optimize

    reach = 5.0 + abs(near)
    while reach < FAR:
        try:
            return float(optimize.brentq(function, near - reach, near + reach, xtol=1e-9))
        except ValueError:
            reach *= 2
    return math.nan
