"""Tables of ready-made maps: one row a file."""

import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from groupwise.errors import InputError


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
