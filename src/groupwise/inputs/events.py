"""Read the events of a run from a BIDS events.tsv, in the form that first-level models need."""

from collections.abc import Mapping

import pandas as pd

from groupwise.errors import InputError


def read_events(path: str, conditions: Mapping[str, str]) -> pd.DataFrame:
    """Return onset, duration (s) and trial_type of the events of a run.

    Parameters
    ----------
    conditions : trial_type of each condition of the config. In the result, the trial_type of such
        an event is the name of its condition; other events keep their trial_type.

    Raises
    ------
    InputError : the file is not readable, lacks a column, or has an onset or duration that is not
        a number.
    """
    try:
        events = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: is not a readable table of events ({error}); correct the file"
        ) from error
    absent = [name for name in ("onset", "duration", "trial_type") if name not in events]
    if absent:
        raise InputError(f"{path}: has no column {', '.join(absent)}; add it")
    events = events[~events["trial_type"].isin(["", "n/a"])]
    numbers = events[["onset", "duration"]].apply(pd.to_numeric, errors="coerce")
    bad = numbers.index[numbers.isna().any(axis=1)]
    if len(bad):
        raise InputError(
            f"{path}, line {bad[0] + 2}: onset or duration is not a number; correct the value"
        )
    names = {kind: name for name, kind in conditions.items()}
    types = events["trial_type"].map(lambda kind: names.get(kind, kind))
    return numbers.assign(trial_type=types).reset_index(drop=True)
