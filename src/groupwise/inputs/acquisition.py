"""What the BIDS sidecars of a recording tell of its acquisition, for the methods text."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from groupwise.errors import InputError


def sidecars_of(recording: str, root: str) -> list[str]:
    """JSON sidecars that hold for a recording, by BIDS' inheritance: general ones first.

    A sidecar lies in a folder from the root down to the recording's, has its suffix (meg, bold),
    and no entity that the recording does not have.
    """
    top, path = Path(root), Path(recording)
    *entities, suffix = path.name.split(".", 1)[0].split("_")
    folders = [
        folder for folder in (*reversed(path.parents), path.parent) if _is_below(folder, top)
    ]
    found = []
    for folder in dict.fromkeys(folders):
        for sidecar in sorted(folder.glob(f"*{suffix}.json")):
            *own, ending = sidecar.stem.split("_")
            if ending == suffix and set(own) <= set(entities):
                found.append(str(sidecar))
    return found


def _is_below(folder: Path, top: Path) -> bool:
    return folder == top or top in folder.parents


def acquisition_of(sidecars: Sequence[str]) -> dict[str, Any]:
    """The sidecars as one; what a special one says counts.

    Of a derivative's dataset_description.json, `Pipeline` names what made it, with its version.
    Raises InputError naming a file that is not JSON.
    """
    told: dict[str, Any] = {}
    for path in sidecars:
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: not readable as JSON ({error}); correct it") from error
        if Path(path).name == "dataset_description.json":
            made = (content.get("GeneratedBy") or [{}])[0]
            words = [made.get("Name"), made.get("Version")]
            content = {"Pipeline": " ".join(word for word in words if word)} if any(words) else {}
        told |= content
    return told
