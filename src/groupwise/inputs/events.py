"""Events of a run: a BIDS events.tsv as first-level models take it."""

from collections.abc import Mapping

import pandas as pd

from groupwise.errors import InputError


def read_events(path: str, conditions: Mapping[str, str]) -> pd.DataFrame:
    """Onset, duration and trial_type of a run; conditions carry their names in the config.

    Parameters
    ----------
    conditions : name to trial_type; events of other types keep theirs.

    Raises
    ------
    InputError : the file is not readable or lacks a column, or a number is none.
    """
    try:
        events = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable table of events ({error})") from error
    absent = [name for name in ("onset", "duration", "trial_type") if name not in events]
    if absent:
        raise InputError(f"{path}: no column {', '.join(absent)}; events need all three")
    events = events[~events["trial_type"].isin(["", "n/a"])]
    numbers = events[["onset", "duration"]].apply(pd.to_numeric, errors="coerce")
    bad = numbers.index[numbers.isna().any(axis=1)]
    if len(bad):
        raise InputError(f"{path}: line {bad[0] + 2}: onset or duration is no number")
    names = {kind: name for name, kind in conditions.items()}
    own = events["trial_type"].map(lambda kind: names.get(kind, kind))
    return numbers.assign(trial_type=own).reset_index(drop=True)
