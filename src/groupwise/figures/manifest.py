"""The list of the figures of one stage, which the report reads (`figures.json`)."""

import json
import os
from pathlib import Path
from typing import Any

from groupwise.errors import InputError
from groupwise.files import write_json


def write_manifest(
    path: str | os.PathLike,
    figures: list[dict[str, str]],
    *,
    title: str,
    subject: str | None = None,
) -> None:
    """Write the list of the figures of one stage.

    Parameters
    ----------
    figures : dicts with `file` (a path; stored relative to the folder of the manifest), `title`,
        `caption` and `alt` (alt text).

    Raises
    ------
    ValueError : one of these is missing or empty.
    """
    folder = Path(path).parent.resolve()
    listed = []
    for figure in figures:
        if missing := [k for k in ("file", "title", "caption", "alt") if not figure.get(k)]:
            raise ValueError(f"figure {figure.get('file')}: {', '.join(missing)} missing")
        file = os.path.relpath(Path(figure["file"]).resolve(), folder)
        listed.append(dict(figure) | {"file": Path(file).as_posix()})
    write_json(path, {"title": title, "subject": subject, "figures": listed})


def read_manifest(path: str | os.PathLike) -> dict[str, Any]:
    """Return a manifest, or that of a folder (`figures.json`), with paths that can be opened.

    Raises
    ------
    InputError : the manifest is not readable, or a figure that it lists does not exist.
    """
    path = Path(path)
    path = path / "figures.json" if path.is_dir() else path
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        for figure in manifest["figures"]:
            figure["file"] = str(path.parent / figure["file"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: the list of figures is not readable ({error}). Run its rule again"
        ) from error
    absent = [f["file"] for f in manifest["figures"] if not Path(f["file"]).is_file()]
    if absent:
        raise InputError(
            [
                f"{name}: the file does not exist, but {path} lists it. Run its rule again"
                for name in absent
            ]
        )
    return manifest
