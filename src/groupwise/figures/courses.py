"""Figures of time courses and subjects' values in a cluster, with within-subject bands."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.special import stdtrit

from groupwise.figures.colours import CONDITIONS, LINES

BANDS = {"ci": "95% confidence interval", "sem": "standard error of the mean"}


def within_subject_bands(x: np.ndarray, kind: str = "ci") -> tuple[np.ndarray, np.ndarray]:
    """Return the mean over subjects and the half-width of its within-subject band.

    Each subject's mean over conditions is replaced by the grand mean, and the remaining variance
    is multiplied by k / (k - 1) (Cousineau 2005, Morey 2008). With one condition, the band is the
    ordinary one. Mean and half-width have the shape (k, ...).

    Parameters
    ----------
    x : (n subjects, k conditions, ...).
    kind : "ci" for the 95% confidence interval from the t distribution with n - 1 df, "sem" for
        the standard error.
    """
    x = np.asarray(x, float)
    n, k = x.shape[:2]
    mean = x.mean(0)
    if k > 1:
        x = x - x.mean(1, keepdims=True) + x.mean((0, 1))
    sem = np.sqrt(x.var(0, ddof=1) * (k / (k - 1) if k > 1 else 1) / n)
    return mean, sem * (stdtrit(n - 1, 0.975) if kind == "ci" else 1.0)


def cluster_average(data: np.ndarray, rows: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return means over a cluster's places: (subjects, cells, times).

    Parameters
    ----------
    data : (rows, points) stack, memory-mapped or not; only the columns of `points` are read.
    rows : (subjects, cells) row numbers.
    points : (places, times) point numbers of the places that belong to the cluster at any time, of
        `FeatureSpace.points_of`.
    """
    out = np.empty((*rows.shape, points.shape[1]))
    for cell in np.ndindex(*rows.shape):
        out[cell] = data[rows[cell]][points].mean(0, dtype=float)
    return out


def collapse(
    x: np.ndarray, factors: Mapping[str, Sequence[str]], keep: Sequence[str]
) -> tuple[np.ndarray, list[str]]:
    """Average cells (n, cells, ...) over the factors that are not in `keep`.

    The first factor varies slowest. Returns the array (n, kept cells, ...) and the names of its
    cells, such as "visual/left".
    """
    names, sizes = list(factors), [len(levels) for levels in factors.values()]
    grid = x.reshape(x.shape[0], *sizes, *x.shape[2:])
    grid = grid.mean(tuple(1 + i for i, name in enumerate(names) if name not in keep))
    kept = [list(factors[name]) for name in names if name in keep]
    labels = [
        "/".join(levels[i] for levels, i in zip(kept, index, strict=True))
        for index in np.ndindex(*(len(levels) for levels in kept))
    ]
    return grid.reshape(x.shape[0], len(labels), *x.shape[2:]), labels


def course_figure(
    x: np.ndarray,
    times: np.ndarray,
    conditions: Sequence[str],
    *,
    window: tuple[float, float],
    title: str,
    units: str,
    kind: str = "ci",
) -> Figure:
    """Return a figure of the time course of each condition with its within-subject band.

    Parameters
    ----------
    x : (n subjects, k conditions, t times).
    times : (t,) s.
    window : start and end (s) of the cluster, which is shaded.
    kind : as in `within_subject_bands`.
    """
    mean, half = within_subject_bands(x, kind)
    ms = 1e3 * np.asarray(times)
    figure = Figure(figsize=(7.4, 4.0), layout="constrained")
    axis = figure.subplots()
    shade = axis.axvspan(*(1e3 * np.asarray(window)), color="0.88", lw=0, zorder=0)
    axis.axhline(0, color="0.35", lw=0.8, zorder=1)
    if ms[0] <= 0 <= ms[-1]:
        axis.axvline(0, color="0.35", lw=0.8, zorder=1)
    lines = []
    for i in range(len(conditions)):
        colour, style = CONDITIONS[i % len(CONDITIONS)], LINES[i % len(LINES)]
        lines += axis.plot(ms, mean[i], color=colour, ls=style, lw=2, zorder=3)
        axis.fill_between(
            ms, mean[i] - half[i], mean[i] + half[i], color=colour, alpha=0.18, lw=0, zorder=2
        )
    axis.set_xlim(ms[0], ms[-1])
    axis.set_xlabel("Time (ms)", fontsize=11)
    axis.set_ylabel(f"Cluster mean ({units})", fontsize=11)
    axis.set_title(title, fontsize=11)
    _tidy(axis)
    columns = max(1, min(len(conditions) + 1, 80 // (max(map(len, conditions)) + 9)))
    figure.legend(
        [*lines, shade],
        [*conditions, "extent of the cluster"],
        title=f"Mean and {_band(kind, len(conditions))}",
        fontsize=9,
        title_fontsize=9,
        loc="outside lower center",
        ncols=columns,
        frameon=False,
    )
    return figure


def values_figure(
    x: np.ndarray,
    conditions: Sequence[str],
    *,
    title: str,
    units: str,
    kind: str = "ci",
    what: str = "Cluster mean",
) -> Figure:
    """Return a figure of subjects' values in each condition, with mean and within-subject band.

    Lines join the values of one subject.

    Parameters
    ----------
    x : (n subjects, k conditions).
    kind : as in `within_subject_bands`.
    what : name of the values, for the axis.
    """
    mean, half = within_subject_bands(x, kind)
    n, k = x.shape
    # On a page, letters of wider figures would be smaller.
    figure = Figure(figsize=(np.clip(1.6 + 1.3 * k, 5.0, 8.0), 4.2), layout="constrained")
    axis = figure.subplots()
    # Not random, so that the same values give the same figure.
    spread = 0.12 * (((np.arange(n) * 0.618034) % 1) - 0.5) * 2
    places = np.arange(k)[None] + spread[:, None]
    if k > 1:
        axis.plot(places.T, x.T, color="0.75", lw=0.7, zorder=1)
    for i in range(k):
        axis.scatter(
            places[:, i],
            x[:, i],
            s=22,
            color=CONDITIONS[i % len(CONDITIONS)],
            alpha=0.65,
            lw=0,
            zorder=2,
        )
    axis.errorbar(
        np.arange(k) + 0.25, mean, half, fmt="D", color="black", capsize=4, ms=6, lw=1.6, zorder=3
    )
    axis.axhline(0, color="0.35", lw=0.8, zorder=0)
    slanted: dict[str, Any] = {"rotation": 25, "ha": "right"} if k > 6 else {}
    axis.set_xticks(range(k), conditions, **slanted)
    axis.set_xlim(-0.5, k - 0.4)
    axis.set_ylabel(f"{what} ({units})", fontsize=11)
    axis.set_title(title, fontsize=11)
    axis.set_xlabel(f"Diamond: mean and {_band(kind, k)}", fontsize=9, wrap=True)
    _tidy(axis)
    return figure


def _band(kind: str, k: int) -> str:
    return (
        f"within-subject {BANDS[kind]} (Cousineau–Morey)" if k > 1 else f"{BANDS[kind]} of subjects"
    )


def _tidy(axis) -> None:
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize=10)
