"""M/EEG: recordings of subjects and sessions, to evoked responses or source estimates."""

from typing import Any

from groupwise.config.study import Study
from groupwise.inputs.acquisition import sidecars_of
from groupwise.inputs.recordings import Subject, find_recordings
from groupwise.plan.paths import Paths, camel
from groupwise.plan.source import CorticalSource, InputCheck, condition_rows

SENSORS = ("mag", "grad", "eeg")


class MeegSource(CorticalSource):
    """Recordings of M/EEG.

    Attributes
    ----------
    recordings : input files of each subject and session.
    """

    data = "meeg"

    def __init__(self, study: Study, paths: Paths) -> None:
        super().__init__(study, paths)
        self.recordings = find_recordings(study)
        self.findings += self.recordings.findings
        self.findings += [] if self.recordings.findings else self.parcel_findings()
        self.left_out |= self.recordings.left_out
        self.incomplete |= self.recordings.incomplete
        self.input_check = InputCheck(
            paths.check_table("inputs"),
            self.recordings.to_check(study),
            self.recordings.files,
            "groupwise.meeg.check",
        )

    # What the settings make of the stages.

    @property
    def visit_wildcards(self) -> tuple[str, ...]:
        """Wildcards of the stages of one recording: sessions are one where there are several."""
        return ("subject", "session") if self.section.sessions else ("subject",)

    @property
    def on_grid(self) -> bool:
        """Whether sources lie on a volume grid; otherwise on the cortex."""
        return self.section.source_space.kind == "volume"

    @property
    def has_residuals(self) -> bool:
        """Whether the inverse leaves a residual; a beamformer does not model the response."""
        return bool(self.section.subjects_dir) and self.section.inverse.method != "LCMV"

    @property
    def preprocess_seed(self) -> int:
        """Seed of preprocessing: 0 where it draws no number, so that a new seed reruns nothing."""
        own = self.section
        return self.study.seed if own.artifacts.method == "ica" or own.epochs.autoreject else 0

    # Paths.

    def file(self, ending: str, **entities: str) -> str:
        """Return the path of a subject's file; see `Paths.subject_file`."""
        own = self.section
        return self.paths.subject_file(
            own.datatype, ending, task=own.task, session=own.session, **entities
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
        """Path of the estimate of each condition that enters the group stage."""
        return self.estimates(space=None if self.on_grid else self.section.morph.to)

    @property
    def figures(self) -> str:
        """Folder of a subject's figures."""
        visit = ["ses-{session}"] if self.section.sessions else []
        return "/".join([f"{self.paths.out}/sub-{{subject}}", *visit, "figures"])

    def template(self, analysis: str = "") -> str:
        """Return the path of the template's source space, which is that of every analysis."""
        own = self.section
        if self.on_grid:
            return self.paths.template_grid(own.morph.to, f"{own.source_space.grid:g}")
        return self.paths.template_file(own.morph.to, own.morph.spacing)

    def anatomy_of(self, subject: str) -> str:
        """Return the FreeSurfer subject whose head model a subject has."""
        return self.section.morph.to if self.section.anatomy == "template" else f"sub-{subject}"

    def head_file(self, ending: str, subject: str) -> str:
        """Return the path of a file of a subject's head model."""
        return self.paths.anatomy_file(ending).format(anatomy=self.anatomy_of(subject))

    # Subjects and sessions.

    @property
    def subjects(self) -> list[str]:
        """Subjects that take part, in order."""
        return self.recordings.names

    @property
    def labels(self) -> list[str]:
        """Subject and session of each recording in words."""
        return [own.label for own in self.recordings.subjects]

    def visit(self, wildcards: Any) -> Subject:
        """Return the input files of a subject, and of a session where there are several."""
        return self.recordings.of(wildcards.subject, wildcards.get("session"))

    def of_visits(self, pattern: str) -> list[str]:
        """Return a path of each subject and session."""
        return [pattern.format(**own.visit) for own in self.recordings.subjects]

    def maxwell_reference(self, wildcards: Any, kind: str) -> str | list[str]:
        """Return a file of the recording by which the empty room is Maxwell-filtered, or [].

        Parameters
        ----------
        kind : "raw" (the first run), "calibration" or "cross_talk".
        """
        if self.section.maxwell is None or self.section.covariance.source != "empty_room":
            return []
        files = getattr(self.visit(wildcards), kind)
        return files[0] if kind == "raw" else list(files)

    def bad_channels(self, subject: str) -> list[str]:
        """Return the bad channels of the config: those of all, and those of a subject."""
        given = self.section.bad_channels
        return [*given.get("all", []), *given.get(subject, [])]

    def given_files(self, subject: str) -> list[str]:
        """Return the recordings of a subject."""
        return [path for own in self.recordings.subjects if own.name == subject for path in own.raw]

    # Analyses.

    def space(self, analysis: str) -> str:
        """Return "sensors", "labels", "grid" or "surface"."""
        asked = self.study.analyses[analysis].space
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
        return condition_rows(self.study.analyses[analysis], visits, self.section.session, paths)

    def files(self, analysis: str) -> list[str]:
        """Return the files of an analysis' maps, each once."""
        return list(dict.fromkeys(row["path"] for row in self.rows(analysis)))

    def units(self, analysis: str) -> str:
        """Return the units of source estimates."""
        method = self.section.inverse.method
        return "A m" if method == "MNE" else method

    @property
    def template_name(self) -> str:
        """Name of the template."""
        return self.section.morph.to

    def label_mode(self) -> str:
        """Return how MNE averages a label: signed sources with the folds of the cortex in mind."""
        own = self.section.inverse
        signed = own.orientation == "normal" or own.fixed or not own.loose
        return "mean_flip" if signed else "mean"

    # Targets and report.

    def first_level_targets(self) -> list[str]:
        """Return the estimates, or without source estimation the evoked responses, of everyone."""
        own = self.section.subjects_dir
        patterns = list(self.group_estimates.values()) if own else [self.file("ave.fif")]
        return [path for pattern in patterns for path in self.of_visits(pattern)]

    def report_inputs(self) -> dict[str, str | list[str]]:
        """Return the files that the report reads of M/EEG."""
        inverse = {"inv": self.section.inverse.method}
        first = self.recordings.subjects[0].raw[0]
        assert self.input_check and self.bids_root
        return {
            "found": self.input_check.table,
            "drops": self.of_visits(self.file("drops.tsv", proc="clean")),
            "epochs": self.of_visits(self.file("epo.json", proc="clean")),
            "covariances": self.of_visits(self.file("cov.json")),
            "estimates": (
                self.of_visits(self.file("stc.json", **inverse)) if self.has_residuals else []
            ),
            "transforms": (
                self.of_visits(self.file("trans.json")) if self.section.subjects_dir else []
            ),
            "groups": [self.paths.first_level("figures_meeg")],
            "folders": self.of_visits(self.figures),
            "participants": self.participants_file,
            "sidecars": sidecars_of(first, self.bids_root),
        }

    def report_facts(self) -> dict[str, Any]:
        """Return the labels of all recordings."""
        return {"subjects": self.labels}
