"""`groupwise check`: data of a study by subject, session, run and condition, and the findings."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from groupwise.command.page import Cell, Page, Table
from groupwise.config.balance import contrast_cautions
from groupwise.config.study import Study
from groupwise.inputs.entities import entities_of
from groupwise.plan.build import Plan
from groupwise.plan.source import InputCheck, Source
from groupwise.plan.tables import TableSource, within_levels


@dataclass(frozen=True)
class Found:
    """One run of a subject, or an incomplete subject.

    Attributes
    ----------
    data : section of the config.
    events : number of events by condition; for ready-made data, the number of maps.
    missing : findings on the run or subject; "" if there are none.
    facts : further columns of the table, by name; "" or a number as text.
    """

    data: str
    subject: str
    session: str = ""
    run: str = ""
    events: dict[str, int] = field(default_factory=dict)
    bad_channels: str = ""
    missing: str = ""
    facts: dict[str, str] = field(default_factory=dict)


def check_study(study: Study) -> tuple[list[Found], list[str]]:
    """Return the data of a study by run, and all findings.

    The findings are those of the plan and those of the input checks, which a run makes when it
    starts. Every subject has a row, also if it is excluded or incomplete. The headers of recordings
    are read; nothing is written.
    """
    plan = Plan(study, study.output)
    found: list[Found] = []
    findings = list(plan.findings)
    for source in plan.sources.values():
        if source.input_check is not None:
            rows, of_contents = _list_recordings(source, source.input_check)
            found += rows
            findings += of_contents
        elif isinstance(source, TableSource):
            found += _list_maps(source)
    return found, list(dict.fromkeys(findings))


def _list_recordings(source: Source, check: InputCheck) -> tuple[list[Found], list[str]]:
    """Return the rows of recordings, from their headers and events, and the findings."""
    if not source.subjects:
        return _list_others(source), []
    table, findings = check.read_contents()
    conditions = list(source.section.conditions)
    several = "repetition_time" in table and table["repetition_time"].nunique() > 1
    rows = []
    for row in table.to_dict("records"):
        subject = str(row["subject"])
        # The name of a file, or of a run, such as "ses-2 run-1".
        named = str(row.get("recording", row.get("run", "")))
        facts = entities_of(Path(named.replace(" ", "_")))
        session = row.get("session") or source.section.session
        session = session if isinstance(session, str) else facts.get("ses", "")
        bad = row.get("bad_channels", row.get("bad_pairs", ""))
        rows.append(
            Found(
                data=source.data,
                subject=subject,
                session=session,
                run=facts.get("run", ""),
                events={name: int(row.get(name) or 0) for name in conditions if name in row},
                bad_channels="" if bad == "n/a" else bad,
                missing=_about(findings, subject),
                facts=_facts_of(row, several),
            )
        )
    seen = {row.subject for row in rows}
    rows += [
        Found(source.data, name, missing=_about(findings, name) or "is not readable")
        for name in source.subjects
        if name not in seen
    ]
    rows += _list_others(source)
    return sorted(rows, key=lambda row: (row.subject, row.session, row.run)), findings


def _facts_of(row: dict[str, Any], several: bool) -> dict[str, str]:
    """Return further columns: events left out, durations, and repetition times if they differ."""
    left_out, durations = row.get("events_left_out"), row.get("event_durations")
    facts = {"left out": f"{left_out:.0f}"} if left_out and left_out > 0 else {}
    if isinstance(durations, str):
        facts["durations (s)"] = durations
    if several:
        facts["repetition time (s)"] = f"{row['repetition_time']:g}"
    return facts


def _list_others(source: Source) -> list[Found]:
    """Return the rows of subjects that are excluded, dropped or incomplete."""
    absent = source.left_out | source.incomplete
    return [Found(source.data, name, missing=why) for name, why in absent.items()]


def _about(findings: list[str], subject: str) -> str:
    """Return the findings that name a subject."""
    return "; ".join(each for each in findings if re.search(rf"sub-{subject}\b", each))


def _list_maps(source: TableSource) -> list[Found]:
    """Return the rows of a table of ready-made data."""
    table = source.table
    if table is None:
        return []
    factors = [factor for spec in source.analyses.values() for factor in within_levels(spec)]
    known = {source.column(factor) for factor in [*factors, "condition"]}
    names = [name for name in table if name in known]
    conditions = table[names].astype(str).agg("/".join, axis=1) if names else table["subject"] * 0
    conditions = conditions.replace("", "map")
    every = list(dict.fromkeys(conditions))
    absent = source.left_out | source.incomplete
    return [
        Found(
            data=source.data,
            subject=str(subject),
            events={name: int((own == name).sum()) for name in every},
            missing=absent.get(str(subject), ""),
        )
        for subject, own in conditions.groupby(table["subject"])
    ]


def check_page(study: Study, found: list[Found], findings: list[str]) -> Page:
    """Return the data of a study as a page with one table per data source."""
    tables = [_table(data, rows) for data, rows in _by_data(found)]
    lines = [
        f"{study.study}: {data}, {len({row.subject for row in rows})} subjects, "
        f"{len({row.subject for row in rows if not row.missing})} complete."
        for data, rows in _by_data(found)
    ]
    if study.exclude:
        reasons = "; ".join(f"{name} ({why})" for name, why in study.exclude.items())
        lines.append(f"Excluded by the config: {reasons}.")
    lines += [
        f"Caution: analyses.{name}: {caution}"
        for name, analysis in study.analyses.items()
        for caution in contrast_cautions(
            analysis.model_dump(), getattr(study, analysis.section).model_dump()
        )
    ]
    if findings:
        wrong = [[Cell(finding, "missing")] for finding in findings]
        tables.append(Table("To correct", ["finding"], wrong))
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
    more = list(dict.fromkeys(name for row in rows for name in row.facts))
    columns = ["subject", *facts, *conditions, *more, *["bad channels"] * bad, "state"]
    cells = [
        [
            Cell(row.subject),
            *(Cell(getattr(row, name)) for name in facts),
            *(Cell(str(row.events.get(name, "")), _state(row, name)) for name in conditions),
            *(Cell(row.facts.get(name, "")) for name in more),
            *[Cell(row.bad_channels)] * bad,
            Cell("missing" if row.missing else "found", "missing" if row.missing else "found"),
        ]
        for row in rows
    ]
    return Table(data, columns, cells)


def _state(row: Found, condition: str) -> str:
    return "found" if row.events.get(condition) else "missing"


def check_rows(found: list[Found]) -> list[dict[str, Any]]:
    """Return one row per subject, session, run and condition, for a table."""
    return [
        {
            "data": row.data,
            "subject": row.subject,
            "session": row.session,
            "run": row.run,
            "condition": condition,
            "events": row.events.get(condition, ""),
            "events_left_out": row.facts.get("left out", ""),
            "durations": row.facts.get("durations (s)", ""),
            "bad_channels": row.bad_channels,
            "missing": row.missing,
        }
        for row in found
        for condition in row.events or [""]
    ]
