"""Stamps of files, and whether an earlier check of a study's files still holds."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groupwise.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


def stamp_of(path: str) -> list[int]:
    """Return size in bytes and date in seconds of a file or folder; [] if it doesn't exist."""
    try:
        found = Path(path).stat()
    except OSError:
        return []
    return [found.st_size, int(found.st_mtime)]


def require_no_findings(found: "tuple[pd.DataFrame, list[str]]") -> "pd.DataFrame":
    """Return the table of a check. Raises `InputError` with its findings, if there are any."""
    table, findings = found
    if findings:
        raise InputError(findings)
    return table


def is_checked(sidecar: str, parameters: dict[str, Any], files: Iterable[str]) -> bool:
    """Return whether an earlier check found nothing wrong in the same files.

    Parameters
    ----------
    sidecar : of the check's table, with its `Parameters`, and in `Given` the stamps of the files.
    parameters : of the check now.
    files : the files to check.
    """
    path = Path(sidecar)
    if not path.exists():
        return False
    stored = json.loads(path.read_text(encoding="utf-8"))
    return stored.get("Parameters") == json.loads(json.dumps(parameters)) and stored.get(
        "Given"
    ) == {name: stamp_of(name) for name in files}
