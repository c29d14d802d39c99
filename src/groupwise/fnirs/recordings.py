"""Intensities, events, bad pairs and additional regressors of fNIRS recordings."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import h5py
import mne
import numpy as np
import pandas as pd

from groupwise.errors import InputError
from groupwise.inputs.events import label_events, read_events

#: Starts of the names of annotations that are not events.
NOT_EVENTS = ("BAD", "EDGE")
#: Errors that MNE raises for files that are damaged or have another format.
UNREADABLE = (OSError, RuntimeError, ValueError, KeyError, IndexError, AssertionError)
#: Units per second of each time unit of SNIRF files that MNE reads.
UNITS_PER_SECOND = {"s": 1.0, "unknown": 1.0, "ms": 1e3}
#: Values of the column `status` of a BIDS channels.tsv.
STATUS = ("good", "bad", "n/a", "")


def read_intensity(path: str, preload: bool = True) -> mne.io.BaseRaw:
    """Read the continuous-wave intensities of a SNIRF file, a NIRx folder or another MNE format.

    Raises
    ------
    InputError
        If the file can't be read, or has no continuous-wave intensities.
    """
    try:
        if Path(path).is_dir():
            raw = mne.io.read_raw_nirx(path, preload=preload, verbose="error")
        else:
            raw = mne.io.read_raw(path, preload=preload, verbose="error")
    except UNREADABLE as error:
        raise InputError(
            f"{path}: the fNIRS recording can't be read ({error}). Restore it, or list the "
            "participant under 'exclude'."
        ) from error
    kinds = set(raw.get_channel_types())
    if "fnirs_cw_amplitude" not in kinds:
        raise InputError(
            f"{path}: its channels are {', '.join(sorted(kinds))}. Use a recording of "
            "continuous-wave intensities (fnirs_cw_amplitude)."
        )
    return raw.pick("fnirs_cw_amplitude", exclude=())


def list_pairs(raw: mne.io.BaseRaw) -> list[str]:
    """Return the source-detector pairs in the order of the channels."""
    return list(dict.fromkeys(name.split(" ")[0] for name in raw.ch_names))


def read_run_events(
    run: Mapping[str, str],
    raw: mne.io.BaseRaw,
    conditions: Mapping[str, str],
    stim_duration: float | None = None,
    end: float | None = None,
) -> pd.DataFrame:
    """Read the events of a run from events.tsv or from the recording's annotations.

    Parameters
    ----------
    run : dict with the path `raw`, and `events`, the path of events.tsv; "" selects the stimuli of
        the SNIRF file, or the annotations.
    raw : the recording.
    conditions : trial_type of each condition, by name. Other events keep their trial_type.
    stim_duration : s, replaces all durations; None keeps them.
    end : length of the run in s, which events must not exceed; None: unknown.

    Returns
    -------
    Table with onset (s from the first sample), duration (s) and trial_type (the condition's name).
    The index is the line in events.tsv, or the number of the annotation, from 1.

    Raises
    ------
    InputError
        See `groupwise.inputs.events.read_events`; or an event of a condition is before the first
        sample of a SNIRF file.
    """
    if run["events"]:
        return read_events(run["events"], conditions, stim_duration, end)
    if Path(run["raw"]).suffix == ".snirf":
        events = _read_stimuli(run["raw"], raw, conditions)
    else:
        marks = raw.annotations.to_data_frame(time_format=None)
        marks = marks[~marks["description"].str.upper().str.startswith(NOT_EVENTS)]
        events = pd.DataFrame(
            {
                "onset": marks["onset"].to_numpy(float),
                "duration": marks["duration"].to_numpy(float),
                "trial_type": marks["description"].to_numpy(str),
            },
            index=marks.index,
        )
    if stim_duration is not None:
        events["duration"] = float(stim_duration)
    events.index += 1
    return label_events(events, conditions, run["raw"], "annotation", end)


def _read_stimuli(path: str, raw: mne.io.BaseRaw, conditions: Mapping[str, str]) -> pd.DataFrame:
    """Read the events of a SNIRF file.

    Their times have the origin and the unit of the samples' times. MNE takes them for seconds from
    the first sample, and drops those that are then after the last sample.
    """
    rows = []
    with h5py.File(path) as file:
        recording = file["nirs"]
        unit = np.atleast_1d(recording["metaDataTags/TimeUnit"][()])[0].decode()
        per_second = UNITS_PER_SECOND[unit]
        origin = float(recording["data1/time"][0])
        stimuli = [recording[key] for key in recording if key.startswith("stim")]
        for stimulus in (each for each in stimuli if "data" in each):
            data = np.atleast_2d(np.asarray(stimulus["data"], float))
            kind = np.atleast_1d(stimulus["name"][()])[0].decode()
            if data.shape[1] < 2 or kind.upper().startswith(NOT_EVENTS):
                continue
            onsets, durations = (data[:, 0] - origin) / per_second, data[:, 1] / per_second
            rows += [(*each, kind) for each in zip(onsets, durations, strict=True)]
    events = pd.DataFrame(rows, columns=["onset", "duration", "trial_type"])
    events = events.sort_values("onset", kind="stable", ignore_index=True)
    within = (events["onset"] >= -0.5 / raw.info["sfreq"]) & (events["onset"] <= raw.times[-1])
    of_condition = events["trial_type"].isin(list(conditions.values()))
    early = events[~within & (events["onset"] < 0) & of_condition]
    if len(early):
        raise InputError(
            f"{path}: {len(early)} events of conditions are before the first sample, the first "
            f"({early['trial_type'].iloc[0]}) by {-early['onset'].iloc[0]:g} s. The first sample "
            f"is at {origin:g} {unit}, and stimuli have the same time origin. Correct the times "
            "of the stimuli, or use a BIDS tree with an events.tsv."
        )
    return events[within | of_condition].reset_index(drop=True)


def read_bad_pairs(channels: str, pairs: Sequence[str]) -> list[str]:
    """Return the pairs that channels.tsv marks as bad in any wavelength.

    A pair is identified by the numbers of source and detector in the column `name` (S1_D2 760,
    S1-D2, s01d02), else in the columns `source` and `detector`. Rows of another type than NIRS...
    (such as accelerometers) are ignored.

    Parameters
    ----------
    channels : path of the table, or "".
    pairs : pairs of the recording.

    Raises
    ------
    InputError
        If the table can't be read, has a status without names, or a status that BIDS does not
        have, or a bad pair is not in the recording.
    """
    if not channels:
        return []
    try:
        table = pd.read_csv(
            channels, sep="\t", dtype=str, keep_default_na=False, encoding="utf-8-sig"
        )
    except (OSError, ValueError) as error:
        raise InputError(
            f"{channels}: the table of channels can't be read ({error}). Restore the file."
        ) from error
    table = table.rename(columns=str.strip).apply(lambda column: column.str.strip())
    if "status" not in table:
        return []
    if "name" not in table and not {"source", "detector"} <= set(table):
        raise InputError(
            f"{channels}: it has a column status, but no column name (it has "
            f"{', '.join(table.columns)}). Add the column name with the channels of the recording."
        )
    if "type" in table:
        table = table[
            table["type"].str.upper().str.startswith(("NIRS", "N/A")) | (table["type"] == "")
        ]
    findings, bad = [], set()
    for row, record in zip(table.index + 2, table.to_dict("records"), strict=True):
        status = record["status"].lower()
        if status not in STATUS:
            findings.append(
                f"{channels}, row {row}: its status is {record['status']}. Write good or bad."
            )
        if status != "bad":
            continue
        pair = _identify_pair(record)
        if pair not in pairs:
            named = record.get("name") or f"{record.get('source')}, {record.get('detector')}"
            findings.append(
                f"{channels}, row {row}: '{named}' is bad, but is not a channel of the recording, "
                f"which has {', '.join(pairs)}. Correct its name, such as {pairs[0]} 760."
            )
        bad.add(pair)
    if findings:
        raise InputError(findings)
    return sorted(bad)


def _identify_pair(record: Mapping[str, str]) -> str:
    """Return the pair of a row of channels.tsv, such as S1_D2; "" if it names none."""
    numbers = re.match(r"S0*(\d+)[^0-9A-Z]*D0*(\d+)(?!\d)", record.get("name", "").upper())
    found = list(numbers.groups()) if numbers else []
    if not found:
        ends = (re.search(r"(\d+)$", record.get(key, "")) for key in ("source", "detector"))
        found = [str(int(end[1])) for end in ends if end]
    return f"S{found[0]}_D{found[1]}" if len(found) == 2 else ""


def read_regressors(path: str, times: np.ndarray) -> pd.DataFrame:
    """Read additional regressors and interpolate them linearly at the given times.

    Parameters
    ----------
    path : TSV file with a column `time` (s) and one column per regressor; "": no regressors.
    times : (n,) s.

    Returns
    -------
    Table of n rows and one column per regressor.

    Raises
    ------
    InputError
        If there is no column `time`, a value is not a number, or the table does not span the
        recording.
    """
    if not path:
        return pd.DataFrame(index=range(len(times)))
    try:
        table = pd.read_csv(path, sep="\t", na_values="n/a")
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: the table of confounds can't be read ({error}). Restore the file."
        ) from error
    if "time" not in table or len(table.columns) < 2:
        raise InputError(
            f"{path}: its columns are {', '.join(map(str, table.columns))}. It needs a column time "
            "(s) and one column per regressor. Add them."
        )
    numbers = table.apply(pd.to_numeric, errors="coerce")
    empty = [str(name) for name in table if not np.isfinite(numbers[name]).all()]
    if empty:
        raise InputError(
            f"{path}: {', '.join(empty)}: some values are not numbers. Correct the table."
        )
    given = numbers["time"].to_numpy()
    step = float(np.median(np.diff(given))) if len(given) > 1 else 0.0
    if (np.diff(given) <= 0).any() or given[0] > times[0] + step or given[-1] < times[-1] - step:
        raise InputError(
            f"{path}: its times, {given[0]:g} to {given[-1]:g} s, must ascend and span the "
            f"recording, {times[0]:g} to {times[-1]:g} s. Correct the column time."
        )
    return pd.DataFrame(
        {name: np.interp(times, given, numbers[name]) for name in numbers if name != "time"}
    )
