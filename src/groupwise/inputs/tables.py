"""Read tables of ready-made maps, and select the maps of an analysis."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from groupwise.errors import InputError
from groupwise.inputs.inclusion import Inclusion


def read_table(
    path: str | os.PathLike,
    files_of: Callable[[str], list[str]] = lambda path: [path],
    least: int = 2,
    shared: bool = False,
) -> pd.DataFrame:
    """Return the table of ready-made maps, with one row per map.

    Parameters
    ----------
    path : TSV with the columns `subject` and `path` (relative to the table), and one column per
        factor or condition. All values are read as text.
    files_of : function that returns the files of a path, such as header and data.
    least : smallest permitted number of subjects.
    shared : whether a file may have several conditions and so be in several rows.

    Returns
    -------
    DataFrame : the table, with `path` relative to the working directory, or absolute.

    Raises
    ------
    InputError : a column is missing, a cell is empty, a file does not exist, a file or row is
        repeated, or there are too few subjects.
    """
    path = Path(path)
    try:
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"{path}: is not a readable table of maps ({reason}); check its path in the config"
        ) from error
    table.columns = [str(name).strip() for name in table.columns]
    absent = [name for name in ("subject", "path") if name not in table]
    if absent:
        raise InputError(
            f"{path}: has no column {' and no column '.join(absent)} (its columns are "
            f"{', '.join(table.columns)}); the table must be tab-separated, with a header line"
        )
    findings = []
    files = [str(path.parent / name) for name in table["path"]]
    for line, (subject, name, file) in enumerate(
        zip(table["subject"], table["path"], files, strict=True), start=2
    ):
        if not subject.strip() or not name.strip():
            empty = "path" if subject.strip() else "subject"
            findings.append(f"{path}, line {line}: {empty} is empty; add it")
        else:
            findings += [
                f"{path}, line {line}: {part} does not exist; paths are relative to the table"
                for part in files_of(file)
                if not Path(part).is_file()
            ]
    for name, lines in _repeated([] if shared else files).items():
        findings.append(f"{path}, lines {lines}: {name} is repeated; remove all rows but one")
    facts = table.drop(columns="path")
    for values, lines in _repeated(list(facts.itertuples(index=False, name=None))).items():
        what = ", ".join(f"{name} {value}" for name, value in zip(facts, values, strict=True))
        findings.append(
            f"{path}, lines {lines}: {what} is repeated; add a column that distinguishes the maps, "
            "or remove all rows but one"
        )
    count = len(set(table["subject"]))
    if count < least:
        findings.append(f"{path}: has {count} subjects, but needs {least} or more; add subjects")
    if findings:
        raise InputError(findings)
    return table.assign(path=files)


def _repeated(values: list) -> dict:
    """Return the values that occur more than once, with their lines in the table."""
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
) -> tuple[list[dict[str, str]], Inclusion]:
    """Return the maps of all cells of all subjects.

    Parameters
    ----------
    table : as `read_table` returns it.
    cells : cells of the design in order. The item `factors` of a cell maps columns to levels. If
        the only cell has no factors, each subject must have one map.
    subjects : "all", or the subjects to analyse.
    exclude : excluded subjects with the reason.
    missing : "fail" or "drop": what happens if a subject lacks a cell.

    Returns
    -------
    rows : one dict per map: subject, session, condition, factors, path; subjects are sorted, cells
        are in the order of the design.
    inclusion : analysed and other subjects, with the findings: a factor without a column, a
        subject that is not in the table, a cell without a map or with several, a level that is in
        no row, no subject left.
    """
    factors = list(cells[0]["factors"])
    known = sorted(set(table["subject"]))
    wanted = known if subjects == "all" else list(subjects)
    inclusion = Inclusion(known, exclude, missing)
    inclusion.add(
        f"column {name} is not in the table of maps; its columns are {', '.join(table.columns)}"
        for name in factors
        if name not in table
    )
    inclusion.add(
        f"subject {name} is not in the table of maps"
        for name in [*wanted, *(exclude or {})]
        if name not in known
    )
    levels = {(name, level) for cell in cells for name, level in cell["factors"].items()}
    inclusion.add(
        f"no row of the table of maps has {name} {level}; its values of {name} are "
        f"{', '.join(sorted(set(table[name])))}"
        for name, level in sorted(levels)
        if name in table and level not in set(table[name])
    )
    if inclusion.findings:
        return [], inclusion
    rows: list[dict[str, str]] = []
    for subject in sorted(set(wanted) - set(inclusion.left_out)):
        own, lacking, ambiguous = _maps_of(table[table["subject"] == subject], subject, cells)
        inclusion.add(ambiguous)
        if inclusion.admit(subject, lacking, f"subject {subject}: ") and not ambiguous:
            rows += own
    if not rows and not inclusion.findings:
        inclusion.add(["no subject is left; check the table of maps, subjects and exclude"])
    return rows, inclusion


def _maps_of(
    maps: pd.DataFrame, subject: str, cells: Sequence[Mapping[str, Any]]
) -> tuple[list[dict[str, str]], list[str], list[str]]:
    """Return the rows of the cells of a subject, its missing cells, and its ambiguous cells."""
    rows, lacking, ambiguous = [], [], []
    for cell in cells:
        found = maps
        for name, level in cell["factors"].items():
            found = found[found[name] == level]
        place = ", ".join(f"{name} {level}" for name, level in cell["factors"].items())
        if len(found) > 1:
            ambiguous.append(
                f"subject {subject}{', ' if place else ''}{place}: {len(found)} maps, but a cell "
                "needs one; name the condition in the analysis, or remove the other maps"
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
