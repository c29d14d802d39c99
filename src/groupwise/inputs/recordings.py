"""Recordings and anatomies of the subjects, found by their BIDS names alone.

Only file names are looked at, since this runs whenever the workflow is planned: a dry run over
hundreds of subjects must stay a matter of seconds. Contents are checked by the first job.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from groupwise.config.section import present
from groupwise.config.study import Study
from groupwise.inputs.attendance import Attendance

#: Recording formats of BIDS that MNE-BIDS reads; .ds and .mefd are folders.
FORMATS = (".fif", ".ds", ".con", ".sqd", ".kdf", ".vhdr", ".edf", ".bdf", ".set")
SURFACES = ("white", "sphere", "sphere.reg", "inflated")


@dataclass(frozen=True)
class Subject:
    """One subject's input files, of one session. Paths are strings, as Snakemake wants them."""

    name: str
    raw: tuple[str, ...]  # runs in order
    events: tuple[str, ...]
    channels: tuple[str, ...]  # channels.tsv of the runs that have one: types and bad channels
    transform: str  # a trans.fif, or the T1w.json with landmarks; "" without its own anatomy
    empty_room: str | None = None
    calibration: tuple[str, ...] = ()  # of the MEG: fine calibration, or none
    cross_talk: tuple[str, ...] = ()
    session: str | None = None  # where the study has several

    @property
    def visit(self) -> dict[str, str]:
        """Subject and, where there are several, session, by the names of the rules' wildcards."""
        return {"subject": self.name} | ({"session": self.session} if self.session else {})

    @property
    def label(self) -> str:
        """Subject and session in words."""
        return f"{self.name} ses-{self.session}" if self.session else self.name


@dataclass(frozen=True)
class Recordings:
    """Input files of the subjects that take part, and what is wrong with the others.

    Attributes
    ----------
    subjects : one entry per subject and session.
    left_out : subject to reason: excluded, or dropped because it is incomplete.
    incomplete : subject to what it lacks, where the study doesn't drop incomplete subjects.
    findings : everything that keeps the study from running.
    """

    subjects: tuple[Subject, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)
    incomplete: dict[str, str] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)

    def of(self, name: str, session: str | None = None) -> Subject:
        """A subject's files, of a session where there are several."""
        return next(s for s in self.subjects if (s.name, s.session) == (name, session))

    @property
    def names(self) -> list[str]:
        """Subjects' names in order."""
        return list(dict.fromkeys(subject.name for subject in self.subjects))

    @property
    def files(self) -> list[str]:
        """Recordings, events and channels tables of all."""
        return [p for own in self.subjects for p in (*own.raw, *own.events, *own.channels)]

    def to_check(self, study: Study) -> dict[str, Any]:
        """What `groupwise.meeg.check.look_into` is asked, as plain values."""
        meeg = present(study.meeg)
        return {
            "recordings": [
                own.visit
                | {name: list(getattr(own, name)) for name in ("raw", "events", "channels")}
                for own in self.subjects
            ],
            "root": study.bids_root,
            **meeg.model_dump(
                mode="json", include={"conditions", "channels", "bad_channels", "montage"}
            ),
            "reject": meeg.epochs.reject,
            "h_freq": meeg.filter.h_freq,
            "aux_channels": [*meeg.artifacts.eog, *meeg.artifacts.ecg],
            "landmarks": meeg.anatomy == "template",
            "moved": meeg.maxwell is not None,
        }


def find_recordings(study: Study) -> Recordings:
    """Find each subject's recordings, events, transform and anatomy.

    Findings name every missing file of every subject, unless the study drops incomplete subjects,
    and the BIDS root, the template or a subject of the config that doesn't exist.
    """
    meeg, root = present(study.meeg), Path(study.bids_root or "")
    subjects_dir = Path(meeg.subjects_dir) if meeg.subjects_dir else None
    findings = _missing_roots(study, root, subjects_dir)
    if findings:
        return Recordings(findings=findings)
    found = sorted(p.name[4:] for p in root.glob("sub-*") if p.is_dir())
    found = [name for name in found if name != "emptyroom"]
    wanted = found if study.subjects == "all" else study.subjects
    who = Attendance(found, study.exclude, study.missing)
    who.add(
        f"config: {key}: subject {name} is not in {root}; it holds {', '.join(found) or 'none'}"
        for key, names in (
            ("subjects", wanted),
            ("exclude", study.exclude),
            ("meeg.bad_channels", set(meeg.bad_channels) - {"all"}),
        )
        for name in names
        if name not in found
    )
    subjects = []
    for name in wanted:
        if name in who.left_out or name not in found:
            continue
        sessions: list[str | None] = [*meeg.sessions] or [None]
        found_of = [_find_subject(study, root, subjects_dir, name, each) for each in sessions]
        missing = list(dict.fromkeys(line for _, lines in found_of for line in lines))
        if who.admits(name, missing):
            subjects += [subject for subject, _ in found_of]
    if not subjects and not who.findings:
        who.add([f"{root}: no complete subject; check bids_root, subjects and exclude"])
    return Recordings(tuple(subjects), who.left_out, who.incomplete, who.findings)


def _missing_roots(study: Study, root: Path, subjects_dir: Path | None) -> list[str]:
    findings = []
    if not root.is_dir():
        findings.append(
            f"config: bids_root: {root} is not a folder; check the path (the demo study's is made "
            "by make demo)"
        )
    if subjects_dir is None:
        return findings
    meeg = present(study.meeg)
    template = subjects_dir / meeg.morph.to
    if not subjects_dir.is_dir():
        findings.append(
            f"config: meeg.subjects_dir: {subjects_dir} is not a folder; give FreeSurfer's "
            "SUBJECTS_DIR"
        )
    elif not template.is_dir():
        findings.append(
            f"config: meeg.morph.to: {template} is not there; copy or link FreeSurfer's "
            f"{meeg.morph.to} into {subjects_dir}"
        )
    else:
        findings += _missing_surfaces(template)
        if meeg.anatomy == "template":
            findings += _missing_layers(study, template)
    return findings


def _missing_surfaces(folder: Path) -> list[str]:
    wanted = [folder / "surf" / f"{hemi}.{name}" for hemi in ("lh", "rh") for name in SURFACES]
    absent = [path for path in wanted if not path.exists()]
    if not absent:
        return []
    return [f"{folder}: lacks {', '.join(p.name for p in absent)} in surf; run recon-all"]


def _missing_layers(study: Study, folder: Path) -> list[str]:
    """Findings on the surfaces of the head model."""
    layers = [folder / "bem" / f"{name}.surf" for name in present(study.meeg).bem.surfaces]
    return [
        f"{path} is missing; make it with mne watershed_bem or mne flash_bem"
        for path in layers
        if not path.exists()
    ]


def _find_subject(
    study: Study, root: Path, subjects_dir: Path | None, name: str, visit: str | None
) -> tuple[Subject, list[str]]:
    meeg, missing = present(study.meeg), []
    session = visit or meeg.session
    folder = root / f"sub-{name}"
    if session:
        folder /= f"ses-{session}"
    folder /= meeg.datatype
    stem = f"sub-{name}" + (f"_ses-{session}" if session else "")
    raw = sorted(
        (
            path
            for path in folder.glob(f"{stem}_task-{meeg.task}_*{meeg.datatype}.*")
            if path.suffix in FORMATS and _is_first_part(path.name)
        ),
        key=lambda path: _run_of(path.name),
    )
    if not raw:
        missing.append(
            f"sub-{name}: no recording {folder}/{stem}_task-{meeg.task}_{meeg.datatype}.*; check "
            "meeg.task and meeg.session"
        )
    events = [_beside(path, meeg.datatype, "events.tsv") for path in raw]
    missing += [f"sub-{name}: {path} is missing" for path in events if not path.exists()]
    channels = [_beside(path, meeg.datatype, "channels.tsv") for path in raw]
    channels = [path for path in channels if path.exists()]
    transform = None
    if subjects_dir is not None and meeg.anatomy == "own":
        transform, absent = _find_anatomy(study, root, subjects_dir, name, session)
        missing += absent
    empty_room = None
    if meeg.covariance.source == "empty_room":
        empty_room = _empty_room(root, raw, meeg.datatype)
        if empty_room is None:
            missing.append(
                f"sub-{name}: no empty-room recording: AssociatedEmptyRoom of the recording's "
                f"sidecar names none that exists, and {root}/sub-emptyroom holds not just one; "
                "set it, or use covariance.source: baseline"
            )
    own = {}
    if meeg.maxwell:
        for key, ending in (
            ("calibration", "acq-calibration_meg.dat"),
            ("cross_talk", "acq-crosstalk_meg.fif"),
        ):
            path = folder / f"{stem}_{ending}"
            own[key] = _text([path] if path.exists() else [])
    subject = Subject(
        **own,
        name=name,
        session=visit,
        raw=_text(raw),
        events=_text(events),
        channels=_text(channels),
        transform=str(transform or ""),
        empty_room=empty_room,
    )
    return subject, missing


def _find_anatomy(
    study: Study, root: Path, subjects_dir: Path, name: str, session: str | list[str] | None
) -> tuple[Path | None, list[str]]:
    """A subject's head-to-MRI transform, and what is missing of it and of the surfaces."""
    meeg, missing = present(study.meeg), []
    transform = _transform(study, root, name, session)
    if transform is None:
        what = (
            meeg.coregistration.trans.format(subject=name, session=session)
            if meeg.coregistration.trans
            else f"{root}/sub-{name}/**/anat/sub-{name}_*T1w.json (with AnatomicalLandmark"
            "Coordinates; or give meeg.coregistration.trans)"
        )
        missing.append(f"sub-{name}: no head-to-MRI transform: {what} is not there")
    anatomy = subjects_dir / f"sub-{name}"
    if not anatomy.is_dir():
        missing.append(
            f"sub-{name}: {anatomy} is not there; run recon-all for the subject or correct "
            "meeg.subjects_dir"
        )
    else:
        missing += [f"sub-{name}: {line}" for line in _missing_surfaces(anatomy)]
        missing += [f"sub-{name}: {line}" for line in _missing_layers(study, anatomy)]
    return transform, missing


def _text(paths: list[Path]) -> tuple[str, ...]:
    return tuple(str(path) for path in paths)


def _is_first_part(name: str) -> bool:
    """MNE reads a split recording through its first part."""
    split = re.search(r"_split-0*(\d+)_", name)
    return split is None or int(split[1]) == 1


def _run_of(name: str) -> int:
    run = re.search(r"_run-0*(\d+)_", name)
    return int(run[1]) if run else 0


def _beside(raw: Path, datatype: str, ending: str) -> Path:
    stem = re.sub(rf"(_split-\d+)?_{datatype}$", "", raw.stem)
    return raw.with_name(f"{stem}_{ending}")


def _transform(study: Study, root: Path, name: str, session: str | list[str] | None) -> Path | None:
    pattern = present(study.meeg).coregistration.trans
    if pattern is not None:
        path = Path(pattern.format(subject=name, session=session))
        return path if path.exists() else None
    sidecars = sorted((root / f"sub-{name}").glob("**/anat/*_T1w.json"))
    in_session = [path for path in sidecars if f"_ses-{session}_" in path.name]
    chosen = in_session or sidecars
    return chosen[0] if chosen else None


def _empty_room(root: Path, raw: list[Path], datatype: str) -> str | None:
    """The recording's AssociatedEmptyRoom, else the only empty room of the study."""
    for path in raw:
        sidecar = _beside(path, datatype, f"{datatype}.json")
        named = re.search(
            r'"AssociatedEmptyRoom":\s*"(?:bids::)?/?([^"]+)"',
            sidecar.read_text(encoding="utf-8") if sidecar.exists() else "",
        )
        if named and (root / named[1]).exists():
            return str(root / named[1])
    recorded = sorted((root / "sub-emptyroom").glob("**/meg/*_meg.fif"))
    return str(recorded[0]) if len(recorded) == 1 else None
