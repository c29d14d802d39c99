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
