"""Statistic maps of resamplings, computed at every point in NumPy.

Inference computes the observed map here, and the reference implementation every map. The compiled
loops in `scan` and `tfce_maps` compute the same statistic by the same operations.
"""

from collections.abc import Mapping

import numpy as np

from groupwise.permutation.fixedpoint import (
    SCALE,
    f_of_model,
    f_of_units,
    lower_by_rounding,
    rest_of_units,
    t_of_model,
    t_of_units,
    t_of_welch,
)
from groupwise.permutation.prepared import Prepared

#: Points whose scores are converted to float64 together.
PANEL = 8192


def compute_statistics(
    prepared: Prepared, draw: np.ndarray, *, slack: int = 0, panel: int = PANEL
) -> np.ndarray:
    """Return the float64 statistic (k, tested points) of k resamplings.

    Parameters
    ----------
    draw : (k, n) from `Prepared.draw`.
    slack : 1 or -1: the smallest or largest magnitude that is consistent with the rounding of the
        scores; 0: the statistic of the rounded scores.
    panel : points to compute at a time; no result depends on it.
    """
    hat = _compute_hat_terms(prepared, draw, prepared.hat, panel) if prepared.hat else None
    count = prepared.values.shape[2]
    panels = [slice(start, min(start + panel, count)) for start in range(0, count, panel)]
    return np.concatenate([_panel(prepared, draw, here, hat, slack) for here in panels], axis=1)


def tie_bounds(prepared: Prepared) -> np.ndarray:
    """Return the lowest statistic (tested points,) that counts as tied with the observed one.

    Two resamplings with equal exact statistics (which occur in discrete data) can differ by the
    rounding of the scores. So the observed statistic is lowered by the largest effect of rounding.
    """
    identity = prepared.draw(0, 1)
    smaller = compute_statistics(prepared, identity, slack=1)[0]
    if len(prepared.sides) == 2:
        return smaller
    larger = compute_statistics(prepared, identity, slack=-1)[0]
    return np.where(smaller * prepared.sides[0] > 0, smaller, larger)


def _panel(
    prepared: Prepared, draw: np.ndarray, here: slice, hat: np.ndarray | None, slack: int
) -> np.ndarray:
    values = prepared.values[:, :, here]
    d, n = values.shape[:2]
    df1, df2 = prepared.df
    if prepared.kind == "welch":
        return _compute_welch(prepared, draw, values[0].astype(np.int64), slack)
    if prepared.kind == "models":
        a, a2, b2 = _sum_models(prepared, draw, values)
        if slack:
            tolerance = np.sqrt(n * d) * 4 * slack
            b2 = np.maximum(b2 - tolerance * 2 * np.sqrt(b2), 0.0)
            a = np.sign(a) * np.maximum(np.abs(a) - tolerance, 0.0)
            a2 = np.maximum(np.sqrt(a2) - tolerance, 0.0) ** 2
        if prepared.design.statistic == "t":
            return t_of_model(a, b2, df2)
        return f_of_model(a2, b2, df2 / df1)
    # float64 is exact here: every partial sum is an integer far below 2^53.
    u = np.stack([draw.astype(float) @ component.astype(float) for component in values])
    u = u.astype(np.int64)
    if prepared.design.statistic == "F":
        w = (u * u).sum(axis=0)
        return f_of_units(lower_by_rounding(w, slack * n, d, "F") if slack else w, df2 / df1)
    u = u[0]
    if slack:
        u = np.sign(u) * np.maximum(lower_by_rounding(np.abs(u), slack * n, d, "t"), 0)
    if hat is None:
        return t_of_units(u, df2)
    more = hat[:, None] / prepared.power[here]
    return t_of_units(u, df2, more * (1 + 1e-6 * slack))


def _sum_models(
    prepared: Prepared, draw: np.ndarray, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the first effect, the squared effect and the squared nuisance, each (k, points).

    Parameters
    ----------
    values : (d, n, points) scores.
    """
    coefficients = prepared.coefficients
    n_types, q = coefficients.shape
    n_effect = prepared.df[0] // len(values)
    first, effect, nuisance = (np.zeros((len(draw), values.shape[2])) for _ in range(3))
    for c, component in enumerate(values.astype(float)):
        if prepared.flips:
            sums = [draw[:, [t]] * component[[t]] for t in range(n_types)]
        else:
            sums = [(draw == t).astype(float) @ component for t in range(n_types)]
        for j in range(q):
            total = np.zeros_like(first)
            for t in range(n_types):
                total += coefficients[t, j] * sums[t]
            if j == 0 and c == 0:
                first = total
            if j < n_effect:
                effect += total * total
            else:
                nuisance += total * total
    return first, effect, nuisance


def _compute_welch(
    prepared: Prepared, draw: np.ndarray, values: np.ndarray, slack: int
) -> np.ndarray:
    inside = (prepared.coefficients[draw, 0] > 0).astype(np.int64)
    one = int(inside[0].sum())
    squares = values * values
    return t_of_welch(
        *(inside @ values, inside @ squares, values.sum(axis=0), squares.sum(axis=0)),
        *((one, prepared.n - one), 2.0 * slack),
    )


def _compute_hat_terms(
    prepared: Prepared, draw: np.ndarray, hat: Mapping[str, float], panel: int
) -> np.ndarray:
    """Return what `scan.compute_hat_terms` returns, (k,)."""
    if "absolute" in hat:
        return np.full(len(draw), hat["absolute"] * prepared.df[1] * float(SCALE) ** 2)
    largest = np.zeros(len(draw))
    for start in range(0, prepared.values.shape[2], panel):
        here = slice(start, start + panel)
        u = (draw.astype(float) @ prepared.values[0, :, here].astype(float)).astype(np.int64)
        largest = np.maximum(largest, (prepared.power[here] * rest_of_units(u)).max(axis=1))
    return hat["relative"] * largest
