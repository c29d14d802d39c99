"""Find the M/EEG recordings and anatomies of the subjects by their BIDS names.

Files are not opened, because this runs whenever the workflow is planned, and a dry run of hundreds
of subjects must take seconds. The contents of the files are checked when a run starts.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from groupwise.config.section import present
from groupwise.config.study import Study
from groupwise.inputs.acquisition import BidsTree
from groupwise.inputs.entities import (
    files_of_subject,
    find_same_recordings,
    has_entities,
    subjects_in,
)
from groupwise.inputs.inclusion import Inclusion

#: Recording formats of BIDS that MNE-BIDS reads; .ds and .mefd are folders.
FORMATS = (".fif", ".ds", ".con", ".sqd", ".kdf", ".vhdr", ".edf", ".bdf", ".set")
SURFACES = ("white", "sphere", "sphere.reg", "inflated")


@dataclass(frozen=True)
class Subject:
    """Input files of one subject and session. Paths are strings, as Snakemake needs them."""

    name: str
    raw: tuple[str, ...]  # runs in order
    events: tuple[str, ...]
    channels: tuple[str, ...]  # channels.tsv of the runs that have one
    transform: str  # a trans.fif, or the T1w.json with landmarks; "" without an own anatomy
    empty_room: str | None = None
    calibration: tuple[str, ...] = ()  # fine calibration of the MEG system; () without one
    cross_talk: tuple[str, ...] = ()
    session: str | None = None  # None if the study has one session or none

    @property
    def visit(self) -> dict[str, str]:
        """Values of the wildcards subject and, if the study has several sessions, session."""
        return {"subject": self.name} | ({"session": self.session} if self.session else {})

    @property
    def label(self) -> str:
        """Subject and session as text."""
        return f"{self.name} ses-{self.session}" if self.session else self.name


@dataclass(frozen=True)
class Recordings:
    """Input files of each analysed subject, and the findings.

    Attributes
    ----------
    subjects : one entry per subject and session.
    left_out : reason for each subject that is excluded, or incomplete and dropped.
    incomplete : missing data of each incomplete subject, if the study does not drop such subjects.
    findings : errors because of which the study cannot run.
    """

    subjects: tuple[Subject, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)
    incomplete: dict[str, str] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)

    def of(self, name: str, session: str | None = None) -> Subject:
        """Return the files of a subject, and of a session if the study has several."""
        return next(s for s in self.subjects if (s.name, s.session) == (name, session))

    @property
    def names(self) -> list[str]:
        """Labels of the subjects, in order."""
        return list(dict.fromkeys(subject.name for subject in self.subjects))

    @property
    def files(self) -> list[str]:
        """Recordings, events.tsv, channels.tsv and empty-room recordings of all subjects."""
        each = [p for own in self.subjects for p in (*own.raw, *own.events, *own.channels)]
        return [*each, *dict.fromkeys(own.empty_room for own in self.subjects if own.empty_room)]

    def check_parameters(self, study: Study) -> dict[str, Any]:
        """Return the parameters of the input check in `groupwise.meeg.check`, as plain values."""
        meeg = present(study.meeg)
        return {
            "recordings": [
                own.visit
                | {name: list(getattr(own, name)) for name in ("raw", "events", "channels")}
                | ({"empty_room": own.empty_room} if own.empty_room else {})
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
    """Find the recordings, events, transform and anatomy of each subject.

    The findings list every missing file of every subject, unless the study drops incomplete
    subjects. They also list a BIDS root, template or subject of the config that does not exist.
    """
    meeg, root = present(study.meeg), Path(study.bids_root or "")
    subjects_dir = Path(meeg.subjects_dir) if meeg.subjects_dir else None
    findings = _missing_roots(study, root, subjects_dir)
    if findings:
        return Recordings(findings=findings)
    found, odd = subjects_in(root, study.subjects)
    wanted = found if study.subjects == "all" else study.subjects
    inclusion = Inclusion(found, study.exclude, study.missing)
    inclusion.add(odd)
    inclusion.add(
        f"config: {key}: subject {name} is not in {root}; its subjects are "
        f"{', '.join(found) or 'none'}"
        for key, names in (
            ("subjects", wanted),
            ("exclude", study.exclude),
            ("meeg.bad_channels", set(meeg.bad_channels) - {"all"}),
        )
        for name in names
        if name not in found
    )
    subjects, tree = [], BidsTree(root)
    for name in wanted:
        if name in inclusion.left_out or name not in found:
            continue
        sessions: list[str | None] = [*meeg.sessions] or [None]
        found_of = [_find_subject(study, tree, subjects_dir, name, each) for each in sessions]
        missing = list(dict.fromkeys(line for _, lines in found_of for line in lines))
        for subject, _ in found_of:
            inclusion.add(find_same_recordings(map(Path, subject.raw), "meeg"))
        if inclusion.admit(name, missing):
            subjects += [subject for subject, _ in found_of]
    if not subjects and not inclusion.findings:
        inclusion.add([f"{root}: no complete subject; check bids_root, subjects and exclude"])
    return Recordings(tuple(subjects), inclusion.left_out, inclusion.incomplete, inclusion.findings)


def _missing_roots(study: Study, root: Path, subjects_dir: Path | None) -> list[str]:
    findings = []
    if not root.is_dir():
        findings.append(
            f"config: bids_root: {root} is not a folder; check the path (`make demo` makes the "
            "folder of the demo study)"
        )
    if subjects_dir is None:
        return findings
    meeg = present(study.meeg)
    template = subjects_dir / meeg.morph.to
    if not subjects_dir.is_dir():
        findings.append(
            f"config: meeg.subjects_dir: {subjects_dir} is not a folder; give the SUBJECTS_DIR of "
            "FreeSurfer"
        )
    elif not template.is_dir():
        findings.append(
            f"config: meeg.morph.to: {template} does not exist; copy or link FreeSurfer's "
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
    """Return findings on missing surfaces of the head model."""
    layers = [folder / "bem" / f"{name}.surf" for name in present(study.meeg).bem.surfaces]
    return [
        f"{path} is missing; make it with mne watershed_bem or mne flash_bem"
        for path in layers
        if not path.exists()
    ]


def _find_subject(
    study: Study, tree: BidsTree, subjects_dir: Path | None, name: str, visit: str | None
) -> tuple[Subject, list[str]]:
    meeg, missing, root = present(study.meeg), [], tree.root
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
            if path.suffix in FORMATS
            and _is_first_part(path.name)
            and has_entities(path, meeg.entities)
        ),
        key=lambda path: _run_of(path.name),
    )
    if not raw:
        missing.append(
            f"sub-{name}: no recording {folder}/{stem}_task-{meeg.task}_{meeg.datatype}.*; check "
            "meeg.task and meeg.session"
        )
    events = [
        Path(
            tree.nearest(path, ".tsv", "events") or _file_beside(path, meeg.datatype, "events.tsv")
        )
        for path in raw
    ]
    missing += [f"sub-{name}: {path} is missing" for path in events if not path.exists()]
    channels = [_file_beside(path, meeg.datatype, "channels.tsv") for path in raw]
    channels = [path for path in channels if path.exists()]
    transform = None
    if subjects_dir is not None and meeg.anatomy == "own":
        transform, absent = _find_anatomy(study, root, subjects_dir, name, session)
        missing += absent
    empty_room = None
    if meeg.covariance.source == "empty_room":
        empty_room = _empty_room(tree, raw)
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
    """Return the head-to-MRI transform of a subject, and its missing files and surfaces."""
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
    """Return whether a file is the first part of a split recording, or is not split."""
    split = re.search(r"_split-0*(\d+)_", name)
    return split is None or int(split[1]) == 1


def _run_of(name: str) -> int:
    run = re.search(r"_run-0*(\d+)_", name)
    return int(run[1]) if run else 0


def _file_beside(raw: Path, datatype: str, ending: str) -> Path:
    stem = re.sub(rf"(_split-\d+)?_{datatype}$", "", raw.stem)
    path = raw.with_name(f"{stem}_{ending}")
    # Processed recordings, such as proc-sss, share the events of the raw recording.
    shared = raw.with_name(f"{re.sub('_proc-[A-Za-z0-9]+', '', stem)}_{ending}")
    return shared if shared.exists() and not path.exists() else path


def _transform(study: Study, root: Path, name: str, session: str | list[str] | None) -> Path | None:
    pattern = present(study.meeg).coregistration.trans
    if pattern is not None:
        path = Path(pattern.format(subject=name, session=session))
        return path if path.exists() else None
    sidecars = files_of_subject(root / f"sub-{name}", "anat", "*_T1w.json")
    in_session = [path for path in sidecars if f"_ses-{session}_" in path.name]
    chosen = in_session or sidecars
    return chosen[0] if chosen else None


def _empty_room(tree: BidsTree, raw: list[Path]) -> str | None:
    """Return the AssociatedEmptyRoom of the recording, else the only empty room of the study."""
    for sidecar in (each for path in raw for each in reversed(tree.applicable(path, ".json"))):
        named = re.search(
            r'"AssociatedEmptyRoom":\s*\[?\s*"(?:bids::)?/?([^"]+)"',
            Path(sidecar).read_text(encoding="utf-8"),
        )
        if named and (tree.root / named[1]).exists():
            return str(tree.root / named[1])
    recorded = files_of_subject(tree.root / "sub-emptyroom", "meg", "*_meg.fif")
    return str(recorded[0]) if len(recorded) == 1 else None
