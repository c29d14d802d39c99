"""Topographies of channels, and the montage with its regions of interest."""

from collections.abc import Mapping, Sequence

import mne
import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from groupwise.figures.channels import CHROMAS
from groupwise.figures.colours import CONDITIONS
from groupwise.figures.effect import Effect
from groupwise.figures.save import CaptionedFigure
from groupwise.permutation.wording import statistic_words

#: Centre and radius (m) of the sphere that represents the head.
SPHERE = (0.0, 0.015, 0.0, 0.095)
#: Columns that identify a coefficient in topographies.
KEYS = ["ch_name", "Chroma", "c"]


def head_figure(
    signal: str,
    values: Mapping[tuple[str, str], Mapping[str, float]],
    *,
    title: str,
    label: str,
    significant: Mapping[tuple[str, str], Sequence[str]] | None = None,
) -> Figure:
    """Plot topographies from above: one row per chromophore, one column per condition.

    Parameters
    ----------
    signal : SNIRF file with the positions of the channels.
    values : value of each pair, by (condition, chromophore); pairs without value are not drawn.
    title, label : title of the figure, and label of its colour bar.
    significant : pairs that are ringed, by (condition, chromophore).
    """
    columns, rows = (list(dict.fromkeys(key[k] for key in values)) for k in range(2))
    width, height = 1.5 + 2.7 * len(columns), 0.9 + 2.6 * len(rows)
    figure = Figure(figsize=(width, height))
    panels = figure.subplots(len(rows), len(columns), squeeze=False)
    figure.subplots_adjust(0.02, 0.03, 1 - 1.4 / width, 1 - 0.8 / height, 0.08, 0.12)
    info = mne.io.read_raw_snirf(signal, optode_frame="head", verbose="error").info
    limit = max(np.abs(list(panel.values())).max() for panel in values.values() if panel)
    for row, chroma in enumerate(rows):
        for column, condition in enumerate(columns):
            panel = panels[row, column]
            shown = values.get((condition, chroma)) or {}
            panel.set_title(f"{condition} {CHROMAS.get(chroma, ('', '', ''))[2]}", fontsize=10)
            if len(shown) < 4:
                panel.set_axis_off()
                continue
            names = [f"{pair} {chroma or 'hbo'}" for pair in shown]
            placed = mne.pick_info(info, [info["ch_names"].index(name) for name in names])
            ringed = set((significant or {}).get((condition, chroma), ()))
            mne.viz.plot_topomap(
                np.array(list(shown.values())),
                placed,
                axes=panel,
                show=False,
                sphere=SPHERE,
                cmap="RdBu_r",
                vlim=(-limit, limit),
                extrapolate="local",
                contours=0,
                mask=np.array([pair in ringed for pair in shown]),
                mask_params={"marker": "o", "markersize": 9, "markerfacecolor": "none",
                             "markeredgecolor": "black", "markeredgewidth": 1.6},
            )  # fmt: skip
    axis = figure.add_axes((1 - 1.2 / width, 0.22, 0.15 / width, 0.5))
    colours = ScalarMappable(Normalize(-limit, limit), colormaps["RdBu_r"])
    figure.colorbar(colours, cax=axis, label=label)
    figure.suptitle(title, fontsize=11)
    return figure


def montage_figure(signal: str, rois: Mapping[str, Sequence[str]], short: Sequence[str]) -> Figure:
    """Plot sources, detectors and pairs from above, coloured by region; short pairs are dotted."""
    raw = mne.io.read_raw_snirf(signal, optode_frame="head", verbose="error")
    figure = Figure(figsize=(7.6, 6.4), layout="constrained")
    axis = figure.subplots()
    region = {pair: name for name, pairs in rois.items() for pair in pairs}
    colours = {name: CONDITIONS[k % len(CONDITIONS)] for k, name in enumerate(rois)}
    optodes: dict[str, np.ndarray] = {}
    for channel in raw.info["chs"]:
        pair = channel["ch_name"].split(" ")[0]
        source, detector = pair.split("_")
        ends = _project_to_plane(np.array([channel["loc"][3:6], channel["loc"][6:9]]))
        optodes |= {source: ends[0], detector: ends[1]}
        if channel["ch_name"].endswith("hbo"):
            colour = colours.get(region.get(pair, ""), "0.6")
            axis.plot(*ends.T, color=colour, lw=3, ls=":" if pair in short else "-", zorder=1)
    radius = 1e3 * SPHERE[3]
    angle = np.linspace(0, 2 * np.pi, 181)
    centre = 1e3 * np.array(SPHERE[:2])
    head = centre[:, None] + radius * np.array([np.cos(angle), np.sin(angle)])
    axis.plot(*head, color="black", lw=1.2)
    nose = np.array([[-8, radius - 1], [0, radius + 9], [8, radius - 1]])
    axis.plot(*(nose + centre).T, color="black", lw=1.2)
    for name, (x, y) in optodes.items():
        if name in {pair.split("_")[1] for pair in short}:
            continue
        colour = "#D55E00" if name.startswith("S") else "#0072B2"
        axis.plot(x, y, "o", ms=15, color=colour, zorder=2)
        axis.text(x, y, name, color="white", ha="center", va="center", fontsize=7, zorder=3)
    for name, colour in colours.items():
        axis.plot([], [], color=colour, lw=3, label=name.replace("_", " "))
    if len(short):
        axis.plot([], [], color="0.6", lw=3, ls=":", label="short pairs")
    axis.plot([], [], "o", color="#D55E00", label="source")
    axis.plot([], [], "o", color="#0072B2", label="detector")
    figure.legend(frameon=False, loc="outside right center")
    axis.set_aspect("equal")
    axis.set_axis_off()
    return figure


def _project_to_plane(positions: np.ndarray) -> np.ndarray:
    """Project positions (n, 3) in m to the plane as seen from above, (n, 2) in mm.

    The projection is azimuthal and equidistant: distances from the vertex are kept.
    """
    shifted = positions - np.array(SPHERE[:3])
    distance = np.linalg.norm(shifted, axis=1, keepdims=True)
    tilt = np.arccos(np.clip(shifted[:, 2:] / distance, -1, 1)) / (np.pi / 2)
    direction = shifted[:, :2] / np.maximum(np.linalg.norm(shifted[:, :2], axis=1), 1e-9)[:, None]
    return 1e3 * (SPHERE[3] * tilt * direction + np.array(SPHERE[:2]))


def plot_effect_topography(signal: str, effect: Effect) -> CaptionedFigure:
    """Plot the topography of an effect's statistic, one row per chromophore."""
    space, result = effect.stack.space, effect.result
    statistic, p = effect.maps["statistic"].ravel(), effect.maps["p_max"].ravel()
    name = statistic_words(result)
    kinds = list(dict.fromkeys(space.part))
    values: dict[tuple[str, str], dict[str, float]] = {("", kind): {} for kind in kinds}
    ringed: dict[tuple[str, str], list[str]] = {("", kind): [] for kind in kinds}
    for pair, kind, value, p_value in zip(space.label, space.part, statistic, p, strict=True):
        if np.isfinite(value):
            values["", kind][str(pair)] = float(value)
            if p_value <= result["Alpha"]:
                ringed["", kind].append(str(pair))
    n_significant = sum(map(len, ringed.values()))
    return CaptionedFigure(
        name="head",
        figure=head_figure(
            signal, values, title=f"{effect.title}: {name}", label=name, significant=ringed
        ),
        title="Topography",
        caption=f"{name} of each channel, seen from above, nose up. Ringed: p ≤ "
        f"{result['Alpha']:g}, corrected over all channels and chromophores by the maximum "
        f"statistic. Colours between channels are interpolated.",
        alt=f"Topography of {name} with {n_significant} significant channels.",
    )


def plot_model_topographies(
    signal: str, table: pd.DataFrame, *, title: str, alpha: float, units: str
) -> list[CaptionedFigure]:
    """Plot topographies of a model's coefficients; no figure if they are not those of channels.

    Parameters
    ----------
    signal : SNIRF file with the positions of the channels.
    table : coefficients of the model.
    title : title of the figure.
    alpha : largest q (false discovery rate) of a ringed channel.
    units : unit of the coefficients.
    """
    if "ch_name" not in table or "Chroma" not in table:
        return []
    shown = table[table["estimate"].notna() & table["ch_name"].notna() & table["Chroma"].notna()]
    conditions = shown["Condition"] if "Condition" in shown else shown["Chroma"].map(lambda _: "")
    unclear = shown.assign(c=conditions)[KEYS].duplicated().any()
    if not len(shown) or conditions.nunique() > 4 or unclear:
        return []
    values: dict[tuple[str, str], dict[str, float]] = {}
    ringed: dict[tuple[str, str], list[str]] = {}
    for condition, row in zip(conditions, shown.to_dict("records"), strict=True):
        key, pair = (str(condition), row["Chroma"]), row["ch_name"].split(" ")[0]
        values.setdefault(key, {})[pair] = row["estimate"]
        if row["q_fdr"] <= alpha:
            ringed.setdefault(key, []).append(pair)
    return [
        CaptionedFigure(
            name="head",
            figure=head_figure(
                signal, values, title=title, label=f"coefficient ({units})", significant=ringed
            ),
            title="Topographies",
            caption="Coefficients of the channels, seen from above, nose up. Ringed: "
            f"q ≤ {alpha:g} (false discovery rate).",
            alt="Topographies of coefficients with "
            f"{sum(map(len, ringed.values()))} significant channels.",
        )
    ]
