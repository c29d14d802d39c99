"""Which maps of a table take part in an analysis."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from groupwise.errors import InputError
from groupwise.inputs.attendance import Attendance


def select_maps(
    table: pd.DataFrame,
    cells: Sequence[Mapping[str, Any]],
    subjects: str | Sequence[str] = "all",
    exclude: Mapping[str, str] | None = None,
    missing: str = "fail",
) -> tuple[list[dict[str, str]], dict[str, str]]:
    """The maps of every subject's cells.

    Parameters
    ----------
    table : from `groupwise.inputs.tables.read_table`.
    cells : of the design in order, each with `factors`: column to level. One cell without
        factors takes the one map that each subject has.
    subjects : "all", or those wanted.
    exclude : subject to the reason why it is left out.
    missing : "fail" or "drop", where a subject lacks a cell.

    Returns
    -------
    rows : one dict a map: subject, session, condition, factors, path; subjects in sorted order,
        cells in the order of the design.
    left_out : subject to reason.

    Raises
    ------
    InputError : a factor is no column, a subject is not in the table, a cell has no map or
        several, a level is in no row, no subject is left; all are listed.
    """
    factors = list(cells[0]["factors"])
    there = sorted(set(table["subject"]))
    wanted = there if subjects == "all" else list(subjects)
    findings = [
        f"column {name} is not in the table of maps, which has {', '.join(table.columns)}"
        for name in factors
        if name not in table
    ]
    findings += [
        f"subject {name} is not in the table of maps"
        for name in [*wanted, *(exclude or {})]
        if name not in there
    ]
    levels = {(name, level) for cell in cells for name, level in cell["factors"].items()}
    findings += [
        f"{name} {level} stands in no row of the table of maps, which has "
        f"{', '.join(sorted(set(table[name])))}"
        for name, level in sorted(levels)
        if name in table and level not in set(table[name])
    ]
    if findings:
        raise InputError(findings)
    who = Attendance(there, exclude, missing)
    rows: list[dict[str, str]] = []
    for subject in sorted(set(wanted) - set(who.left_out)):
        maps = table[table["subject"] == subject]
        own, wrong = [], []
        for cell in cells:
            found = maps
            for name, level in cell["factors"].items():
                found = found[found[name] == level]
            place = ", ".join(f"{name} {level}" for name, level in cell["factors"].items())
            if len(found) == 1:
                record = found.iloc[0].to_dict()
                facts = {"session": record.get("session", "n/a"), **cell["factors"]}
                condition = record.get("condition") or "/".join(cell["factors"].values())
                own.append(
                    {
                        "subject": subject,
                        **facts,
                        "condition": condition or "n/a",
                        "path": record["path"],
                    }
                )
            elif len(found):
                who.findings.append(
                    f"subject {subject}{', ' if place else ''}{place}: {len(found)} maps; one is "
                    "needed: name the condition in the analysis, or remove the others"
                )
            else:
                wrong.append(f"no map of {place}")
        if who.admits(subject, wrong, f"subject {subject}: "):
            rows += own
    who.settle()
    if not rows:
        raise InputError("no subject is left; check the table of maps, subjects and exclude")
    return rows, who.left_out
