"""Tables of ready-made maps, one row per file, and the maps of an analysis."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from groupwise.errors import InputError
from groupwise.inputs.attendance import Attendance


def read_table(
    path: str | os.PathLike,
    files_of: Callable[[str], list[str]] = lambda path: [path],
    least: int = 2,
    shared: bool = False,
) -> pd.DataFrame:
    """The table of a study that begins with ready-made maps.

    Parameters
    ----------
    path : TSV with the columns `subject` and `path` (relative to the table), and one a factor or
        condition; all are read as text.
    files_of : the files that a path stands for.
    least : fewest subjects that the study can do with.
    shared : whether a file may hold several conditions, and so stand in several rows.

    Returns
    -------
    DataFrame : the table; `path` is now relative to the working directory (or absolute).

    Raises
    ------
    InputError : listing missing columns, empty cells, files that do not exist or stand twice,
        rows that stand twice, too few subjects.
    """
    path = Path(path)
    try:
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"{path}: not a readable table of maps ({reason}); check its path in the config"
        ) from error
    table.columns = [str(name).strip() for name in table.columns]
    absent = [name for name in ("subject", "path") if name not in table]
    if absent:
        raise InputError(
            f"{path}: no column {' and no column '.join(absent)} (it has "
            f"{', '.join(table.columns)}); the table is tab-separated with a header line"
        )
    findings = []
    files = [str(path.parent / name) for name in table["path"]]
    for line, (subject, name, file) in enumerate(
        zip(table["subject"], table["path"], files, strict=True), start=2
    ):
        if not subject.strip() or not name.strip():
            findings.append(f"{path}, line {line}: no {'path' if subject.strip() else 'subject'}")
        else:
            findings += [
                f"{path}, line {line}: {part} does not exist; paths are relative to the table"
                for part in files_of(file)
                if not Path(part).is_file()
            ]
    for name, lines in _repeated([] if shared else files).items():
        findings.append(f"{path}, lines {lines}: {name} stands twice; a map counts once")
    facts = table.drop(columns="path")
    for values, lines in _repeated(list(facts.itertuples(index=False, name=None))).items():
        what = ", ".join(f"{name} {value}" for name, value in zip(facts, values, strict=True))
        findings.append(
            f"{path}, lines {lines}: {what} stands twice; add a column that tells the maps apart, "
            "or remove one"
        )
    count = len(set(table["subject"]))
    if count < least:
        findings.append(f"{path}: {count} subjects, {least} or more are needed")
    if findings:
        raise InputError(findings)
    return table.assign(path=files)


def _repeated(values: list) -> dict:
    """Values that stand more than once, with the lines of a table where they do."""
    lines: dict = {}
    for line, value in enumerate(values, start=2):
        lines.setdefault(value, []).append(str(line))
    return {value: ", ".join(where) for value, where in lines.items() if len(where) > 1}


def select_maps(
    table: pd.DataFrame,
    cells: Sequence[Mapping[str, Any]],
    subjects: str | Sequence[str] = "all",
    exclude: Mapping[str, str] | None = None,
    missing: str = "fail",
) -> tuple[list[dict[str, str]], Attendance]:
    """Select the maps of every subject's cells.

    Parameters
    ----------
    table : from `read_table`.
    cells : of the design in order, each with `factors`: column to level. One cell without
        factors takes the only map of each subject.
    subjects : "all", or those that take part.
    exclude : subject to the reason why it is left out.
    missing : "fail" or "drop", where a subject lacks a cell.

    Returns
    -------
    rows : one dict per map: subject, session, condition, factors, path; subjects in sorted order,
        cells in the order of the design.
    who : who takes part, with the findings: a factor that is no column, a subject that isn't in
        the table, a cell without a map or with several, a level that is in no row, no subject
        left.
    """
    factors = list(cells[0]["factors"])
    there = sorted(set(table["subject"]))
    wanted = there if subjects == "all" else list(subjects)
    who = Attendance(there, exclude, missing)
    who.add(
        f"column {name} is not in the table of maps, which has {', '.join(table.columns)}"
        for name in factors
        if name not in table
    )
    who.add(
        f"subject {name} is not in the table of maps"
        for name in [*wanted, *(exclude or {})]
        if name not in there
    )
    levels = {(name, level) for cell in cells for name, level in cell["factors"].items()}
    who.add(
        f"no row of the table of maps has {name} {level}; {name} is one of "
        f"{', '.join(sorted(set(table[name])))}"
        for name, level in sorted(levels)
        if name in table and level not in set(table[name])
    )
    if who.findings:
        return [], who
    rows: list[dict[str, str]] = []
    for subject in sorted(set(wanted) - set(who.left_out)):
        own, lacking, ambiguous = _maps_of(table[table["subject"] == subject], subject, cells)
        who.add(ambiguous)
        if who.admits(subject, lacking, f"subject {subject}: ") and not ambiguous:
            rows += own
    if not rows and not who.findings:
        who.add(["no subject is left; check the table of maps, subjects and exclude"])
    return rows, who


def _maps_of(
    maps: pd.DataFrame, subject: str, cells: Sequence[Mapping[str, Any]]
) -> tuple[list[dict[str, str]], list[str], list[str]]:
    """Return the rows of a subject's cells, what it lacks, and what is ambiguous."""
    rows, lacking, ambiguous = [], [], []
    for cell in cells:
        found = maps
        for name, level in cell["factors"].items():
            found = found[found[name] == level]
        place = ", ".join(f"{name} {level}" for name, level in cell["factors"].items())
        if len(found) > 1:
            ambiguous.append(
                f"subject {subject}{', ' if place else ''}{place}: {len(found)} maps, but a cell "
                "takes one; name the condition in the analysis, or remove the others"
            )
        elif len(found) == 0:
            lacking.append(f"no map of {place}")
        else:
            record = found.iloc[0].to_dict()
            condition = record.get("condition") or "/".join(cell["factors"].values())
            rows.append(
                {
                    "subject": subject,
                    "session": record.get("session", "n/a"),
                    **cell["factors"],
                    "condition": condition or "n/a",
                    "path": record["path"],
                }
            )
    return rows, lacking, ambiguous
