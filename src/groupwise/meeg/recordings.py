"""Reading BIDS recordings of MEG and EEG, and finding what is wrong with them before any work."""

import difflib
import json
import os
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from groupwise.errors import InputError

if TYPE_CHECKING:
    import mne

#: Two runs share a head position when no element of their device-to-head transforms differs by
#: more than this (metres for the translation): far below the precision of head localisation.
SAME_HEAD_POSITION = 1e-4
#: Metres of each unit that BIDS allows for coordinates.
METRES = {"m": 1.0, "cm": 1e-2, "mm": 1e-3}


def read_recording(
    path: str | os.PathLike,
    root: str | os.PathLike,
    bad_channels: Sequence[str] = (),
    montage: str | None = None,
) -> "mne.io.BaseRaw":
    """Read one BIDS recording, its data not yet loaded.

    Channel types, units and bad channels come from channels.tsv, electrode positions from
    electrodes.tsv, marked bad segments (``BAD_...``) from events.tsv.

    Parameters
    ----------
    path : the recording, a file (or folder) inside a BIDS tree.
    root : root of the BIDS tree.
    bad_channels : bad channels besides those of channels.tsv.
    montage : standard positions for its EEG electrodes (`mne.channels.make_standard_montage`).

    Raises
    ------
    InputError
        When the recording can't be read, a bad channel isn't one of its channels, or the montage
        lacks an electrode.
    """
    import mne_bids

    broken = broken_fif(path) if Path(path).suffix == ".fif" else None
    if broken:
        raise InputError(
            f"{path}: damaged ({broken}). Restore the file or list the subject under 'exclude'."
        )
    bids_path = mne_bids.get_bids_path_from_fname(path, check=False).update(root=root)
    try:
        raw = mne_bids.read_raw_bids(bids_path, verbose="error")
    # A damaged file raises whatever its reader stumbles over, from struct.error to KeyError.
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(
            f"{path}: can't be read as a recording ({reason}). "
            "Restore the file or list the subject under 'exclude'."
        ) from error
    missing = _unknown_channels(raw.ch_names, bad_channels, path)
    if missing:
        raise InputError(missing)
    raw.info["bads"] = sorted({*raw.info["bads"], *bad_channels})
    if "eeg" in raw:
        if montage is not None:
            place_electrodes(raw, montage)
        elif (digitised := read_digitised(path)) is not None:
            raw.set_montage(digitised, on_missing="ignore")
    return raw


def read_digitised(path: str | os.PathLike) -> "mne.channels.DigMontage | None":
    """Electrodes and landmarks from the BIDS tables beside an EEG recording.

    mne-bids reads the electrodes alone and makes landmarks up, a head's radius from the origin.

    Returns
    -------
    None where there is no electrodes.tsv whose coordsystem.json tells nasion and both ear points in
    the same coordinate system.

    Raises
    ------
    InputError : one of the two can't be read.
    """
    import mne

    for facts in sorted(Path(path).parent.glob("*_coordsystem.json")):
        table = facts.with_name(facts.name.replace("_coordsystem.json", "_electrodes.tsv"))
        if not table.exists():
            continue
        try:
            told = json.loads(facts.read_text(encoding="utf-8"))
            landmarks = told.get("AnatomicalLandmarkCoordinates") or {}
            same = told.get("AnatomicalLandmarkCoordinateSystem") == told.get("EEGCoordinateSystem")
            if not same or not {"NAS", "LPA", "RPA"} <= set(landmarks):
                continue
            to_metres = METRES[told["EEGCoordinateUnits"]]
            ears = METRES[told["AnatomicalLandmarkCoordinateUnits"]]
            places = pd.read_csv(table, sep="\t", na_values="n/a", dtype={"name": str})
            places = places.dropna(subset=["x", "y", "z"]).set_index("name")[["x", "y", "z"]]
            return mne.channels.make_dig_montage(
                {
                    name: to_metres * xyz
                    for name, xyz in zip(places.index, places.to_numpy(float), strict=True)
                },
                nasion=ears * np.array(landmarks["NAS"], float),
                lpa=ears * np.array(landmarks["LPA"], float),
                rpa=ears * np.array(landmarks["RPA"], float),
            )
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise InputError(
                f"{facts}: electrodes can't be placed by it and {table.name} ({error}); it needs "
                "EEGCoordinateUnits and AnatomicalLandmarkCoordinateUnits of m, cm or mm, and "
                "three coordinates for each of NAS, LPA and RPA"
            ) from error
    return None


def place_electrodes(raw: "mne.io.BaseRaw", name: str) -> None:
    """Give a recording's EEG electrodes the positions and landmarks of a standard montage.

    Raises InputError for a montage that MNE does not know, or that lacks an electrode.
    """
    import mne

    try:
        montage = mne.channels.make_standard_montage(name)
        raw.set_montage(montage, match_case=False)
    except ValueError as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"meeg.montage: {name}: {reason}") from error


def broken_fif(path: str | os.PathLike) -> str | None:
    """Say what is wrong with the chain of tags that a FIF file is made of, None if nothing is.

    MNE reads a file that was cut off, in a copy or on a full disk, as a shorter recording. Here
    the chain is followed from tag to tag (kind, type, size and place of the next, 32 bits each,
    big-endian) without reading what they hold: it must stay inside the file and have an end.
    """
    try:
        size = Path(path).stat().st_size
        with Path(path).open("rb") as handle:
            place = 0
            while True:
                handle.seek(place)
                head = handle.read(16)
                if len(head) < 16:
                    return f"it ends at byte {size} in the middle of the recording"
                _, _, length, following = struct.unpack(">iiii", head)
                end = place + 16 + length
                if length < 0 or following < -1 or end > size:
                    return f"what begins at byte {place} does not fit into its {size} bytes"
                if following == -1:
                    return None
                # Only forwards, so that a damaged chain is no endless loop.
                if following and following < end:
                    return f"what begins at byte {place} points backwards"
                place = following or end
    except OSError as error:
        return error.strerror or str(error)


def read_runs(
    raw_paths: Sequence[str | os.PathLike],
    events_paths: Sequence[str | os.PathLike],
    conditions: dict[str, int | str],
    root: str | os.PathLike,
    bad_channels: Sequence[str] = (),
    montage: str | None = None,
    clean: Callable[["mne.io.BaseRaw", "mne.io.BaseRaw"], "mne.io.BaseRaw"] | None = None,
) -> tuple["mne.io.BaseRaw", np.ndarray]:
    """Read the runs of a subject as one recording, with the events of the conditions.

    A channel that is bad in one run is bad in all. The joints are annotated, so that no filter
    and no epoch reaches across them.

    Parameters
    ----------
    raw_paths, events_paths : one recording and one events.tsv a run, in the same order.
    conditions : name -> value (int) or trial_type (str) in events.tsv.
    root, bad_channels, montage : see `read_recording`.
    clean : what is done to each run before they are joined, given the run and the first; it brings
        them to one head position.

    Returns
    -------
    raw : the runs, concatenated, data not loaded.
    events : (n, 3) int array; the third column is the position of the condition, from 1.

    Raises
    ------
    InputError
        When runs differ in channels, sampling rate or head position, when a condition has no
        event in any run, and as `read_recording` and `read_events`.
    """
    import mne

    raws = [read_recording(path, root, bad_channels, montage) for path in raw_paths]
    findings = differing_runs(raws, raw_paths, moved=clean is not None)
    findings += _missing_conditions(events_paths, conditions)
    if findings:
        raise InputError(findings)
    events = [
        read_events(path, conditions, raw.info["sfreq"], raw.first_samp)
        for path, raw in zip(events_paths, raws, strict=True)
    ]
    if clean is not None:
        first = raws[0].copy()
        raws = [clean(raw, first) for raw in raws]
    if len(raws) == 1:
        return raws[0], events[0]
    bads = sorted({name for raw in raws for name in raw.info["bads"]})
    for raw in raws:
        raw.info["bads"] = bads
    # Differences below SAME_HEAD_POSITION are none.
    return mne.concatenate_raws(raws, events_list=events, on_mismatch="ignore")


def differing_runs(
    raws: Sequence["mne.io.BaseRaw"], paths: Sequence[str | os.PathLike], moved: bool = False
) -> list[str]:
    """Findings on runs that can't be joined: other channels, sampling rates, head positions.

    moved: whether other head positions do not matter, since runs are brought to one.
    """
    findings = []
    first = raws[0]
    for raw, path in zip(raws[1:], paths[1:], strict=True):
        if raw.ch_names != first.ch_names:
            odd = sorted(set(raw.ch_names) ^ set(first.ch_names))
            findings.append(
                f"{path}: other channels than in {paths[0]} ({_some(odd) or 'other order'}). "
                "Give every run of a subject the same channels."
            )
        if raw.info["sfreq"] != first.info["sfreq"]:
            findings.append(
                f"{path}: sampled at {raw.info['sfreq']:g} Hz, {paths[0]} at "
                f"{first.info['sfreq']:g} Hz. Resample to one rate or exclude the run."
            )
        here, there = (item.info["dev_head_t"] for item in (raw, first))
        elsewhere = (here is None) != (there is None) or (
            here is not None
            and not np.allclose(here["trans"], there["trans"], rtol=0, atol=SAME_HEAD_POSITION)
        )
        if elsewhere and not moved:
            findings.append(
                f"{path}: another head position than in {paths[0]}, so the sensors see the brain "
                "from another place. Bring the runs to one head position (a Maxwell filter, "
                "meeg.maxwell: {}), or analyse the runs as sessions of their own."
            )
    return findings


def read_events(
    path: str | os.PathLike,
    conditions: dict[str, int | str],
    sfreq: float,
    first_sample: int = 0,
) -> np.ndarray:
    """Read the events of the conditions from events.tsv.

    The sample is the one nearest to `onset` (seconds from the recording's first sample).

    Parameters
    ----------
    path : events.tsv.
    conditions : name -> number (matched with column `value`) or text (column `trial_type`).
    sfreq : sampling rate of the recording, Hz.
    first_sample : number of the recording's first sample (`raw.first_samp`).

    Returns
    -------
    (n, 3) int array in order of time: sample, 0, position of the condition in `conditions`
    counted from 1. Conditions without an event are no error here: another run may hold them.

    Raises
    ------
    InputError
        When the file or a column is missing, a row belongs to two conditions, or two events
        fall on one sample.
    """
    table = _events_table(path)
    findings = _missing_columns(table, path, conditions)
    if findings:
        raise InputError(findings)
    code = np.zeros(len(table), int)
    for position, (name, spec) in enumerate(conditions.items(), start=1):
        rows = _rows_of(table, spec)
        if np.any(code[rows]):
            other = list(conditions)[int(code[rows].max()) - 1]
            raise InputError(
                f"{path}: some events belong to the conditions '{other}' and '{name}' at once. "
                "Give each event one condition."
            )
        code[rows] = position
    onset = pd.to_numeric(table["onset"], errors="coerce").to_numpy(float)
    used = (code > 0) & np.isfinite(onset)
    sample = np.round(onset[used] * sfreq).astype(int) + first_sample
    events = np.column_stack([sample, np.zeros_like(sample), code[used]])
    events = events[np.argsort(events[:, 0], kind="stable")]
    same = np.flatnonzero(np.diff(events[:, 0]) == 0)
    if len(same):
        at = (events[same[0], 0] - first_sample) / sfreq
        raise InputError(
            f"{path}: {len(same)} pairs of events fall on one sample, the first at {at:.3f} s. "
            "Remove the doubles."
        )
    return events


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
    """Find what is wrong with a subject's recordings, from their headers only.

    Parameters
    ----------
    raw_paths, events_paths, conditions, root, bad_channels : see `read_runs`.
    channels : data channel types to analyse ("mag", "grad", "eeg").
    reject : rejection limits by channel type; one for "eog" or "ecg" needs such a channel.
    h_freq : upper edge of the filter, Hz, to be held against the sampling rate.
    aux_channels : names of channels asked for (to detect blinks and heartbeats).
    montage : standard positions of EEG electrodes, where the recordings have none.
    landmarks : whether nasion and ear points are needed.
    moved : whether runs may differ in head position.

    Returns
    -------
    findings : everything that is wrong, one sentence each with file and remedy; empty is good.
    rows : one dict a readable run: recording, sampling_rate, duration, channel counts by type,
        bad_channels, and the number of events of each condition.
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
        findings += _unknown_channels(raw.ch_names, bad_channels, path)
        findings += _unknown_channels(raw.ch_names, aux_channels, path, "asked for in 'artifacts'")
        findings += _missing_types(raw, path, channels, reject or {})
        if "eeg" in channels:
            misplaced = _without_place(raw, path, montage)
            findings += misplaced
            if landmarks and not misplaced:
                findings += _without_landmarks(raw, path, montage)
        if h_freq is not None and h_freq >= raw.info["sfreq"] / 2:
            findings.append(
                f"{path}: sampled at {raw.info['sfreq']:g} Hz, so filter.h_freq must be below "
                f"{raw.info['sfreq'] / 2:g} Hz, not {h_freq:g}."
            )
        rows.append(
            {
                "recording": Path(path).name,
                "sampling_rate": float(raw.info["sfreq"]),
                "duration": round(raw.n_times / raw.info["sfreq"], 3),
                **{f"n_{kind}": raw.get_channel_types().count(kind) for kind in channels},
                "bad_channels": sorted({*raw.info["bads"], *bad_channels}),
                "events": _counts(events_path, conditions),
            }
        )
    if len(raws) > 1:
        findings += differing_runs(raws, read, moved)
    for path, raw in zip(read, raws, strict=True):
        events_path = events_paths[list(raw_paths).index(path)]
        try:
            read_events(events_path, conditions, raw.info["sfreq"])
        except InputError as error:
            findings += error.findings
    already = set(findings)
    findings += [f for f in _missing_conditions(events_paths, conditions) if f not in already]
    return findings, rows


def _without_place(raw: "mne.io.BaseRaw", path: str | os.PathLike, montage: str | None) -> list:
    """Findings on EEG electrodes whose positions neither the recording nor the montage knows."""
    import mne

    eeg = [k for k, kind in enumerate(raw.get_channel_types()) if kind == "eeg"]
    names = [raw.ch_names[k] for k in eeg]
    if montage is None:
        places = np.array([raw.info["chs"][k]["loc"][:3] for k in eeg]).reshape(-1, 3)
        if len(eeg) and np.isfinite(places).all() and np.ptp(places, axis=0).any():
            return []
        return [
            f"{path}: its EEG electrodes have no positions; add electrodes.tsv to the BIDS tree, "
            "or name a standard montage (meeg.montage: colin27_1020)"
        ] * bool(eeg)
    try:
        there = {name.lower() for name in mne.channels.make_standard_montage(montage).ch_names}
    except ValueError:
        known = ", ".join(mne.channels.get_builtin_montages())
        return [f"config: meeg.montage: {montage} is not known; known: {known}"]
    absent = [name for name in names if name.lower() not in there]
    if not absent:
        return []
    return [f"{path}: the montage {montage} has no {_some(absent)}; rename them in the recording"]


def _without_landmarks(
    raw: "mne.io.BaseRaw", path: str | os.PathLike, montage: str | None
) -> list[str]:
    """Findings where nasion and both ear points are unknown."""
    if montage is not None:
        place_electrodes(raw, montage)
    # Of other files than FIF mne-bids makes landmarks up.
    known = montage is not None or Path(path).suffix == ".fif" or read_digitised(path) is not None
    places = raw.get_montage().get_positions() if raw.get_montage() and known else {}
    if all(places.get(name) is not None for name in ("nasion", "lpa", "rpa")):
        return []
    return [
        f"{path}: nasion and ear points are unknown, which place electrodes on the template's head "
        "(meeg.anatomy: template); add them to coordsystem.json, or name a standard montage that "
        "has them (meeg.montage: colin27_1020)"
    ]


def _events_table(path: str | os.PathLike) -> pd.DataFrame:
    """events.tsv as text, as it stands ("n/a" stays "n/a")."""
    try:
        return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise InputError(
            f"{path}: there is no such file. Every run needs its events.tsv; restore it or list "
            "the subject under 'exclude'."
        ) from None
    except (ValueError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a table of events ({error}). Restore the file.") from error


def _column(spec: int | str) -> str:
    return "trial_type" if isinstance(spec, str) else "value"


def _rows_of(table: pd.DataFrame, spec: int | str) -> np.ndarray:
    """Row numbers of a condition's events."""
    if isinstance(spec, str):
        return np.flatnonzero((table["trial_type"] == spec).to_numpy())
    return np.flatnonzero((pd.to_numeric(table["value"], errors="coerce") == spec).to_numpy())


def _missing_columns(
    table: pd.DataFrame, path: str | os.PathLike, conditions: dict[str, int | str]
) -> list[str]:
    wanted = ["onset", *dict.fromkeys(_column(spec) for spec in conditions.values())]
    return [
        f"{path}: has no column '{name}' (it has {', '.join(table.columns)}). "
        + (
            "Add it."
            if name == "onset"
            else "A number in 'conditions' is looked up in column 'value', a text in 'trial_type'."
        )
        for name in wanted
        if name not in table.columns
    ]


def _missing_conditions(
    paths: Sequence[str | os.PathLike], conditions: dict[str, int | str]
) -> list[str]:
    """Findings on conditions without an event in any run, and on files that can't be searched."""
    findings, tables = [], []
    for path in paths:
        try:
            table = _events_table(path)
        except InputError as error:
            findings += error.findings
            continue
        findings += _missing_columns(table, path, conditions)
        tables.append(table)
    if findings:
        return findings
    everything = pd.concat(tables, ignore_index=True)
    where = str(paths[0]) if len(paths) == 1 else f"{paths[0]} and the other runs"
    for name, spec in conditions.items():
        if len(_rows_of(everything, spec)):
            continue
        column = _column(spec)
        found = everything[column].value_counts(sort=False).sort_index()
        there = _some([f"{key} ({count}x)" for key, count in found.items()], 12) or "nothing"
        close = difflib.get_close_matches(str(spec), list(map(str, found.index)), n=1)
        hint = f" Did you mean '{close[0]}'?" if close and isinstance(spec, str) else ""
        findings.append(
            f"{where}: condition '{name}' has no event: column '{column}' nowhere holds "
            f"{spec!r}. It holds {there}.{hint} Correct 'conditions' or list the subject under "
            "'exclude'."
        )
    return findings


def _counts(path: str | os.PathLike, conditions: dict[str, int | str]) -> dict[str, int]:
    """Number of events of each condition in one run; empty when the file can't be searched."""
    try:
        table = _events_table(path)
    except InputError:
        return {}
    if _missing_columns(table, path, conditions):
        return {}
    return {name: len(_rows_of(table, spec)) for name, spec in conditions.items()}


def _unknown_channels(
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
                f"{path}: has no channel '{channel}', which is {role}.{hint} Correct its name."
            )
    return findings


def _missing_types(
    raw: "mne.io.BaseRaw",
    path: str | os.PathLike,
    channels: Sequence[str],
    reject: dict[str, float],
) -> list[str]:
    types = set(raw.get_channel_types())
    findings = [
        f"{path}: has no channels of type '{kind}' (it has {', '.join(sorted(types))}). "
        "Correct 'channels' or list the subject under 'exclude'."
        for kind in channels
        if kind not in types
    ]
    findings += [
        f"{path}: epochs.reject has a limit for '{kind}', but the recording has no channel of "
        f"type {kind.upper()}. Give the channel that type in channels.tsv or drop the limit."
        for kind in ("eog", "ecg")
        if kind in reject and kind not in types
    ]
    return findings


def _some(items: Sequence[str], most: int = 5) -> str:
    """The first few items of a list, in words."""
    rest = len(items) - most
    return ", ".join(items[:most]) + (f" and {rest} more" if rest > 0 else "")
