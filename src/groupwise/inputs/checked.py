"""Whether the check of a study's files still holds."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def is_checked(sidecar: str, parameters: dict[str, Any], files: Iterable[str]) -> bool:
    """Whether files were found right before, under the same parameters.

    Parameters
    ----------
    sidecar : of the check's table: its `Parameters`, and by its time stamp the age of the check.
    parameters : those of now.
    files : what was looked into.
    """
    path = Path(sidecar)
    if not path.exists():
        return False
    stored = json.loads(path.read_text(encoding="utf-8")).get("Parameters")
    checked = path.stat().st_mtime_ns
    return stored == json.loads(json.dumps(parameters)) and all(
        Path(name).stat().st_mtime_ns < checked for name in files
    )
