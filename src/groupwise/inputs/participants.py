"""What a study knows of its participants: groups and covariates, from a BIDS participants.tsv."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from groupwise.errors import InputError

#: What stands for a value that is not known.
ABSENT = ("", "n/a", "N/A", "NA", "nan", "NaN")


def read_participants(path: str) -> dict[str, dict[str, str]]:
    """Rows of a participants.tsv by subject (without sub-), columns as text.

    Raises
    ------
    InputError : the file is not readable, has no column participant_id, or a subject twice.
    """
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as handle:
            rows = list(csv.DictReader(handle, delimiter="\t"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    if not rows or "participant_id" not in rows[0]:
        raise InputError(f"{path}: needs a column participant_id, and a row for each subject")
    people: dict[str, dict[str, str]] = {}
    for number, row in enumerate(rows, 2):
        subject = (row.pop("participant_id") or "").removeprefix("sub-")
        if subject in people:
            raise InputError(f"{path}: line {number}: subject {subject} stands there twice")
        people[subject] = {name: (value or "").strip() for name, value in row.items() if name}
    return people


def constant_columns(rows: Iterable[Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Of a table of maps, by subject, the columns that have one value in all of its rows."""
    people: dict[str, dict[str, str]] = {}
    varying: set[str] = set()
    for row in rows:
        known = people.setdefault(row["subject"], {})
        for name, value in row.items():
            if known.setdefault(name, str(value)) != str(value):
                varying.add(name)
    return {
        subject: {name: value for name, value in known.items() if name not in varying}
        for subject, known in people.items()
    }


def values_of(
    people: Mapping[str, Mapping[str, str]],
    subjects: Sequence[str],
    column: str,
    origin: str,
    levels: Sequence[str] | None = None,
) -> list[str] | list[float]:
    """A column's value of each subject: a level, or a number where there are no levels.

    Raises
    ------
    InputError : with one finding for each subject without a usable value, or one for the column.
    """
    known = sorted({name for row in people.values() for name in row})
    if column not in known:
        have = ", ".join(known) or "none"
        raise InputError(f"{origin}: has no column {column} (columns: {have}); add it")
    findings: list[str] = []
    values: list[Any] = []
    for subject in subjects:
        value = people.get(subject, {}).get(column, "")
        if value in ABSENT:
            findings.append(f"{origin}: subject {subject} has no {column}")
        elif levels is not None and value not in levels:
            findings.append(
                f"{origin}: subject {subject} has {column} {value}, which is none of "
                f"{', '.join(levels)}"
            )
        else:
            try:
                values.append(value if levels is not None else float(value))
            except ValueError:
                findings.append(f"{origin}: subject {subject}: {column} {value!r} is no number")
    if findings:
        raise InputError([*findings, "give the value, or list the subject under exclude"])
    unused = [level for level in levels or () if level not in values]
    if unused:
        raise InputError(f"{origin}: no subject has {column} {', '.join(unused)}")
    return values
