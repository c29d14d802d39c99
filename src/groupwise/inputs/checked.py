"""Size and date of files, and whether an earlier input check is still valid."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groupwise.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


def stamp_of(path: str) -> list[int]:
    """Return the size in bytes and the date in s of a file or folder; [] if it doesn't exist."""
    try:
        found = Path(path).stat()
    except OSError:
        return []
    return [found.st_size, int(found.st_mtime)]


def require_no_findings(found: "tuple[pd.DataFrame, list[str]]") -> "pd.DataFrame":
    """Return the table of an input check. Raises `InputError` if the check has findings."""
    table, findings = found
    if findings:
        raise InputError(findings)
    return table


def is_checked(sidecar: str, parameters: dict[str, Any], files: Iterable[str]) -> bool:
    """Return whether an earlier input check of the same files passed.

    Parameters
    ----------
    sidecar : JSON sidecar of the earlier check's table. `Parameters` has the parameters of that
        check, and `Given` the size and date of each file.
    parameters : parameters of the present check.
    files : files of the present check.
    """
    path = Path(sidecar)
    if not path.exists():
        return False
    stored = json.loads(path.read_text(encoding="utf-8"))
    return stored.get("Parameters") == json.loads(json.dumps(parameters)) and stored.get(
        "Given"
    ) == {name: stamp_of(name) for name in files}
