"""Evoked responses at sensors: rows of a stack, channels as its feature space, topographies."""

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
from groupwise.figures.save import Picture
from groupwise.permutation.wording import p_words, statistic_words, test_words
from groupwise.stack import Places

#: Factor and unit in which responses of a channel type are stored.
SCALES = {"mag": (1e15, "fT"), "grad": (1e13, "fT/cm"), "eeg": (1e6, "uV")}


def read_sensors(path: str, condition: str, kind: str) -> mne.Evoked:
    """A condition's response at the channels of a type, projectors applied, bad ones interpolated.

    Parameters
    ----------
    condition : the response's comment; that of a file's only response does not matter.

    Raises
    ------
    InputError : the file can't be read, no such condition or channels, or bad channels without
        positions to interpolate by.
    """
    try:
        there = mne.read_evokeds(path, proj=True, verbose="error")
    except Exception as error:  # a damaged FIF raises whatever its reader stumbles over
        raise InputError(f"{path}: no evoked responses can be read ({error})") from error
    named = [own for own in there if own.comment == condition or len(there) == 1]
    if len(named) != 1:
        raise InputError(
            f"{path}: {len(named)} responses are called {condition}; it holds "
            f"{', '.join(own.comment for own in there)}"
        )
    try:
        evoked = named[0].pick(kind, exclude=())
    except ValueError as error:
        raise InputError(f"{path}: no {kind} channels of {condition} ({error})") from error
    if evoked.info["bads"]:
        try:
            evoked.interpolate_bads(verbose="error")
        except (ValueError, RuntimeError) as error:
            raise InputError(
                f"{path}: bad channels {', '.join(evoked.info['bads'])} can not be interpolated "
                f"({error}); mark none as bad, or give positions (meeg.montage, or electrodes.tsv)"
            ) from error
    return evoked


def read_info(path: str, kind: str) -> mne.Info:
    """Channels of a type in a file of evoked responses."""
    info = mne.io.read_info(path, verbose="error")
    chosen = {"eeg": False, "meg": False} | ({"eeg": True} if kind == "eeg" else {"meg": kind})
    return mne.pick_info(info, mne.pick_types(info, **chosen, exclude=()))


def sensor_space(info: mne.Info, kind: str, times: np.ndarray) -> Places:
    """Channels of a type and times; neighbours as MNE has them for the system, or by triangulation.

    Raises
    ------
    InputError : channels without positions.
    """
    places = np.array([channel["loc"][:3] for channel in info["chs"]])
    if not np.isfinite(places).all() or not np.ptp(places, axis=0).any():
        raise InputError(
            "the channels have no positions; give meeg.montage (such as colin27_1020), or "
            "electrodes.tsv in the BIDS tree"
        )
    adjacency, names = mne.channels.find_ch_adjacency(info, kind)
    order = [names.index(name) for name in info["ch_names"]]
    neighbours = csr_array(adjacency.tocsr()[order][:, order]).astype(bool)
    neighbours.setdiag(False)
    neighbours.eliminate_zeros()
    neighbours.sort_indices()
    return Places(
        name="head" if kind == "eeg" else "device",
        coordinates=(1e3 * places).astype(np.float32),
        place_name="channel",
        part=np.full(len(names), ""),
        label=np.array(info["ch_names"]),
        adjacency=neighbours,
        times=times,
    )


def sensor_rows(
    rows: Sequence[Mapping[str, Any]], kind: str, first: mne.Evoked, keep: np.ndarray
) -> Iterator[np.ndarray]:
    """The maps of a stack, one a row of its table, in fT, fT/cm or uV.

    Parameters
    ----------
    rows : each with `path` and `condition`.
    kind : "mag", "grad" or "eeg".
    first : the first row's response, whose channels and times all must have.
    keep : (t,) bool, samples inside the stack's window.

    Raises
    ------
    InputError : naming a response with other channels or times.
    """
    for row in rows:
        evoked = read_sensors(row["path"], row["condition"], kind)
        if set(evoked.ch_names) != set(first.ch_names):
            odd = sorted(set(evoked.ch_names) ^ set(first.ch_names))
            raise InputError(
                f"{row['path']}: its {kind} channels are not those of {rows[0]['path']}: "
                f"{', '.join(odd)} are in one alone; analyse subjects of one system together"
            )
        same = evoked.times.shape == first.times.shape
        if not same or not np.allclose(evoked.times, first.times, atol=1e-7):
            raise InputError(
                f"{row['path']}: its times are not those of {rows[0]['path']}; resample all alike "
                "(meeg.resample)"
            )
        yield SCALES[kind][0] * evoked.get_data(first.ch_names)[:, keep].ravel()


def _one_a_place(info: mne.Info) -> tuple[mne.Info, list[np.ndarray]]:
    """Channels of which no two are at one place, and those of `info` that each stands for."""
    places = np.round([channel["loc"][:3] for channel in info["chs"]], 4)
    _, first, where = np.unique(places, axis=0, return_index=True, return_inverse=True)
    if len(first) == len(places):
        return info, [np.array([k]) for k in range(len(places))]
    single = mne.create_info([info["ch_names"][k] for k in first], info["sfreq"], "mag")
    for channel, k in zip(single["chs"], first, strict=True):
        channel["loc"] = info["chs"][k]["loc"]
    with single._unlock():
        single["dev_head_t"] = info["dev_head_t"]
    return single, [np.flatnonzero(where == k) for k in range(len(first))]


def topographies(effect: Effect, info: mne.Info) -> list[Picture]:
    """The statistic on the head around each pictured cluster's centre in time."""
    pictures = []
    space, statistic = effect.stack.space, effect.statistic
    order = [list(space.label).index(name) for name in info["ch_names"]]
    info, members = _one_a_place(info)
    signed = effect.result["Statistic"] == "t"
    limit = colour_limit(statistic, effect.result["Threshold"]["statistic"])
    name = statistic_words(effect.result)
    for cluster in effect.pictured:
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
            # Of the two gradiometers at a place, the one with the larger statistic.
            largest = [own[np.argmax(np.abs(values[own]))] for own in members]
            mne.viz.plot_topomap(
                values[largest],
                info,
                axes=panel,
                show=False,
                cmap=colour_map(signed),
                vlim=(-limit if signed else 0, limit),
                contours=0,
                mask=np.array([marked[own].any() for own in members]),
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
        pictures.append(
            Picture(
                name=f"topography_cluster-{cluster['id']}",
                figure=figure,
                title=f"Topographies of {which}",
                caption=f"{name} at the sensors from above, nose up{over} "
                f"({p_words(cluster)}); dots: channels of the cluster at that time. Extent "
                f"and latency are descriptive. Test: {test_words(effect.result)}.",
                alt=f"Heads with {name}; the cluster has {channels} channels{over}.",
            )
        )
    return pictures
