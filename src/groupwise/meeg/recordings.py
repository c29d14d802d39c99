"""Reading and input checks of BIDS recordings of MEG and EEG, and of their events."""

import difflib
import json
import os
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from groupwise.errors import InputError, shorten_list
from groupwise.meeg.events import count_events, find_missing_conditions, read_event_array
from groupwise.meeg.geometry import find_implausible_positions
from groupwise.meeg.maxwell import find_unfiltered_shielding

if TYPE_CHECKING:
    import mne

#: Largest difference of an element of the device-to-head transforms (metres for the translation)
#: between runs with the same head position; far below the precision of head localisation.
SAME_HEAD_POSITION = 1e-4
#: Scale factor to metres of each unit that BIDS allows for coordinates.
TO_METRES = {"m": 1.0, "cm": 1e-2, "mm": 1e-3}


def read_recording(
    path: str | os.PathLike,
    root: str | os.PathLike,
    bad_channels: Sequence[str] = (),
    montage: str | None = None,
) -> "mne.io.BaseRaw":
    """Read one BIDS recording without loading its data.

    Channel types, units and bad channels come from channels.tsv, electrode positions from
    electrodes.tsv, and bad segments (``BAD_...``) from events.tsv.

    Parameters
    ----------
    path : the recording, a file or folder in a BIDS tree.
    root : root of the BIDS tree.
    bad_channels : bad channels in addition to those of channels.tsv.
    montage : name of a standard montage with the positions of the EEG electrodes
        (`mne.channels.make_standard_montage`).

    Raises
    ------
    InputError
        If the recording can't be read, a bad channel is not in the recording, or the montage
        lacks an electrode.
    """
    import mne_bids

    damage = find_fif_damage(path) if Path(path).suffix == ".fif" else None
    if damage:
        raise InputError(
            f"{path}: the file is damaged ({damage}). "
            "Restore the file or list the subject under 'exclude'."
        )
    bids_path = mne_bids.get_bids_path_from_fname(path, check=False).update(root=root)
    try:
        raw = mne_bids.read_raw_bids(bids_path, verbose="error")
    # A damaged file can raise any error, from struct.error to KeyError.
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(
            f"{path}: the recording can't be read ({reason}). "
            "Restore the file or list the subject under 'exclude'."
        ) from error
    missing = _find_unknown_channels(raw.ch_names, bad_channels, path)
    if missing:
        raise InputError(missing)
    raw.info["bads"] = sorted({*raw.info["bads"], *bad_channels})
    if "eeg" in raw:
        if montage is not None:
            set_standard_montage(raw, montage)
        elif (digitised := read_digitised_montage(path)) is not None:
            raw.set_montage(digitised, on_missing="ignore")
    return raw


def read_digitised_montage(path: str | os.PathLike) -> "mne.channels.DigMontage | None":
    """Read electrodes and landmarks from electrodes.tsv and coordsystem.json of a recording.

    mne-bids reads only the electrodes and invents landmarks at a head radius from the origin.

    Returns
    -------
    The montage; None without an electrodes.tsv whose coordsystem.json has nasion and both
    preauricular points in the coordinate system of the electrodes.

    Raises
    ------
    InputError
        If one of the two files can't be read.
    """
    import mne

    for sidecar in sorted(Path(path).parent.glob("*_coordsystem.json")):
        table = sidecar.with_name(sidecar.name.replace("_coordsystem.json", "_electrodes.tsv"))
        if not table.exists():
            continue
        try:
            content = json.loads(sidecar.read_text(encoding="utf-8"))
            landmarks = content.get("AnatomicalLandmarkCoordinates") or {}
            system = content.get("EEGCoordinateSystem")
            same = content.get("AnatomicalLandmarkCoordinateSystem") == system
            if not same or not {"NAS", "LPA", "RPA"} <= set(landmarks):
                continue
            scale = TO_METRES[content["EEGCoordinateUnits"]]
            landmark_scale = TO_METRES[content["AnatomicalLandmarkCoordinateUnits"]]
            positions = pd.read_csv(table, sep="\t", na_values="n/a", dtype={"name": str})
            positions = positions.dropna(subset=["x", "y", "z"]).set_index("name")[["x", "y", "z"]]
            return mne.channels.make_dig_montage(
                {
                    name: scale * xyz
                    for name, xyz in zip(positions.index, positions.to_numpy(float), strict=True)
                },
                nasion=landmark_scale * np.array(landmarks["NAS"], float),
                lpa=landmark_scale * np.array(landmarks["LPA"], float),
                rpa=landmark_scale * np.array(landmarks["RPA"], float),
            )
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise InputError(
                f"{sidecar}: this file and {table.name} do not give electrode positions ({error}). "
                "Set EEGCoordinateUnits and AnatomicalLandmarkCoordinateUnits to m, cm or mm, and "
                "give three coordinates for each of NAS, LPA and RPA."
            ) from error
    return None


def set_standard_montage(raw: "mne.io.BaseRaw", name: str) -> None:
    """Set the positions of a recording's EEG electrodes and landmarks from a standard montage.

    Raises
    ------
    InputError
        If MNE has no such montage, or the montage lacks an electrode.
    """
    import mne

    try:
        montage = mne.channels.make_standard_montage(name)
        raw.set_montage(montage, match_case=False)
    except ValueError as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"config: meeg.montage: {name}: {reason}") from error


def find_fif_damage(path: str | os.PathLike) -> str | None:
    """Return a description of damage in the tag structure of a FIF file, None if it is intact.

    MNE reads a truncated file as a shorter recording. This function follows the chain of tags
    (kind, type, size and position of the next tag, 32 bits each, big-endian) without reading their
    data. The chain must stay inside the file and have an end.
    """
    try:
        size = Path(path).stat().st_size
        with Path(path).open("rb") as handle:
            position = 0
            while True:
                handle.seek(position)
                head = handle.read(16)
                if len(head) < 16:
                    return f"it is truncated at byte {size}"
                _, _, length, following = struct.unpack(">iiii", head)
                end = position + 16 + length
                if length < 0 or following < -1 or end > size:
                    return f"the tag at byte {position} exceeds the file's {size} bytes"
                if following == -1:
                    return None
                # Only forwards, so that a damaged chain can't cause an endless loop.
                if following and following < end:
                    return f"the tag at byte {position} points backwards"
                position = following or end
    except OSError as error:
        return error.strerror or str(error)


def read_runs(
    raw_paths: Sequence[str | os.PathLike],
    events_paths: Sequence[str | os.PathLike],
    conditions: dict[str, int | str],
    root: str | os.PathLike,
    bad_channels: Sequence[str] = (),
    montage: str | None = None,
    filter_run: Callable[["mne.io.BaseRaw", "mne.io.BaseRaw"], "mne.io.BaseRaw"] | None = None,
) -> tuple["mne.io.BaseRaw", np.ndarray]:
    """Read the runs of a subject as one recording, with the events of the conditions.

    A channel that is bad in one run is bad in all. The boundaries of runs are annotated, so that
    filters and epochs do not cross them.

    Parameters
    ----------
    raw_paths, events_paths : one recording and one events.tsv per run, in the same order.
    conditions : value (int) or trial_type (str) in events.tsv of each condition, by name.
    root, bad_channels, montage : see `read_recording`.
    filter_run : function of a run and the first run that returns the run, filtered and in the first
        run's head position; it is applied before runs are concatenated.

    Returns
    -------
    raw : the concatenated runs; data are not loaded.
    events : (n, 3) int array; the third column is the position of the condition, from 1.

    Raises
    ------
    InputError
        If runs differ in channels, sampling rate or head position, if a condition has no event
        in any run, or by `read_recording` and `read_event_array`.
    """
    import mne

    raws = [read_recording(path, root, bad_channels, montage) for path in raw_paths]
    findings = find_run_differences(raws, raw_paths, moved=filter_run is not None)
    findings += find_missing_conditions(events_paths, conditions)
    if findings:
        raise InputError(findings)
    events = [
        read_event_array(path, conditions, raw.info["sfreq"], raw.first_samp, raw.n_times)
        for path, raw in zip(events_paths, raws, strict=True)
    ]
    if filter_run is not None:
        first = raws[0].copy()
        raws = [filter_run(raw, first) for raw in raws]
    if len(raws) == 1:
        return raws[0], events[0]
    bads = sorted({name for raw in raws for name in raw.info["bads"]})
    for raw in raws:
        raw.info["bads"] = bads
    # MNE compares head positions exactly; differences below SAME_HEAD_POSITION are accepted.
    return mne.concatenate_raws(raws, events_list=events, on_mismatch="ignore")


def find_run_differences(
    raws: Sequence["mne.io.BaseRaw"], paths: Sequence[str | os.PathLike], moved: bool = False
) -> list[str]:
    """Return findings on runs that differ in channels, sampling rate or head position.

    Parameters
    ----------
    raws, paths : the runs and their files.
    moved : whether head positions may differ, because runs are transformed to one position.
    """
    findings = []
    first = raws[0]
    for raw, path in zip(raws[1:], paths[1:], strict=True):
        if raw.ch_names != first.ch_names:
            odd = sorted(set(raw.ch_names) ^ set(first.ch_names))
            findings.append(
                f"{path}: its channels are not those of {paths[0]} "
                f"({shorten_list(odd) or 'other order'}). Give all runs of a subject the same "
                "channels."
            )
        if raw.info["sfreq"] != first.info["sfreq"]:
            findings.append(
                f"{path}: it is sampled at {raw.info['sfreq']:g} Hz, and {paths[0]} at "
                f"{first.info['sfreq']:g} Hz. Resample to one rate, or exclude the run."
            )
        trans, first_trans = (item.info["dev_head_t"] for item in (raw, first))
        differs = (trans is None) != (first_trans is None) or (
            trans is not None
            and not np.allclose(
                trans["trans"], first_trans["trans"], rtol=0, atol=SAME_HEAD_POSITION
            )
        )
        if differs and not moved:
            findings.append(
                f"{path}: it has another head position than {paths[0]}, so their sensor data can't "
                "be combined. Transform the runs to one head position with a Maxwell filter "
                "(meeg.maxwell: {}), or analyse each run as a session."
            )
    return findings


def check_recordings(
    raw_paths: Sequence[str | os.PathLike],
    events_paths: Sequence[str | os.PathLike],
    conditions: dict[str, int | str],
    channels: Sequence[str],
    root: str | os.PathLike,
    bad_channels: Sequence[str] = (),
    reject: dict[str, float] | None = None,
    h_freq: float | None = None,
    aux_channels: Sequence[str] = (),
    montage: str | None = None,
    landmarks: bool = False,
    moved: bool = False,
) -> tuple[list[str], list[dict[str, Any]]]:
    """Check the headers and events of a subject's recordings.

    Parameters
    ----------
    raw_paths, events_paths, conditions, root, bad_channels : see `read_runs`.
    channels : data channel types to analyse ("mag", "grad", "eeg").
    reject : rejection limits by channel type; a limit of "eog" or "ecg" needs such a channel.
    h_freq : upper edge of the filter, Hz; it must be below half the sampling rate.
    aux_channels : names of the channels on which blinks and heartbeats are detected.
    montage : name of a standard montage for EEG electrodes; None: the recordings have positions.
    landmarks : whether nasion and preauricular points are required.
    moved : whether runs are Maxwell-filtered, and so may differ in head position.

    Returns
    -------
    findings : all errors, each with file and remedy; empty if there are none.
    rows : one dict per readable run: recording, sampling_rate (Hz), duration (s), number of
        channels of each type, bad_channels, and events: the number of each condition and of those
        that are left out.
    """
    findings: list[str] = []
    rows: list[dict[str, Any]] = []
    raws, read = [], []
    for path, events_path in zip(raw_paths, events_paths, strict=True):
        try:
            raw = read_recording(path, root)
        except InputError as error:
            findings += error.findings
            continue
        raws.append(raw)
        read.append(path)
        findings += _find_unknown_channels(raw.ch_names, bad_channels, path)
        findings += _find_unknown_channels(
            raw.ch_names, aux_channels, path, "named in meeg.artifacts"
        )
        findings += _find_missing_types(raw, path, channels, reject or {})
        findings += find_unfiltered_shielding(raw.info, path, channels, filtered=moved)
        unplaced = _find_unplaced_electrodes(raw, path, montage) if "eeg" in channels else []
        findings += unplaced
        placed = [kind for kind in channels if kind != "eeg" or not unplaced]
        recorded = "eeg" in placed and montage is None and _has_own_landmarks(path)
        findings += find_implausible_positions(raw, path, placed, montage, recorded)
        if landmarks and "eeg" in placed:
            findings += _find_missing_landmarks(raw, path, montage)
        if h_freq is not None and h_freq >= raw.info["sfreq"] / 2:
            findings.append(
                f"{path}: it is sampled at {raw.info['sfreq']:g} Hz, so meeg.filter.h_freq must "
                f"be below {raw.info['sfreq'] / 2:g} Hz, not {h_freq:g}. Lower it."
            )
        rows.append(
            {
                "recording": Path(path).name,
                "sampling_rate": float(raw.info["sfreq"]),
                "duration": round(raw.n_times / raw.info["sfreq"], 3),
                **{f"n_{kind}": raw.get_channel_types().count(kind) for kind in channels},
                "bad_channels": sorted({*raw.info["bads"], *bad_channels}),
                "events": count_events(events_path, conditions, raw.info["sfreq"]),
            }
        )
    if len(raws) > 1:
        findings += find_run_differences(raws, read, moved)
    for path, raw in zip(read, raws, strict=True):
        events_path = events_paths[list(raw_paths).index(path)]
        try:
            read_event_array(events_path, conditions, raw.info["sfreq"], n_samples=raw.n_times)
        except InputError as error:
            findings += error.findings
    already = set(findings)
    findings += [f for f in find_missing_conditions(events_paths, conditions) if f not in already]
    return findings, rows


def _find_unplaced_electrodes(
    raw: "mne.io.BaseRaw", path: str | os.PathLike, montage: str | None
) -> list:
    """Return findings on EEG electrodes without position in the recording or the montage."""
    import mne

    eeg = [k for k, kind in enumerate(raw.get_channel_types()) if kind == "eeg"]
    names = [raw.ch_names[k] for k in eeg]
    if montage is None:
        positions = np.array([raw.info["chs"][k]["loc"][:3] for k in eeg]).reshape(-1, 3)
        if len(eeg) and np.isfinite(positions).all() and np.ptp(positions, axis=0).any():
            return []
        return [
            f"{path}: its EEG electrodes have no positions. Add electrodes.tsv to the BIDS tree, "
            "or name a standard montage (meeg.montage: colin27_1020)."
        ] * bool(eeg)
    try:
        placed = {name.lower() for name in mne.channels.make_standard_montage(montage).ch_names}
    except ValueError:
        known = ", ".join(mne.channels.get_builtin_montages())
        return [f"config: meeg.montage: {montage} is unknown. Use one of {known}."]
    absent = [name for name in names if name.lower() not in placed]
    if not absent:
        return []
    return [
        f"{path}: the montage {montage} has no {shorten_list(absent)}. Rename these electrodes in "
        "the recording, or name another montage."
    ]


def _has_own_landmarks(path: str | os.PathLike) -> bool:
    """Return whether the landmarks are recorded; mne-bids invents those of other EEG files."""
    return Path(path).suffix == ".fif" or read_digitised_montage(path) is not None


def _find_missing_landmarks(
    raw: "mne.io.BaseRaw", path: str | os.PathLike, montage: str | None
) -> list[str]:
    """Return a finding if nasion or preauricular points are unknown."""
    if montage is not None:
        set_standard_montage(raw, montage)
    known = montage is not None or _has_own_landmarks(path)
    positions = raw.get_montage().get_positions() if raw.get_montage() and known else {}
    if all(positions.get(name) is not None for name in ("nasion", "lpa", "rpa")):
        return []
    return [
        f"{path}: nasion and preauricular points are unknown. They align the electrodes with the "
        "template head model (meeg.anatomy: template). Add them to coordsystem.json, or name a "
        "standard montage that has them (meeg.montage: colin27_1020)."
    ]


def _find_unknown_channels(
    names: Sequence[str],
    asked: Sequence[str],
    path: str | os.PathLike,
    role: str = "listed as bad",
) -> list[str]:
    findings = []
    for channel in asked:
        if channel not in names:
            close = difflib.get_close_matches(channel, names, n=1)
            hint = f" Did you mean '{close[0]}'?" if close else ""
            findings.append(
                f"{path}: there is no channel '{channel}', which is {role}.{hint} Correct its name."
            )
    return findings


def _find_missing_types(
    raw: "mne.io.BaseRaw",
    path: str | os.PathLike,
    channels: Sequence[str],
    reject: dict[str, float],
) -> list[str]:
    types = set(raw.get_channel_types())
    findings = [
        f"{path}: there are no channels of type '{kind}' (it has {', '.join(sorted(types))}). "
        "Correct meeg.channels or list the subject under 'exclude'."
        for kind in channels
        if kind not in types
    ]
    findings += [
        f"{path}: meeg.epochs.reject has a limit for '{kind}', but the recording has no channel of "
        f"type {kind.upper()}. Set the channel's type in channels.tsv, or remove the limit."
        for kind in ("eog", "ecg")
        if kind in reject and kind not in types
    ]
    return findings
