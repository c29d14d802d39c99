"""Write the recordings and scans of the MEG demo study as a raw BIDS data set."""

from datetime import UTC, datetime
from pathlib import Path

import mne
import mne_bids
import nibabel as nib
import numpy as np
import pandas as pd

from groupwise.demo.anatomy import Anatomy
from groupwise.demo.freesurfer import conformed_image
from groupwise.demo.recordings import BAD_CHANNEL, DURATION, SFREQ, save_short
from groupwise.demo.sources import CONDITIONS
from groupwise.files import write_json, write_text

TASK = "audvis"
NAME = "Groupwise demo: auditory and visual stimuli on the left and right (simulated MEG)"
RECORDED = datetime(2026, 1, 12, 9, 0, tzinfo=UTC)
EMPTY_ROOM_SESSION = RECORDED.strftime("%Y%m%d")

README = f"""\
# {NAME}

Simulated data, made by `python -m groupwise.demo`: no person was recorded.

Each subject saw and heard 96 stimuli in random order, about one a second: tones and checkerboards
on the left or the right (`auditory/left`, `auditory/right`, `visual/left`, `visual/right`).
One run of {DURATION:.0f} s at {SFREQ:.0f} Hz from a 306-channel Neuromag array, 16-bit FIF.
{BAD_CHANNEL} is bad in every recording. The anatomies are random deformations of fsaverage; the
landmarks in `*_T1w.json` give the transform between head and MRI.

`truth.json`, next to this folder, describes the simulation: positions, times and amplitudes.
"""

#: Entries of the BIDS sidecar of a recording that mne-bids cannot know.
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

#: Descriptions of the columns of the events.
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


def _bids_path(bids: Path, subject: str) -> mne_bids.BIDSPath:
    """Return the BIDS path of the recording of a subject or of the empty room."""
    place = (
        {"session": EMPTY_ROOM_SESSION, "task": "noise"}
        if subject == "sub-emptyroom"
        else {"task": TASK}
    )
    return mne_bids.BIDSPath(
        subject=subject.removeprefix("sub-"), datatype="meg", suffix="meg", root=bids, **place
    )


def write_recording(
    raw: mne.io.RawArray, bids: Path, subject: str, events: np.ndarray | None, aside: Path
) -> None:
    """Write a recording with its sidecars through mne-bids, then complete the sidecar."""
    saved = aside / "raw.fif"
    save_short(raw, saved)
    path = _bids_path(bids, subject)
    events_given = {}
    if events is not None:
        three_columns = np.insert(events, 1, 0, axis=1)
        events_given = {"events": three_columns, "event_id": CONDITIONS}
    raw = mne.io.read_raw_fif(saved, verbose="error")
    mne_bids.write_raw_bids(raw, path, overwrite=True, verbose="error", **events_given)
    facts = dict(RECORDING_FACTS)
    if events is not None:
        empty_room = _bids_path(bids, "sub-emptyroom").update(extension=".fif").fpath
        facts["AssociatedEmptyRoom"] = empty_room.relative_to(bids).as_posix()
        described = path.copy().update(suffix="events", extension=".json")
        mne_bids.update_sidecar_json(described, EVENT_FACTS, verbose="error")
    mne_bids.update_sidecar_json(path.copy().update(extension=".json"), facts, verbose="error")


def write_t1w(
    bids: Path,
    subjects_dir: Path,
    label: str,
    anatomy: Anatomy,
    info: mne.Info,
    head_mri: mne.transforms.Transform,
) -> None:
    """Write the T1 volume in the orientation of a scanner, with the landmarks in its sidecar."""
    conformed = conformed_image(anatomy)
    scan = nib.as_closest_canonical(
        nib.Nifti1Image(np.asarray(conformed.dataobj), conformed.affine)
    )
    landmarks = mne_bids.get_anat_landmarks(
        scan, info, head_mri, fs_subject=f"sub-{label}", fs_subjects_dir=subjects_dir
    )
    path = mne_bids.BIDSPath(subject=label, datatype="anat", suffix="T1w", root=bids)
    mne_bids.write_anat(scan, path, landmarks=landmarks, verbose="error")


def write_description(bids: Path) -> None:
    """Write the README and dataset_description.json, whose name identifies a demo study."""
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


def write_participants(bids: Path, people: dict[str, tuple[int, str]]) -> None:
    """Write participants.tsv and its sidecar: age and sex of each label, and the empty room."""
    rows = [("sub-emptyroom", "n/a", "n/a")]
    rows += [(f"sub-{label}", age, sex) for label, (age, sex) in sorted(people.items())]
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
