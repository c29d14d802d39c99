"""Find the fNIRS recordings of the subjects, with their events and channels, by file names.

The contents of the files are checked when a run starts.
"""

import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from groupwise.config.section import present
from groupwise.config.study import Study
from groupwise.inputs.entities import (
    RUN_ENTITIES,
    entities_of,
    find_same_recordings,
    has_entities,
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
    found = _recordings(study)
    wanted = sorted(found) if study.subjects == "all" else study.subjects
    inclusion = Inclusion(found, study.exclude, study.missing)
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
        missing = [
            f"sub-{name}: no {run or 'run without entities'}, which other subjects have"
            for run in every
            if run not in {each.name for each in runs}
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


def _recordings(study: Study) -> dict[str, tuple[OpticalRun, ...]]:
    """Return the runs of every subject that has a recording."""
    fnirs = present(study.fnirs)
    if fnirs.recordings is not None:
        before, after = map(re.escape, fnirs.recordings.split("{subject}", 1))
        pattern = fnirs.recordings.replace("{subject}", "*")
        root = Path(pattern.split("*")[0]).parent
        named = {
            match[1]: path
            for path in sorted(root.glob(str(Path(pattern).relative_to(root))))
            if (match := re.fullmatch(f"{before}([A-Za-z0-9]+){after}", str(path)))
        }
        return {
            name: (OpticalRun("", str(path), confounds=_confounds(fnirs.confounds, name, "")),)
            for name, path in named.items()
        }
    root = Path(fnirs.bids_root or study.bids_root or "")
    subjects: dict[str, list[OpticalRun]] = {}
    for path in sorted(root.glob("sub-*/**/nirs/*_nirs.snirf")):
        facts = entities_of(path)
        if facts.get("task") != fnirs.task or fnirs.session not in (None, facts.get("ses")):
            continue
        if not has_entities(path, fnirs.entities):
            continue
        name = " ".join(f"{key}-{facts[key]}" for key in RUN_ENTITIES if key in facts)
        stem = path.name.removesuffix("_nirs.snirf")
        events = [path.with_name(f"{stem}_events.tsv"), root / f"task-{fnirs.task}_events.tsv"]
        channels = path.with_name(f"{stem}_channels.tsv")
        subjects.setdefault(facts["sub"], []).append(
            OpticalRun(
                name=name,
                raw=str(path),
                events=next((str(each) for each in events if each.exists()), ""),
                channels=str(channels) if channels.exists() else "",
                confounds=_confounds(fnirs.confounds, facts["sub"], facts.get("run", "")),
            )
        )
    return {name: tuple(runs) for name, runs in subjects.items()}


def _confounds(pattern: str | None, subject: str, run: str) -> str:
    return pattern.format(subject=subject, run=run) if pattern else ""
