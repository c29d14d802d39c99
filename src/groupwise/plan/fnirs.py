"""Data source fNIRS: optical recordings, and the paths of the first level."""

from typing import Any

from groupwise.config.analysis import cells_of, conditions_with
from groupwise.config.study import Study
from groupwise.inputs.acquisition import sidecars_of
from groupwise.inputs.optodes import find_optical_runs
from groupwise.plan.paths import Paths, camel
from groupwise.plan.source import PlacesSource, RunSource, session_findings


class FnirsSource(PlacesSource, RunSource):
    """Recordings of fNIRS.

    Attributes
    ----------
    runs : files of the runs of each participant.
    """

    data = "fnirs"
    not_bids = ("*_glm.*", "*_nirs.snirf")
    datatype = "nirs"

    def __init__(self, study: Study, paths: Paths) -> None:
        super().__init__(study, paths)
        self.runs = find_optical_runs(study)
        self._use_files(self.runs, "optodes")
        self.findings += session_findings(self.analyses, "fnirs")

    # Paths.

    def signals(self) -> list[str]:
        """Return the path of the haemoglobin concentrations of each run."""
        return [
            self.file("nirs.snirf", desc=camel(f"haemoglobin {name}")) for name in self.run_names
        ]

    def pairs(self) -> list[str]:
        """Return the path of the quality table of the source-detector pairs of each run."""
        return [self.file("quality.tsv", desc=camel(f"pairs {name}")) for name in self.run_names]

    @property
    def montage(self) -> str:
        """Path of the signals of the first participant; all participants have its montage."""
        return self.signals()[0].format(subject=self.subjects[0])

    @property
    def all_pairs(self) -> list[str]:
        """Paths of the quality tables of the pairs, of each participant and run."""
        return [path.format(subject=name) for name in self.subjects for path in self.pairs()]

    # Participants.

    def bad_channels(self, subject: str) -> list[str]:
        """Return the bad pairs in the config: those of all participants and of this one."""
        given = self.section.bad_channels
        return [*given.get("all", []), *given.get(subject, [])]

    def event_files(self, subject: str) -> list[str]:
        """Return the tables of events (else the recordings with the events) and confounds."""
        return [
            run[kind] or run["raw"]
            for run in self.runs.of(subject)
            for kind in ("events", "confounds")
            if run[kind] or kind == "events"
        ]

    def given_files(self, subject: str) -> list[str]:
        """Return all files of the runs of a participant."""
        return self.runs.files_of(subject) if subject in self.subjects else []

    # Analyses.

    def space(self, analysis: str) -> str:
        """Return "channels", which means channels or regions."""
        return "channels"

    def rows(self, analysis: str) -> list[dict[str, Any]]:
        """Return one dict per participant and cell; `keys` selects its rows of the table."""
        spec = self.spec(analysis)
        known = [*self.section.conditions, *self.section.contrasts]
        return [
            {
                "subject": subject,
                "session": self.section.session or "n/a",
                **cell["factors"],
                "condition": condition,
                "keys": {"Condition": condition},
            }
            for subject in self.subjects
            for cell in cells_of(spec)
            for condition in conditions_with(cell["tags"], known)
        ]

    def table(self, space: str) -> str:
        """Return the table of the "channels" or "rois" of all participants."""
        return self.paths.first_level(f"{space}.tsv")

    def files(self, analysis: str) -> str:
        """Return the table of the values of an analysis."""
        return self.table(self.spec(analysis).space or "channels")

    def facts(self, analysis: str) -> dict[str, Any]:
        """Return the columns, units and chromophores of the values of an analysis."""
        spec = self.spec(analysis)
        return {
            "place": {"channels": "pair", "rois": "ROI"}[spec.space or "channels"],
            "value": "theta",
            "units": self.units(analysis),
            "chromas": spec.chroma,
            "name": "head",
        }

    def units(self, analysis: str) -> str:
        """Return the units of the estimates."""
        return "umol/l"

    # Targets and report.

    def first_level_targets(self) -> list[str]:
        """Return the tables of channels and regions of all participants, with their sidecars."""
        names = ("channels.tsv", "channels.json", "rois.tsv", "rois.json")
        return [self.paths.first_level(name) for name in names]

    def report_inputs(self) -> dict[str, str | list[str]]:
        """Return the files that the report reads from this data source, by name."""
        raw = self.runs.of(self.subjects[0])[0]["raw"]
        root = None if self.section.recordings else self.bids_root
        assert self.input_check
        return {
            "found": self.input_check.table,
            "pairs": self.all_pairs,
            "pair_facts": self.expand_subjects(self.file("quality.json")),
            "designs": self.expand_subjects(self.file("design.json")),
            "groups": [self.paths.first_level("figures_fnirs")],
            "folders": self.expand_subjects(self.figures),
            # Recordings outside of BIDS have no participants table in the report.
            "participants": self.participants_file if self.bids_root else [],
            "sidecars": sidecars_of(raw, root) if root else [],
        }
