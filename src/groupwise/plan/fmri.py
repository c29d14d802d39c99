"""fMRI: preprocessed BOLD runs of subjects, to first-level maps."""

from pathlib import Path
from typing import Any

from groupwise.config.study import Study
from groupwise.inputs.acquisition import sidecars_of
from groupwise.inputs.runs import find_runs
from groupwise.plan.paths import Paths, camel
from groupwise.plan.source import InputCheck, Source, condition_rows, session_findings


class FmriSource(Source):
    """BOLD runs as fMRIPrep leaves them.

    Attributes
    ----------
    runs : files of each subject's runs.
    """

    data = "fmri"

    def __init__(self, study: Study, paths: Paths) -> None:
        super().__init__(study, paths)
        self.runs = find_runs(study)
        self.findings += self.runs.findings
        mask = self.section.mask
        if mask != "intersection" and not Path(mask).is_file():
            self.findings.append(f"config: fmri.mask: {mask} is not there; check the path")
        self.findings += session_findings(self.analyses, "fmri")
        self.left_out |= self.runs.left_out
        self.incomplete |= self.runs.incomplete
        self.input_check = InputCheck(
            paths.check_table("runs"),
            self.runs.to_check(study),
            self.runs.files,
            "groupwise.fmri.check",
        )

    # Paths.

    def file(self, ending: str, **entities: str) -> str:
        """Return the path of a subject's file; see `Paths.subject_file`."""
        own = self.section
        return self.paths.subject_file(
            "func", ending, task=own.task, session=own.session, **entities
        )

    def maps(self, stat: str) -> dict[str, str]:
        """Return the path of a map of each condition and contrast.

        Parameters
        ----------
        stat : "effect", "variance", "t" or "z"; "" for the JSON sidecar of all of them.
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
        """Return the path of the F or z map of all conditions together."""
        return self.file(
            "statmap.nii.gz", space=self.section.space, contrast="effectsOfInterest", stat=stat
        )

    @property
    def figures(self) -> str:
        """Folder of a subject's figures."""
        return f"{self.paths.out}/sub-{{subject}}/func/figures"

    def designs(self) -> list[str]:
        """Return the path of the design matrix of each run."""
        return [self.file("design.tsv", desc=camel(name or "run")) for name in self.run_names]

    # Subjects.

    @property
    def subjects(self) -> list[str]:
        """Subjects that take part, in order."""
        return self.runs.names

    @property
    def run_names(self) -> list[str]:
        """Names of the runs, which are those of every subject."""
        return [run["name"] for run in self.runs.of(self.subjects[0])] if self.subjects else []

    def of_subjects(self, pattern: str) -> list[str]:
        """Return a path of each subject."""
        return [pattern.format(subject=name) for name in self.subjects]

    def run_files(self, subject: str, *kinds: str) -> list[str]:
        """Return files of a subject's runs: kinds of "bold", "mask", "confounds", "events"."""
        return [run[kind] for run in self.runs.of(subject) for kind in kinds]

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
        """Return the files of an analysis' maps."""
        return [row["path"] for row in self.rows(analysis)]

    @property
    def mask_file(self) -> str | list[str]:
        """The mask that the config names; [] without one."""
        return [] if self.section.mask == "intersection" else self.section.mask

    @property
    def target_file(self) -> list[str]:
        """No image: the maps of the first level are on one grid."""
        return []

    def units(self, analysis: str) -> str:
        """Return the units of effects."""
        return "percent"

    # Targets and report.

    def first_level_targets(self) -> list[str]:
        """Return the effect maps of everyone."""
        patterns = self.maps("effect").values()
        return [pattern.format(subject=name) for name in self.subjects for pattern in patterns]

    def report_inputs(self) -> dict[str, str | list[str]]:
        """Return the files that the report reads of fMRI."""
        raw = self.run_files(self.subjects[0], "events")[0].replace("_events.tsv", "_bold.nii.gz")
        made = Path(self.section.derivatives) / "dataset_description.json"
        assert self.input_check and self.bids_root
        return {
            "found": self.input_check.table,
            "designs": self.of_subjects(self.file("design.json")),
            "groups": [self.paths.first_level("figures")],
            "folders": self.of_subjects(self.figures),
            "participants": self.participants_file,
            "sidecars": [
                *sidecars_of(raw, self.bids_root),
                *([str(made)] if made.is_file() else []),
            ],
        }

    def report_facts(self) -> dict[str, Any]:
        """Return the subjects and conditions."""
        return {"subjects": self.subjects, "conditions": list(self.section.conditions)}
