"""Preprocessed BOLD runs of the subjects, their events and confounds, by BIDS names alone.

Only file names are looked at, as for recordings; what the files hold is checked when a run starts.
"""

import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from groupwise.config.section import present
from groupwise.config.study import Study
from groupwise.inputs.attendance import Attendance

#: Entities that tell the runs of a task apart, in the order of their names.
APART = ("ses", "acq", "ce", "rec", "dir", "run")


@dataclass(frozen=True)
class Run:
    """Files of one run, paths as strings.

    Attributes
    ----------
    name : what tells it from the subject's other runs, such as "ses-2 run-1"; "" for a single one.
    """

    name: str
    bold: str
    mask: str
    confounds: str
    events: str


@dataclass(frozen=True)
class Runs:
    """Runs of the subjects that take part, and what is wrong with the others.

    `left_out`, `incomplete` and `findings` are those of `groupwise.inputs.recordings.Recordings`.
    """

    subjects: dict[str, tuple[Run, ...]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    incomplete: dict[str, str] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """Subjects' names in order."""
        return list(self.subjects)

    def of(self, subject: str) -> list[dict[str, str]]:
        """A subject's runs as plain dicts."""
        return [asdict(run) for run in self.subjects[subject]]

    @property
    def files(self) -> list[str]:
        """All files of all subjects."""
        every = [run for runs in self.subjects.values() for run in runs]
        return [p for run in every for p in (run.bold, run.mask, run.confounds, run.events)]

    def to_check(self, study: Study) -> dict[str, Any]:
        """What `groupwise.fmri.check.check_subjects` is asked, as plain values."""
        spec = present(study.fmri).model_dump(mode="json", include={"conditions", "confounds"})
        return {"runs": {name: self.of(name) for name in self.names}, **spec}


def find_runs(study: Study) -> Runs:
    """Find each subject's runs with their masks, confounds and events.

    Findings name every missing file of every subject, unless the study drops incomplete subjects.
    A run that other subjects have is missing too.
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
    found = sorted(path.name[4:] for path in folder.glob("sub-*") if path.is_dir())
    wanted = found if study.subjects == "all" else study.subjects
    who = Attendance(found, study.exclude, study.missing)
    who.add(
        f"config: {key}: subject {name} is not in {folder}; it holds {', '.join(found) or 'none'}"
        for key, names in (("subjects", wanted), ("exclude", study.exclude))
        for name in names
        if name not in found
    )
    images = {
        name: _images(study, folder / f"sub-{name}")
        for name in wanted
        if name in found and name not in who.left_out
    }
    every = sorted({run for runs in images.values() for run in runs})
    subjects = {}
    for name, own in images.items():
        missing = [f"sub-{name}: {line}" for line in _unlike(study, folder, name, own, every)]
        runs = []
        for run, bold in sorted(own.items()):
            files = {
                "mask": _mask_of(bold),
                "confounds": _confounds_of(bold),
                "events": _events_of(bold, raw, name),
            }
            missing += [
                f"sub-{name}: {path} is missing" for path in files.values() if not path.exists()
            ]
            told = " ".join(part for part in run if part)
            runs.append(Run(told, str(bold), **{key: str(path) for key, path in files.items()}))
        if who.admits(name, missing):
            subjects[name] = tuple(runs)
    if not subjects and not who.findings:
        who.add([f"{folder}: no complete subject; check fmri, subjects and exclude"])
    return Runs(subjects, who.left_out, who.incomplete, who.findings)


def _images(study: Study, folder: Path) -> dict[tuple[str, ...], Path]:
    """A subject's preprocessed images by what tells its runs apart."""
    fmri, images = present(study.fmri), {}
    for path in sorted(folder.glob("**/func/*_desc-preproc_bold.nii*")):
        facts = entities_of(path)
        if (
            facts.get("task") == fmri.task
            and facts.get("space") == fmri.space
            and facts.get("res") == fmri.resolution
            and fmri.session in (None, facts.get("ses"))
        ):
            images[tuple(f"{key}-{facts[key]}" if key in facts else "" for key in APART)] = path
    return images


def _unlike(
    study: Study, folder: Path, name: str, own: dict, every: list[tuple[str, ...]]
) -> list[str]:
    """What a subject lacks of the runs that others have."""
    fmri = present(study.fmri)
    if not own:
        others = sorted(
            {
                " ".join(f"{key}-{facts[key]}" for key in ("task", "space", "res") if key in facts)
                for path in (folder / f"sub-{name}").glob("**/func/*_desc-preproc_bold.nii*")
                if (facts := entities_of(path))
            }
        )
        wanted = f"task-{fmri.task} space-{fmri.space}"
        wanted += f" res-{fmri.resolution}" if fmri.resolution else ""
        return [f"no image {wanted} desc-preproc; there are {', '.join(others) or 'none'}"]
    return [
        f"no {' '.join(part for part in run if part)}, which other subjects have"
        for run in every
        if run not in own
    ]


def entities_of(path: Path) -> dict[str, str]:
    """BIDS entities in a file's name."""
    return dict(re.findall(r"(?:^|_)([a-z]+)-([A-Za-z0-9]+)", path.name))


def _mask_of(bold: Path) -> Path:
    return bold.with_name(bold.name.replace("_desc-preproc_bold.", "_desc-brain_mask."))


def _confounds_of(bold: Path) -> Path:
    stem = re.sub(r"_space-.*", "", bold.name)
    older = bold.with_name(f"{stem}_desc-confounds_regressors.tsv")  # before fMRIPrep 20.2
    return older if older.exists() else bold.with_name(f"{stem}_desc-confounds_timeseries.tsv")


def _events_of(bold: Path, raw: Path, name: str) -> Path:
    """A run's events; by BIDS' inheritance they may stand at the root for all subjects."""
    facts = entities_of(bold)
    stem = re.sub(r"_space-.*", "", bold.name)
    session = f"ses-{facts['ses']}" if "ses" in facts else "."
    own = raw / f"sub-{name}" / session / "func" / f"{stem}_events.tsv"
    shared = raw / f"task-{facts['task']}_events.tsv"
    return shared if shared.exists() and not own.exists() else own
