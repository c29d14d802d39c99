"""Intensities, events, bad pairs and additional regressors of fNIRS recordings."""

from collections.abc import Mapping
from pathlib import Path

import mne
import numpy as np
import pandas as pd

from groupwise.errors import InputError
from groupwise.inputs.events import label_events, read_events

#: Starts of the names of annotations that are not events.
NOT_EVENTS = ("BAD", "EDGE")
#: Errors that MNE raises for files that are damaged or have another format.
UNREADABLE = (OSError, RuntimeError, ValueError, KeyError, IndexError, AssertionError)


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
    run : dict with `events`, the path of events.tsv; "" selects the annotations.
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
        See `groupwise.inputs.events.read_events`.
    """
    if run["events"]:
        return read_events(run["events"], conditions, stim_duration, end)
    marks = raw.annotations.to_data_frame(time_format=None)
    marks = marks[~marks["description"].str.upper().str.startswith(NOT_EVENTS)]
    durations = marks["duration"].to_numpy(float)
    events = pd.DataFrame(
        {
            "onset": marks["onset"].to_numpy(float),
            "duration": durations if stim_duration is None else float(stim_duration),
            "trial_type": marks["description"].to_numpy(str),
        },
        index=marks.index + 1,
    )
    return label_events(events, conditions, run["raw"], "annotation", end)


def read_bad_pairs(channels: str) -> list[str]:
    """Return the pairs that channels.tsv (a path, or "") marks as bad in any wavelength."""
    if not channels:
        return []
    table = pd.read_csv(channels, sep="\t", dtype=str, keep_default_na=False)
    if "status" not in table:
        return []
    bad = table.loc[table["status"].str.lower() == "bad", "name"]
    return sorted({name.replace("-", "_").split(" ")[0] for name in bad})


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
