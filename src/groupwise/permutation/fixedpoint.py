"""Statistics from sums of integers: scores in fixed point.

The scores at each point are divided by a norm that is invariant under resampling, and stored as
int32 at a scale of 2^30. Sums of integers have the same result in any order, and so have float64
sums of integers below 2^53. A statistic is computed from these sums by correctly rounded operations
in a fixed order. So a null distribution has the same bytes for any block, batch, panel and machine.
There are three kinds of sums:

signs   One sum u per component, with terms +z or -z (sign flips, or the labels of two groups). With
        z = y / (reach sqrt(Q)), Q being the sum of squares, u is in [-1, 1] by the Cauchy-Schwarz
        inequality, and so is w, the sum of u^2 over components:
        t = sqrt(df2) u / sqrt((1 - u) (1 + u)),    F = (df2 / df1) w / (1 - w).
models  Effect a and nuisance b, the products of the permuted residuals z = e / sqrt(Q) with
        orthonormal columns (Freedman and Lane):
        t = sqrt(df2) a / sqrt(1 - b^2 - a^2),      F = (df2 / df1) a^2 / (1 - b^2 - a^2).
welch   The sum and the sum of squares of the first group.
"""

import numpy as np

SCALE = 2**30
#: If all scores are equal, u would be 1 and t infinite; one unit less keeps t finite.
LARGEST_U = SCALE - 1
LARGEST_W = SCALE**2 - SCALE


def to_fixed(y: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Return scores in fixed point, and the sums of squares that they were scaled by.

    Parameters
    ----------
    y : (n, d, points) scores; no point is 0 in all of them.
    reach : divisor in z = y / (reach sqrt(Q)), such that sums of z are in [-1, 1].

    Returns
    -------
    z : (n, d, points) int32 scores at the scale of 2^30.
    power : (points,) float64 sum of squares Q, in squared units of y.
    """
    # Divided by the largest score first: squares of MEG values (1e-12) underflow in float32, and
    # squares of extreme values in float64.
    largest = np.abs(y).max(axis=(0, 1))
    y = y / largest
    power = (y * y).sum(axis=(0, 1))
    with np.errstate(over="ignore", under="ignore"):
        return np.rint(y / (reach * np.sqrt(power)) * SCALE).astype(np.int32), power * largest**2


def t_of_units(u: np.ndarray, df2: float, more: np.ndarray | float = 0.0) -> np.ndarray:
    """Return the t of sums u, which are integers in units of 1/SCALE.

    Parameters
    ----------
    more : added to 1 - u^2, in units of 1/SCALE^2, to regularise the variance (the 'hat').
    """
    u = np.clip(np.asarray(u, dtype=np.int64), -LARGEST_U, LARGEST_U)
    return np.sqrt(float(df2)) * u.astype(np.float64) / np.sqrt(rest_of_units(u) + more)


def rest_of_units(u: np.ndarray) -> np.ndarray:
    """Return 1 - u^2 as float64, in units of 1/SCALE^2."""
    # The product is an exact integer below 2^60, so that nothing cancels near |u| = 1.
    u = np.clip(np.asarray(u, dtype=np.int64), -LARGEST_U, LARGEST_U)
    return ((SCALE - u) * (SCALE + u)).astype(np.float64)


def f_of_units(w: np.ndarray, ratio: float) -> np.ndarray:
    """Return the F of sums of squares w, integers in units of 1/SCALE^2; ratio = df2 / df1."""
    w = np.clip(np.asarray(w, dtype=np.int64), 0, LARGEST_W)
    return float(ratio) * w.astype(np.float64) / (SCALE**2 - w).astype(np.float64)


def units_of_t(t: float, df2: float) -> int:
    """Return a lower bound of the sums whose t exceeds a positive t, less than 16 units below."""
    return int(t / np.sqrt(df2 + t * t) * SCALE) - 8


def units_of_f(f: float, ratio: float) -> int:
    """Return a close lower bound of the sums of squares whose F exceeds a positive f."""
    share = f / (ratio + f)
    return int(share * SCALE**2 * (1 - 1e-12)) - 8 * SCALE


def t_of_model(a: np.ndarray, b2: np.ndarray, df2: float) -> np.ndarray:
    """Return the t of an effect a (units of 1/SCALE) and a squared nuisance b2 (1/SCALE^2)."""
    return np.sqrt(float(df2)) * a / np.sqrt(_error(a * a, b2))


def f_of_model(a2: np.ndarray, b2: np.ndarray, ratio: float) -> np.ndarray:
    """Return the F of a squared effect a2 and a squared nuisance b2 (both 1/SCALE^2)."""
    return float(ratio) * a2 / _error(a2, b2)


def _error(a2: np.ndarray, b2: np.ndarray) -> np.ndarray:
    # Rounding can make the error of a perfect fit negative.
    return np.maximum((float(SCALE) ** 2 - b2) - a2, float(SCALE))


def t_of_welch(
    total: np.ndarray,
    squares: np.ndarray,
    all_total: np.ndarray,
    all_squares: np.ndarray,
    sizes: tuple[int, int],
    slack: float = 0.0,
) -> np.ndarray:
    """Return Welch's t of the first group against the second.

    Parameters
    ----------
    total, squares : int64 sum and sum of squares of the scores of the first group, in units of
        1/SCALE and 1/SCALE^2.
    all_total, all_squares : the same of both groups together.
    sizes : number of subjects of each group.
    slack : lower |t| by the largest effect of a rounding error of this many units per score.
    """
    one, two = sizes
    rest = (all_total - total).astype(np.float64)
    first = np.asarray(total).astype(np.float64)
    error = (squares.astype(np.float64) - first * first / one) / (one * (one - 1.0))
    other = (all_squares - squares).astype(np.float64)
    error = error + (other - rest * rest / two) / (two * (two - 1.0))
    difference = first / one - rest / two
    if slack:
        tolerance = slack * 2.0 * SCALE * np.sqrt(float(one + two))
        error = error + tolerance * (1 / (one * (one - 1.0)) + 1 / (two * (two - 1.0)))
        difference = np.sign(difference) * np.maximum(np.abs(difference) - slack, 0.0)
    return difference / np.sqrt(np.maximum(error, float(SCALE) / (one + two) ** 2))


def lower_by_rounding(units: np.ndarray, n: int, d: int, statistic: str) -> np.ndarray:
    """Return sums minus the largest effect of rounding the scores.

    Two resamplings with equal exact statistics (which occur in discrete data) can have integer sums
    that differ by n units: each of n scores is rounded by up to half a unit in both. With d
    components, sqrt(w) can differ by sqrt(d) n. A permutation that reaches the returned value
    counts as tied with the observed one.

    Parameters
    ----------
    units : magnitudes of sums u (statistic "t"), or sums of squares w ("F").
    n : number of scores.
    d : number of components.
    """
    if statistic == "t":
        return np.asarray(units, dtype=np.int64) - n
    root = np.sqrt(np.asarray(units, dtype=np.float64)) - np.sqrt(d) * n
    return np.floor(np.maximum(root, 0.0) ** 2).astype(np.int64)
