"""What a modality gives the report: the interface that each modality's package implements.

`groupwise.<section>.report` has `read_modality`, which returns a `Modality`; its `writer` is the
module `groupwise.<section>.methods`, a `MethodsWriter`. The report itself knows no modality.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from groupwise.config.study import Study
from groupwise.figures.manifest import read_manifest
from groupwise.inputs.acquisition import acquisition_of
from groupwise.inputs.participants import ABSENT, read_participants
from groupwise.report.references import Citations

LEFT_OUT = ["Subject", "What", "Why"]


@dataclass(frozen=True)
class Passage:
    """A modality's part of the methods section.

    Attributes
    ----------
    data : the kind of data: "MEG", "EEG", "fMRI".
    parts : heading and paragraphs.
    missing : what no file of the study states, for the authors to add.
    packages : distributions that processed the data, of `groupwise.report.methods.PACKAGES`.
    is_bids : whether its data are organised as BIDS.
    """

    data: str
    parts: Sequence[tuple[str, Sequence[str]]]
    missing: Sequence[str] = ()
    packages: Sequence[str] = ()
    is_bids: bool = True


@dataclass(frozen=True)
class Tested:
    """What an analysis tests, in words.

    Attributes
    ----------
    data : the data: "source estimates".
    where : time window or mask, which follows the participants: " from 0 to 500 ms".
    neighbours : which points are neighbours; empty where points have none.
    in_volume : whether places are voxels, named by the study's atlas.
    packages : as in `Passage`.
    """

    data: str
    where: str = ""
    neighbours: str = ""
    in_volume: bool = False
    packages: Sequence[str] = ()


class MethodsWriter(Protocol):
    """Writes the methods text on one modality; the modules `groupwise.<section>.methods`."""

    def write_passage(self, study: Study, own: "Modality", cite: Citations) -> Passage:
        """The modality's own paragraphs: acquisition, preprocessing, first level."""

    def describe_tested(self, study: Study, analysis: Any) -> Tested:
        """What an analysis of the modality's data tests."""


@dataclass(frozen=True)
class Modality:
    """What the report shows of one modality.

    Attributes
    ----------
    availability : subjects (index) by conditions, how many of `unit`; NaN where there is none.
    quality : subjects by measures of quality; no column where none is known.
    left_out : rows of LEFT_OUT: what did not take part, and why.
    figures : pictures of all subjects together, as from `groupwise.figures.manifest.read_manifest`.
    pages : subject to (its telling picture, its page beside the report).
    found : the table of what was found, as it is.
    people : participants (index, without sub-) by what participants.tsv tells of them.
    acquisition : what the BIDS sidecars of a recording tell.
    inputs : files that the study was given, with their digests.
    facts : what else `writer` needs beside the config.
    section : name of the config's section; empty for ready-made data.
    writer : of the methods text; None for ready-made data.
    """

    name: str
    unit: str
    availability: pd.DataFrame
    quality: pd.DataFrame = field(default_factory=pd.DataFrame)
    left_out: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=LEFT_OUT))
    figures: Sequence[Mapping[str, str]] = ()
    pages: Mapping[str, tuple[Mapping[str, str], str]] = field(default_factory=dict)
    found: pd.DataFrame | None = None
    people: pd.DataFrame = field(default_factory=pd.DataFrame)
    acquisition: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    section: str = ""
    writer: MethodsWriter | None = None


def read_shared(
    telling: Sequence[str],
    subjects: Sequence[str],
    stages: Iterable[Mapping[str, Any]],
    *,
    groups: Sequence[str],
    folders: Sequence[str],
    participants: str | Sequence[str],
    sidecars: Sequence[str],
    beside: Path,
) -> dict[str, Any]:
    """The attributes that every modality reads alike: pictures, people, device and given files.

    Parameters
    ----------
    telling : names of the picture of a subject that represents the others; the first that exists.
    stages : sidecars of the stages that read the study's own files.
    groups, folders : folders of pictures of all subjects, and of each.
    participants, sidecars : the participants table, if there is one, and BIDS sidecars of a
        recording.
    beside : folder of the report, which links to pages.
    """
    pages = {}
    for subject, folder in zip(subjects, folders, strict=False):
        figures = read_manifest(folder)["figures"]
        by_name = {Path(figure["file"]).stem: figure for figure in figures}
        shown = next((by_name[key] for key in telling if key in by_name), figures[0])
        page = Path(folder) / "index.html"
        pages[subject] = (shown, page.relative_to(beside).as_posix())
    return {
        "figures": [figure for folder in groups for figure in read_manifest(folder)["figures"]],
        "pages": pages,
        "people": read_people(participants),
        "acquisition": acquisition_of(sidecars),
        "inputs": inputs_of(stages),
    }


def read_people(path: str | Sequence[str] | None) -> pd.DataFrame:
    """Participants (index) by the columns of the participants table; empty without one."""
    if not path:
        return pd.DataFrame()
    return pd.DataFrame.from_dict(read_participants(str(path)), orient="index").replace(
        list(ABSENT), np.nan
    )


def inputs_of(sidecars: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Files that the stages of these sidecars read, with their digests."""
    return {path: digest for own in sidecars for path, digest in own["SourceDigests"].items()}


def counts(table: pd.DataFrame) -> pd.DataFrame:
    """Counts as numbers, NaN in place of 0."""
    table = table.astype(float)
    return table.where(table > 0)


def read_table(path: str | Path, **how: Any) -> pd.DataFrame:
    """A table of a stage, subjects as text."""
    how = {"dtype": {"subject": str}} | how
    return pd.read_csv(path, sep="\t", na_values="n/a", keep_default_na=False, **how)


def read_json(path: str | Path) -> dict[str, Any]:
    """A sidecar of a stage."""
    return json.loads(Path(path).read_text(encoding="utf-8"))
