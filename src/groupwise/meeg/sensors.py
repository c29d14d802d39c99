"""Evoked responses at sensors: feature space and rows of a stack, and topographies of effects."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import mne
import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from scipy.sparse import csr_array

from groupwise.errors import InputError
from groupwise.figures.colours import colour_limit, colour_map
from groupwise.figures.effect import Effect
from groupwise.figures.save import CaptionedFigure
from groupwise.permutation.wording import p_words, statistic_words, test_words
from groupwise.stack import Places

#: Scale factor from SI units, and unit, in which the maps of a channel type are stored.
SCALES = {"mag": (1e15, "fT"), "grad": (1e13, "fT/cm"), "eeg": (1e6, "uV")}

#: Largest plausible distance of neighbouring sensors in m. Those of CTF 275 and of Magnes 3600
#: systems are up to 57 mm apart; channels in a wrong order, 150 mm on average.
NEIGHBOUR_DISTANCE = 0.08


def read_sensors(path: str, condition: str, kind: str) -> mne.Evoked:
    """Read a condition's evoked response at the channels of one type.

    Projectors are applied, and bad channels are interpolated.

    Parameters
    ----------
    path : file of evoked responses.
    condition : comment of the response; ignored if the file has a single response.
    kind : "mag", "grad" or "eeg".

    Raises
    ------
    InputError
        If the file can't be read, has no such condition or channels, or has bad channels without
        positions.
    """
    try:
        evokeds = mne.read_evokeds(path, proj=True, verbose="error")
    except Exception as error:  # a damaged FIF file can raise any error
        raise InputError(
            f"{path}: no evoked responses can be read ({error}). Restore the file."
        ) from error
    matching = [e for e in evokeds if e.comment == condition or len(evokeds) == 1]
    if len(matching) != 1:
        raise InputError(
            f"{path}: {len(matching)} responses are named {condition}. Its responses are "
            f"{', '.join(e.comment for e in evokeds)}. Correct the name of the condition."
        )
    try:
        evoked = matching[0].pick(kind, exclude=())
    except ValueError as error:
        raise InputError(
            f"{path}: there are no {kind} channels of {condition} ({error}). Correct the space of "
            "the analysis."
        ) from error
    if evoked.info["bads"]:
        try:
            evoked.interpolate_bads(verbose="error")
        except (ValueError, RuntimeError) as error:
            raise InputError(
                f"{path}: bad channels {', '.join(evoked.info['bads'])} can not be interpolated "
                f"({error}). Mark no channel as bad, or add positions (meeg.montage, or "
                "electrodes.tsv)."
            ) from error
    return evoked


def read_info(path: str, kind: str) -> mne.Info:
    """Read the measurement info of the channels of one type from a file of evoked responses."""
    info = mne.io.read_info(path, verbose="error")
    types = {"eeg": False, "meg": False} | ({"eeg": True} if kind == "eeg" else {"meg": kind})
    return mne.pick_info(info, mne.pick_types(info, **types, exclude=()))


def sensor_space(info: mne.Info, kind: str, times: np.ndarray) -> Places:
    """Return the feature space of the channels of one type.

    The adjacency is MNE's template for the sensor system, or a triangulation.

    Parameters
    ----------
    info : measurement info of the channels.
    kind : "mag", "grad" or "eeg".
    times : (t,) s.

    Raises
    ------
    InputError
        If the channels have no positions, or other names than those of their system.
    """
    places = np.array([channel["loc"][:3] for channel in info["chs"]])
    if not np.isfinite(places).all() or not np.ptp(places, axis=0).any():
        raise InputError(
            f"The {kind} channels have no positions. Set meeg.montage (such as colin27_1020), or "
            "add electrodes.tsv to the BIDS tree."
        )
    return Places(
        name="head" if kind == "eeg" else "device",
        coordinates=(1e3 * places).astype(np.float32),
        place_name="channel",
        part=np.full(len(places), ""),
        label=np.array(info["ch_names"]),
        adjacency=_neighbours(info, kind, places),
        times=times,
    )


def _neighbours(info: mne.Info, kind: str, places: np.ndarray) -> csr_array:
    """Return the neighbours of channels, in their order; `places` are their positions in m.

    The template of a CTF system names a channel MLC11 that recordings name MLC11-4304. That of a
    BTi/4D system names A1 what MNE names MEG 001. Neighbours by such a name must be near.
    """
    adjacency, known = mne.channels.find_ch_adjacency(info, kind)
    index = {str(name): number for number, name in enumerate(known)}
    own = info["ch_names"]
    spellings = [
        own,
        [name.split("-")[0] for name in own],
        [re.sub(r"^MEG 0*", "A", name) for name in own],
    ]
    names = next((each for each in spellings if set(each) <= set(index)), None)
    if names is None:
        odd = sorted(set(own) - set(index))
        raise InputError(
            f"The {kind} channels {', '.join(odd[:5])} are not among those of MNE's template for "
            f"this sensor system ({', '.join(list(index)[:3])}, ...), so their neighbours are "
            "unknown. Restore the channel names of the system."
        )
    order = [index[name] for name in names]
    neighbours = csr_array(adjacency.tocsr()[order][:, order]).astype(bool)
    neighbours.setdiag(False)
    neighbours.eliminate_zeros()
    neighbours.sort_indices()
    one, other = neighbours.nonzero()
    distance = np.linalg.norm(places[one] - places[other], axis=1)
    if names is not own and distance.max(initial=0) > NEIGHBOUR_DISTANCE:
        worst = distance.argmax()
        raise InputError(
            f"The {kind} channels {own[one[worst]]} and {own[other[worst]]} would be neighbours by "
            f"their names, but are {1e3 * distance[worst]:.0f} mm apart. Restore the channel names "
            "of the system."
        )
    return neighbours


def sensor_rows(
    rows: Sequence[Mapping[str, Any]], kind: str, first: mne.Evoked, keep: np.ndarray
) -> Iterator[np.ndarray]:
    """Yield the maps of a stack, one per row, in fT, fT/cm or uV.

    Parameters
    ----------
    rows : rows of the stack, each with `path` and `condition`.
    kind : "mag", "grad" or "eeg".
    first : response of the first row; all rows must have its channels and times.
    keep : (t,) bool, samples inside the stack's window.

    Raises
    ------
    InputError
        If the channels or times of a response differ.
    """
    for row in rows:
        evoked = read_sensors(row["path"], row["condition"], kind)
        if set(evoked.ch_names) != set(first.ch_names):
            odd = sorted(set(evoked.ch_names) ^ set(first.ch_names))
            raise InputError(
                f"{row['path']}: its {kind} channels are not those of {rows[0]['path']}: "
                f"{', '.join(odd)} are in only one of them. Analyse subjects of different sensor "
                "systems separately."
            )
        same = evoked.times.shape == first.times.shape
        if not same or not np.allclose(evoked.times, first.times, atol=1e-7):
            raise InputError(
                f"{row['path']}: its times are not those of {rows[0]['path']}. Resample all "
                "responses to one sampling rate (meeg.resample)."
            )
        yield SCALES[kind][0] * evoked.get_data(first.ch_names)[:, keep].ravel()


def _merge_colocated_channels(info: mne.Info) -> tuple[mne.Info, list[np.ndarray]]:
    """Return one channel per location, and the indices of the channels that it represents."""
    locations = np.round([channel["loc"][:3] for channel in info["chs"]], 4)
    _, first, index = np.unique(locations, axis=0, return_index=True, return_inverse=True)
    if len(first) == len(locations):
        return info, [np.array([k]) for k in range(len(locations))]
    single = mne.create_info([info["ch_names"][k] for k in first], info["sfreq"], "mag")
    for channel, k in zip(single["chs"], first, strict=True):
        channel["loc"] = info["chs"][k]["loc"]
    with single._unlock():
        single["dev_head_t"] = info["dev_head_t"]
    return single, [np.flatnonzero(index == k) for k in range(len(first))]


def plot_topographies(effect: Effect, info: mne.Info) -> list[CaptionedFigure]:
    """Plot the statistic on the head at times within each cluster that has figures."""
    figures = []
    space, statistic = effect.stack.space, effect.statistic
    order = [list(space.label).index(name) for name in info["ch_names"]]
    info, members = _merge_colocated_channels(info)
    signed = effect.result["Statistic"] == "t"
    limit = colour_limit(statistic, effect.result["Threshold"]["statistic"])
    name = statistic_words(effect.result)
    for cluster in effect.shown_clusters:
        inside = effect.labels == cluster["id"]
        samples, over = np.array([0]), ""
        if space.times is not None:
            span = np.linspace(cluster["t_start"], cluster["t_stop"], 5)
            samples = np.unique([int(np.argmin(np.abs(space.times - t))) for t in span])
            edges = f"{1e3 * cluster['t_start']:.0f} to {1e3 * cluster['t_stop']:.0f}"
            over = f", from {edges} ms"
        figure = Figure(figsize=(1.4 + 2.1 * len(samples), 3.0))
        panels = figure.subplots(1, len(samples), squeeze=False)[0]
        figure.subplots_adjust(0.02, 0.04, 1 - 1.3 / (1.4 + 2.1 * len(samples)), 0.74, 0.1)
        for panel, sample in zip(panels, samples, strict=True):
            values, marked = statistic[order, sample], inside[order, sample]
            # Two gradiometers have the same location; the larger statistic is shown.
            largest = [index[np.argmax(np.abs(values[index]))] for index in members]
            mne.viz.plot_topomap(
                values[largest],
                info,
                axes=panel,
                show=False,
                cmap=colour_map(signed),
                vlim=(-limit if signed else 0, limit),
                contours=0,
                mask=np.array([marked[index].any() for index in members]),
                mask_params={"marker": "o", "markersize": 4, "markerfacecolor": "black",
                             "markeredgecolor": "white"},
            )  # fmt: skip
            if space.times is not None:
                panel.set_title(f"{1e3 * space.times[sample]:.0f} ms", fontsize=10)
        axis = figure.add_axes((1 - 1.05 / (1.4 + 2.1 * len(samples)), 0.15, 0.012, 0.5))
        norm = Normalize(-limit if signed else 0, limit)
        figure.colorbar(ScalarMappable(norm, colormaps[colour_map(signed)]), cax=axis, label=name)
        which = effect.name_of(cluster)
        figure.suptitle(f"{effect.title}: {name}, {which}", fontsize=11)
        channels = int(inside.any(axis=1).sum())
        figures.append(
            CaptionedFigure(
                name=f"topography_cluster-{cluster['id']}",
                figure=figure,
                title=f"Topographies of {which}",
                caption=f"{name} at the sensors, seen from above, nose up{over} "
                f"({p_words(cluster)}). Dots: channels of the cluster at that time. Extent "
                f"and latency are descriptive. Test: {test_words(effect.result)}.",
                alt=f"Topographies of {name}. The cluster has {channels} channels{over}.",
            )
        )
    return figures
