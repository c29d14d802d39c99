"""What of a study is there: subject x session x run x condition, by headers and event files."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from groupwise.command.page import Cell, Page, Table
from groupwise.config.study import Study
from groupwise.errors import InputError
from groupwise.inputs.runs import entities_of


@dataclass(frozen=True)
class Found:
    """A run of a subject, or a subject of whom something is missing.

    Attributes
    ----------
    data : section of the config.
    events : number of events (of ready-made maps: of maps) by condition.
    missing : what is missing or wrong; "" where all is well.
    """

    data: str
    subject: str
    session: str = ""
    run: str = ""
    events: dict[str, int] = field(default_factory=dict)
    bad_channels: str = ""
    missing: str = ""


def look_at(study: Study) -> tuple[list[Found], list[str]]:
    """What there is of a study, and all that is wrong with it.

    Every subject of every kind of data has a row, also one that would be left out. Recordings are
    opened for their headers; nothing is written.
    """
    found: list[Found] = []
    findings: list[str] = []
    # Complete subjects are looked into even where others lack something.
    lenient = study.model_copy(update={"missing": "drop"})
    for data, finder, room in (
        ("meeg", "recordings.find_recordings", "meeg"),
        ("fmri", "runs.find_runs", "fmri"),
        ("fnirs", "optodes.find_optodes", "fnirs"),
    ):
        if getattr(study, data) is not None:
            module, name = finder.split(".")
            find = getattr(import_module(f"groupwise.inputs.{module}"), name)
            rows, wrong = _recorded(lenient, data, find, room)
            found += rows
            findings += wrong
    for data in ("maps", "estimates", "evokeds", "values"):
        if getattr(study, data) is not None:
            rows, wrong = _ready_made(study, data)
            found += rows
            findings += wrong
    missing = [row.missing for row in found if row.missing and row.subject not in study.exclude]
    known = set(findings)
    return found, [*findings, *dict.fromkeys(m for m in missing if m not in known)]


def _recorded(study: Study, data: str, find, room: str) -> tuple[list[Found], list[str]]:
    """Rows of recordings, by what their headers and events say."""
    try:
        recordings = find(study)
    except InputError as error:
        return [], error.findings
    look_into = import_module(f"groupwise.{room}.check").look_into
    table, findings = look_into(**recordings.to_check(study))
    conditions = list(getattr(study, data).conditions)
    rows = []
    for row in table.to_dict("records"):
        subject = str(row["subject"])
        # A file's name, or the name of a run: "ses-2 run-1".
        named = str(row.get("recording", row.get("run", "")))
        facts = entities_of(Path(named.replace(" ", "_")))
        session = row.get("session") or getattr(study, data).session
        session = session if isinstance(session, str) else facts.get("ses", "")
        bad = row.get("bad_channels", row.get("bad_pairs", ""))
        rows.append(
            Found(
                data=data,
                subject=subject,
                session=session,
                run=facts.get("run", ""),
                events={name: int(row.get(name) or 0) for name in conditions if name in row},
                bad_channels="" if bad == "n/a" else bad,
                missing=_told(findings, subject),
            )
        )
    seen = {row.subject for row in rows}
    rows += [
        Found(data, name, missing=_told(findings, name) or "could not be read")
        for name in recordings.names
        if name not in seen
    ]
    rows += [Found(data, name, missing=why) for name, why in recordings.left_out.items()]
    return sorted(rows, key=lambda row: (row.subject, row.session, row.run)), findings


def _told(findings: list[str], subject: str) -> str:
    """Those findings that name a subject."""
    return "; ".join(each for each in findings if re.search(rf"sub-{subject}\b", each))


def _ready_made(study: Study, data: str) -> tuple[list[Found], list[str]]:
    """Rows of a table of ready-made maps or values."""
    section = getattr(study, data)
    try:
        if data == "values":
            from groupwise.stack.channels import read_values

            table = read_values(section.table, section.place, section.value)
            table = table.rename(columns={"ID": "subject", "Condition": "condition"})
        else:
            from groupwise.inputs.hemispheres import hemispheres_of
            from groupwise.inputs.tables import read_table
            from groupwise.stack.volumes import files_of

            files = {"maps": files_of, "estimates": hemispheres_of}.get(data, lambda path: [path])
            table = read_table(section.table, files, shared=data == "evokeds")
    except InputError as error:
        return [], error.findings
    within = [n for spec in study.analyses.values() if spec.data == data for n in spec.within or {}]
    names = [n for n in dict.fromkeys([*within, "condition"]) if n in table]
    conditions = table[names].astype(str).agg("/".join, axis=1) if names else table["subject"] * 0
    conditions = conditions.replace("", "map")
    every = list(dict.fromkeys(conditions))
    return [
        Found(
            data=data,
            subject=str(subject),
            events={name: int((own == name).sum()) for name in every},
            missing=study.exclude.get(str(subject), ""),
        )
        for subject, own in conditions.groupby(table["subject"])
    ], []


def check_page(study: Study, found: list[Found], findings: list[str]) -> Page:
    """What there is as a page of tables, one a kind of data."""
    tables = [_table(data, rows) for data, rows in _by_data(found)]
    lines = [
        f"{study.study}: {data}, {len({row.subject for row in rows})} subjects, "
        f"{len({row.subject for row in rows if not row.missing})} complete."
        for data, rows in _by_data(found)
    ]
    if study.exclude:
        told = "; ".join(f"{name} ({why})" for name, why in study.exclude.items())
        lines.append(f"Left out by the config: {told}.")
    if findings:
        wrong = [[Cell(finding, "missing")] for finding in findings]
        tables.append(Table("To mend", ["finding"], wrong))
    else:
        lines.append("Nothing is missing.")
    return Page(f"Check of {study.study}", lines, tables)


def _by_data(found: list[Found]) -> Iterator[tuple[str, list[Found]]]:
    for data in dict.fromkeys(row.data for row in found):
        yield data, [row for row in found if row.data == data]


def _table(data: str, rows: list[Found]) -> Table:
    conditions = list(dict.fromkeys(name for row in rows for name in row.events))
    facts = [name for name in ("session", "run") if any(getattr(row, name) for row in rows)]
    bad = any(row.bad_channels for row in rows)
    columns = ["subject", *facts, *conditions, *["bad channels"] * bad, "state"]
    cells = [
        [
            Cell(row.subject),
            *(Cell(getattr(row, name)) for name in facts),
            *(Cell(str(row.events.get(name, "")), _state(row, name)) for name in conditions),
            *[Cell(row.bad_channels)] * bad,
            Cell("missing" if row.missing else "found", "missing" if row.missing else "found"),
        ]
        for row in rows
    ]
    return Table(data, columns, cells)


def _state(row: Found, condition: str) -> str:
    return "found" if row.events.get(condition) else "missing"


def check_rows(found: list[Found]) -> list[dict[str, Any]]:
    """One row a subject, session, run and condition, for a table."""
    return [
        {
            "data": row.data,
            "subject": row.subject,
            "session": row.session,
            "run": row.run,
            "condition": condition,
            "events": row.events.get(condition, ""),
            "bad_channels": row.bad_channels,
            "missing": row.missing,
        }
        for row in found
        for condition in row.events or [""]
    ]
