"""Figure of the null distribution with the observed clusters."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter


def critical_mass(null: np.ndarray, alpha: float) -> float:
    """Return the mass that a cluster must exceed for p <= alpha, from the maxima (N,) `null`.

    p is the proportion of permutations, including the identity, whose maximum is at least the
    observed mass. The critical mass is infinite if alpha is below 1/N.
    """
    allowed = int(np.floor(alpha * len(null) + 1e-9))
    if allowed < 1:
        return float("inf")
    descending = np.sort(null)[::-1]
    return float(descending[allowed]) if allowed < len(null) else 0.0


def null_figure(
    null: np.ndarray,
    masses: Sequence[float],
    p: Sequence[float],
    *,
    alpha: float,
    title: str,
    label: str,
    shown: int = 3,
    name_format: str = "cluster {}",
) -> Figure:
    """Return a histogram of the maxima, with the observed masses of the first clusters as lines.

    Parameters
    ----------
    null : (N,) maxima of the permutations.
    masses, p : masses and p of the observed clusters, the largest first.
    label : label of the axis.
    shown : largest number of observed clusters.
    name_format : format of the name of a cluster, from its rank.
    """
    null = np.asarray(null, float)
    masses, p = np.abs(np.asarray(masses, float))[:shown], list(p)[:shown]
    top = max([null.max(), *masses, 1e-12])
    figure = Figure(figsize=(7.4, 3.6), layout="constrained")
    axis = figure.subplots()
    # The width of bins depends on the bulk of the null distribution, not on observed clusters.
    bulk = np.quantile(null, 0.99) or top
    width = max(bulk / np.clip(np.sqrt(len(null)), 10, 30), top / 500)
    axis.hist(null, list(np.arange(0, top + 2 * width, width)), color="0.65", edgecolor="none")
    critical = critical_mass(null, alpha)
    if np.isfinite(critical):
        axis.axvline(critical, color="black", ls="--", lw=1.4)
        axis.annotate(
            f"p ≤ {alpha:g} above",
            (critical, 0.985),
            xycoords=("data", "axes fraction"),
            xytext=(4, 0),
            textcoords="offset points",
            va="top",
            fontsize=9,
        )
    for rank, (mass, value) in enumerate(zip(masses, p, strict=True)):
        right = mass > 0.7 * top
        axis.axvline(mass, color="#D55E00", lw=2, alpha=1 - 0.25 * rank)
        axis.annotate(
            f"{name_format.format(rank + 1)}: p = {value:.3g}",
            (mass, 0.84 - 0.12 * rank),
            xycoords=("data", "axes fraction"),
            xytext=(-5 if right else 5, 0),
            textcoords="offset points",
            ha="right" if right else "left",
            fontsize=9,
            color="#8A3B00",
            bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.85},
        )
    axis.set_xlim(0, 1.02 * top)
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    axis.set_xlabel(label, fontsize=11)
    axis.set_ylabel("Permutations", fontsize=11)
    axis.set_title(title, fontsize=11)
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize=10)
    return figure
