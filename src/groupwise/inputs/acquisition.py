"""Acquisition parameters of a recording from its BIDS sidecars, for the methods text."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from groupwise.errors import InputError


def sidecars_of(recording: str, root: str) -> list[str]:
    """Return the JSON sidecars that apply to a recording (BIDS inheritance), general ones first.

    A sidecar applies if it is in the root, in the folder of the recording or in a folder between
    them, has the suffix of the recording (meg, bold), and has no entity that the recording lacks.
    """
    top, path = Path(root), Path(recording)
    *entities, suffix = path.name.split(".", 1)[0].split("_")
    folders = [
        folder for folder in (*reversed(path.parents), path.parent) if _is_below(folder, top)
    ]
    found = []
    for folder in dict.fromkeys(folders):
        for sidecar in sorted(folder.glob(f"*{suffix}.json")):
            *required, ending = sidecar.stem.split("_")
            if ending == suffix and set(required) <= set(entities):
                found.append(str(sidecar))
    return found


def _is_below(folder: Path, top: Path) -> bool:
    return folder == top or top in folder.parents


def acquisition_of(sidecars: Sequence[str]) -> dict[str, Any]:
    """Return the merged contents of sidecars; a later sidecar overrides an earlier one.

    The dataset_description.json of a derivative becomes the key `Pipeline`: the name and version
    of the software that generated it. Raises `InputError` if a file is not JSON.
    """
    merged: dict[str, Any] = {}
    for path in sidecars:
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: is not readable as JSON ({error}); correct it") from error
        if Path(path).name == "dataset_description.json":
            generator = (content.get("GeneratedBy") or [{}])[0]
            words = [generator.get("Name"), generator.get("Version")]
            content = {"Pipeline": " ".join(word for word in words if word)} if any(words) else {}
        merged |= content
    return merged
