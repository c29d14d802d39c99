"""Groups and covariates of the participants, from a BIDS participants.tsv or a table of maps."""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from groupwise.errors import InputError

#: Texts that mark a missing value.
ABSENT = ("", "n/a", "N/A", "NA", "nan", "NaN")
#: A number as tables have it; Python also takes 1_0 and infinity for one.
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def read_participants(path: str) -> dict[str, dict[str, str]]:
    """Return the rows of a participants.tsv by subject (without sub-), with all values as text.

    Raises
    ------
    InputError : the file is not readable, has no column participant_id, or repeats a subject.
    """
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as handle:
            rows = list(csv.DictReader(handle, delimiter="\t"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: is not text in UTF-8 ({error}); save it as UTF-8") from None
    if not rows or "participant_id" not in rows[0]:
        raise InputError(
            f"{path}: has no column participant_id or no row; it needs the column participant_id "
            "and one row per subject"
        )
    people: dict[str, dict[str, str]] = {}
    for number, row in enumerate(rows, 2):
        subject = (row.pop("participant_id") or "").removeprefix("sub-")
        if subject in people:
            raise InputError(
                f"{path}, line {number}: subject {subject} has a second row; remove one of them"
            )
        people[subject] = {name: (value or "").strip() for name, value in row.items() if name}
    return people


def constant_columns(rows: Iterable[Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Return the columns of a table of maps that have one value per subject, by subject."""
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
    """Return the value of a column for each subject: a level, or a number without `levels`.

    Raises
    ------
    InputError : the column does not exist, a level has no subject, or subjects have no usable value
        (one finding per subject).
    """
    known = sorted({name for row in people.values() for name in row})
    if column not in known:
        have = ", ".join(known) or "none"
        raise InputError(f"{origin}: has no column {column} (its columns are {have}); add it")
    findings: list[str] = []
    values: list[Any] = []
    for subject in subjects:
        value = people.get(subject, {}).get(column, "")
        if value in ABSENT:
            findings.append(f"{origin}: subject {subject} has no {column}")
        elif levels is not None and value not in levels:
            findings.append(
                f"{origin}: subject {subject} has {column} {value}, which is not one of "
                f"{', '.join(levels)}"
            )
        elif levels is None and not NUMBER.fullmatch(value):
            findings.append(f"{origin}: subject {subject}: {column} {value!r} is not a number")
        else:
            values.append(value if levels is not None else float(value))
    if findings:
        raise InputError([*findings, "correct the value, or list the subject under exclude"])
    unused = [level for level in levels or () if level not in values]
    if unused:
        raise InputError(
            f"{origin}: no subject has {column} {', '.join(unused)}; correct the levels of the "
            "config"
        )
    return values
