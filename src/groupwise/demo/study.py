"""Generate the MEG demo study: raw BIDS data, a SUBJECTS_DIR and truth.json."""

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import joblib
import mne
import numpy as np

from groupwise.demo.anatomy import Anatomy, make_individual
from groupwise.demo.bids import (
    NAME,
    RECORDED,
    TASK,
    write_description,
    write_participants,
    write_recording,
    write_t1w,
)
from groupwise.demo.freesurfer import write_parcellation, write_subject
from groupwise.demo.recordings import (
    BAD_CHANNEL,
    LINE_FREQUENCY,
    SFREQ,
    Noise,
    draw_events,
    draw_session,
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
from groupwise.demo.stamp import needs_making, stamp_of
from groupwise.demo.template import load_template, parcellate
from groupwise.errors import InputError
from groupwise.files import write_json
from groupwise.provenance import software

SEED = 2026


def make_demo(
    folder: str | Path, subjects: int = 8, jobs: int = 2, tell: Callable[[str], None] = print
) -> Path:
    """Write the demo study into `folder` unless it is complete. Return the path of truth.json.

    Parameters
    ----------
    folder
        Gets `bids` (raw BIDS), `subjects` (FreeSurfer subjects_dir with the individuals
        `sub-01`... and `fsaverage`) and `truth.json`.
    subjects
        Number of subjects, 1 to 99. Subject k is the same for any number of subjects.
    jobs
        Number of parallel processes.
    tell
        Called with a progress line for each subject.

    Raises
    ------
    InputError
        If `subjects` is out of range, or `folder` has other folders `bids` or `subjects`.
    """
    folder = Path(folder)
    if not needs_making(folder, subjects, tell):
        return folder / "truth.json"
    _clear(folder)
    bids, subjects_dir = folder / "bids", folder / "subjects"
    write_description(bids)
    template = load_template()
    write_subject(subjects_dir / "fsaverage", template)
    write_parcellation(subjects_dir / "fsaverage", *parcellate(template))
    _make_empty_room(folder)
    tell("fsaverage and empty room made")
    made = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")(
        joblib.delayed(_make_subject)(folder, number, template) for number in range(1, subjects + 1)
    )
    truths = {}
    for label, truth in made:
        truths[label] = truth
        tell(f"sub-{label} made ({len(truths)} of {subjects})")
    write_participants(bids, {label: _draw_person(int(label)) for label in truths})
    write_json(folder / "truth.json", _truth(folder, dict(sorted(truths.items()))))
    return folder / "truth.json"


def _clear(folder: Path) -> None:
    """Remove an incomplete or older study. Raises `InputError` if the folder has other data."""
    bids, subjects_dir = folder / "bids", folder / "subjects"
    description = bids / "dataset_description.json"
    if bids.exists() or subjects_dir.exists():
        try:
            ours = json.loads(description.read_text(encoding="utf-8"))["Name"] == NAME
        except (FileNotFoundError, json.JSONDecodeError, KeyError):
            ours = False
        if not ours:
            raise InputError(
                f"{folder}: 'bids' or 'subjects' does not belong to a demo study; "
                "choose another folder for the demo, or remove them"
            )
    (folder / "truth.json").unlink(missing_ok=True)
    # Keep the description, which identifies the remaining files as a demo study.
    for path in [subjects_dir, *(bids.glob("*") if bids.exists() else ()), *folder.glob(".sub-*")]:
        if path.is_dir():
            shutil.rmtree(path)
        elif path.exists() and path != description:
            path.unlink()


def _make_subject(folder: Path, number: int, template: Anatomy) -> tuple[str, dict]:
    """Generate one subject in a temporary folder, then rename it. Return label and truth."""
    label = f"{number:02d}"
    # A separate random stream for each purpose: a change of one does not affect the others.
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
        write_recording(raw, bids, f"sub-{label}", events, Path(aside))
        write_t1w(bids, subjects_dir, label, anatomy, raw.info, session.head_mri)
        (bids / f"sub-{label}").rename(folder / "bids" / f"sub-{label}")
        (subjects_dir / f"sub-{label}").rename(folder / "subjects" / f"sub-{label}")
    return label, {
        "HeadToMRI": session.head_mri["trans"].round(6).tolist(),
        "Events": len(events),
        "Sources": [describe_response(response, anatomy) for response in responses],
    }


def _make_empty_room(folder: Path) -> None:
    """Write the empty-room recording, one hour before the first subject."""
    raw = simulate_empty_room(Noise(), np.random.default_rng([SEED, 0]))
    raw.set_meas_date(RECORDED - timedelta(hours=1))
    with tempfile.TemporaryDirectory(prefix=".sub-emptyroom-", dir=folder) as aside:
        bids = Path(aside) / "bids"
        write_recording(raw, bids, "sub-emptyroom", None, Path(aside))
        (bids / "sub-emptyroom").rename(folder / "bids" / "sub-emptyroom")


def _draw_person(number: int) -> tuple[int, str]:
    """Return a random age and sex of a participant."""
    rng = np.random.default_rng([SEED, number, 5])
    return int(rng.integers(20, 40)), "FM"[int(rng.integers(2))]


def _truth(folder: Path, subjects: dict[str, dict]) -> dict:
    """Return the content of truth.json: simulation, subjects, and digests of the files."""
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
        "Stamp": stamp_of(folder, ("bids", "subjects"), len(subjects)),
    }
