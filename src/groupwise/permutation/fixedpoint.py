"""Statistics from sums of integers.

Scores are scaled at each point by a sum of squares that no resampling changes, and stored as
int32 at a scale of 2^30. Integer additions can be done in any order with the same result, and so
can float64 additions of integers below 2^53. Statistics are then functions of single integers by
correctly rounded operations in a fixed order. So a null distribution has the same bytes for any
block, batch, panel and machine. Three kinds of sums are known:

signs   one sum u a component, its terms +z or -z (flips, or the labels of two groups). With
        z = y / (m sqrt(n Q)), Q the sum of squares and m the largest value that u could reach
        otherwise, u lies in [-1, 1] (Cauchy and Schwarz) and w = sum over components of u^2 too:
        t = sqrt(df2) u / sqrt((1 - u) (1 + u)),    F = (df2 / df1) w / (1 - w).
models  effect a and nuisance b, the products of the rearranged residuals z = e / sqrt(Q) with
        orthonormal columns (Freedman and Lane):
        t = sqrt(df2) a / sqrt(1 - b^2 - a^2),      F = (df2 / df1) a^2 / (1 - b^2 - a^2).
welch   the sum and the sum of squares of the first group.
"""

import numpy as np

SCALE = 2**30
#: Where all scores agree u would be 1 and t infinite; one unit less keeps it finite.
LARGEST_U = SCALE - 1
LARGEST_W = SCALE**2 - SCALE


def to_fixed(y: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Scores in fixed point, and the sums of squares by which they were scaled.

    Parameters
    ----------
    y : (n, d, points), no point all zero.
    reach : z = y / (reach sqrt(Q)).

    Returns
    -------
    z : (n, d, points) int32. power : (points,) float64, Q in the units of y squared.
    """
    # Scaled by the largest score first: values of MEG (1e-12) have squares below float32, and
    # squares of extreme float64 values would leave its range too.
    largest = np.abs(y).max(axis=(0, 1))
    y = y / largest
    power = (y * y).sum(axis=(0, 1))
    with np.errstate(over="ignore", under="ignore"):
        return np.rint(y / (reach * np.sqrt(power)) * SCALE).astype(np.int32), power * largest**2


def t_of_units(u: np.ndarray, df2: float, more: np.ndarray | float = 0.0) -> np.ndarray:
    """t of sums u (integers, in units of 1/SCALE).

    Parameters
    ----------
    more : added to 1 - u^2, in units of 1/SCALE^2: the 'hat' of a regularised variance.
    """
    u = np.clip(np.asarray(u, dtype=np.int64), -LARGEST_U, LARGEST_U)
    return np.sqrt(float(df2)) * u.astype(np.float64) / np.sqrt(rest_of_units(u) + more)


def rest_of_units(u: np.ndarray) -> np.ndarray:
    """1 - u^2 in units of 1/SCALE^2, float64."""
    # The product is an exact integer below 2^60: no cancellation near |u| = 1.
    u = np.clip(np.asarray(u, dtype=np.int64), -LARGEST_U, LARGEST_U)
    return ((SCALE - u) * (SCALE + u)).astype(np.float64)


def f_of_units(w: np.ndarray, ratio: float) -> np.ndarray:
    """F of sums of squares w (integers, in units of 1/SCALE^2); ratio = df2 / df1."""
    w = np.clip(np.asarray(w, dtype=np.int64), 0, LARGEST_W)
    return float(ratio) * w.astype(np.float64) / (SCALE**2 - w).astype(np.float64)


def units_of_t(t: float, df2: float) -> int:
    """A sum below those whose t exceeds a positive t, by less than 16 units."""
    return int(t / np.sqrt(df2 + t * t) * SCALE) - 8


def units_of_f(f: float, ratio: float) -> int:
    """A sum of squares below those whose F exceeds a positive f, by little."""
    share = f / (ratio + f)
    return int(share * SCALE**2 * (1 - 1e-12)) - 8 * SCALE


def t_of_model(a: np.ndarray, b2: np.ndarray, df2: float) -> np.ndarray:
    """t of an effect a (units of 1/SCALE), sum of squared nuisance b2 (units of 1/SCALE^2)."""
    return np.sqrt(float(df2)) * a / np.sqrt(_error(a * a, b2))


def f_of_model(a2: np.ndarray, b2: np.ndarray, ratio: float) -> np.ndarray:
    """F of the sum of squares a2 of an effect; otherwise as `t_of_model`."""
    return float(ratio) * a2 / _error(a2, b2)


def _error(a2: np.ndarray, b2: np.ndarray) -> np.ndarray:
    # Rounding may leave a fit without error a little below zero.
    return np.maximum((float(SCALE) ** 2 - b2) - a2, float(SCALE))


def t_of_welch(
    total: np.ndarray,
    squares: np.ndarray,
    all_total: np.ndarray,
    all_squares: np.ndarray,
    sizes: tuple[int, int],
    slack: float = 0.0,
) -> np.ndarray:
    """Welch's t of the first group against the second.

    Parameters
    ----------
    total, squares : int64, sum and sum of squares of the first group's scores (SCALE, SCALE^2).
    all_total, all_squares : the same of both groups.
    sizes : subjects of the groups.
    slack : lowers |t| by what rounding of so many units a score may do.
    """
    one, two = sizes
    rest = (all_total - total).astype(np.float64)
    first = np.asarray(total).astype(np.float64)
    error = (squares.astype(np.float64) - first * first / one) / (one * (one - 1.0))
    other = (all_squares - squares).astype(np.float64)
    error = error + (other - rest * rest / two) / (two * (two - 1.0))
    difference = first / one - rest / two
    if slack:
        room = slack * 2.0 * SCALE * np.sqrt(float(one + two))
        error = error + room * (1 / (one * (one - 1.0)) + 1 / (two * (two - 1.0)))
        difference = np.sign(difference) * np.maximum(np.abs(difference) - slack, 0.0)
    return difference / np.sqrt(np.maximum(error, float(SCALE) / (one + two) ** 2))


def lowered(units: np.ndarray, n: int, d: int, statistic: str) -> np.ndarray:
    """Sums (t: their magnitude) minus the largest effect of rounding the scores.

    Two resamplings whose exact statistics are equal (ties happen in discrete data) have integer
    sums up to n units apart, each of n scores being rounded by half a unit in both; with d
    components that is sqrt(d) n in sqrt(w). A permutation counts as reaching an observed value if
    it reaches this one.
    """
    if statistic == "t":
        return np.asarray(units, dtype=np.int64) - n
    root = np.sqrt(np.asarray(units, dtype=np.float64)) - np.sqrt(d) * n
    return np.floor(np.maximum(root, 0.0) ** 2).astype(np.int64)
