"""BIDS inheritance: tables and JSON sidecars that apply to a recording, and their contents."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from groupwise.errors import InputError


class BidsTree:
    """Files of a BIDS tree by folder; each folder is listed once.

    Parameters
    ----------
    root : root folder of the raw data or of a derivative.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self._names: dict[Path, list[str]] = {}

    def applicable(
        self, recording: str | Path, ending: str, suffix: str | None = None
    ) -> list[str]:
        """Return the files that apply to a recording, general ones first.

        A file applies if it is in the root, in the folder of the recording or in a folder between
        them, and has no entity that the recording lacks (BIDS inheritance principle).

        Parameters
        ----------
        recording : its path; the file itself need not exist.
        ending : file name extension, ".json" or ".tsv".
        suffix : BIDS suffix, such as events; None: that of the recording.
        """
        path = Path(recording)
        *entities, own = path.name.split(".", 1)[0].split("_")
        wanted = suffix or own
        found = []
        for folder in (*reversed(path.parents), path.parent):
            if folder != self.root and self.root not in folder.parents:
                continue
            names = []
            for name in self._list(folder):
                stem, dot, extension = name.partition(".")
                *required, last = stem.split("_")
                if dot + extension == ending and last == wanted and set(required) <= set(entities):
                    names.append((len(required), name))
            found += [str(folder / name) for _, name in sorted(names)]
        return list(dict.fromkeys(found))

    def nearest(self, recording: str | Path, ending: str, suffix: str) -> str:
        """Return the most specific file that applies to a recording; "" if there is none."""
        return next(reversed(self.applicable(recording, ending, suffix)), "")

    def _list(self, folder: Path) -> list[str]:
        if folder not in self._names:
            files = folder.iterdir() if folder.is_dir() else ()
            self._names[folder] = [f.name for f in files if f.name.endswith((".json", ".tsv"))]
        return self._names[folder]


def sidecars_of(recording: str, root: str) -> list[str]:
    """Return the JSON sidecars that apply to a recording (BIDS inheritance), general ones first."""
    return BidsTree(root).applicable(recording, ".json")


def acquisition_of(sidecars: Sequence[str]) -> dict[str, Any]:
    """Return the merged contents of sidecars; a later sidecar overrides an earlier one.

    The dataset_description.json of a derivative becomes the key `Pipeline`: the name and version
    of the software that generated it. Raises `InputError` if a file is not JSON.
    """
    merged: dict[str, Any] = {}
    for path in sidecars:
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8-sig"))
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: is not readable as JSON ({error}); correct it") from error
        if not isinstance(content, dict):
            raise InputError(f"{path}: is not a JSON object ({{...}}); correct it")
        if Path(path).name == "dataset_description.json":
            generator = (content.get("GeneratedBy") or [{}])[0]
            words = [generator.get("Name"), generator.get("Version")]
            content = {"Pipeline": " ".join(word for word in words if word)} if any(words) else {}
        merged |= content
    return merged
