"""Find the preprocessed BOLD runs of the subjects, with events and confounds, by BIDS names.

Files are not opened; their contents are checked when a run starts.
"""

import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from groupwise.config.section import present
from groupwise.config.study import Study
from groupwise.inputs.acquisition import BidsTree
from groupwise.inputs.entities import (
    RUN_ENTITIES,
    entities_of,
    files_of_subject,
    find_same_recordings,
    has_entities,
    subjects_in,
)
from groupwise.inputs.inclusion import Inclusion


@dataclass(frozen=True)
class Run:
    """Paths of the files of one run.

    Attributes
    ----------
    name : entities that distinguish the run from other runs of the subject, such as "ses-2 run-1";
        "" if the image has none of them.
    sidecars : JSON files that apply to the preprocessed image, general ones first.
    raw_sidecars : JSON files that apply to the raw image.
    """

    name: str
    bold: str
    mask: str
    confounds: str
    events: str
    sidecars: list[str] = field(default_factory=list)
    raw_sidecars: list[str] = field(default_factory=list)

    @property
    def files(self) -> list[str]:
        """Paths of all files of the run."""
        own = [self.bold, self.mask, self.confounds, self.events]
        return [*own, *self.sidecars, *self.raw_sidecars]


@dataclass(frozen=True)
class Runs:
    """Runs of each analysed subject, and the findings.

    `left_out`, `incomplete` and `findings` are as in `groupwise.inputs.recordings.Recordings`.
    """

    subjects: dict[str, tuple[Run, ...]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    incomplete: dict[str, str] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """Labels of the subjects, in order."""
        return list(self.subjects)

    def of(self, subject: str) -> list[dict[str, str]]:
        """Return the runs of a subject as plain dicts."""
        return [asdict(run) for run in self.subjects[subject]]

    @property
    def files(self) -> list[str]:
        """All files of all subjects."""
        every = [path for runs in self.subjects.values() for run in runs for path in run.files]
        return list(dict.fromkeys(every))

    def check_parameters(self, study: Study) -> dict[str, Any]:
        """Return the parameters of the input check in `groupwise.fmri.check`, as plain values."""
        spec = present(study.fmri).model_dump(
            mode="json", include={"conditions", "confounds", "stim_duration"}
        )
        return {"runs": {name: self.of(name) for name in self.names}, **spec}


def find_runs(study: Study) -> Runs:
    """Find the runs of each subject with their masks, confounds and events.

    The findings list every missing file of every subject, unless the study drops incomplete
    subjects. A run that another subject has counts as missing.
    """
    fmri = present(study.fmri)
    raw = Path(fmri.bids_root or study.bids_root or "")
    folder = Path(fmri.derivatives)
    findings = [
        f"config: {key}: {path} is not a folder; check the path"
        for key, path in (("fmri.derivatives", folder), ("bids_root", raw))
        if not path.is_dir()
    ]
    if findings:
        return Runs(findings=findings)
    found, odd = subjects_in(folder, study.subjects)
    wanted = found if study.subjects == "all" else study.subjects
    inclusion = Inclusion(found, study.exclude, study.missing)
    inclusion.add(odd)
    inclusion.add(
        f"config: {key}: subject {name} is not in {folder}; its subjects are "
        f"{', '.join(found) or 'none'}"
        for key, names in (("subjects", wanted), ("exclude", study.exclude))
        for name in names
        if name not in found
    )
    images = {}
    for name in wanted:
        if name in found and name not in inclusion.left_out:
            images[name], same = _images(study, folder / f"sub-{name}")
            inclusion.add(same)
    every = sorted({run for runs in images.values() for run in runs})
    subjects, raw_tree, tree = {}, BidsTree(raw), BidsTree(folder)
    for name, bolds in images.items():
        missing = [
            f"sub-{name}: {line}" for line in _missing_runs(study, folder, name, bolds, every)
        ]
        runs = []
        for run, bold in sorted(bolds.items()):
            raw_bold = _raw_of(bold, raw, name)
            own_events = raw_bold.with_name(raw_bold.name.replace("_bold.nii.gz", "_events.tsv"))
            files = {
                "mask": _mask_of(bold),
                "confounds": _confounds_of(bold),
                "events": Path(raw_tree.nearest(raw_bold, ".tsv", "events") or own_events),
            }
            missing += [
                f"sub-{name}: {path} is missing" for path in files.values() if not path.exists()
            ]
            label = " ".join(part for part in run if part)
            runs.append(
                Run(
                    *(label, str(bold)),
                    **{key: str(path) for key, path in files.items()},
                    sidecars=tree.applicable(bold, ".json"),
                    raw_sidecars=raw_tree.applicable(raw_bold, ".json"),
                )
            )
        if inclusion.admit(name, missing):
            subjects[name] = tuple(runs)
    if not subjects and not inclusion.findings:
        inclusion.add([f"{folder}: no complete subject; check fmri, subjects and exclude"])
    return Runs(subjects, inclusion.left_out, inclusion.incomplete, inclusion.findings)


def _images(study: Study, folder: Path) -> tuple[dict[tuple[str, ...], Path], list[str]]:
    """Return the preprocessed images of a subject by the entities of their runs, and findings."""
    fmri = present(study.fmri)
    paths = [
        path
        for path in files_of_subject(folder, "func", "*_desc-preproc_bold.nii*")
        if path.name.endswith((".nii", ".nii.gz"))
        and (facts := entities_of(path)).get("task") == fmri.task
        and facts.get("space") == fmri.space
        and facts.get("res") == fmri.resolution
        and fmri.session in (None, facts.get("ses"))
        and has_entities(path, fmri.entities)
    ]
    images = {}
    for path in paths:
        facts = entities_of(path)
        run = tuple(f"{key}-{facts[key]}" if key in facts else "" for key in RUN_ENTITIES)
        images[run] = path
    findings = find_same_recordings(paths, "fmri")
    for path in images.values():
        older = _confounds_of(path)
        newer = older.with_name(older.name.replace("_regressors.tsv", "_timeseries.tsv"))
        if newer != older and newer.exists():
            findings.append(
                f"{older.parent}: {older.name} and {newer.name} hold the confounds of one run; "
                "move the one of another version of fMRIPrep out of the folder"
            )
    return images, findings


def _missing_runs(
    study: Study, folder: Path, name: str, bolds: dict, every: list[tuple[str, ...]]
) -> list[str]:
    """Return the runs that other subjects have and this subject lacks."""
    fmri = present(study.fmri)
    if not bolds:
        others = sorted(
            {
                " ".join(f"{key}-{facts[key]}" for key in ("task", "space", "res") if key in facts)
                for path in files_of_subject(
                    folder / f"sub-{name}", "func", "*_desc-preproc_bold.nii*"
                )
                if (facts := entities_of(path))
            }
        )
        wanted = f"task-{fmri.task} space-{fmri.space}"
        wanted += f" res-{fmri.resolution}" if fmri.resolution else ""
        return [f"no image {wanted} desc-preproc; there are {', '.join(others) or 'none'}"]
    return [
        f"no {' '.join(part for part in run if part)}, which other subjects have"
        for run in every
        if run not in bolds
    ]


def _mask_of(bold: Path) -> Path:
    return bold.with_name(bold.name.replace("_desc-preproc_bold.", "_desc-brain_mask."))


def _confounds_of(bold: Path) -> Path:
    stem = re.sub(r"_space-.*", "", bold.name)
    older = bold.with_name(f"{stem}_desc-confounds_regressors.tsv")  # before fMRIPrep 20.2
    return older if older.exists() else bold.with_name(f"{stem}_desc-confounds_timeseries.tsv")


def _raw_of(bold: Path, raw: Path, name: str) -> Path:
    """Return the path of a run's raw image, which need not exist."""
    facts = entities_of(bold)
    stem = re.sub(r"_space-.*", "", bold.name)
    session = f"ses-{facts['ses']}" if "ses" in facts else "."
    return raw / f"sub-{name}" / session / "func" / f"{stem}_bold.nii.gz"
