"""Find the fNIRS recordings of the subjects, with their events and channels, by file names.

The contents of the files are checked when a run starts.
"""

import glob
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from groupwise.config.fnirs import Fnirs
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
class OpticalRun:
    """Paths of the files of one run.

    Attributes
    ----------
    name : entities that distinguish the run from other runs of the subject, such as "ses-2 run-1";
        "" if the recording has none of them.
    raw : a SNIRF file, or a NIRx folder.
    events, channels : BIDS tables; "" if they do not exist or the recording is not BIDS.
    confounds : table of further regressors; "" if the config names none.
    """

    name: str
    raw: str
    events: str = ""
    channels: str = ""
    confounds: str = ""

    @property
    def files(self) -> list[str]:
        """Paths of the files of the run that exist or are required."""
        return [path for path in list(asdict(self).values())[1:] if path]


@dataclass(frozen=True)
class OpticalRuns:
    """Runs of each analysed subject, and the findings.

    `left_out`, `incomplete` and `findings` are as in `groupwise.inputs.recordings.Recordings`.
    """

    subjects: dict[str, tuple[OpticalRun, ...]] = field(default_factory=dict)
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

    def files_of(self, subject: str) -> list[str]:
        """Return all files of the runs of a subject."""
        return [path for run in self.subjects[subject] for path in run.files]

    @property
    def files(self) -> list[str]:
        """All files of all subjects."""
        return [path for name in self.names for path in self.files_of(name)]

    def check_parameters(self, study: Study) -> dict[str, Any]:
        """Return the parameters of the input check in `groupwise.fnirs.check`, as plain values."""
        keys = {"conditions", "bad_channels", "rois", "long", "short_channels", "ppf"}
        keys |= {"resample", "stim_duration"}
        spec = present(study.fnirs).model_dump(mode="json", include=keys)
        return {"runs": {name: self.of(name) for name in self.names}, **spec}


def find_optical_runs(study: Study) -> OpticalRuns:
    """Find the fNIRS runs of each subject.

    The findings list every missing file of every subject, unless the study drops incomplete
    subjects. A run that another subject has counts as missing.
    """
    fnirs = present(study.fnirs)
    root = Path(fnirs.bids_root or study.bids_root or "")
    if fnirs.recordings is None and not root.is_dir():
        return OpticalRuns(findings=[f"config: bids_root: {root} is not a folder; check the path"])
    if fnirs.recordings is None:
        found, odd = _bids_recordings(study, root)
    else:
        found, odd = _other_recordings(fnirs, study.subjects)
    wanted = sorted(found) if study.subjects == "all" else study.subjects
    inclusion = Inclusion(found, study.exclude, study.missing)
    inclusion.add(odd)
    inclusion.add(
        f"config: {key}: subject {name} has no fNIRS recording; subjects with one are "
        f"{', '.join(sorted(found)) or 'none'}"
        for key, names in (
            ("subjects", wanted),
            ("exclude", study.exclude),
            ("fnirs.bad_channels", set(fnirs.bad_channels) - {"all"}),
        )
        for name in names
        if name not in found
    )
    wanted_runs = {
        name: found[name] for name in wanted if name in found and name not in inclusion.left_out
    }
    if fnirs.recordings is None:
        for runs in wanted_runs.values():
            inclusion.add(find_same_recordings([Path(run.raw) for run in runs], "fnirs"))
    every = sorted({run.name for runs in wanted_runs.values() for run in runs})
    subjects = {}
    for name, runs in wanted_runs.items():
        missing = [] if runs else [f"sub-{name}: no fNIRS recording of task {fnirs.task}"]
        missing += [
            f"sub-{name}: no {run or 'run without entities'}, which other subjects have"
            for run in every
            if runs and run not in {each.name for each in runs}
        ]
        missing += [
            f"sub-{name}: {path} is missing"
            for run in runs
            for path in (run.raw, run.confounds)
            if path and not Path(path).exists()
        ]
        if inclusion.admit(name, missing):
            subjects[name] = runs
    if not subjects and not inclusion.findings:
        inclusion.add(
            [
                f"{fnirs.recordings or root}: has no fNIRS recording of task {fnirs.task}; check "
                "bids_root, fnirs.task and fnirs.session"
            ]
        )
    return OpticalRuns(subjects, inclusion.left_out, inclusion.incomplete, inclusion.findings)


def _other_recordings(
    fnirs: Fnirs, subjects: str | Sequence[str]
) -> tuple[dict[str, tuple[OpticalRun, ...]], list[str]]:
    """Return the recording of each subject that is not in BIDS, and findings.

    Files or folders that the pattern matches, but not as a subject, matter if subjects are "all".
    """
    pattern = str(Path(fnirs.recordings or ""))  # without ./ and a final /
    parts = re.split(r"({subject}|\*)", pattern)
    text, glob_text = "", ""
    for part in parts:
        if part == "{subject}":
            text += "(?P=subject)" if "<subject>" in text else "(?P<subject>[A-Za-z0-9]+)"
        else:
            text += "[^/]*" if part == "*" else re.escape(part)
        glob_text += "*" if part in ("{subject}", "*") else glob.escape(part)
    root = Path(f"{parts[0]}x").parent
    below = "/".join(Path(glob_text).parts[len(root.parts) :])
    paths: dict[str, list[str]] = {}
    odd = []
    for path in sorted(root.glob(below)):
        match = re.fullmatch(text, str(path))
        if match:
            paths.setdefault(match["subject"], []).append(str(path))
        elif subjects == "all" and _is_recording(path):
            odd.append(
                f"{path}: does not match fnirs.recordings ({pattern}), because the name of a "
                "subject has letters and digits only; put other characters outside of the braces, "
                "as in raw/P_{subject}, or rename it"
            )
    odd += [
        f"fnirs.recordings: matches {' and '.join(own)} for subject {name}, but a subject has one "
        "recording; narrow the pattern, or use BIDS for several runs"
        for name, own in paths.items()
        if len(own) > 1
    ]
    found: dict[str, tuple[OpticalRun, ...]] = {
        name: (OpticalRun("", own[0], confounds=_confounds(fnirs.confounds, name, "")),)
        for name, own in paths.items()
    }
    return found, odd


def _is_recording(path: Path) -> bool:
    """Return whether a path is a SNIRF file or a NIRx folder."""
    hidden = path.name.startswith(".")
    return not hidden and (path.suffix == ".snirf" or any(path.glob("*.wl1")))


def _bids_recordings(
    study: Study, root: Path
) -> tuple[dict[str, tuple[OpticalRun, ...]], list[str]]:
    """Return the runs of every subject in a BIDS tree, and findings.

    A subject without a folder of fNIRS does not take part; one with a folder, but without a
    recording of the task, has no runs.
    """
    fnirs = present(study.fnirs)
    tree = BidsTree(root)
    names, odd = subjects_in(root, study.subjects)
    names = [name for name in names if files_of_subject(root / f"sub-{name}", "nirs", "*")]
    subjects: dict[str, list[OpticalRun]] = {name: [] for name in names}
    for subject, path in (
        (name, path)
        for name in names
        for path in files_of_subject(root / f"sub-{name}", "nirs", "*_nirs.snirf")
    ):
        facts = entities_of(path)
        if facts.get("task") != fnirs.task or fnirs.session not in (None, facts.get("ses")):
            continue
        if not has_entities(path, fnirs.entities):
            continue
        name = " ".join(f"{key}-{facts[key]}" for key in RUN_ENTITIES if key in facts)
        subjects[subject].append(
            OpticalRun(
                name=name,
                raw=str(path),
                events=tree.nearest(path, ".tsv", "events"),
                channels=tree.nearest(path, ".tsv", "channels"),
                confounds=_confounds(fnirs.confounds, subject, facts.get("run", "")),
            )
        )
    # If no subject has the task, its name is wrong, and nothing is missing.
    found = {name: tuple(runs) for name, runs in subjects.items() if any(subjects.values())}
    return found, odd


def _confounds(pattern: str | None, subject: str, run: str) -> str:
    return pattern.format(subject=subject, run=run) if pattern else ""
