"""Corrections of p-values over points, and the Monte Carlo interval of a permutation p."""

import numpy as np
from scipy.special import betaincinv


def fdr(p: np.ndarray) -> np.ndarray:
    """Return q of Benjamini and Hochberg (1995), with the shape of p. NaN is not counted."""
    q = np.full(np.shape(p), np.nan)
    tested = ~np.isnan(p)
    values = np.asarray(p)[tested]
    order = np.argsort(values, kind="stable")[::-1]
    ranks = np.arange(len(values), 0, -1)
    steps = np.minimum.accumulate(values[order] * len(values) / ranks)
    back = np.empty(len(values))
    back[order] = np.minimum(steps, 1.0)
    q[tested] = back
    return q


def bonferroni(p: np.ndarray) -> np.ndarray:
    """Return p times the number of tests, at most 1. NaN is not counted."""
    return np.minimum(np.asarray(p) * np.count_nonzero(~np.isnan(p)), 1.0)


def clopper_pearson(
    count: np.ndarray, total: int, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Return both ends of the exact interval of a proportion (Clopper and Pearson 1934)."""
    count = np.asarray(count, dtype=float)
    tail = (1 - level) / 2
    inner = np.clip(count, 1, total)
    low = np.where(count > 0, betaincinv(inner, total - inner + 1, tail), 0.0)
    inner = np.clip(count, 0, total - 1)
    high = np.where(count < total, betaincinv(inner + 1, total - inner, 1 - tail), 1.0)
    return low, high


#: Proportion of the null distribution in its tail, and smallest number of maxima for a fit.
TAIL, FEWEST = 0.1, 50


def tail_p(maxima: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the approximate p of values in the tail of a null distribution, from a fit.

    A generalised Pareto distribution is fitted by maximum likelihood to the excess of the largest
    tenth of the maxima. Knijnenburg et al. (2009, Bioinformatics 25:i161) propose this for p below
    1 / number of permutations, and Winkler et al. (2016, NeuroImage 141:502) for images. The
    observed map, index 0, is not part of the fit. Values below the tail have their permutation p.

    Parameters
    ----------
    maxima : (N,) null distribution; the observed map is the first.
    values : any shape.

    Returns
    -------
    p with the shape of values. NaN if the tail is too small for a fit, or if the fitted
    distribution is bounded and ends below the value.
    """
    values = np.asarray(values, dtype=float)
    null = np.sort(maxima[1:])
    count = int(TAIL * len(null))
    p = (len(maxima) - np.searchsorted(np.sort(maxima), values, side="left")) / len(maxima)
    if count < FEWEST:
        return np.where(p > TAIL, p, np.nan)
    start = (null[-count - 1] + null[-count]) / 2
    excess = null[-count:] - start
    if excess[-1] <= 0:  # no variation
        return np.where(p > TAIL, p, np.nan)
    from scipy.stats import genpareto  # late: the import takes longer than a block

    fitted = count / len(null) * genpareto.sf(values - start, *genpareto.fit(excess, floc=0))
    return np.where(values <= start, p, np.where(fitted > 0, fitted, np.nan))
