"""Data source fMRI: preprocessed BOLD runs, and the paths of the first level."""

from pathlib import Path
from typing import Any

from groupwise.config.study import Study
from groupwise.inputs.runs import find_runs
from groupwise.plan.paths import Paths, camel
from groupwise.plan.source import RunSource, condition_rows, session_findings


class FmriSource(RunSource):
    """BOLD runs preprocessed by fMRIPrep.

    Attributes
    ----------
    runs : files of the runs of each subject.
    """

    data = "fmri"
    not_bids = ("*_statmap.*",)
    datatype = "func"

    def __init__(self, study: Study, paths: Paths) -> None:
        super().__init__(study, paths)
        self.runs = find_runs(study)
        self._use_files(self.runs, "runs")
        mask = self.section.mask
        if mask != "intersection" and not Path(mask).is_file():
            self.findings.append(f"config: fmri.mask: {mask} does not exist; check the path")
        self.findings += session_findings(self.analyses, "fmri")

    # Paths.

    def maps(self, stat: str) -> dict[str, str]:
        """Return the path of the map of each condition and contrast.

        Parameters
        ----------
        stat : "effect", "variance", "t" or "z"; "" for their common JSON sidecar.
        """
        named = [("cond", name) for name in self.section.conditions]
        named += [("contrast", name) for name in self.section.contrasts]
        chosen = {"stat": stat} if stat else {}
        ending = "statmap.nii.gz" if stat else "statmap.json"
        return {
            name: self.file(ending, space=self.section.space, **{entity: camel(name)}, **chosen)
            for entity, name in named
        }

    def interest_map(self, stat: str) -> str:
        """Return the path of the F or z map of the effects of interest (all conditions)."""
        return self.file(
            "statmap.nii.gz", space=self.section.space, contrast="effectsOfInterest", stat=stat
        )

    # Subjects.

    def run_files(self, subject: str, *kinds: str) -> list[str]:
        """Return files of the runs of a subject: "bold", "mask", "confounds" or "events"."""
        return [run[kind] for run in self.runs.of(subject) for kind in kinds]

    def all_run_files(self, subject: str) -> list[str]:
        """Return all files of the runs of a subject, with the JSON sidecars."""
        return list(dict.fromkeys(p for run in self.runs.subjects[subject] for p in run.files))

    def given_files(self, subject: str) -> list[str]:
        """Return the BOLD images of a subject."""
        return self.run_files(subject, "bold") if subject in self.subjects else []

    # Analyses.

    def space(self, analysis: str) -> str:
        """Return "volume"."""
        return "volume"

    def rows(self, analysis: str) -> list[dict[str, Any]]:
        """Return one dict per subject and cell; see `Source.rows`."""
        visits = [{"subject": name} for name in self.subjects]
        spec = self.spec(analysis)
        return condition_rows(spec, visits, self.section.session, self.maps("effect"))

    def files(self, analysis: str) -> list[str]:
        """Return the files of the maps of an analysis."""
        return [row["path"] for row in self.rows(analysis)]

    @property
    def mask_file(self) -> str | list[str]:
        """Mask of the config; [] if the config names none."""
        return [] if self.section.mask == "intersection" else self.section.mask

    @property
    def target_file(self) -> list[str]:
        """Image with the grid for resampling; [], since first-level maps have one grid."""
        return []

    def units(self, analysis: str) -> str:
        """Return the units of the effects."""
        return "percent"

    # Targets and report.

    def first_level_targets(self) -> list[str]:
        """Return the effect maps of all subjects."""
        patterns = self.maps("effect").values()
        return [pattern.format(subject=name) for name in self.subjects for pattern in patterns]

    def report_inputs(self) -> dict[str, str | list[str]]:
        """Return the files that the report reads from this data source, by name."""
        first = self.runs.subjects[self.subjects[0]][0]
        description = Path(self.section.derivatives) / "dataset_description.json"
        assert self.input_check and self.bids_root
        return {
            "found": self.input_check.table,
            "designs": self.expand_subjects(self.file("design.json")),
            "groups": [self.paths.first_level("figures")],
            "folders": self.expand_subjects(self.figures),
            "participants": self.participants_file,
            "sidecars": [
                *first.raw_sidecars,
                *([str(description)] if description.is_file() else []),
            ],
        }
