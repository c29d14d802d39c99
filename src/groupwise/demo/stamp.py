"""Identify a complete demo study by digests of its files and of the code that generates it."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from groupwise.digests import digest_of, digest_of_file
from groupwise.errors import InputError


def is_complete(folder: str | Path, subjects: int) -> bool:
    """Return whether `folder` has the complete study of this version of the code.

    The digests of the code and of every generated file are compared. Files that were added later
    (derivatives, morph maps) are ignored.
    """
    folder = Path(folder)
    try:
        stamp = json.loads((folder / "truth.json").read_text(encoding="utf-8"))["Stamp"]
        code, number, files = stamp["Code"], stamp["Subjects"], stamp["Files"]
    except (FileNotFoundError, json.JSONDecodeError, KeyError, TypeError):
        return False
    if code != code_digest() or number != subjects:
        return False
    return all(
        (folder / name).is_file() and digest_of_file(folder / name) == digest
        for name, digest in files.items()
    )


def needs_making(folder: Path, subjects: int, tell: Callable[[str], None]) -> bool:
    """Return whether a study must be generated, because it is not complete.

    Raises `InputError` if `subjects` is not from 1 to 99.
    """
    if not 1 <= subjects <= 99:
        raise InputError(f"demo: subjects is {subjects}; give a number from 1 to 99")
    if is_complete(folder, subjects):
        tell(f"{folder}: the demo study is complete")
        return False
    return True


def clear_study(folder: Path, name: str) -> None:
    """Remove an incomplete or older study.

    Raises `InputError` if the folder has anything but the study of this name.
    """
    description = folder / "bids" / "dataset_description.json"
    if not folder.exists() or not any(folder.iterdir()):
        return
    try:
        ours = json.loads(description.read_text(encoding="utf-8"))["Name"] == name
    except (FileNotFoundError, json.JSONDecodeError, KeyError):
        ours = False
    if not ours:
        raise InputError(
            f"{folder}: is not a demo study; choose another folder, or remove this one"
        )
    shutil.rmtree(folder)


def stamp_of(folder: Path, parts: Sequence[str], subjects: int) -> dict[str, Any]:
    """Return digests of the code and of all files in the given folders of a study."""
    files = sorted(path for part in parts for path in (folder / part).rglob("*") if path.is_file())
    return {
        "Code": code_digest(),
        "Subjects": subjects,
        "Files": {str(path.relative_to(folder)): digest_of_file(path) for path in files},
    }


def code_digest() -> str:
    """Return a digest of the modules that generate the study."""
    modules = sorted(Path(__file__).parent.glob("*.py"))
    return digest_of(*(module.read_bytes() for module in modules))
