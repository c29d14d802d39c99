"""The interface between the report and the package of each modality.

`groupwise.<section>.report` has `read_modality`, which returns a `Modality`. The report has no code
for single modalities.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from groupwise.config.study import Study
from groupwise.figures.manifest import read_manifest
from groupwise.inputs.acquisition import acquisition_of
from groupwise.inputs.participants import ABSENT, read_participants
from groupwise.report.references import Citations

#: Columns of the table of exclusions.
EXCLUSION_COLUMNS = ["Subject", "What", "Why"]


@dataclass(frozen=True)
class Passage:
    """Part of the methods section about one modality.

    Attributes
    ----------
    data : the kind of data: "MEG", "EEG", "fMRI".
    parts : pairs of a heading and its paragraphs.
    missing : information that no file of the study has, for the authors to add.
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
    where : time window or mask, such as " from 0 to 500 ms"; comes after the participants.
    neighbours : which points are neighbours; empty if points have none.
    in_volume : whether places are voxels, labelled by the study's atlas.
    packages : as in `Passage`.
    """

    data: str
    where: str = ""
    neighbours: str = ""
    in_volume: bool = False
    packages: Sequence[str] = ()


@dataclass(frozen=True)
class Modality:
    """Content of the report about one modality.

    Attributes
    ----------
    unit : what `availability` counts, in the plural: "trials".
    availability : number of `unit`, subjects (index) by conditions; NaN if there is none.
    quality : measures of data quality, subjects by measures; has no column if none is known.
    exclusions : exclusions, with the columns EXCLUSION_COLUMNS.
    figures : figures of all subjects together, from `groupwise.figures.manifest.read_manifest`.
    pages : subject to (its representative figure, the path of its page relative to the report).
    recordings : properties of each recording.
    people : columns of participants.tsv by participant (index, without sub-).
    acquisition : content of the BIDS sidecars of a recording.
    inputs : input files of the study, with their digests.
    facts : values that `write_passage` needs in addition to the config.
    section : name of the modality's section in the config; empty for ready-made data.
    write_passage : function that returns the paragraphs on acquisition, preprocessing and first
        level; None for ready-made data.
    describe_tested : function that describes what an analysis of the modality's data tests; None
        for ready-made data.
    """

    name: str
    unit: str
    availability: pd.DataFrame
    quality: pd.DataFrame = field(default_factory=pd.DataFrame)
    exclusions: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=EXCLUSION_COLUMNS)
    )
    figures: Sequence[Mapping[str, str]] = ()
    pages: Mapping[str, tuple[Mapping[str, str], str]] = field(default_factory=dict)
    recordings: pd.DataFrame | None = None
    people: pd.DataFrame = field(default_factory=pd.DataFrame)
    acquisition: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    section: str = ""
    write_passage: Callable[[Study, "Modality", Citations], Passage] | None = None
    describe_tested: Callable[[Study, Any], Tested] | None = None


def read_shared(
    representative: Sequence[str],
    subjects: Sequence[str],
    stages: Iterable[Mapping[str, Any]],
    *,
    groups: Sequence[str],
    folders: Sequence[str],
    participants: str | Sequence[str],
    sidecars: Sequence[str],
    report_folder: Path,
) -> dict[str, Any]:
    """Return the attributes of a `Modality` that are read in the same way for all modalities.

    Parameters
    ----------
    representative : names of figures of a subject; the first that exists represents the subject.
    subjects : subjects, in the order of `folders`.
    stages : sidecars of the stages that read input files of the study.
    groups : folders of figures of all subjects together.
    folders : folders of the figures of each subject.
    participants : the participants table, if there is one.
    sidecars : BIDS sidecars of a recording.
    report_folder : folder of the report, from which paths of pages are relative.
    """
    pages = {}
    for subject, folder in zip(subjects, folders, strict=False):
        figures = read_manifest(folder)["figures"]
        by_name = {Path(figure["file"]).stem: figure for figure in figures}
        shown = next((by_name[key] for key in representative if key in by_name), figures[0])
        page = Path(folder) / "index.html"
        pages[subject] = (shown, page.relative_to(report_folder).as_posix())
    return {
        "figures": [figure for folder in groups for figure in read_manifest(folder)["figures"]],
        "pages": pages,
        "people": read_people(participants),
        "acquisition": acquisition_of(sidecars),
        "inputs": collect_inputs(stages),
    }


def read_people(path: str | Sequence[str] | None) -> pd.DataFrame:
    """Return the participants table, indexed by participant; empty if there is no table."""
    if not path:
        return pd.DataFrame()
    return pd.DataFrame.from_dict(read_participants(str(path)), orient="index").replace(
        list(ABSENT), np.nan
    )


def collect_inputs(sidecars: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the input files in the sidecars of stages, with their digests."""
    return {path: digest for own in sidecars for path, digest in own["SourceDigests"].items()}


def counts(table: pd.DataFrame) -> pd.DataFrame:
    """Return counts as floats, with NaN instead of 0."""
    table = table.astype(float)
    return table.where(table > 0)


def events_left_out(recordings: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Return the exclusions of events that the input check counted, with EXCLUSION_COLUMNS.

    Parameters
    ----------
    recordings : table of the input check, with the column `events_left_out`.
    """
    kept = recordings[recordings["events_left_out"] > 0].fillna("")
    return [
        (
            str(row["subject"]),
            f"{row['events_left_out']} rows of events.tsv "
            f"{row.get('run', row.get('recording', ''))}".strip(),
            "no onset or trial_type, or before the recording",
        )
        for row in kept.to_dict("records")
    ]


def read_table(path: str | Path, **how: Any) -> pd.DataFrame:
    """Return the table of a stage, with subjects as text."""
    how = {"dtype": {"subject": str}} | how
    return pd.read_csv(path, sep="\t", na_values="n/a", keep_default_na=False, **how)


def read_json(path: str | Path) -> dict[str, Any]:
    """Return the sidecar of a stage."""
    return json.loads(Path(path).read_text(encoding="utf-8"))
