"""Pictures of one participant's recording and model, and of all participants beside each other."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from groupwise.figures.channels import (
    CHROMAS,
    individual_figure,
    quality_figure,
    shared_figure,
)
from groupwise.figures.designs import design_figure
from groupwise.figures.save import Picture
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
) -> list[Picture]:
    """Pictures of one participant, each with `name`, `figure`, `title`, `caption` and `alt`.

    Parameters
    ----------
    runs : names; of each the file of its haemoglobin, its table of pairs and its design (HbO).
    facts : sidecar of the design: VarianceInflation, SharedWithShortChannels, SamplingFrequency.
    channels : the participant's estimates.
    """
    bad = sorted({pair for table in pairs for pair in table.loc[table["status"] == "bad", "pair"]})
    means = _average_signals(signals, facts["SamplingFrequency"], pairs)
    named = {
        "inflation": dict(zip(runs, facts["VarianceInflation"], strict=True)),
        "shared": dict(zip(runs, facts["SharedWithShortChannels"], strict=True)),
    }
    largest = max(max(run.values()) for run in facts["VarianceInflation"])
    values = _by_pair(channels, conditions)
    return [
        Picture(
            name="signals",
            figure=signals_figure(dict(zip(runs, means, strict=True))),
            title="Haemoglobin",
            caption="Mean over the good long channels, and over the short ones, which see the "
            f"scalp alone. Bad pairs: {', '.join(bad) or 'none'}.",
            alt=f"Courses of HbO and HbR; {len(bad)} bad pairs.",
        ),
        Picture(
            name="design",
            figure=design_figure(dict(zip(runs, designs, strict=True)), conditions, "sample"),
            title="Design matrices",
            caption="Columns are scaled to their largest magnitude; left of the line the "
            "conditions, then drift, the short channels and the constant.",
            alt=f"Design matrices of {len(designs)} runs, {designs[0].shape[1]} columns.",
        ),
        Picture(
            name="collinearity",
            figure=shared_figure(**named),
            title="Collinearity",
            caption="Left: variance inflation of each condition given all other columns; above "
            "5 (dashed) an estimate is mostly not the condition's own. Right: how much of the "
            "condition the short channels carry.",
            alt=f"Largest variance inflation {largest:.1f}.",
        ),
        Picture(
            name="estimates",
            figure=head_figure(signals[0], values, title="Estimates", label=f"theta ({UNITS})"),
            title="Estimates of the channels",
            caption=f"theta of each condition ({UNITS}) on the head from above, nose up.",
            alt="Maps of the conditions' estimates, a row a chromophore.",
        ),
    ]


def group_figures(
    pairs: Mapping[str, pd.DataFrame],
    signal: str,
    channels: pd.DataFrame,
    rois: pd.DataFrame,
    regions: Mapping[str, Sequence[str]],
    conditions: Sequence[str],
) -> list[Picture]:
    """Pictures of all participants.

    Parameters
    ----------
    pairs : participant (and run) to its table of pairs.
    signal : file of haemoglobin, for the places of the channels.
    channels, rois : estimates of all participants.
    regions : region to its pairs.
    """
    coupling = pd.DataFrame({k: t.set_index("pair")["sci"] for k, t in pairs.items()}).T
    bad = pd.DataFrame({k: t.set_index("pair")["status"] == "bad" for k, t in pairs.items()}).T
    one = next(iter(pairs.values()))
    short = list(one.loc[one["kind"] == "short", "pair"])
    place = "ROI" if len(rois) else "pair"
    table = rois if len(rois) else channels
    shown = table[table["Condition"].isin(conditions)]
    means = channels.groupby(["Condition", "Chroma", "pair"], sort=False)["theta"].mean()
    values = _by_pair(means.reset_index(), list(dict.fromkeys(channels["Condition"])))
    lost = [f"{who}: {', '.join(row.index[row])}" for who, row in bad.iterrows() if row.any()]
    found = [
        Picture(
            name="quality",
            figure=quality_figure(coupling.reindex(columns=one["pair"]), bad[list(one["pair"])]),
            title="Quality of the pairs",
            caption="Scalp coupling index of every participant and source-detector pair; a "
            f"cross: left out. {'; '.join(lost) or 'No pair is left out'}.",
            alt=f"Matrix of participants by pairs; {int(bad.to_numpy().sum())} are left out.",
        ),
        Picture(
            name="montage",
            figure=montage_figure(signal, regions, short),
            title="Montage",
            caption="Sources and detectors from above, nose up; pairs by region of interest.",
            alt=f"{len(one)} pairs, {len(short)} of them short; regions "
            f"{', '.join(regions) or 'none'}.",
        ),
        Picture(
            name="mean_estimates",
            figure=head_figure(
                signal, values, title="Mean over participants", label=f"theta ({UNITS})"
            ),
            title="Mean estimates",
            caption=f"Mean theta over participants ({UNITS}) on the head from above, nose up; "
            "nothing is tested here.",
            alt="Maps of the mean estimates, a row a chromophore, a column a condition.",
        ),
    ]
    if len(set(shown[place])) <= 6:
        found.insert(
            2,
            Picture(
                name="individuals",
                figure=individual_figure(shown, place, UNITS),
                title="Individual results",
                caption="Each participant's estimates by region, condition and chromophore; "
                "diamond: their mean.",
                alt=f"Estimates of {shown['ID'].nunique()} participants in "
                f"{shown[place].nunique()} regions.",
            ),
        )
    return found


def signals_figure(runs: Mapping[str, Mapping[Any, Any]]) -> Figure:
    """Mean course of long and short channels of each run."""
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
    runs = []
    for path, rate, table in zip(signals, rates, pairs, strict=True):
        raw = read_haemoglobin(path, rate)
        run: dict[Any, np.ndarray] = {"times": raw.times}
        good = table[table["status"] == "good"]
        for kind in ("long", "short"):
            for chroma in CHROMAS:
                chosen = [f"{pair} {chroma}" for pair in good.loc[good["kind"] == kind, "pair"]]
                if chosen:
                    own = 1e6 * raw.get_data(chosen)
                    run[kind, chroma] = (own - own.mean(1, keepdims=True)).mean(0)
        runs.append(run)
    return runs


def _by_pair(
    table: pd.DataFrame, conditions: Sequence[str]
) -> dict[tuple[str, str], dict[str, float]]:
    return {
        (condition, chroma): dict(zip(own["pair"], own["theta"], strict=True))
        for condition in conditions
        for chroma in CHROMAS
        if len(own := table[(table["Condition"] == condition) & (table["Chroma"] == chroma)])
    }
