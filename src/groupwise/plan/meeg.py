"""Data source M/EEG: recordings, and the paths of the first level."""

from typing import Any

from groupwise.config.study import Study
from groupwise.inputs.acquisition import sidecars_of
from groupwise.inputs.recordings import Subject, find_recordings
from groupwise.plan.paths import Paths, camel
from groupwise.plan.source import CorticalSource, condition_rows

SENSORS = ("mag", "grad", "eeg")


class MeegSource(CorticalSource):
    """Recordings of M/EEG.

    Attributes
    ----------
    recordings : input files of each subject and session.
    """

    data = "meeg"
    not_bids = (
        *("*_epo.*", "*_drops.*", "*_ave.*", "*_cov.*", "*_trans.*", "*_bem-sol.*"),
        *("*_src.*", "*_fwd.*", "*_inv.*", "*_stc.*"),
    )

    def __init__(self, study: Study, paths: Paths) -> None:
        super().__init__(study, paths)
        self.recordings = find_recordings(study)
        self._use_files(self.recordings, "inputs")
        self.findings += [] if self.recordings.findings else self.parcel_findings()

    # Consequences of the settings.

    @property
    def visit_wildcards(self) -> tuple[str, ...]:
        """Wildcards of first-level stages; session is one if the study has several sessions."""
        return ("subject", "session") if self.section.sessions else ("subject",)

    @property
    def on_grid(self) -> bool:
        """Whether the sources are on a volume grid, not on the cortex."""
        return self.section.source_space.kind == "volume"

    @property
    def has_sources(self) -> bool:
        """Whether sources are estimated: there are anatomies, and not all analyses are at sensors.

        Otherwise nothing needs the noise covariance, the coregistration and the head model.
        """
        spaces = {self.space(name) for name in self.analyses}
        return bool(self.section.subjects_dir) and spaces != {"sensors"}

    @property
    def has_residuals(self) -> bool:
        """Whether the inverse solution has a residual; a beamformer does not model the response."""
        return self.has_sources and self.section.inverse.method != "LCMV"

    @property
    def preprocess_seed(self) -> int:
        """Seed of preprocessing; 0 if it draws no random number, so a new seed reruns nothing."""
        section = self.section
        draws = section.artifacts.method == "ica" or section.epochs.autoreject
        return self.study.seed if draws else 0

    # Paths.

    def file(self, ending: str, **entities: str) -> str:
        """Return the path of a file of a subject; see `Paths.subject_file`."""
        section = self.section
        return self.paths.subject_file(
            section.datatype, ending, task=section.task, session=section.session, **entities
        )

    def estimates(self, space: str | None = None) -> dict[str, str]:
        """Return the path of the source estimate of each condition."""
        entities = {"inv": self.section.inverse.method} | ({"space": space} if space else {})
        return {
            name: self.file("stc.h5", cond=camel(name), **entities)
            for name in self.section.conditions
        }

    @property
    def group_estimates(self) -> dict[str, str]:
        """Path of the estimate of each condition for the group level."""
        return self.estimates(space=None if self.on_grid else self.section.morph.to)

    @property
    def figures(self) -> str:
        """Folder of the figures of a subject."""
        visit = ["ses-{session}"] if self.section.sessions else []
        return "/".join([f"{self.paths.out}/sub-{{subject}}", *visit, "figures"])

    def template(self, analysis: str = "") -> str:
        """Return the path of the source space of the template, the same for each analysis."""
        section = self.section
        if self.on_grid:
            return self.paths.template_grid(section.morph.to, f"{section.source_space.grid:g}")
        return self.paths.template_file(section.morph.to, section.morph.spacing)

    def anatomy_of(self, subject: str) -> str:
        """Return the FreeSurfer subject with the head model of a subject."""
        return self.section.morph.to if self.section.anatomy == "template" else f"sub-{subject}"

    def head_file(self, ending: str, subject: str) -> str:
        """Return the path of a file of the head model of a subject."""
        return self.paths.anatomy_file(ending).format(anatomy=self.anatomy_of(subject))

    # Subjects and sessions.

    @property
    def subjects(self) -> list[str]:
        """Analysed subjects, in order."""
        return self.recordings.names

    @property
    def labels(self) -> list[str]:
        """Subject and session of each recording as text."""
        return [own.label for own in self.recordings.subjects]

    def visit(self, wildcards: Any) -> Subject:
        """Return the input files of a subject, and of a session if the study has several."""
        return self.recordings.of(wildcards.subject, wildcards.get("session"))

    def expand_visits(self, pattern: str) -> list[str]:
        """Return the path of each subject and session from a pattern."""
        return [pattern.format(**own.visit) for own in self.recordings.subjects]

    def maxwell_reference(self, wildcards: Any, kind: str) -> str | list[str]:
        """Return the recording, or its files, for the Maxwell filter of the empty room; else [].

        Parameters
        ----------
        kind : "raw" (path of the first run), "calibration" or "cross_talk" (lists).
        """
        if self.section.maxwell is None or self.section.covariance.source != "empty_room":
            return []
        files = getattr(self.visit(wildcards), kind)
        return files[0] if kind == "raw" else list(files)

    def bad_channels(self, subject: str) -> list[str]:
        """Return the bad channels in the config: those of all subjects and of this one."""
        given = self.section.bad_channels
        return [*given.get("all", []), *given.get(subject, [])]

    def given_files(self, subject: str) -> list[str]:
        """Return the recordings of a subject."""
        return [path for own in self.recordings.subjects if own.name == subject for path in own.raw]

    # Analyses.

    def space(self, analysis: str) -> str:
        """Return "sensors", "labels", "grid" or "surface"."""
        asked = self.spec(analysis).space
        if asked in SENSORS:
            return "sensors"
        if asked == "labels":
            return "labels"
        return "grid" if self.on_grid else "surface"

    def rows(self, analysis: str) -> list[dict[str, Any]]:
        """Return one dict per subject, session and cell; see `Source.rows`."""
        if self.space(analysis) == "sensors":
            paths = dict.fromkeys(self.section.conditions, self.file("ave.fif"))
        else:
            paths = self.group_estimates
        visits = [own.visit for own in self.recordings.subjects]
        return condition_rows(self.spec(analysis), visits, self.section.session, paths)

    def files(self, analysis: str) -> list[str]:
        """Return the files of the maps of an analysis, each once."""
        return list(dict.fromkeys(row["path"] for row in self.rows(analysis)))

    def units(self, analysis: str) -> str:
        """Return the units of the source estimates."""
        method = self.section.inverse.method
        return "A m" if method == "MNE" else method

    @property
    def template_name(self) -> str:
        """Name of the template."""
        return self.section.morph.to

    def label_mode(self) -> str:
        """Return the mode with which MNE averages a label; signed sources need "mean_flip"."""
        inverse = self.section.inverse
        signed = inverse.orientation == "normal" or inverse.fixed or not inverse.loose
        return "mean_flip" if signed else "mean"

    # Targets and report.

    def first_level_targets(self) -> list[str]:
        """Return the source estimates of all subjects; without sources, the evoked responses."""
        patterns = [self.file("ave.fif")]
        if self.has_sources:
            patterns = list(self.group_estimates.values())
        return [path for pattern in patterns for path in self.expand_visits(pattern)]

    def report_inputs(self) -> dict[str, str | list[str]]:
        """Return the files that the report reads from this data source, by name."""
        inverse = {"inv": self.section.inverse.method}
        first = self.recordings.subjects[0].raw[0]
        covariances = self.expand_visits(self.file("cov.json")) if self.has_sources else []
        assert self.input_check and self.bids_root
        return {
            "found": self.input_check.table,
            "drops": self.expand_visits(self.file("drops.tsv", proc="clean")),
            "epochs": self.expand_visits(self.file("epo.json", proc="clean")),
            "covariances": covariances,
            "estimates": (
                self.expand_visits(self.file("stc.json", **inverse)) if self.has_residuals else []
            ),
            "transforms": (self.expand_visits(self.file("trans.json")) if self.has_sources else []),
            "groups": [self.paths.first_level("figures_meeg")] if self.has_sources else [],
            "folders": self.expand_visits(self.figures),
            "participants": self.participants_file,
            "sidecars": sidecars_of(first, self.bids_root),
        }

    def report_facts(self) -> dict[str, Any]:
        """Return the labels of all recordings, for the report."""
        return {"subjects": self.labels}
