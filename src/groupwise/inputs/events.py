"""Read the events of a run from a BIDS events.tsv, for all modalities, and check their values."""

import csv
import math
import os
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from groupwise.errors import InputError, shorten_list

#: Cells without a value.
MISSING = ("", "n/a")
#: Largest sum of the durations of one trial_type, in lengths of the run. Events of one kind rarely
#: overlap at all. Durations in milliseconds, taken as seconds, are 1000 times as long.
MOST_OVERLAP = 2.0
#: Bins of nilearn's regressors per sample of the data, its default. An event that is shorter than a
#: bin, such as one of duration 0, lasts one bin.
BINS = 50
#: Largest relative difference of sampling intervals that counts as none. The size of an impulse
#: differs as much.
SAME_INTERVAL = 0.01


def clean_text(text: str) -> str:
    """Return a text without blanks at its ends, in Unicode's composed form."""
    return unicodedata.normalize("NFC", text).strip()


def read_event_table(path: str | os.PathLike, needed: Sequence[str] = ()) -> pd.DataFrame:
    """Read events.tsv as text, without blanks at the ends of names and cells.

    Parameters
    ----------
    needed : columns that the table must have.

    Returns
    -------
    DataFrame : all columns as text ("n/a" stays "n/a"); the index is the line in the file.

    Raises
    ------
    InputError : the file doesn't exist or is not a table, a row has more cells than the header, or
        a needed column is missing or occurs twice.
    """
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter="\t")
            numbered = [(reader.line_num, [clean_text(cell) for cell in row]) for row in reader]
    except FileNotFoundError:
        raise InputError(
            f"{path}: there is no such file. Every run needs an events.tsv. Restore it or list "
            "the subject under 'exclude'."
        ) from None
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(
            f"{path}: it is not a table of events ({error}). Save it as tab-separated text "
            "in UTF-8."
        ) from error
    rows = {line: row for line, row in numbered if any(row)}
    if not rows:
        raise InputError(f"{path}: the table is empty. Restore the file.")
    header = rows.pop(next(iter(rows)))
    findings = [
        f"{path}, line {line}: {len(row)} cells, but the header has {len(header)} columns. Correct "
        "the row."
        for line, row in rows.items()
        if any(row[len(header) :])
    ]
    findings += [
        f"{path}: there is no column '{name}' (it has {', '.join(header)}). Add it; the table must "
        "be tab-separated, with a header line."
        for name in needed
        if name not in header
    ]
    findings += [
        f"{path}: the column '{name}' occurs {header.count(name)} times. Rename or remove all but "
        "one."
        for name in ("onset", "duration", "trial_type", "value")
        if header.count(name) > 1
    ]
    if findings:
        raise InputError(findings)
    width = len(header)
    cells = [(row + [""] * width)[:width] for row in rows.values()]
    table = pd.DataFrame(cells, index=pd.Index(list(rows), name="line"), columns=header, dtype=str)
    return table.loc[:, ~table.columns.duplicated()]


def parse_seconds(cells: pd.Series, path: str | os.PathLike) -> tuple[pd.Series, list[str]]:
    """Return a column of `read_event_table` as numbers, and findings on cells that are none.

    Cells without a value ("n/a" or empty) are NaN and have no finding.
    """
    numbers = pd.to_numeric(cells, errors="coerce").astype(float)
    wrong = cells[~np.isfinite(numbers) & ~cells.isin(MISSING)]
    findings = [
        f"{path}, line {line}: the {cells.name} {text!r} is not a number. Correct it, or write n/a "
        "if it is unknown."
        for line, text in wrong.items()
    ]
    return numbers, findings


def read_events(
    path: str | os.PathLike,
    conditions: Mapping[str, str],
    stim_duration: float | None = None,
    end: float | None = None,
) -> pd.DataFrame:
    """Return onset, duration (s) and trial_type of the events that a first-level model has.

    Rows without a trial_type or an onset ("n/a" or empty) are left out.

    Parameters
    ----------
    conditions : trial_type of each condition of the config.
    stim_duration : duration of every event, s; None: the column duration.
    end : see `label_events`.

    Returns
    -------
    DataFrame : as `label_events` returns it; the index is the line in the file.

    Raises
    ------
    InputError : the file is not readable, lacks a column, has an onset or duration that is not a
        number, or by `label_events`.
    """
    needed = ["onset", "duration", "trial_type"]
    if stim_duration is not None:
        needed.remove("duration")
    table = read_event_table(path, needed)
    onset, findings = parse_seconds(table["onset"], path)
    used = onset.notna() & ~table["trial_type"].isin(MISSING)
    if stim_duration is None:
        duration, wrong = parse_seconds(table["duration"][used], path)
        findings += wrong
        unknown = [line for line in duration.index[duration.isna()] if not wrong]
        if unknown:
            findings.append(
                f"{path}, {_number('line', unknown)}: the duration is unknown (n/a). Add it, or "
                "set stim_duration in the config, a fixed duration of all events."
            )
    else:
        duration = pd.Series(float(stim_duration), index=table.index)
    if findings:
        raise InputError(findings)
    events = pd.DataFrame({"onset": onset, "duration": duration, "trial_type": table["trial_type"]})
    return label_events(events[used], conditions, path, end=end)


def label_events(
    events: pd.DataFrame,
    conditions: Mapping[str, str],
    path: str | os.PathLike,
    row: str = "line",
    end: float | None = None,
) -> pd.DataFrame:
    """Return the events with the names of the conditions as trial_type.

    Other events keep their trial_type. If it is the name of a condition, "other " precedes it, so
    that the two are not merged.

    Parameters
    ----------
    events : onset, duration (s) and trial_type; the index numbers the events for messages.
    conditions : trial_type of each condition, by name.
    row : what the index numbers.
    end : length of the run in s, for `find_events_beyond_run`; None: unknown.

    Raises
    ------
    InputError : a duration is negative, two events of a condition have the same onset, or by
        `find_events_beyond_run`.
    """
    kinds = events["trial_type"].map(clean_text)
    names = {clean_text(kind): name for name, kind in conditions.items()}
    taken = {*conditions, *kinds}
    for kind in dict.fromkeys(kinds):
        if kind not in names:
            names[kind] = kind
            while names[kind] in conditions or (names[kind] != kind and names[kind] in taken):
                names[kind] = f"other {names[kind]}"
    labelled = events.assign(trial_type=kinds.map(names))
    findings = []
    negative = labelled[labelled["duration"] < 0]
    if len(negative):
        findings.append(
            f"{path}, {_number(row, negative.index)}: the duration is negative "
            f"({negative['duration'].iloc[0]:g} s). Give durations in seconds, 0 or more."
        )
    own = labelled[labelled["trial_type"].isin(list(conditions))]
    again = own.duplicated(["onset", "trial_type"])
    if again.any():
        second = own[again].iloc[0]
        first = own[(own["onset"] == second["onset"]) & (own["trial_type"] == second["trial_type"])]
        findings.append(
            f"{path}, {_number(row, own.index[again])}: {int(again.sum())} events occur "
            f"twice; the first, {second['trial_type']} at {second['onset']:g} s, is also in {row} "
            f"{first.index[0]}. Remove all rows of an event but one."
        )
    if end is not None:
        findings += find_events_beyond_run(labelled, end, path, row)
    if findings:
        raise InputError(findings)
    return labelled


def find_events_beyond_run(
    events: pd.DataFrame, end: float, path: str | os.PathLike, row: str = "line"
) -> list[str]:
    """Return findings on onsets and durations that don't fit into the run, as of a wrong unit.

    The last event may end after the run.

    Parameters
    ----------
    events : as `label_events` returns it, or with the column onset only.
    end : length of the run in s.
    """
    findings = []
    late = events[events["onset"] >= end]
    if len(late):
        findings.append(
            f"{path}, {_number(row, late.index)}: an event begins at "
            f"{late['onset'].max():g} s, but the run ends at {end:g} s. Give onsets in seconds "
            "from the start of the run, and remove events after its end."
        )
    if "duration" not in events:
        return findings
    remedy = "Give durations in seconds, or set stim_duration in the config."
    long = events[events["duration"] > end]
    if len(long):
        return [
            *findings,
            f"{path}, {_number(row, long.index)}: an event lasts "
            f"{long['duration'].max():g} s, but the run lasts {end:g} s. {remedy}",
        ]
    sums = events.groupby("trial_type", sort=False)["duration"].sum()
    return findings + [
        f"{path}: the durations of trial_type {kind} sum to {total:g} s, but the run lasts "
        f"{end:g} s. {remedy}"
        for kind, total in sums.items()
        if total > MOST_OVERLAP * end
    ]


def find_impulses(
    events: pd.DataFrame, conditions: Iterable[str], interval: float
) -> dict[str, bool]:
    """Return whether all events of each condition are impulses; without conditions without events.

    Parameters
    ----------
    interval : sampling interval of the model, s.
    """
    durations = {name: events.loc[events["trial_type"] == name, "duration"] for name in conditions}
    return {
        name: bool((own < interval / BINS).all()) for name, own in durations.items() if len(own)
    }


def find_unequal_impulses(
    runs: Sequence[tuple[str, float, Mapping[str, bool]]], key: str
) -> list[str]:
    """Return findings on conditions whose effects have different units, because of impulses.

    An impulse lasts a share of the sampling interval. Its effect is therefore in units of this
    interval, which must be the same in all runs.

    Parameters
    ----------
    runs : name of each run, its sampling interval (s), and its impulses as `find_impulses` returns
        them.
    key : config key of a fixed duration.
    """
    findings = []
    remedy = f"Set {key} in the config, a fixed duration of all events, above 0 s."
    for name in dict.fromkeys(name for *_, own in runs for name in own):
        brief = [(where, step) for where, step, own in runs if own.get(name) is True]
        lasting = [where for where, _, own in runs if own.get(name) is False]
        if brief and lasting:
            findings.append(
                f"condition {name}: all events have a duration of 0 in "
                f"{shorten_list(where for where, _ in brief)}, but not in {shorten_list(lasting)}, "
                f"so their effects differ in units. {remedy}"
            )
        steps = {step: where for where, step in reversed(brief)}
        if brief and max(steps) > (1 + SAME_INTERVAL) * min(steps):
            listed = shorten_list(f"{step:g} s ({steps[step]})" for step in sorted(steps))
            findings.append(
                f"condition {name}: events of duration 0 are modelled as impulses that last "
                f"1/{BINS} of the sampling interval, which differs: {listed}. So their "
                f"effects differ in units. {remedy}"
            )
    return findings


def _number(row: str, numbers: Iterable[object]) -> str:
    """Return the numbers of rows with their noun, such as "lines 2, 3"."""
    words = list(numbers)
    return f"{row}{'s' * (len(words) > 1)} {shorten_list(words)}"


def describe_durations(events: pd.DataFrame, conditions: Iterable[str]) -> str:
    """Return the range of the durations of the conditions in s, such as "0.5 to 2"; or "n/a"."""
    durations = events.loc[events["trial_type"].isin(list(conditions)), "duration"]
    low, high = durations.min(), durations.max()
    if math.isnan(low):
        return "n/a"
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
