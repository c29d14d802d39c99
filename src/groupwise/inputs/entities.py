"""Entities in BIDS file names, and files that cannot be told apart by them."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

#: Entities that distinguish the runs of a task, in the order of BIDS names. Files that differ in
#: others, such as proc, echo or cohort, or in the format, hold the same recording.
RUN_ENTITIES = ("ses", "acq", "ce", "rec", "dir", "run")


def entities_of(path: Path) -> dict[str, str]:
    """Return the BIDS entities in the name of a file."""
    return dict(re.findall(r"(?:^|_)([a-z]+)-([A-Za-z0-9]+)", path.name))


def has_entities(path: Path, wanted: Mapping[str, str | None]) -> bool:
    """Return whether the name of a file has these entities, and lacks those that are None."""
    facts = entities_of(path)
    return all(facts.get(name) == value for name, value in wanted.items())


def find_same_recordings(paths: Iterable[Path], section: str) -> list[str]:
    """Return a finding for each recording of a subject that is in several files.

    Parameters
    ----------
    paths : the recordings of a subject. Each must be of another run.
    section : section of the config whose key `entities` selects files.
    """
    runs: dict[tuple, list[Path]] = {}
    for path in paths:
        facts = entities_of(path)
        facts["run"] = facts.get("run", "").lstrip("0")
        runs.setdefault(tuple(facts.get(name) for name in RUN_ENTITIES), []).append(path)
    return [
        f"{files[0].parent}: {' and '.join(path.name for path in files)} hold the same recording; "
        f"{_choice(files, section)}move all but one out of the data set"
        for files in runs.values()
        if len(files) > 1
    ]


def _choice(files: list[Path], section: str) -> str:
    """Return the values of the key `entities` that select one of the files, as a remedy."""
    every = [entities_of(path) for path in files]
    for name in sorted({name for facts in every for name in facts} - {"split", *RUN_ENTITIES}):
        values = [facts.get(name) for facts in every]
        if len(set(values)) > 1:
            shown = [f'"{v}"' if v and v.isdigit() else v or "null" for v in values]
            options = " or ".join(f"{{{name}: {value}}}" for value in dict.fromkeys(shown))
            return f"set {section}.entities to {options}, or "
    return ""
