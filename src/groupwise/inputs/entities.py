"""Entities in BIDS file names, and recordings that are in several files."""

import re
from collections.abc import Iterable, Mapping, Sequence
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


def files_of_subject(folder: Path, datatype: str, pattern: str) -> list[Path]:
    """Return the files of a data type in the folder of a subject, sorted.

    `**` does not follow symbolic links, so folders of sessions, which may be links, are named.
    Hidden files, which macOS adds, are no data.
    """
    places = (datatype, f"ses-*/{datatype}", f"**/{datatype}")
    found = {path for place in places for path in folder.glob(f"{place}/{pattern}")}
    return sorted(path for path in found if not path.name.startswith("."))


def subjects_in(root: Path, wanted: str | Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the subjects with a folder in a BIDS tree, and findings on names that BIDS forbids.

    The empty room, which BIDS stores as a subject, is none.

    Parameters
    ----------
    wanted : subjects of the study. The other folders matter only if it is "all".
    """
    names = sorted(path.name[4:] for path in root.glob("sub-*") if path.is_dir())
    odd = [name for name in names if not re.fullmatch("[A-Za-z0-9]+", name)]
    findings = [
        f"{root}/sub-{name}: the label of a subject has letters and digits only; rename the folder "
        "and its files, or move them out of the data set"
        for name in odd
        if wanted == "all"
    ]
    return [name for name in names if name not in (*odd, "emptyroom")], findings


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
