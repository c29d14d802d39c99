"""Statistics from sums of integers.

Scores are divided by sqrt(n Q), Q their sum of squares at the point, which no flip changes. The
signed sum u of the scores then lies in [-1, 1] (Cauchy and Schwarz), and

    t = sqrt(n-1) u / sqrt((1-u) (1+u)),    F = (n-1) w / (1-w) with w = sum over components of u^2

are monotone in it. Scores are stored as int32 at a scale of 2^30: since sum |z| <= 1, a sum over
subjects stays below 2^30 + n/2 and fits. Integer additions can be done in any order with the same
result, and so can float64 additions of integers below 2^53, of which use is made: a matrix
product by BLAS, with or without fused multiply-add, is exact. Statistics are then functions of
single integers by correctly rounded operations. So a null distribution has the same bytes for
any block, batch, panel and machine. The error of u is below n 2^-31.
"""

import numpy as np

SCALE = 2**30
#: Where all scores agree u would be 1 and t infinite; one unit less keeps it finite.
LARGEST_U = SCALE - 1
LARGEST_W = SCALE**2 - SCALE


def to_fixed(y: np.ndarray) -> np.ndarray:
    """int32 (n, d, points) of scores of that shape, none of whose points is all zero."""
    n = len(y)
    # Scaled by the largest score first: values of MEG (1e-12) have squares below float32, and
    # squares of extreme float64 values would leave its range too.
    y = y / np.abs(y).max(axis=(0, 1))
    norm = np.sqrt(n * (y * y).sum(axis=(0, 1)))
    return np.rint(y / norm * SCALE).astype(np.int32)


def t_of_units(u: np.ndarray, n: int) -> np.ndarray:
    """t of sums u (integers, in units of 1/SCALE)."""
    u = np.clip(np.asarray(u, dtype=np.int64), -LARGEST_U, LARGEST_U)
    # The product is an exact integer below 2^60: no cancellation near |u| = 1.
    rest = ((SCALE - u) * (SCALE + u)).astype(np.float64)
    return np.sqrt(n - 1.0) * u.astype(np.float64) / np.sqrt(rest)


def f_of_units(w: np.ndarray, n: int) -> np.ndarray:
    """F of sums of squares w (integers, in units of 1/SCALE^2)."""
    w = np.clip(np.asarray(w, dtype=np.int64), 0, LARGEST_W)
    return (n - 1.0) * w.astype(np.float64) / (SCALE**2 - w).astype(np.float64)


def units_of_t(t: float, n: int) -> int:
    """The largest u whose t does not exceed a positive t: larger ones pass the threshold."""
    u = int(t / np.sqrt(n - 1.0 + t * t) * SCALE)
    return _last_not_above(u, t, lambda k: float(t_of_units(np.array(k), n)), LARGEST_U)


def units_of_f(f: float, n: int) -> int:
    """The largest w whose F does not exceed a positive f: larger ones pass the threshold."""
    w = int(f / (n - 1.0 + f) * SCALE**2)
    return _last_not_above(w, f, lambda k: float(f_of_units(np.array(k), n)), LARGEST_W)


def _last_not_above(units: int, value: float, statistic, largest: int) -> int:
    """Correct the rounding of an inverse by bisection around it."""
    low, high = max(0, units - 4096), min(largest, units + 4096)
    if statistic(high) <= value:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if statistic(middle) <= value:
            low = middle
        else:
            high = middle
    return low


def lowered(units: np.ndarray, n: int, d: int, statistic: str) -> np.ndarray:
    """Sums (t: their magnitude) minus the largest effect of rounding the scores.

    Two flips whose exact statistics are equal (ties happen in discrete data) have integer sums up
    to n units apart, each of n scores being rounded by half a unit in both; with d components
    that is sqrt(d) n in sqrt(w). A permutation counts as reaching an observed value if it reaches
    this one.
    """
    if statistic == "t":
        return np.asarray(units, dtype=np.int64) - n
    root = np.sqrt(np.asarray(units, dtype=np.float64)) - np.sqrt(d) * n
    return np.floor(np.maximum(root, 0.0) ** 2).astype(np.int64)
