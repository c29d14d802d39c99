"""Figures of values and statistics of channels and regions, and of model coefficients."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from groupwise.figures.colours import CONDITIONS

#: Conventional colours: HbO red, HbR blue. Different markers distinguish them without colour.
CHROMAS = {"hbo": ("#D55E00", "o", "HbO"), "hbr": ("#0072B2", "s", "HbR")}
OTHER = ("#000000", "o", "")


def statistic_figure(
    places: Sequence[str],
    parts: Sequence[str],
    statistic: np.ndarray,
    p: np.ndarray,
    *,
    alpha: float,
    critical: float,
    title: str,
    label: str,
    signed: bool,
) -> Figure:
    """Return a figure of the statistic at every place, with filled markers if p is at most alpha.

    Parameters
    ----------
    places : (n,) names of the places.
    parts : (n,) part of each place, such as a chromophore, which sets colour and marker.
    statistic, p : (n,) statistic and corrected p.
    critical : critical value of the statistic, drawn as dashed lines.
    label : label of the axis of the statistic.
    """
    names = list(dict.fromkeys(places))
    figure = Figure(figsize=(max(6.0, 1.8 + 0.34 * len(names)), 4.0), layout="constrained")
    axis = figure.subplots()
    for k, part in enumerate(dict.fromkeys(parts)):
        colour, marker, name = CHROMAS.get(part, OTHER)
        own = np.array([each == part for each in parts])
        x = np.array([names.index(n) for n in np.asarray(places)[own]])
        x = x + 0.16 * (k - 0.5 * (len(set(parts)) - 1))
        found = p[own] <= alpha
        y = statistic[own]
        axis.vlines(x, 0, y, color=colour, lw=0.8, alpha=0.5)
        axis.scatter(x[~found], y[~found], s=26, marker=marker, facecolor="white", edgecolor=colour)
        axis.scatter(x[found], y[found], s=34, marker=marker, color=colour)
        if name:
            axis.scatter([], [], s=34, marker=marker, color=colour, label=name)
    for side in (1, -1) if signed else (1,):
        if np.isfinite(critical):
            axis.axhline(side * critical, color="0.4", ls="--", lw=1)
    axis.axhline(0, color="0.35", lw=0.8)
    axis.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=8)
    axis.set_ylabel(label)
    axis.set_title(title, fontsize=11)
    if len(set(parts)) > 1:
        axis.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def estimates_figure(table: pd.DataFrame, place: str, units: str) -> Figure:
    """Return a figure of estimates: one panel per place and chromophore, one line per participant.

    Parameters
    ----------
    table : columns ID, Condition, `place`, Chroma and theta.
    place : name of the column with the places.
    units : units of theta.
    """
    places, conditions = (list(dict.fromkeys(table[name])) for name in (place, "Condition"))
    chromas, people = (list(dict.fromkeys(table[name])) for name in ("Chroma", "ID"))
    size = (1.2 + (0.9 + 0.75 * len(conditions)) * len(places), 0.9 + 2.7 * len(chromas))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(chromas), len(places), squeeze=False, sharex=True, sharey="row")
    for row, chroma in enumerate(chromas):
        for column, name in enumerate(places):
            panel = panels[row, column]
            own = table[(table["Chroma"] == chroma) & (table[place] == name)]
            wide = own.pivot(index="ID", columns="Condition", values="theta")
            wide = wide.reindex(index=people, columns=conditions)
            for k, person in enumerate(people):
                panel.plot(range(len(conditions)), wide.loc[person], "o-", ms=4, lw=1,
                           color=_of(k), alpha=0.85,
                           label=person if not (row or column) else None)  # fmt: skip
            panel.plot(range(len(conditions)), wide.mean(), "D", ms=6, color="black", zorder=3)
            panel.axhline(0, color="0.35", lw=0.8, zorder=0)
            if row == 0:
                panel.set_title(name.replace("_", " "), fontsize=10)
            if column == 0:
                panel.set_ylabel(f"{CHROMAS.get(chroma, OTHER)[2]} theta ({units})")
            panel.set_xticks(range(len(conditions)), conditions, rotation=30, ha="right")
            panel.set_xlim(-0.4, len(conditions) - 0.6)
            panel.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right upper", frameon=False, title="participant", fontsize=8)
    return figure


def quality_figure(
    coupling: pd.DataFrame, bad: pd.DataFrame, *, label: str = "scalp coupling index"
) -> Figure:
    """Return a figure of coupling, participants by pairs, with a cross at each bad pair."""
    figure = Figure(
        figsize=(2.6 + 0.3 * coupling.shape[1], 1.7 + 0.34 * len(coupling)), layout="constrained"
    )
    axis = figure.subplots()
    drawn = axis.imshow(coupling, cmap="viridis", vmin=0, vmax=1, aspect="auto")
    for row, column in zip(*np.nonzero(bad.to_numpy()), strict=True):
        axis.plot(column, row, "x", color="white", ms=8, mew=3.2)
        axis.plot(column, row, "x", color="#D55E00", ms=8, mew=1.8)
    axis.set_xticks(range(coupling.shape[1]), coupling.columns, rotation=60, ha="right", fontsize=8)
    axis.set_yticks(range(len(coupling)), coupling.index, fontsize=8)
    axis.set_ylabel("participant")
    figure.colorbar(drawn, ax=axis, label=label, shrink=0.9)
    return figure


def collinearity_figure(
    inflation: Mapping[str, Mapping[str, float]], shared: Mapping[str, Mapping[str, float]]
) -> Figure:
    """Return a figure of the variance inflation of conditions and their R² on short channels."""
    conditions = list(next(iter(inflation.values())))
    figure = Figure(figsize=(9, 1.6 + 0.32 * len(conditions)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for k, (name, factors) in enumerate(inflation.items()):
        legend = {"label": name} if len(inflation) > 1 else {}
        rows = range(len(conditions))
        left.plot([factors.get(c, np.nan) for c in conditions], rows, "o", color=_of(k), **legend)
        own = shared.get(name) or {}
        right.plot([own.get(c, np.nan) for c in conditions], rows, "o", color=_of(k))
    left.set_yticks(range(len(conditions)), conditions)
    left.invert_yaxis()
    left.axvline(5, color="0.6", ls="--", lw=0.9)
    left.set_xlim(0.9, max(5.5, left.get_xlim()[1]))
    left.set_xlabel("variance inflation factor")
    right.set_xlabel("R² of the condition on the short channels")
    right.set_xlim(0, 1)
    if len(inflation) > 1:
        left.legend(frameon=False, fontsize=8)
    for panel in (left, right):
        panel.spines[["top", "right"]].set_visible(False)
    return figure


def coefficients_figure(table: pd.DataFrame, *, alpha: float, title: str, units: str) -> Figure:
    """Return a figure of coefficients with their intervals; filled if Bonferroni p ≤ alpha."""
    # Imported here, because it imports scipy.stats, which takes a second in each job with figures.
    from groupwise.stats.mixed_models import FIXED

    names = [name for name in table if name not in FIXED]
    labels = [" · ".join(str(row[n]) for n in names if n != "Chroma" and pd.notna(row[n]))
              or row["term"] for row in table.to_dict("records")]  # fmt: skip
    rows = list(dict.fromkeys(labels))
    chromas = list(table["Chroma"]) if "Chroma" in table else [""] * len(table)
    figure = Figure(figsize=(8.2, 1.5 + 0.28 * len(rows)), layout="constrained")
    axis = figure.subplots()
    kinds = list(dict.fromkeys(chromas))
    for k, chroma in enumerate(kinds):
        colour, marker, name = CHROMAS.get(chroma, OTHER)
        own = [i for i, c in enumerate(chromas) if c == chroma]
        y = np.array([rows.index(labels[i]) for i in own]) + 0.22 * (k - 0.5 * (len(kinds) - 1))
        part = table.iloc[own]
        found = (part["p_bonferroni"] <= alpha).to_numpy()
        axis.hlines(y, part["low"], part["high"], color=colour, lw=1.6)
        for filled in (True, False):
            axis.scatter(part["estimate"].to_numpy()[found == filled], y[found == filled], s=34,
                         marker=marker, edgecolor=colour, zorder=3,
                         facecolor=colour if filled else "white")  # fmt: skip
        if name:
            axis.scatter([], [], s=34, marker=marker, color=colour, label=name)
    axis.axvline(0, color="0.35", lw=0.8, zorder=0)
    axis.set_yticks(range(len(rows)), rows, fontsize=8)
    axis.set_ylim(len(rows) - 0.4, -0.6)
    axis.set_xlabel(f"coefficient ({units}), {100 * (1 - alpha):g}% confidence interval")
    axis.set_title(title, fontsize=11)
    if len(kinds) > 1:
        axis.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def _of(k: int) -> str:
    return CONDITIONS[k % len(CONDITIONS)]
