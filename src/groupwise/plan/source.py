"""Base classes of data sources: subjects, files, rows and findings for the plan."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from groupwise.config.analysis import Analysis, cells_of, conditions_with
from groupwise.config.recorded import recorded_keys
from groupwise.config.study import Study
from groupwise.errors import InputError
from groupwise.inputs.checked import is_checked
from groupwise.inputs.participants import read_participants
from groupwise.plan.paths import Paths, camel

if TYPE_CHECKING:
    import pandas as pd

#: Values of the columns of each subject.
People = dict[str, dict[str, str]]


@dataclass(frozen=True)
class InputCheck:
    """Input check: a check of the contents of files at the start of a run.

    Attributes
    ----------
    table : path of the table of the check.
    parameters : arguments of `check_subjects`, as plain values.
    files : all files that the check reads.
    module : module with `check_subjects(**parameters)`, which returns the table and the findings.
        It is imported late, because MNE and nilearn take a second to import.
    """

    table: str
    parameters: dict[str, Any]
    files: list[str]
    module: str

    @property
    def sidecar(self) -> str:
        """Path of the JSON sidecar of the table."""
        return self.table.replace(".tsv", ".json")

    @property
    def is_done(self) -> bool:
        """Whether an earlier check of the same files passed."""
        return is_checked(self.sidecar, self.parameters, self.files)

    def read_contents(self) -> tuple["pd.DataFrame", list[str]]:
        """Read the files. Return the table of their contents, and the findings."""
        return import_module(self.module).check_subjects(**self.parameters)


class Source:
    """Data source: a section of the config, and the files that it names.

    Files are found by name and not opened, because each job on a cluster builds the plan again.

    Attributes
    ----------
    data : name of the section; analyses name it in their key `data`.
    findings : errors because of which the study cannot run.
    left_out : reason for each subject that is excluded, or incomplete and dropped.
    incomplete : missing data of each incomplete subject, if the study does not drop such subjects.
    input_check : check of the contents of the files; None if the plan itself reads the files.
    """

    data: ClassVar[str]
    #: Whether the data are ready-made, and listed in a table.
    ready_made: ClassVar[bool] = False
    #: Patterns of first-level outputs whose names BIDS does not define, for .bidsignore.
    not_bids: ClassVar[tuple[str, ...]] = ()

    def __init__(self, study: Study, paths: Paths) -> None:
        self.study, self.paths = study, paths
        self.findings: list[str] = []
        self.left_out: dict[str, str] = {}
        self.incomplete: dict[str, str] = {}
        self.input_check: InputCheck | None = None

    def _use_files(self, found: Any, table: str) -> None:
        """Take over who takes part and what is wrong, and plan the input check.

        Parameters
        ----------
        found : files of all subjects, as a finder of `groupwise.inputs` returns them.
        table : name of the table of the input check.
        """
        self.findings += found.findings
        self.left_out |= found.left_out
        self.incomplete |= found.incomplete
        self.input_check = InputCheck(
            self.paths.check_table(table),
            found.check_parameters(self.study),
            found.files,
            f"groupwise.{self.data}.check",
        )

    @property
    def section(self) -> Any:
        """The section of the config."""
        return getattr(self.study, self.data)

    @property
    def analyses(self) -> dict[str, Analysis]:
        """Analyses of this data source by name."""
        return {
            name: analysis
            for name, analysis in self.study.analyses.items()
            if analysis.data == self.data
        }

    def spec(self, analysis: str) -> Any:
        """Return an analysis of this source, with the keys of its kind of data."""
        return self.study.analyses[analysis]

    def params(self, *keys: str) -> dict[str, Any]:
        """Return values of the section as plain values, for the parameters of a rule."""
        return recorded_keys(self.section, *keys)

    # Data of an analysis.

    @property
    def subjects(self) -> list[str]:
        """Analysed subjects, in order."""
        raise NotImplementedError

    def rows(self, analysis: str) -> list[dict[str, Any]]:
        """Return one dict per map of an analysis: subject, session, factors, condition, path."""
        raise NotImplementedError

    def space(self, analysis: str) -> str:
        """Return the kind of feature space: one of `groupwise.plan.build.SPACES`."""
        raise NotImplementedError

    def units(self, analysis: str) -> str:
        """Return the units of the values of an analysis."""
        raise NotImplementedError

    def subjects_of(self, analysis: str) -> list[str]:
        """Return the subjects of an analysis in the order of its maps.

        They include incomplete subjects: the plan of a study with findings is the one that is valid
        after the missing files are added.
        """
        return sorted({row["subject"] for row in self.rows(analysis)} | set(self.incomplete))

    # Participants.

    @property
    def bids_root(self) -> str | None:
        """Root of the raw BIDS data set; None if the config names none."""
        return getattr(self.section, "bids_root", None) or self.study.bids_root

    @property
    def participants(self) -> str | None:
        """Path of the participants table, which may not exist; None if no path is known."""
        default = f"{self.bids_root}/participants.tsv" if self.bids_root else None
        return self.study.participants or default

    @property
    def participants_file(self) -> str | list[str]:
        """Path of the participants table; [] if it does not exist."""
        path = self.participants
        return path if path and Path(path).is_file() else []

    def people(self, analysis: str) -> tuple[People, str]:
        """Return the groups and covariates of an analysis by subject, and their file.

        Raises
        ------
        InputError : no participants table is known, or it is not readable.
        """
        spec = self.study.analyses[analysis]
        if not (spec.between or spec.covariates):
            return {}, ""
        if self.participants is None:
            raise InputError(
                f"config: participants is missing; add it; analyses.{analysis} needs it for "
                f"{', '.join([*(spec.between or {}), *spec.covariates])}"
            )
        return read_participants(self.participants), self.participants

    # Files.

    def given_files(self, subject: str) -> list[str]:
        """Return the recordings of a subject. Their size determines requested memory and time."""
        return []

    def first_level_targets(self) -> list[str]:
        """Return the final first-level files of each subject."""
        return []

    # The report.

    def report_inputs(self) -> dict[str, str | list[str]]:
        """Return the files that the report reads from this data source, by name."""
        return {}

    def report_facts(self) -> dict[str, Any] | None:
        """Return further plain values for the report; None for ready-made data."""
        return None


class PlacesSource(Source):
    """Data source with values of named places, such as channels, in long tables.

    The rules for the space "channels" serve each such source. `rows` have `keys` (column to value),
    which select the rows of a map in the tables.
    """

    @property
    def montage(self) -> str | list[str]:
        """Recording with the positions of the places; [] if there is none."""
        return []

    def files(self, analysis: str) -> str | list[str]:
        """Return the table of the values of an analysis, or one table per subject."""
        raise NotImplementedError

    def facts(self, analysis: str) -> dict[str, Any]:
        """Return the columns `place` and `value`, the units, `chromas` and the name of the space.

        `chromas` are the chromophores of fNIRS; [] for other data.
        """
        raise NotImplementedError


class CorticalSource(Source):
    """Data source with maps that can be on the cortex of a template."""

    @property
    def template_name(self) -> str:
        """Name of the template, which is a folder in SUBJECTS_DIR."""
        raise NotImplementedError

    def template(self, analysis: str = "") -> str:
        """Return the path of the source space of the template."""
        raise NotImplementedError

    def label_mode(self) -> str:
        """Return the mode with which MNE averages the sources of a label."""
        raise NotImplementedError

    def parcels(self, analysis: str) -> list[str]:
        """Return the annotation files of the parcellation of an analysis."""
        folder = f"{self.section.subjects_dir}/{self.template_name}/label"
        name = self.spec(analysis).parcellation
        return [f"{folder}/{hemi}.{name}.annot" for hemi in ("lh", "rh")]

    def parcel_findings(self) -> list[str]:
        """Return findings on parcellations that do not exist."""
        return [
            f"config: analyses.{name}.parcellation: {path} does not exist; check the name"
            for name in self.analyses
            if self.space(name) == "labels"
            for path in self.parcels(name)
            if not Path(path).is_file()
        ]


class RunSource(Source):
    """A source of runs that each subject has, fitted by one first-level model per subject.

    Attributes
    ----------
    datatype : BIDS data type, the folder of a subject's files.
    runs : files of the runs of each subject, as a finder of `groupwise.inputs` returns them.
    """

    datatype: ClassVar[str]
    runs: Any

    def file(self, ending: str, **entities: str) -> str:
        """Return the path of a file of a subject; see `Paths.subject_file`."""
        section = self.section
        return self.paths.subject_file(
            self.datatype, ending, task=section.task, session=section.session, **entities
        )

    def designs(self) -> list[str]:
        """Return the path of the design matrix of each run."""
        return [self.file("design.tsv", desc=camel(name or "run")) for name in self.run_names]

    @property
    def figures(self) -> str:
        """Folder of the figures of a subject."""
        return f"{self.paths.out}/sub-{{subject}}/{self.datatype}/figures"

    @property
    def subjects(self) -> list[str]:
        """Analysed subjects, in order."""
        return self.runs.names

    @property
    def run_names(self) -> list[str]:
        """Names of the runs, which are the same for every subject."""
        return [run["name"] for run in self.runs.of(self.subjects[0])] if self.subjects else []

    def expand_subjects(self, pattern: str) -> list[str]:
        """Return the path of each subject from a pattern with {subject}."""
        return [pattern.format(subject=name) for name in self.subjects]

    def report_facts(self) -> dict[str, Any]:
        """Return the subjects and conditions, for the report."""
        return {"subjects": self.subjects, "conditions": list(self.section.conditions)}


def condition_rows(
    spec: Analysis,
    visits: list[dict[str, str]],
    session: str | None,
    paths: dict[str, str],
) -> list[dict[str, str]]:
    """Return the rows of an analysis of first-level conditions or contrasts.

    Parameters
    ----------
    visits : dicts with the subject and, if the study has several sessions, the session; in order.
    session : session of all visits that have none.
    paths : path of the map of each condition or contrast, with the keys of a visit in braces.
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
    """Return findings on analyses with the factor session, for data with one session per study."""
    return [
        f"config: analyses.{name}.within.session: {data} has one session per study; compare "
        "sessions in a study of ready-made maps, with a column session in the table"
        for name, spec in analyses.items()
        if "session" in (spec.within or {})
    ]
