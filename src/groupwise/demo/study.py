"""The demo study as a whole: raw BIDS, a subjects_dir and the truth beside them."""

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import joblib
import mne
import mne_bids
import nibabel as nib
import numpy as np
import pandas as pd

from groupwise.demo.anatomy import Anatomy, load_template, make_individual
from groupwise.demo.freesurfer import conformed_image, write_parcellation, write_subject
from groupwise.demo.recordings import (
    BAD_CHANNEL,
    DURATION,
    LINE_FREQUENCY,
    SFREQ,
    Noise,
    draw_events,
    draw_session,
    save_short,
    simulate_empty_room,
    simulate_recording,
)
from groupwise.demo.sources import (
    CONDITIONS,
    FACTORS,
    SOURCES,
    describe_response,
    describe_source,
    place_responses,
)
from groupwise.errors import InputError
from groupwise.files import digest_of, digest_of_file, software, write_json, write_text

TASK = "audvis"
NAME = "Groupwise demo: auditory and visual stimuli on the left and right (simulated MEG)"
SEED = 2026
RECORDED = datetime(2026, 1, 12, 9, 0, tzinfo=UTC)
EMPTY_ROOM_SESSION = RECORDED.strftime("%Y%m%d")

README = f"""\
# {NAME}

Simulated data, made by `python -m groupwise.demo`: no person was recorded.

Each subject saw and heard 96 stimuli in random order, about one a second: tones and checkerboards
on the left or the right (`auditory/left`, `auditory/right`, `visual/left`, `visual/right`).
One run of {DURATION:.0f} s at {SFREQ:.0f} Hz from a 306-channel Neuromag array, 16-bit FIF.
{BAD_CHANNEL} is broken in every recording. The anatomies are random deformations of fsaverage; the
landmarks in `*_T1w.json` give the transform between head and MRI.

What was simulated, with its places, times and sizes, stands in `truth.json` beside this folder.
"""

#: What BIDS asks to be told of a recording and mne-bids cannot know.
RECORDING_FACTS = {
    "ManufacturersModelName": "Neuromag 306 (simulated)",
    "SoftwareVersions": "n/a",
    "DeviceSerialNumber": "n/a",
    "InstitutionName": "n/a",
    "InstitutionAddress": "n/a",
    "InstitutionalDepartmentName": "n/a",
    "TaskDescription": "Tones and checkerboards on the left or the right, watched passively.",
    "Instructions": "None: the data are simulated.",
    "DewarPosition": "upright",
    "HardwareFilters": "n/a",
    "MaxMovement": 0,
    "ECOGChannelCount": 0,
    "SEEGChannelCount": 0,
    "SubjectArtefactDescription": "Simulated blinks and heartbeats.",
}

#: The same of the events: what the columns' values mean.
EVENT_FACTS = {
    "trial_type": {
        "Description": "Modality and side of the stimulus.",
        "Levels": {
            "auditory/left": "A tone in the left ear",
            "auditory/right": "A tone in the right ear",
            "visual/left": "A checkerboard in the left visual field",
            "visual/right": "A checkerboard in the right visual field",
        },
    },
    "StimulusPresentation": {"SoftwareName": "None: simulated"},
}


def make_demo(
    folder: str | Path, subjects: int = 8, jobs: int = 2, tell: Callable[[str], None] = print
) -> Path:
    """Write the demo study into `folder`, unless it is there already. Returns `truth.json`.

    Parameters
    ----------
    folder
        Gets `bids` (raw BIDS), `subjects` (FreeSurfer subjects_dir with the individuals
        `sub-01`... and `fsaverage`) and `truth.json`.
    subjects
        How many, 1 to 99. Subject k is the same in a study of any size.
    jobs
        How many subjects are made at a time.
    tell
        Receives a line of progress for each subject.

    Raises
    ------
    InputError
        If `subjects` is out of range, or `folder` holds a `bids` or `subjects` of other origin.
    """
    folder = Path(folder)
    if not 1 <= subjects <= 99:
        raise InputError(f"demo: subjects is {subjects}; give a number from 1 to 99")
    if is_complete(folder, subjects):
        tell(f"{folder}: the demo study is there")
        return folder / "truth.json"
    _clear(folder)
    bids, subjects_dir = folder / "bids", folder / "subjects"
    _write_description(bids)
    template = load_template()
    write_subject(subjects_dir / "fsaverage", template)
    write_parcellation(subjects_dir / "fsaverage", template)
    _write_empty_room(folder)
    tell("fsaverage and empty room made")
    made = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")(
        joblib.delayed(_make_subject)(folder, number, template) for number in range(1, subjects + 1)
    )
    truths = {}
    for label, truth in made:
        truths[label] = truth
        tell(f"sub-{label} made ({len(truths)} of {subjects})")
    _write_participants(bids, sorted(truths))
    write_json(folder / "truth.json", _truth(folder, dict(sorted(truths.items()))))
    return folder / "truth.json"


def is_complete(folder: str | Path, subjects: int) -> bool:
    """Whether `folder` holds the whole study as this version of the code makes it.

    Compares the digest of the code and of every file that was written. Files that others added
    later (derivatives, morph maps) do not matter.
    """
    folder = Path(folder)
    try:
        stamp = json.loads((folder / "truth.json").read_text(encoding="utf-8"))["Stamp"]
    except (FileNotFoundError, json.JSONDecodeError, KeyError):
        return False
    if stamp["Code"] != code_digest() or stamp["Subjects"] != subjects:
        return False
    paths = {folder / name: digest for name, digest in stamp["Files"].items()}
    return all(path.is_file() and digest_of_file(path) == paths[path] for path in paths)


def code_digest() -> str:
    """Digest over the modules that make the study: another code, another study."""
    modules = sorted(Path(__file__).parent.glob("*.py"))
    return digest_of(*(module.read_bytes() for module in modules))


def _clear(folder: Path) -> None:
    """Remove what an interrupted or older making left; refuse to touch anything else."""
    bids, subjects_dir = folder / "bids", folder / "subjects"
    description = bids / "dataset_description.json"
    if bids.exists() or subjects_dir.exists():
        try:
            ours = json.loads(description.read_text(encoding="utf-8"))["Name"] == NAME
        except (FileNotFoundError, json.JSONDecodeError, KeyError):
            ours = False
        if not ours:
            raise InputError(
                f"{folder}: holds a 'bids' or 'subjects' that is no demo study; "
                "choose another folder for the demo or remove them"
            )
    (folder / "truth.json").unlink(missing_ok=True)
    # The description goes last: until then the rest is known as ours.
    for path in [subjects_dir, *(bids.glob("*") if bids.exists() else ()), *folder.glob(".sub-*")]:
        if path.is_dir():
            shutil.rmtree(path)
        elif path.exists() and path != description:
            path.unlink()


def _make_subject(folder: Path, number: int, template: Anatomy) -> tuple[str, dict]:
    """Make one subject in a folder aside and move it into place whole. Returns its truth."""
    label = f"{number:02d}"
    # A stream of random numbers for each purpose: a change to one leaves the others alone.
    streams = [np.random.default_rng([SEED, number, purpose]) for purpose in range(5)]
    with tempfile.TemporaryDirectory(prefix=f".sub-{label}-", dir=folder) as aside:
        bids, subjects_dir = Path(aside) / "bids", Path(aside) / "subjects"
        anatomy, warp = make_individual(template, streams[0])
        write_subject(subjects_dir / f"sub-{label}", anatomy)
        session = draw_session(anatomy, streams[1])
        responses = place_responses(anatomy, warp, streams[2])
        events = draw_events(streams[3])
        model = mne.make_bem_model(
            f"sub-{label}", ico=3, conductivity=(0.3,), subjects_dir=subjects_dir, verbose="error"
        )
        conductor = mne.make_bem_solution(model, verbose="error")
        raw = simulate_recording(
            anatomy, conductor, session, responses, events, Noise(), streams[4]
        )
        raw.set_meas_date(RECORDED + timedelta(hours=number - 1))
        _write_recording(raw, bids, f"sub-{label}", events, Path(aside))
        _write_t1w(bids, subjects_dir, label, anatomy, raw.info, session.head_mri)
        (bids / f"sub-{label}").rename(folder / "bids" / f"sub-{label}")
        (subjects_dir / f"sub-{label}").rename(folder / "subjects" / f"sub-{label}")
    return label, {
        "HeadToMRI": session.head_mri["trans"].round(6).tolist(),
        "Events": len(events),
        "Sources": [describe_response(response, anatomy) for response in responses],
    }


def _bids_path(bids: Path, subject: str) -> mne_bids.BIDSPath:
    """Where a recording lies: `sub-01`'s run, or the empty room's."""
    place = (
        {"session": EMPTY_ROOM_SESSION, "task": "noise"}
        if subject == "sub-emptyroom"
        else {"task": TASK}
    )
    return mne_bids.BIDSPath(
        subject=subject.removeprefix("sub-"), datatype="meg", suffix="meg", root=bids, **place
    )


def _write_recording(
    raw: mne.io.RawArray, bids: Path, subject: str, events: np.ndarray | None, aside: Path
) -> None:
    """Write a recording with its sidecars through mne-bids, then complete the sidecar."""
    saved = aside / "raw.fif"
    save_short(raw, saved)
    path = _bids_path(bids, subject)
    told = {}
    if events is not None:
        three_columns = np.insert(events, 1, 0, axis=1)
        told = {"events": three_columns, "event_id": CONDITIONS}
    raw = mne.io.read_raw_fif(saved, verbose="error")
    mne_bids.write_raw_bids(raw, path, overwrite=True, verbose="error", **told)
    facts = dict(RECORDING_FACTS)
    if events is not None:
        empty_room = _bids_path(bids, "sub-emptyroom").update(extension=".fif").fpath
        facts["AssociatedEmptyRoom"] = empty_room.relative_to(bids).as_posix()
        described = path.copy().update(suffix="events", extension=".json")
        mne_bids.update_sidecar_json(described, EVENT_FACTS, verbose="error")
    mne_bids.update_sidecar_json(path.copy().update(extension=".json"), facts, verbose="error")


def _write_empty_room(folder: Path) -> None:
    rng = np.random.default_rng([SEED, 0])
    raw = simulate_empty_room(Noise(), rng)
    raw.set_meas_date(RECORDED - timedelta(hours=1))
    with tempfile.TemporaryDirectory(prefix=".sub-emptyroom-", dir=folder) as aside:
        bids = Path(aside) / "bids"
        _write_recording(raw, bids, "sub-emptyroom", None, Path(aside))
        (bids / "sub-emptyroom").rename(folder / "bids" / "sub-emptyroom")


def _write_t1w(
    bids: Path,
    subjects_dir: Path,
    label: str,
    anatomy: Anatomy,
    info: mne.Info,
    head_mri: mne.transforms.Transform,
) -> None:
    """The T1 volume as a scanner would give it, with the landmarks of the head in its sidecar."""
    conformed = conformed_image(anatomy)
    scan = nib.as_closest_canonical(
        nib.Nifti1Image(np.asarray(conformed.dataobj), conformed.affine)
    )
    landmarks = mne_bids.get_anat_landmarks(
        scan, info, head_mri, fs_subject=f"sub-{label}", fs_subjects_dir=subjects_dir
    )
    path = mne_bids.BIDSPath(subject=label, datatype="anat", suffix="T1w", root=bids)
    mne_bids.write_anat(scan, path, landmarks=landmarks, verbose="error")


def _write_description(bids: Path) -> None:
    write_json(
        bids / "dataset_description.json",
        {
            "Name": NAME,
            "BIDSVersion": "1.9.0",
            "DatasetType": "raw",
            "License": "CC0",
            "Authors": ["The Groupwise developers"],
            "GeneratedBy": [{"Name": "groupwise.demo"}],
        },
    )
    write_text(bids / "README", README)


def _write_participants(bids: Path, labels: list[str]) -> None:
    rows = [("sub-emptyroom", "n/a", "n/a")]
    for label in labels:
        rng = np.random.default_rng([SEED, int(label), 5])
        rows.append((f"sub-{label}", int(rng.integers(20, 40)), "FM"[int(rng.integers(2))]))
    table = pd.DataFrame(rows, columns=["participant_id", "age", "sex"])
    write_text(bids / "participants.tsv", table.to_csv(sep="\t", index=False))
    write_json(
        bids / "participants.json",
        {
            "participant_id": {"Description": "Unique participant identifier"},
            "age": {"Description": "Age of the (invented) participant", "Units": "year"},
            "sex": {
                "Description": "Sex of the (invented) participant",
                "Levels": {"F": "female", "M": "male"},
            },
        },
    )


def _truth(folder: Path, subjects: dict[str, dict]) -> dict:
    """What `truth.json` says: the simulation, each subject, and the stamp of the files."""
    files = sorted(
        path
        for part in ("bids", "subjects")
        for path in (folder / part).rglob("*")
        if path.is_file()
    )
    return {
        "Description": "What the demo study simulates. Lengths in mm, times in s, moments in nAm; "
        "places in surface RAS, of fsaverage (MNI305) or, for a subject, of its own MRI.",
        "Task": TASK,
        "Factors": FACTORS,
        "Conditions": CONDITIONS,
        "SamplingFrequency": SFREQ,
        "PowerLineFrequency": LINE_FREQUENCY,
        "Sources": [describe_source(source) for source in SOURCES],
        "Noise": {"BadChannel": BAD_CHANNEL, **asdict(Noise())},
        "Subjects": subjects,
        "Software": software(),
        "Stamp": {
            "Code": code_digest(),
            "Subjects": len(subjects),
            "Files": {str(path.relative_to(folder)): digest_of_file(path) for path in files},
        },
    }
