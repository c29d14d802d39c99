"""Repeated-measures ANOVA with partitioned error, and t tests, at many points."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from groupwise.errors import InputError
from groupwise.stats.contrasts import effects_of
from groupwise.stats.designs import Within, exclusions
from groupwise.stats.partition import Partition
from groupwise.stats.thresholds import p_of_f

if TYPE_CHECKING:
    import pandas as pd


def t_of_scores(y: np.ndarray) -> np.ndarray:
    """Return Student's t (*points) of scores (n, 1, *points) against zero."""
    y = y[:, 0]
    n = len(y)
    mean = y.sum(axis=0) / n
    with np.errstate(divide="ignore", invalid="ignore"):
        return mean / np.sqrt(((y - mean) ** 2).sum(axis=0) / (n * (n - 1)))


def f_of_scores(y: np.ndarray) -> np.ndarray:
    """Return F (*points) of contrast scores (n, d, *points). Null hypothesis: all d means are zero.

    F = [n sum_j(mean_j^2) / d] / [sum_s sum_j (y_sj - mean_j)^2 / ((n - 1) d)]. For balanced and
    complete data, it equals the F of the repeated-measures ANOVA with partitioned error.
    """
    n = len(y)
    mean = y.sum(axis=0) / n
    with np.errstate(divide="ignore", invalid="ignore"):
        return n * (n - 1) * (mean**2).sum(axis=0) / ((y - mean) ** 2).sum(axis=(0, 1))


def statistic_of_model(e: np.ndarray, model: Partition, statistic: str) -> np.ndarray:
    """Return t or F (*points) of the residuals e (n, d, *points) of the scores given the nuisance.

    F is the ratio of the squared lengths of e in the space of the effect and outside of it, each
    divided by its degrees of freedom. t is the root of F with the sign of the contrast.
    """
    df1, df2 = model.df[0] * e.shape[1], model.df[1] * e.shape[1]
    explained = np.zeros(e.shape[2:])
    for column in model.effect.T:
        slope = sum(value * row for value, row in zip(column, e, strict=True))
        explained += (slope**2).sum(axis=0)
    error = (model.errors(e) ** 2).sum(axis=(0, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        f = explained / df1 / (error / df2)
    return f if statistic == "F" else np.sign(slope[0]) * np.sqrt(f)


def welch_of_groups(e: np.ndarray, first: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return Welch's t (*points) and its degrees of freedom (Satterthwaite 1946).

    Parameters
    ----------
    e : (n, 1, *points) values.
    first : (n,) bool, whether a subject is in the first group.
    """
    means, shares, rests = [], [], []
    for group in (e[first, 0], e[~first, 0]):
        k = len(group)
        mean = group.sum(axis=0) / k
        share = ((group - mean) ** 2).sum(axis=0) / (k * (k - 1))
        means.append(mean)
        shares.append(share)
        rests.append(share**2 / (k - 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (means[0] - means[1]) / np.sqrt(shares[0] + shares[1])
        return t, (shares[0] + shares[1]) ** 2 / (rests[0] + rests[1])


def sphericity(y: np.ndarray, error_df: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return Greenhouse-Geisser and Huynh-Feldt epsilon (*points) of scores y (n, d, *points).

    With the covariance S of the residuals of orthonormal scores, which has v degrees of freedom,
    GG = tr(S)^2 / (d tr(S^2)) and HF = ((v + 1) d GG - 2) / (d (v - d GG)), not limited to 1.
    Maxwell and Delaney, Designing Experiments and Analyzing Data, chapter 12.

    Parameters
    ----------
    error_df : v, if y are residuals. None: y is centred here, and v = n - 1.
    """
    n, d = y.shape[:2]
    centred = y - y.sum(axis=0) / n if error_df is None else y
    v = n - 1 if error_df is None else error_df
    trace = np.zeros(y.shape[2:])
    squares = np.zeros(y.shape[2:])
    for i in range(d):
        for j in range(i, d):
            s = (centred[:, i] * centred[:, j]).sum(axis=0)
            squares += s * s * (1 if i == j else 2)
            if i == j:
                trace += s
    with np.errstate(divide="ignore", invalid="ignore"):
        gg = trace**2 / (d * squares)
        denominator = v - d * gg
        # With too few subjects, HF is infinite; users limit it to 1.
        hf = np.where(denominator > 1e-12, ((v + 1) * d * gg - 2) / (d * denominator), np.inf)
    if d == 1:
        hf = np.where(np.isfinite(gg), 1.0, np.nan)
    return gg, np.where(np.isnan(gg), np.nan, hf)


def corrected_p(f: np.ndarray, epsilon: np.ndarray, df: tuple[int, int]) -> np.ndarray:
    """Return p of F with both degrees of freedom multiplied by min(epsilon, 1)."""
    epsilon = np.minimum(epsilon, 1.0)
    return p_of_f(f, (df[0] * epsilon, df[1] * epsilon))


def rm_anova(x: np.ndarray, factors: Mapping[str, int]) -> "pd.DataFrame":
    """Return the repeated-measures ANOVA of a balanced and complete within-subject design.

    Parameters
    ----------
    x : (subjects, cells, *points); the first factor varies slowest over the cells.
    factors : number of levels of each factor.

    Returns
    -------
    DataFrame with one row per effect (index "effect") and the columns

    ========== ==========================================================
    F          statistic; NaN if a value is not finite or the scores do not vary
    df1, df2   degrees of freedom, uncorrected
    p          under sphericity
    eps_gg     Greenhouse-Geisser epsilon
    eps_hf     Huynh-Feldt epsilon, may exceed 1
    p_gg, p_hf p with the degrees of freedom times epsilon (at most 1)
    ========== ==========================================================

    The values are floats if x has no points, otherwise arrays of shape (*points,).

    Raises
    ------
    InputError : there are fewer than two subjects, or the cells do not match the factors.
    """
    import pandas as pd  # not at the top: blocks of permutations start without it

    x = np.asarray(x)
    if x.ndim < 2 or len(x) < 2:
        raise InputError(
            f"the data have shape {x.shape}; an ANOVA needs (subjects, cells, ...) of two or "
            "more subjects"
        )
    rows = {}
    for effect in effects_of(factors):
        design = Within(factors, effect)
        df = design.df(len(x))
        with np.errstate(invalid="ignore", over="ignore"):  # values that are not finite become NaN
            y = design.scores(x)
            out = _untestable(x, y)
            f = np.where(out, np.nan, f_of_scores(y))
            gg, hf = (np.where(out, np.nan, epsilon) for epsilon in sphericity(y))
        rows[effect] = {
            "F": f,
            "df1": df[0],
            "df2": df[1],
            "p": p_of_f(f, df),
            "eps_gg": gg,
            "eps_hf": hf,
            "p_gg": corrected_p(f, gg, df),
            "p_hf": corrected_p(f, hf, df),
        }
    if x.ndim == 2:
        plain = {e: {k: np.asarray(v).item() for k, v in row.items()} for e, row in rows.items()}
        table = pd.DataFrame.from_dict(plain, orient="index")
    else:
        table = pd.DataFrame(
            {
                name: pd.Series([row[name] for row in rows.values()], list(rows))
                for name in next(iter(rows.values()))
            }
        )
    table.index.name = "effect"
    return table


def _untestable(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return (*points) bool: a value is not finite, or the scores do not vary."""
    points = x.shape[2:]
    flat = (*x.shape[:2], -1), (*y.shape[:2], -1)
    not_finite, no_variation = exclusions(x.reshape(flat[0]), y.reshape(flat[1]))
    return (not_finite | no_variation).reshape(points)
