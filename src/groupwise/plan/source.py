"""What every kind of data tells the plan: its subjects, files, rows and findings."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from groupwise.config.analysis import Analysis, cells_of, conditions_with
from groupwise.config.study import Study
from groupwise.errors import InputError
from groupwise.inputs.checked import is_checked
from groupwise.inputs.participants import read_participants
from groupwise.plan.paths import Paths

if TYPE_CHECKING:
    import pandas as pd

#: Columns of a subject, by subject.
People = dict[str, dict[str, str]]


@dataclass(frozen=True)
class InputCheck:
    """A check of the contents of files, made when a run starts.

    Attributes
    ----------
    table : path of the table that it writes.
    parameters : of `check_subjects` in `module`, as plain values.
    files : all files that it reads.
    module : name of the module with `check_subjects(**parameters)`, which returns a table and
        findings. Imported late, since MNE or nilearn take a second.
    """

    table: str
    parameters: dict[str, Any]
    files: list[str]
    module: str

    @property
    def sidecar(self) -> str:
        """Path of the table's JSON sidecar."""
        return self.table.replace(".tsv", ".json")

    @property
    def is_done(self) -> bool:
        """Whether an earlier check found nothing wrong in the same files."""
        return is_checked(self.sidecar, self.parameters, self.files)

    def look(self) -> tuple["pd.DataFrame", list[str]]:
        """Return the table of what the files hold, and the findings."""
        return import_module(self.module).check_subjects(**self.parameters)


class Source:
    """One kind of data of a study: a section of the config and the files that it names.

    Files are looked at by name alone, since the plan is made anew in every job of a cluster.

    Attributes
    ----------
    data : name of the section, and `data` of its analyses.
    findings : everything that keeps the study from running.
    left_out : subject to reason: excluded, or dropped because it is incomplete.
    incomplete : subject to what it lacks, where the study doesn't drop incomplete subjects.
    input_check : check of the files' contents; None where the plan itself reads the files.
    """

    data: ClassVar[str]
    #: Whether the maps were computed elsewhere, and are listed in a table.
    ready_made: ClassVar[bool] = False

    def __init__(self, study: Study, paths: Paths) -> None:
        self.study, self.paths = study, paths
        self.findings: list[str] = []
        self.left_out: dict[str, str] = {}
        self.incomplete: dict[str, str] = {}
        self.input_check: InputCheck | None = None

    @property
    def section(self) -> Any:
        """The section of the config."""
        return getattr(self.study, self.data)

    @property
    def analyses(self) -> dict[str, Analysis]:
        """Analyses of this kind of data by name."""
        return {
            name: analysis
            for name, analysis in self.study.analyses.items()
            if analysis.data == self.data
        }

    def spec(self, analysis: str) -> Any:
        """Return an analysis of this source, with the keys of its kind of data."""
        return self.study.analyses[analysis]

    def params(self, *keys: str) -> dict[str, Any]:
        """Return keys of the section as plain values, which Snakemake compares."""
        dumped = self.section.model_dump(mode="json", include=set(keys))
        return {key: dumped[key] for key in keys}

    # What an analysis is made of.

    @property
    def subjects(self) -> list[str]:
        """Subjects that take part, in order."""
        raise NotImplementedError

    def rows(self, analysis: str) -> list[dict[str, Any]]:
        """Return one dict per map of an analysis: subject, session, factors, condition, path."""
        raise NotImplementedError

    def space(self, analysis: str) -> str:
        """Return what the points of an analysis are: one of `groupwise.plan.build.SPACES`."""
        raise NotImplementedError

    def units(self, analysis: str) -> str:
        """Return the units of an analysis' values."""
        raise NotImplementedError

    def subjects_of(self, analysis: str) -> list[str]:
        """Return the subjects of an analysis in the order of its maps.

        Incomplete subjects are among them, so that a study with findings is planned as it will be
        when they are mended.
        """
        return sorted({row["subject"] for row in self.rows(analysis)} | set(self.incomplete))

    # Participants.

    @property
    def bids_root(self) -> str | None:
        """Root of the raw data set."""
        return getattr(self.section, "bids_root", None) or self.study.bids_root

    @property
    def participants(self) -> str | None:
        """Path of the participants table, which may not exist; None without a BIDS root."""
        own = f"{self.bids_root}/participants.tsv" if self.bids_root else None
        return self.study.participants or own

    @property
    def participants_file(self) -> str | list[str]:
        """Path of the participants table, or [] where there is none."""
        path = self.participants
        return path if path and Path(path).is_file() else []

    def people(self, analysis: str) -> tuple[People, str]:
        """Return the groups and covariates of an analysis by subject, and the file they are from.

        Raises
        ------
        InputError : there is no table of participants, or it is not readable.
        """
        spec = self.study.analyses[analysis]
        if not (spec.between or spec.covariates):
            return {}, ""
        if self.participants is None:
            raise InputError(
                f"config: participants is missing; analyses.{analysis} needs it for "
                f"{', '.join([*(spec.between or {}), *spec.covariates])}"
            )
        return read_participants(self.participants), self.participants

    # Files.

    def given_files(self, subject: str) -> list[str]:
        """Return the recordings of a subject, by whose size jobs ask for memory and time."""
        return []

    def first_level_targets(self) -> list[str]:
        """Return the last files of each subject before the group stage."""
        return []

    # The report.

    def report_inputs(self) -> dict[str, str | list[str]]:
        """Return the files that the report reads of this kind of data, by name."""
        return {}

    def report_facts(self) -> dict[str, Any] | None:
        """Return what the report needs beside files, as plain values; None for ready-made maps."""
        return None


class CorticalSource(Source):
    """A source whose maps may lie on a template's cortex."""

    @property
    def template_name(self) -> str:
        """Name of the template, a folder of SUBJECTS_DIR."""
        raise NotImplementedError

    def template(self, analysis: str = "") -> str:
        """Return the path of the template's source space."""
        raise NotImplementedError

    def label_mode(self) -> str:
        """Return how MNE averages the sources of a label."""
        raise NotImplementedError

    def parcels(self, analysis: str) -> list[str]:
        """Return the files of the parcellation of an analysis of labels."""
        folder = f"{self.section.subjects_dir}/{self.template_name}/label"
        name = self.spec(analysis).parcellation
        return [f"{folder}/{hemi}.{name}.annot" for hemi in ("lh", "rh")]

    def parcel_findings(self) -> list[str]:
        """Return findings on parcellations that don't exist."""
        return [
            f"config: analyses.{name}.parcellation: {path} is not there; check the name"
            for name in self.analyses
            if self.space(name) == "labels"
            for path in self.parcels(name)
            if not Path(path).is_file()
        ]


def condition_rows(
    spec: Analysis,
    visits: list[dict[str, str]],
    session: str | None,
    paths: dict[str, str],
) -> list[dict[str, str]]:
    """Return the rows of an analysis whose cells are conditions or contrasts of a first level.

    Parameters
    ----------
    visits : subject and, where there are several sessions, session; in order.
    session : the only session, if there is one.
    paths : condition or contrast to the path of its map, with the keys of a visit in braces.
    """
    return [
        {
            "subject": visit["subject"],
            "session": visit.get("session") or session or "n/a",
            **cell["factors"],
            "condition": condition,
            "path": paths[condition].format(**visit),
        }
        for visit in visits
        for cell in cells_of(spec)
        if "session" not in visit
        or cell["factors"].get("session", visit["session"]) == visit["session"]
        for condition in conditions_with(cell["tags"], list(paths))
    ]


def session_findings(analyses: dict[str, Analysis], data: str) -> list[str]:
    """Return findings on analyses with sessions as a factor, of data that don't take several."""
    return [
        f"config: analyses.{name}.within.session: {data} takes one session per study; analyse the "
        "sessions' maps in a study of ready-made maps, where session is a column of the table"
        for name, spec in analyses.items()
        if "session" in (spec.within or {})
    ]
