"""Figures for the quality control of one subject's recording."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from groupwise.figures.save import CaptionedFigure

if TYPE_CHECKING:
    import mne

#: Scale factor from SI units, and unit, of each channel type in figures.
UNITS = {"mag": (1e15, "fT"), "grad": (1e13, "fT/cm"), "eeg": (1e6, "µV")}
TITLES = {"mag": "Magnetometers", "grad": "Gradiometers", "eeg": "EEG"}
#: Okabe and Ito (2008): distinct for colour-blind readers.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


def drop_figure(drops: pd.DataFrame, worst: int = 10) -> Figure:
    """Plot the kept and dropped epochs of each condition, and the channels with most drops.

    Parameters
    ----------
    drops : table of `groupwise.meeg.preprocess.count_dropped_epochs`.
    worst : number of channels shown.
    """
    height = 1.4 + 0.42 * max(len(drops), 4)
    figure = Figure(figsize=(9, height), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    rejected = drops["dropped"] - drops["dropped_equalize"]
    left_edge = np.zeros(len(drops))
    for label, counts, colour in (
        ("kept", drops["kept"], COLOURS[0]),
        ("dropped to equalize", drops["dropped_equalize"], COLOURS[5]),
        ("rejected", rejected, COLOURS[1]),
    ):
        bars = left.barh(drops["condition"], counts, left=left_edge, color=colour, label=label)
        inside = [str(n) if n > 0.04 * drops["events"].max() else "" for n in counts]
        left.bar_label(bars, inside, label_type="center", color="white", fontsize=9)
        left_edge += counts.to_numpy(float)
    left.invert_yaxis()
    left.set_xlabel("epochs")
    left.spines[["top", "right"]].set_visible(False)
    left.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False)
    costs = count_drops_by_channel(drops)[:worst]
    if costs:
        names, counts = zip(*costs, strict=True)
        right.barh(names, counts, color=COLOURS[1], height=0.7)
        right.set_ylim(max(len(costs), 6) - 0.5, -0.5)
        right.xaxis.set_major_locator(MaxNLocator(integer=True))
        right.set_xlabel("epochs over the limit")
        right.spines[["top", "right"]].set_visible(False)
    else:
        right.text(0.5, 0.5, "no channel exceeded its limit", ha="center", va="center")
        right.set_axis_off()
    return figure


def count_drops_by_channel(drops: pd.DataFrame) -> list[tuple[str, int]]:
    """Return channels and their number of dropped epochs over all conditions, descending."""
    total: dict[str, int] = {}
    for cell in drops["channels"].fillna(""):
        for entry in str(cell).split("; "):
            name, separator, count = entry.rpartition(": ")
            if not separator:  # "n/a": no epoch was dropped
                continue
            total[name] = total.get(name, 0) + int(count)
    return sorted(total.items(), key=lambda item: -item[1])


def peak_times(evokeds: Sequence["mne.Evoked"], kind: str, count: int = 4) -> np.ndarray:
    """Return the ascending times (s) of the largest peaks of field power in any condition.

    Parameters
    ----------
    evokeds : one per condition.
    kind : channel type.
    count : largest number of peaks. They are after 0 s, unless the epochs end before.
    """
    powers = [np.mean(_pick_good_channels(evoked, kind).data ** 2, axis=0) for evoked in evokeds]
    power = np.max(powers, axis=0)
    times = evokeds[0].times
    allowed = np.flatnonzero(times > 0) if times[-1] > 0 else np.arange(len(times))
    inside = power[allowed]
    # Not scipy.signal.find_peaks, whose import takes more than a second of every job.
    peaks = 1 + np.flatnonzero((inside[1:-1] > inside[:-2]) & (inside[1:-1] >= inside[2:]))
    if not len(peaks):
        peaks = np.array([np.argmax(power[allowed])])
    best = peaks[np.argsort(power[allowed][peaks])[::-1][:count]]
    return times[allowed][np.sort(best)]


def evoked_figure(evokeds: Sequence["mne.Evoked"], kind: str, n_maps: int = 4) -> Figure:
    """Plot the evoked responses of all conditions, with topographies at common peaks, on one scale.

    Parameters
    ----------
    evokeds : one per condition.
    kind : channel type. Topographies of planar gradiometers show the vector length of each pair.
    n_maps : number of topographies per condition.
    """
    factor, unit = UNITS[kind]
    picked = [_pick_good_channels(evoked, kind) for evoked in evokeds]
    times = peak_times(evokeds, kind, n_maps)
    limit = max(np.abs(e.data).max() for e in picked) * factor
    at_peaks = max(
        np.abs(e.data[:, e.time_as_index(times, use_rounding=True)]).max() for e in picked
    )
    at_peaks *= factor
    figure = Figure(
        figsize=(3.6 + 1.35 * len(times), 0.7 + 1.55 * len(picked)), layout="constrained"
    )
    axes = figure.subplots(
        len(picked), len(times) + 1, squeeze=False, width_ratios=[2.6, *[1] * len(times)]
    )
    signed = kind != "grad"
    for row, evoked in enumerate(picked):
        axis = axes[row, 0]
        _butterfly(axis, evoked.times * 1e3, evoked.data * factor, color="0.35", lw=0.4)
        for time in times:
            axis.axvline(time * 1e3, color=COLOURS[1], lw=0.8)
        axis.axvline(0, color="black", lw=0.8, ls=":")
        axis.set(xlim=evoked.times[[0, -1]] * 1e3, ylim=(-1.05 * limit, 1.05 * limit), ylabel=unit)
        axis.set_title(f"{evoked.comment} ({evoked.nave} epochs)", fontsize=10, loc="left")
        axis.spines[["top", "right"]].set_visible(False)
        if row == len(picked) - 1:
            axis.set_xlabel("ms")
        else:
            axis.tick_params(labelbottom=False)
        evoked.plot_topomap(
            times,
            ch_type=kind,
            axes=list(axes[row, 1:]),
            vlim=(-at_peaks, at_peaks) if signed else (0, at_peaks),
            cmap="RdBu_r" if signed else "Reds",
            colorbar=False,
            show=False,
        )
        for axis, time in zip(axes[row, 1:], times, strict=True):
            axis.set_title(f"{time * 1e3:.0f} ms" if row == 0 else "", fontsize=10)
    bar = figure.colorbar(axes[0, 1].images[0], ax=axes[:, 1:], shrink=0.6, aspect=25, pad=0.02)
    bar.set_label(unit if signed else f"{unit}, vector length of pairs")
    return figure


def whiten(
    evokeds: Sequence["mne.Evoked"], covariance: "mne.Covariance"
) -> dict[str, list[tuple[np.ndarray, np.ndarray]]]:
    """Whiten evoked responses, each channel type separately.

    Parameters
    ----------
    evokeds : one per condition.
    covariance : noise covariance of one epoch; it is scaled to the number of averaged epochs.

    Returns
    -------
    By channel type, for each evoked response, the whitened channels (n, times) and their
    normalised power (times,): the sum of squares divided by the rank, which is 1 for pure noise
    (Engemann and Gramfort 2015, https://doi.org/10.1016/j.neuroimage.2014.12.040).
    """
    import mne

    whitened = {}
    for kind in _list_types(evokeds[0]):
        picked = [_pick_good_channels(evoked, kind) for evoked in evokeds]
        noise = mne.pick_channels_cov(covariance, picked[0].ch_names, ordered=True)
        rank = mne.compute_rank(noise, info=picked[0].info)
        white = [mne.whiten_evoked(evoked, noise, rank=rank).data for evoked in picked]
        whitened[kind] = [(data, np.sum(data**2, axis=0) / sum(rank.values())) for data in white]
    return whitened


def whitened_figure(
    evokeds: Sequence["mne.Evoked"],
    whitened: dict[str, list[tuple[np.ndarray, np.ndarray]]],
) -> Figure:
    """Plot whitened evoked responses and their normalised power.

    Parameters
    ----------
    evokeds : one per condition, for times and names.
    whitened : result of `whiten`.
    """
    figure = Figure(figsize=(1 + 4.4 * len(whitened), 5), layout="constrained")
    axes = figure.subplots(2, len(whitened), squeeze=False, sharex=True)
    for (upper, lower), (kind, responses) in zip(axes.T, whitened.items(), strict=True):
        for number, (evoked, (data, power)) in enumerate(zip(evokeds, responses, strict=True)):
            colour = COLOURS[number % len(COLOURS)]
            _butterfly(upper, evoked.times * 1e3, data, color=colour, lw=0.35)
            lower.plot(evoked.times * 1e3, power, color=colour, lw=1.6, label=evoked.comment)
        for level in (-1.96, 1.96):
            upper.axhline(level, color="black", lw=1, ls="--")
        lower.axhline(1, color="black", lw=1, ls="--")
        for axis in (upper, lower):
            axis.axvline(0, color="black", lw=0.8, ls=":")
            axis.spines[["top", "right"]].set_visible(False)
        upper.set_title(TITLES[kind], fontsize=11)
        upper.autoscale_view(scalex=False)
        upper.set_xlim(evokeds[0].times[[0, -1]] * 1e3)
        lower.set_ylim(bottom=0)
        lower.set_xlabel("ms")
    axes[0, 0].set_ylabel("whitened signal")
    axes[1, 0].set_ylabel("normalised power")
    figure.legend(
        *axes[1, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False
    )
    return figure


def covariance_figure(covariance: "mne.Covariance", info: "mne.Info") -> Figure:
    """Plot the noise covariance of each channel type and its eigenvalues.

    The eigenvalues drop steeply at the rank, the number of dimensions of the noise.
    """
    import mne

    kinds = _list_types(info)
    figure = Figure(figsize=(1 + 3.9 * len(kinds), 6.2), layout="constrained")
    axes = figure.subplots(2, len(kinds), squeeze=False, height_ratios=[3, 2])
    for column, kind in enumerate(kinds):
        factor, unit = UNITS[kind]
        names = _list_good_channels(info, kind)
        noise = mne.pick_channels_cov(covariance, names, ordered=True)
        matrix = np.diag(noise.data) if noise["diag"] else noise.data
        matrix = matrix * factor**2
        limit = np.quantile(np.abs(matrix), 0.999)
        image = axes[0, column].imshow(
            matrix, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest"
        )
        axes[0, column].set(title=f"{TITLES[kind]} ({len(names)})", xticks=[], yticks=[])
        figure.colorbar(image, ax=axes[0, column], shrink=0.8, label=f"({unit})²")
        values = np.linalg.svd(matrix, compute_uv=False)
        rank = sum(
            mne.compute_rank(noise, info=mne.pick_info(info, _find_indices(info, names))).values()
        )
        axis = axes[1, column]
        axis.semilogy(np.arange(1, len(values) + 1), np.sqrt(values), color=COLOURS[0], lw=1.8)
        axis.axvline(rank, color=COLOURS[1], lw=1.2, ls="--")
        axis.annotate(
            f"rank {rank}", (rank, 0.95), xycoords=("data", "axes fraction"), xytext=(-5, 0),
            textcoords="offset points", ha="right", va="top", fontsize=9,
        )  # fmt: skip
        # Values below the numerical precision are rounding errors, not noise of the recording.
        axis.set_ylim(bottom=max(np.sqrt(values[0]) * 1e-6, np.sqrt(values.min()) / 2))
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_minor_formatter(NullFormatter())
        axis.set(xlabel="eigenvalue", ylabel=f"root of eigenvalue, {unit}")
        axis.spines[["top", "right"]].set_visible(False)
    return figure


def quality_figures(
    drops: pd.DataFrame,
    evokeds: Sequence["mne.Evoked"],
) -> list[CaptionedFigure]:
    """Return the figures of a subject's epochs and evoked responses, with captions and alt texts.

    Parameters
    ----------
    drops : table of `groupwise.meeg.preprocess.count_dropped_epochs`.
    evokeds : one per condition.
    """
    kept, events = int(drops["kept"].sum()), int(drops["events"].sum())
    costs = count_drops_by_channel(drops)
    most = f". {costs[0][0]} exceeded its limit most often ({costs[0][1]})" if costs else ""
    figures: list[CaptionedFigure] = [
        CaptionedFigure(
            name="drops",
            figure=drop_figure(drops),
            title="Epochs",
            caption=f"{kept} of {events} epochs are kept{most}. An epoch counts for every "
            "channel that exceeded its limit.",
            alt=f"Bars of epochs by condition: {kept} of {events} epochs are kept{most}.",
        )
    ]
    for kind in _list_types(evokeds[0]):
        times = peak_times(evokeds, kind)
        peaks = ", ".join(f"{time * 1e3:.0f}" for time in times)
        figures.append(
            CaptionedFigure(
                name=f"evoked-{kind}",
                figure=evoked_figure(evokeds, kind),
                title=f"Evoked responses, {TITLES[kind].lower() if kind != 'eeg' else 'EEG'}",
                caption="Evoked response of each condition, one line per channel, and its "
                f"topography at the largest peaks of any condition ({peaks} ms), all on one scale.",
                alt=f"Evoked responses of {len(evokeds)} conditions with topographies at "
                f"{peaks} ms.",
            )
        )
    return figures


def noise_figures(
    evokeds: Sequence["mne.Evoked"],
    covariance: "mne.Covariance",
    likelihoods: Mapping[str, float | None],
) -> list[CaptionedFigure]:
    """Return the figures of a subject's noise covariance, with captions and alt texts.

    Parameters
    ----------
    evokeds : one per condition.
    covariance : noise covariance of one epoch.
    likelihoods : cross-validated log-likelihood of each estimator of the covariance (None for a
        single estimator).
    """
    whitened = whiten(evokeds, covariance)
    largest = max(float(power.max()) for pairs in whitened.values() for _, power in pairs)
    method = str(covariance.get("method", "")) or "estimated"
    others = ", ".join(
        f"{name} {value:.1f}" for name, value in likelihoods.items() if value is not None
    )
    chosen = f" The estimator is {method}"
    chosen += (
        f", the likeliest on left-out data (log-likelihoods in nat: {others})." if others else "."
    )
    return [
        CaptionedFigure(
            name="whitened",
            figure=whitened_figure(evokeds, whitened),
            title="Whitened evoked responses",
            caption="Channels in units of the noise (top) and normalised power (bottom). With "
            "a good noise covariance, the power before the stimulus is 1 (dashed; less if "
            "resampling has removed high frequencies), and 95% of the channels are within ±1.96. "
            f"Maximal power: {largest:.1f}.",
            alt=f"Whitened evoked responses. The maximal normalised power is {largest:.1f}.",
        ),
        CaptionedFigure(
            name="covariance",
            figure=covariance_figure(covariance, evokeds[0].info),
            title="Noise covariance",
            caption="Noise covariance of each channel type, and the square roots of its "
            f"eigenvalues with the rank.{chosen}",
            alt=f"Matrices of the noise covariance ({method}) and their eigenvalues.",
        ),
    ]


def _butterfly(axis: Axes, times: np.ndarray, data: np.ndarray, **style: Any) -> None:
    """Plot one line per channel in one collection, which is ten times faster than single lines."""
    lines = [np.column_stack([times, channel]) for channel in data]
    axis.add_collection(LineCollection(lines, alpha=0.5, **style))


def _list_types(inst: "mne.Evoked | mne.Info") -> list[str]:
    """Return the data channel types of an instance, in the order of `UNITS`."""
    types = set(inst.get_channel_types())
    return [kind for kind in UNITS if kind in types]


def _list_good_channels(info: "mne.Info", kind: str) -> list[str]:
    """Return the names of the good channels of a type."""
    types = info.get_channel_types()
    return [
        name
        for name, type_ in zip(info["ch_names"], types, strict=True)
        if type_ == kind and name not in info["bads"]
    ]


def _find_indices(info: "mne.Info", names: Sequence[str]) -> list[int]:
    return [info["ch_names"].index(name) for name in names]


def _pick_good_channels(evoked: "mne.Evoked", kind: str) -> "mne.Evoked":
    """Return a copy with only the good channels of a type."""
    return evoked.copy().pick(_list_good_channels(evoked.info, kind))
