"""An fNIRS recording as the GLM needs it: intensities, events, bad pairs, more regressors."""

from collections.abc import Mapping
from pathlib import Path

import mne
import numpy as np
import pandas as pd

from groupwise.errors import InputError
from groupwise.inputs.events import read_events

#: Annotations that are no events.
NO_EVENTS = ("BAD", "EDGE")
#: What MNE raises for files that are damaged or of another format.
UNREADABLE = (OSError, RuntimeError, ValueError, KeyError, IndexError, AssertionError)


def read_intensity(path: str, preload: bool = True) -> mne.io.BaseRaw:
    """Continuous-wave intensities of a SNIRF file or a NIRx folder (any reader of MNE).

    Raises
    ------
    InputError : the file is not readable, or holds something else than intensities.
    """
    try:
        if Path(path).is_dir():
            raw = mne.io.read_raw_nirx(path, preload=preload, verbose="error")
        else:
            raw = mne.io.read_raw(path, preload=preload, verbose="error")
    except UNREADABLE as error:
        raise InputError(f"{path}: not a readable fNIRS recording ({error})") from error
    kinds = set(raw.get_channel_types())
    if "fnirs_cw_amplitude" not in kinds:
        raise InputError(
            f"{path}: holds {', '.join(sorted(kinds))}; continuous-wave intensities "
            "(fnirs_cw_amplitude) are needed"
        )
    return raw.pick("fnirs_cw_amplitude", exclude=())


def list_pairs(raw: mne.io.BaseRaw) -> list[str]:
    """Source-detector pairs in the order of the channels, each once."""
    return list(dict.fromkeys(name.split(" ")[0] for name in raw.ch_names))


def read_run_events(
    run: Mapping[str, str],
    raw: mne.io.BaseRaw,
    conditions: Mapping[str, str],
    stim_duration: float | None = None,
) -> pd.DataFrame:
    """Onset (s from the first sample), duration and trial_type, from events.tsv or the recording.

    Parameters
    ----------
    run : with `events`, "" where the recording's own annotations are meant.
    conditions : name to trial_type; events of other types keep theirs.
    stim_duration : s, in place of every duration.
    """
    if run["events"]:
        events = read_events(run["events"], conditions)
    else:
        own = raw.annotations.to_data_frame(time_format=None)
        own = own[~own["description"].str.upper().str.startswith(NO_EVENTS)]
        names = {kind: name for name, kind in conditions.items()}
        events = pd.DataFrame(
            {
                "onset": own["onset"].to_numpy(float),
                "duration": own["duration"].to_numpy(float),
                "trial_type": [names.get(kind, kind) for kind in own["description"]],
            }
        )
    return events if stim_duration is None else events.assign(duration=float(stim_duration))


def read_bad_pairs(channels: str) -> list[str]:
    """Pairs that a BIDS channels.tsv calls bad in any wavelength; none without a file."""
    if not channels:
        return []
    table = pd.read_csv(channels, sep="\t", dtype=str, keep_default_na=False)
    if "status" not in table:
        return []
    bad = table.loc[table["status"].str.lower() == "bad", "name"]
    return sorted({name.replace("-", "_").split(" ")[0] for name in bad})


def read_regressors(path: str, times: np.ndarray) -> pd.DataFrame:
    """More regressors at given times (s), interpolated linearly; without columns where path is "".

    Raises
    ------
    InputError : no column time, a value that is no number, or the table ends before the recording.
    """
    if not path:
        return pd.DataFrame(index=range(len(times)))
    try:
        table = pd.read_csv(path, sep="\t", na_values="n/a")
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable table of confounds ({error})") from error
    if "time" not in table or len(table.columns) < 2:
        raise InputError(f"{path}: needs a column time (s) and one a regressor")
    numbers = table.apply(pd.to_numeric, errors="coerce")
    empty = [str(name) for name in table if not np.isfinite(numbers[name]).all()]
    if empty:
        raise InputError(f"{path}: {', '.join(empty)}: values that are no numbers; mend the table")
    own = numbers["time"].to_numpy()
    step = float(np.median(np.diff(own))) if len(own) > 1 else 0.0
    if (np.diff(own) <= 0).any() or own[0] > times[0] + step or own[-1] < times[-1] - step:
        raise InputError(
            f"{path}: its times, {own[0]:g} to {own[-1]:g} s, must ascend and span the recording, "
            f"{times[0]:g} to {times[-1]:g} s"
        )
    return pd.DataFrame(
        {name: np.interp(times, own, numbers[name]) for name in numbers if name != "time"}
    )
