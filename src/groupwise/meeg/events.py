"""Events of M/EEG recordings: those of the conditions, as MNE's events array, and findings."""

import difflib
import os
from collections.abc import Sequence

import numpy as np
import pandas as pd

from groupwise.errors import InputError, shorten_list
from groupwise.inputs.events import (
    clean_text,
    find_events_beyond_run,
    parse_seconds,
    read_event_table,
)


def read_event_array(
    path: str | os.PathLike,
    conditions: dict[str, int | str],
    sfreq: float,
    first_sample: int = 0,
    n_samples: int | None = None,
) -> np.ndarray:
    """Read the events of the conditions from events.tsv, as MNE's events array.

    The sample of an event is the one nearest to `onset` (s from the recording's first sample).
    Events without an onset ("n/a"), or before the first sample, are left out.

    Parameters
    ----------
    path : events.tsv.
    conditions : number (in column `value`) or text (in column `trial_type`) of each condition, by
        name.
    sfreq : sampling rate of the recording, Hz.
    first_sample : number of the recording's first sample (`raw.first_samp`).
    n_samples : length of the recording; None: unknown, and not compared with the onsets.

    Returns
    -------
    (n, 3) int array in the order of time: sample, 0, position of the condition in `conditions`,
    from 1. A condition may have no event, because another run may have some.

    Raises
    ------
    InputError
        If the file or a column is missing, an onset is not a number, an event begins after the
        recording, a row belongs to two conditions, or two events are at the same sample.
    """
    table = read_event_table(path)
    findings = _find_missing_columns(table, path, conditions)
    if findings:
        raise InputError(findings)
    code = _find_conditions(table, path, conditions)
    onset, findings = parse_seconds(table["onset"], path)
    used = (code > 0) & onset.notna().to_numpy() & (np.round(onset * sfreq) >= 0).to_numpy()
    if n_samples is not None:
        # The sample must exist: an event half a sample before the end has none.
        end = (n_samples - 0.5) / sfreq
        findings += find_events_beyond_run(onset[used].to_frame(), end, path)
    if findings:
        raise InputError(findings)
    sample = np.round(onset[used].to_numpy() * sfreq).astype(int) + first_sample
    events = np.column_stack([sample, np.zeros_like(sample), code[used]])
    order = np.argsort(events[:, 0], kind="stable")
    events, lines = events[order], table.index[used][order]
    same = np.flatnonzero(np.diff(events[:, 0]) == 0)
    if len(same):
        seconds = (events[same[0], 0] - first_sample) / sfreq
        raise InputError(
            f"{path}: {len(same)} pairs of events have the same sample, the first at "
            f"{seconds:.3f} s (lines {lines[same[0]]} and {lines[same[0] + 1]}). Remove the "
            "duplicates."
        )
    return events


def count_events(
    path: str | os.PathLike, conditions: dict[str, int | str], sfreq: float
) -> dict[str, int]:
    """Count the events of each condition in one run, and the events that are left out.

    Left out are events of the conditions without an onset or before the first sample. They are
    counted as `events_left_out`. The result is empty if the file can't be used.
    """
    try:
        table = read_event_table(path)
        if _find_missing_columns(table, path, conditions):
            return {}
        code = _find_conditions(table, path, conditions)
    except InputError:
        return {}
    onset = pd.to_numeric(table["onset"], errors="coerce")
    used = (np.round(onset * sfreq) >= 0).to_numpy()
    counts = {name: int(np.sum(code[used] == k)) for k, name in enumerate(conditions, start=1)}
    return {"events_left_out": int(np.sum(code[~used] > 0)), **counts}


def find_missing_conditions(
    paths: Sequence[str | os.PathLike], conditions: dict[str, int | str]
) -> list[str]:
    """Return findings on conditions without an event in any run, and on unreadable files."""
    findings, tables = [], []
    for path in paths:
        try:
            table = read_event_table(path)
        except InputError as error:
            findings += error.findings
            continue
        findings += _find_missing_columns(table, path, conditions)
        tables.append(table)
    if findings:
        return findings
    everything = pd.concat(tables, ignore_index=True)
    timed = everything[pd.to_numeric(everything["onset"], errors="coerce").notna()]
    where = str(paths[0]) if len(paths) == 1 else f"{paths[0]} and the other runs"
    for name, spec in conditions.items():
        if len(_find_rows(timed, spec)):
            continue
        if len(_find_rows(everything, spec)):
            findings.append(
                f"{where}: no event of condition '{name}' has an onset. Add the onsets, or list "
                "the subject under 'exclude'."
            )
            continue
        column = _choose_column(spec)
        found = everything[column].value_counts(sort=False).sort_index()
        values = shorten_list([f"{key} ({n}x)" for key, n in found.items()], 12) or "none"
        close = difflib.get_close_matches(str(spec), list(map(str, found.index)), n=1)
        hint = f" Did you mean '{close[0]}'?" if close and isinstance(spec, str) else ""
        findings.append(
            f"{where}: condition '{name}' has no event: column '{column}' has no value {spec!r}. "
            f"Its values are {values}.{hint} Correct meeg.conditions or list the subject under "
            "'exclude'."
        )
    return findings


def _find_conditions(
    table: pd.DataFrame, path: str | os.PathLike, conditions: dict[str, int | str]
) -> np.ndarray:
    """Return the condition of each row, from 1; 0 for rows of no condition."""
    code = np.zeros(len(table), int)
    for position, (name, spec) in enumerate(conditions.items(), start=1):
        rows = _find_rows(table, spec)
        if np.any(code[rows]):
            other = list(conditions)[int(code[rows].max()) - 1]
            raise InputError(
                f"{path}: some events belong to the conditions '{other}' and '{name}' at once. "
                "Change the conditions so that each event belongs to one."
            )
        code[rows] = position
    return code


def _choose_column(spec: int | str) -> str:
    return "trial_type" if isinstance(spec, str) else "value"


def _find_rows(table: pd.DataFrame, spec: int | str) -> np.ndarray:
    """Return the row numbers of a condition's events."""
    if isinstance(spec, str):
        return np.flatnonzero((table["trial_type"] == clean_text(spec)).to_numpy())
    return np.flatnonzero((pd.to_numeric(table["value"], errors="coerce") == spec).to_numpy())


def _find_missing_columns(
    table: pd.DataFrame, path: str | os.PathLike, conditions: dict[str, int | str]
) -> list[str]:
    wanted = ["onset", *dict.fromkeys(_choose_column(spec) for spec in conditions.values())]
    return [
        f"{path}: there is no column '{name}' (it has {', '.join(table.columns)}). "
        + (
            "Add it."
            if name == "onset"
            else "meeg.conditions uses column 'value' for numbers, and 'trial_type' for text."
        )
        for name in wanted
        if name not in table.columns
    ]
