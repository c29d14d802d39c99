"""Whether the check of a study's files still holds."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groupwise.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


def stamp_of(path: str) -> list[int]:
    """Size in bytes and date in seconds of a file or folder; of an absent one, nothing."""
    try:
        found = Path(path).stat()
    except OSError:
        return []
    return [found.st_size, int(found.st_mtime)]


def settled(found: "tuple[pd.DataFrame, list[str]]") -> "pd.DataFrame":
    """The table of a check; raises InputError with everything that was found wrong."""
    table, findings = found
    if findings:
        raise InputError(findings)
    return table


def is_checked(sidecar: str, parameters: dict[str, Any], files: Iterable[str]) -> bool:
    """Whether files were found right before, under the same parameters.

    Parameters
    ----------
    sidecar : of the check's table: its `Parameters`, and in `Given` the stamps of the files.
    parameters : those of now.
    files : what was looked into.
    """
    path = Path(sidecar)
    if not path.exists():
        return False
    stored = json.loads(path.read_text(encoding="utf-8"))
    return stored.get("Parameters") == json.loads(json.dumps(parameters)) and stored.get(
        "Given"
    ) == {name: stamp_of(name) for name in files}
