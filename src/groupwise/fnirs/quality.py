"""Figures for the quality control of fNIRS: one participant's model, and all participants."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from groupwise.figures.channels import (
    CHROMAS,
    collinearity_figure,
    estimates_figure,
    quality_figure,
)
from groupwise.figures.designs import design_figure
from groupwise.figures.save import CaptionedFigure
from groupwise.fnirs.haemoglobin import read_haemoglobin
from groupwise.fnirs.topography import head_figure, montage_figure

UNITS = "umol/l"


def quality_figures(
    runs: Sequence[str],
    signals: Sequence[str],
    pairs: Sequence[pd.DataFrame],
    designs: Sequence[pd.DataFrame],
    facts: Mapping[str, Any],
    channels: pd.DataFrame,
    conditions: Sequence[str],
) -> list[CaptionedFigure]:
    """Return all quality figures of one participant, with captions and alt texts.

    Parameters
    ----------
    runs : names of the runs.
    signals, pairs, designs : of each run, the file of haemoglobin, the table of pairs, and the
        design matrix of HbO.
    facts : sidecar of the design: VarianceInflation, SharedWithShortChannels, SamplingFrequency.
    channels : estimates of the participant.
    conditions : names of the conditions.
    """
    bad = sorted({pair for table in pairs for pair in table.loc[table["status"] == "bad", "pair"]})
    means = _average_signals(signals, facts["SamplingFrequency"], pairs)
    collinearity = {
        "inflation": dict(zip(runs, facts["VarianceInflation"], strict=True)),
        "shared": dict(zip(runs, facts["SharedWithShortChannels"], strict=True)),
    }
    largest = max(max(run.values()) for run in facts["VarianceInflation"])
    values = _group_by_pair(channels, conditions)
    return [
        CaptionedFigure(
            name="signals",
            figure=signals_figure(dict(zip(runs, means, strict=True))),
            title="Haemoglobin",
            caption="Mean over the good long channels, and over the good short ones, which measure "
            f"only the scalp. Bad pairs: {', '.join(bad) or 'none'}.",
            alt=f"Time courses of HbO and HbR. {len(bad)} pairs are bad.",
        ),
        CaptionedFigure(
            name="design",
            figure=design_figure(dict(zip(runs, designs, strict=True)), conditions, "sample"),
            title="Design matrices",
            caption="Columns are scaled to their largest magnitude. Left of the line: "
            "conditions; right: drift, short channels and the constant.",
            alt=f"Design matrices of {len(designs)} runs with {designs[0].shape[1]} columns.",
        ),
        CaptionedFigure(
            name="collinearity",
            figure=collinearity_figure(**collinearity),
            title="Collinearity",
            caption="Left: variance inflation factor of each condition given all other columns. "
            "Above 5 (dashed), an estimate is unreliable, because other columns explain most of "
            "the condition's variance. Right: share of the condition's variance (R²) that the "
            "short channels explain.",
            alt=f"The largest variance inflation factor is {largest:.1f}.",
        ),
        CaptionedFigure(
            name="estimates",
            figure=head_figure(signals[0], values, title="Estimates", label=f"theta ({UNITS})"),
            title="Estimates of the channels",
            caption=f"theta of each condition ({UNITS}), seen from above, nose up.",
            alt="Topographies of the conditions' estimates, one row per chromophore.",
        ),
    ]


def group_figures(
    pairs: Mapping[str, pd.DataFrame],
    signal: str,
    channels: pd.DataFrame,
    rois: pd.DataFrame,
    regions: Mapping[str, Sequence[str]],
    conditions: Sequence[str],
) -> list[CaptionedFigure]:
    """Return the figures of all participants, with captions and alt texts.

    Parameters
    ----------
    pairs : table of pairs by participant (and run).
    signal : file of haemoglobin, for the positions of the channels.
    channels, rois : estimates of all participants in channels and in regions.
    regions : pairs of each region.
    conditions : names of the conditions.
    """
    coupling = pd.DataFrame({k: t.set_index("pair")["sci"] for k, t in pairs.items()}).T
    bad = pd.DataFrame({k: t.set_index("pair")["status"] == "bad" for k, t in pairs.items()}).T
    first = next(iter(pairs.values()))
    short = list(first.loc[first["kind"] == "short", "pair"])
    unit = "ROI" if len(rois) else "pair"
    table = rois if len(rois) else channels
    shown = table[table["Condition"].isin(conditions)]
    means = channels.groupby(["Condition", "Chroma", "pair"], sort=False)["theta"].mean()
    values = _group_by_pair(means.reset_index(), list(dict.fromkeys(channels["Condition"])))
    lost = [f"{who}: {', '.join(row.index[row])}" for who, row in bad.iterrows() if row.any()]
    figures = [
        CaptionedFigure(
            name="quality",
            figure=quality_figure(
                coupling.reindex(columns=first["pair"]), bad[list(first["pair"])]
            ),
            title="Quality of the pairs",
            caption="Scalp coupling index of each participant and source-detector pair. Cross: "
            f"excluded. {'; '.join(lost) or 'No pair is excluded'}.",
            alt=f"Matrix of participants by pairs. {int(bad.to_numpy().sum())} are excluded.",
        ),
        CaptionedFigure(
            name="montage",
            figure=montage_figure(signal, regions, short),
            title="Montage",
            caption="Sources and detectors, seen from above, nose up. Pairs are coloured by region "
            "of interest.",
            alt=f"Montage of {len(first)} pairs, {len(short)} of them short. Regions: "
            f"{', '.join(regions) or 'none'}.",
        ),
        CaptionedFigure(
            name="mean_estimates",
            figure=head_figure(
                signal, values, title="Mean over participants", label=f"theta ({UNITS})"
            ),
            title="Mean estimates",
            caption=f"Mean theta over participants ({UNITS}), seen from above, nose up. "
            "The figure is descriptive, without a test.",
            alt="Topographies of the mean estimates, one row per chromophore, one column per "
            "condition.",
        ),
    ]
    if len(set(shown[unit])) <= 6:
        figures.insert(
            2,
            CaptionedFigure(
                name="individuals",
                figure=estimates_figure(shown, unit, UNITS),
                title="Individual results",
                caption="Each participant's estimates by region, condition and chromophore. "
                "Diamond: mean over participants.",
                alt=f"Estimates of {shown['ID'].nunique()} participants in "
                f"{shown[unit].nunique()} regions.",
            ),
        )
    return figures


def signals_figure(runs: Mapping[str, Mapping[Any, Any]]) -> Figure:
    """Plot the mean time courses of long and short channels of each run."""
    figure = Figure(figsize=(10, 0.6 + 3.4 * len(runs)), layout="constrained")
    panels = figure.subplots(2 * len(runs), 1, squeeze=False, sharex=True)[:, 0]
    for k, (name, run) in enumerate(runs.items()):
        for j, kind in enumerate(("long", "short")):
            panel = panels[2 * k + j]
            for chroma, (colour, _, words) in CHROMAS.items():
                if (kind, chroma) in run:
                    panel.plot(run["times"], run[kind, chroma], color=colour, lw=0.9, label=words)
            panel.set_ylabel(f"{kind} pairs\n({UNITS})", fontsize=9)
            panel.spines[["top", "right"]].set_visible(False)
        panels[2 * k].set_title(name if len(runs) > 1 else "", fontsize=10, loc="left")
    panels[0].legend(frameon=False, ncols=2, loc="upper right", fontsize=8)
    panels[-1].set_xlabel("time (s)")
    return figure


def _average_signals(
    signals: Sequence[str], rates: Sequence[float], pairs: Sequence[pd.DataFrame]
) -> list[dict[Any, np.ndarray]]:
    """Return, for each run, `times` and mean signals by kind of pair and chromophore."""
    runs = []
    for path, rate, table in zip(signals, rates, pairs, strict=True):
        raw = read_haemoglobin(path, rate)
        run: dict[Any, np.ndarray] = {"times": raw.times}
        good = table[table["status"] == "good"]
        for kind in ("long", "short"):
            for chroma in CHROMAS:
                chosen = [f"{pair} {chroma}" for pair in good.loc[good["kind"] == kind, "pair"]]
                if chosen:
                    data = 1e6 * raw.get_data(chosen)
                    run[kind, chroma] = (data - data.mean(1, keepdims=True)).mean(0)
        runs.append(run)
    return runs


def _group_by_pair(
    table: pd.DataFrame, conditions: Sequence[str]
) -> dict[tuple[str, str], dict[str, float]]:
    """Return theta of each pair, by (condition, chromophore)."""
    return {
        (condition, chroma): dict(zip(rows["pair"], rows["theta"], strict=True))
        for condition in conditions
        for chroma in CHROMAS
        if len(rows := table[(table["Condition"] == condition) & (table["Chroma"] == chroma)])
    }
