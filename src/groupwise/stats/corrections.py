"""Corrections over points, and the Monte-Carlo interval of a permutation p."""

import numpy as np
from scipy.special import betaincinv


def fdr(p: np.ndarray) -> np.ndarray:
    """q of Benjamini and Hochberg (1995), same shape as p; NaN stays NaN and does not count."""
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
    """p times the number of tests, at most 1; NaN stays NaN and does not count."""
    return np.minimum(np.asarray(p) * np.count_nonzero(~np.isnan(p)), 1.0)


def clopper_pearson(
    count: np.ndarray, total: int, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Exact interval of a binomial proportion (Clopper and Pearson 1934), low and high."""
    count = np.asarray(count, dtype=float)
    tail = (1 - level) / 2
    inner = np.clip(count, 1, total)
    low = np.where(count > 0, betaincinv(inner, total - inner + 1, tail), 0.0)
    inner = np.clip(count, 0, total - 1)
    high = np.where(count < total, betaincinv(inner + 1, total - inner, 1 - tail), 1.0)
    return low, high


#: Share of the null distribution that is its tail, and how many maxima a fit needs at the least.
TAIL, FEWEST = 0.1, 50


def tail_p(maxima: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Approximate p of values far out in a null distribution, from a fit of its tail.

    A generalised Pareto distribution is fitted by maximum likelihood to the excess of the largest
    tenth of the maxima, as Knijnenburg et al. (2009, Bioinformatics 25:i161) propose for p below
    what the number of permutations can show, and Winkler et al. (2016, NeuroImage 141:502) for
    images. The observed map, index 0, is not part of the fit. A value inside the null
    distribution's bulk has its permutation p.

    Parameters
    ----------
    maxima : (N,) null distribution, the observed map first.
    values : any shape.

    Returns
    -------
    p of the shape of values; NaN where the tail is too small for a fit or, being bounded, ends
    below the value: the fit then says nothing.
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
    from scipy.stats import genpareto  # here: it takes longer to import than a block to run

    fitted = count / len(null) * genpareto.sf(values - start, *genpareto.fit(excess, floc=0))
    return np.where(values <= start, p, np.where(fitted > 0, fitted, np.nan))
