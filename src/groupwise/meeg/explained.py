"""Tables and figures of the noise covariance's estimators and of the explained variance."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from groupwise.figures.colours import CONDITIONS
from groupwise.figures.save import CaptionedFigure
from groupwise.meeg.quality import TITLES, UNITS

if TYPE_CHECKING:
    import mne

#: Descriptions of the columns of the two tables.
EXPLAINED_COLUMNS = {
    "subject": {"Description": "Subject"},
    "condition": {"Description": "Condition"},
    "channels": {"Description": "Channel type"},
    "explained_variance": {
        "Description": "1 - |residual|^2 / |response|^2, summed over channels and times"
    },
}
COVARIANCE_COLUMNS = {
    "subject": {"Description": "Subject"},
    "estimator": {"Description": "Estimator of the noise covariance"},
    "log_likelihood": {
        "Description": "Log-likelihood of left-out data, mean over folds; n/a: single estimator",
        "Units": "nat per sample",
    },
    "chosen": {"Description": "true for the estimator that is used, which is the likeliest"},
    "rank": {"Description": "Rank of the data of each channel type"},
    "samples": {"Description": "Number of samples from which the covariance was estimated"},
}


def plot_residuals(
    evokeds: Sequence["mne.Evoked"],
    residuals: Sequence["mne.Evoked"],
    shares: Mapping[str, Mapping[str, float]],
) -> CaptionedFigure:
    """Plot the root mean square over channels of each evoked response and of its residual.

    Parameters
    ----------
    evokeds, residuals : one per condition, in the same order.
    shares : explained variance (0 to 1) by condition and channel type.
    """
    kinds = list(next(iter(shares.values())))
    rows, columns = len(evokeds), len(kinds)
    figure = Figure(figsize=(1 + 4.2 * columns, 0.9 + 1.35 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey="col")
    for row, (evoked, residual) in enumerate(zip(evokeds, residuals, strict=True)):
        whole = evoked.copy().apply_proj()
        for axis, kind in zip(axes[row], kinds, strict=True):
            names = residual.copy().pick(kind, exclude="bads").ch_names
            factor, unit = UNITS[kind]
            for inst, label, colour in (
                (whole, "response", CONDITIONS[0]),
                (residual, "residual", CONDITIONS[1]),
            ):
                power = np.sqrt(np.mean(inst.get_data(names) ** 2, axis=0)) * factor
                axis.plot(inst.times * 1e3, power, color=colour, lw=1.5, label=label)
            share = shares[evoked.comment][kind]
            title = f"{TITLES[kind]}, {evoked.comment}: {share:.0%} explained"
            axis.set_title(title, fontsize=10, loc="left")
            axis.axvline(0, color="black", lw=0.8, ls=":")
            axis.set(xlim=evoked.times[[0, -1]] * 1e3, ylabel=unit)
            axis.spines[["top", "right"]].set_visible(False)
    for axis in axes[-1]:
        axis.set_xlabel("ms")
        axis.set_ylim(bottom=0)
    lines = axes[0, 0].get_legend_handles_labels()
    figure.legend(*lines, loc="outside lower center", ncols=2, frameon=False)
    least = min(share for by_type in shares.values() for share in by_type.values())
    return CaptionedFigure(
        name="residual",
        figure=figure,
        title="Explained variance",
        caption="Root mean square over channels of each evoked response and of its residual, the "
        "part that the source estimate does not explain. Explained variance is computed over all "
        f"channels and times, including the noise before the stimulus. The minimum is {least:.0%}.",
        alt=f"Time courses of response and residual of {rows} conditions. At least {least:.0%} of "
        "the variance is explained.",
    )


def explained_table(sidecars: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Return the explained variance, one row per subject, condition and channel type.

    Parameters
    ----------
    sidecars : content of the JSON sidecar of the source estimates, by subject.
    """
    return pd.DataFrame(
        [
            (subject, condition, kind, share)
            for subject, facts in sidecars.items()
            for condition, shares in facts["ExplainedVariance"].items()
            for kind, share in shares.items()
        ],
        columns=list(EXPLAINED_COLUMNS),
    )


def covariance_table(sidecars: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Return the estimators of the noise covariance, one row per subject and estimator.

    Parameters
    ----------
    sidecars : content of the JSON sidecar of the noise covariance, by subject.
    """
    rows = []
    for subject, facts in sidecars.items():
        rank = " ".join(f"{kind}: {n}" for kind, n in facts["Rank"].items())
        for name, likelihood in facts["LogLikelihood"].items():
            chosen = "true" if name == facts["Method"] else "false"
            rows.append((subject, name, likelihood, chosen, rank, facts["Samples"]))
    table = pd.DataFrame(rows, columns=list(COVARIANCE_COLUMNS))
    return table.astype({"log_likelihood": float})


def plot_first_level(explained: pd.DataFrame, covariances: pd.DataFrame) -> list[CaptionedFigure]:
    """Plot the covariance estimators and the explained variance of all subjects.

    Parameters
    ----------
    explained : table of `explained_table`; empty if the sources are not minimum-norm estimates.
    covariances : table of `covariance_table`.
    """
    counts = covariances.loc[covariances["chosen"] == "true", "estimator"].value_counts()
    chosen = ", ".join(f"{name} for {n}" for name, n in counts.items())
    plural = "s" if covariances["subject"].nunique() > 1 else ""
    figures = [
        CaptionedFigure(
            name="covariance",
            figure=_likelihood_figure(covariances),
            title="Choice of the noise covariance",
            caption="Log-likelihood of left-out data under each estimator of the noise covariance, "
            "relative to the chosen one (0), for each subject. Chosen: "
            f"{chosen} subject{plural}.",
            alt=f"Log-likelihoods of the estimators. Chosen: {chosen}.",
        )
    ]
    if len(explained):
        median = explained.groupby("channels", sort=False)["explained_variance"].median()
        medians = ", ".join(f"{TITLES[kind]} {share:.0%}" for kind, share in median.items())
        figures.append(
            CaptionedFigure(
                name="explained",
                figure=_explained_figure(explained),
                title="Explained variance",
                caption="Share of the variance of each evoked response that its source estimate "
                "explains, over all channels and times. Dot: one subject; line: median over "
                f"subjects. Medians over all conditions: {medians}.",
                alt=f"Explained variance by condition. Medians: {medians}.",
            )
        )
    return figures


def _likelihood_figure(covariances: pd.DataFrame) -> Figure:
    subjects = list(dict.fromkeys(covariances["subject"]))
    table = covariances.pivot(index="subject", columns="estimator", values="log_likelihood")
    table = table.loc[subjects, list(dict.fromkeys(covariances["estimator"]))]
    gain = table.sub(table.max(axis=1), axis=0).fillna(0.0)
    figure = Figure(figsize=(max(5.0, 2.6 + 0.35 * len(subjects)), 3.2), layout="constrained")
    axis = figure.subplots()
    for k, name in enumerate(gain):
        axis.plot(
            subjects, gain[name], "os^vDP"[k % 6], color=CONDITIONS[k % len(CONDITIONS)],
            label=name, ls="none",
        )  # fmt: skip
    axis.axhline(0, color="black", lw=0.8, ls=":")
    axis.set(xlabel="subject", ylabel="log-likelihood\nrelative to the best (nat)")
    axis.tick_params(axis="x", labelrotation=90 if len(subjects) > 12 else 0)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=6, frameon=False, borderpad=0)
    return figure


def _explained_figure(explained: pd.DataFrame) -> Figure:
    kinds = list(dict.fromkeys(explained["channels"]))
    conditions = list(dict.fromkeys(explained["condition"]))
    width = 1.2 + len(kinds) * max(2.6, 0.6 * len(conditions))
    figure = Figure(figsize=(width, 3.4), layout="constrained")
    axes = figure.subplots(1, len(kinds), squeeze=False, sharey=True)[0]
    for axis, kind in zip(axes, kinds, strict=True):
        _plot_dots(axis, explained[explained["channels"] == kind], conditions)
        axis.set_title(TITLES[kind], fontsize=11)
    axes[0].set_ylabel("explained variance")
    return figure


def _plot_dots(axis: Axes, table: pd.DataFrame, conditions: Sequence[str]) -> None:
    """Plot one column of dots per condition, jittered so that equal values stay visible."""
    for position, name in enumerate(conditions):
        shares = np.sort(table.loc[table["condition"] == name, "explained_variance"].to_numpy())
        spread = 0.12 * np.resize([-1, 0, 1], len(shares))
        axis.plot(position + spread, shares, "o", ms=4, color=CONDITIONS[0], alpha=0.7)
        axis.hlines(np.median(shares), position - 0.3, position + 0.3, color="black", lw=2)
    axis.set_xticks(range(len(conditions)), conditions, rotation=30, ha="right")
    axis.set_ylim(min(0.0, table["explained_variance"].min()), 1)
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axis.spines[["top", "right"]].set_visible(False)
