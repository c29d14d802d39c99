"""Generate the fMRI demo study: simulated BOLD runs in the layout of fMRIPrep.

The design is that of the face-recognition study of Wakeman and Henson (2015): famous, unfamiliar
and scrambled faces, each in an initial, an immediate and a delayed presentation.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import joblib
import nibabel as nib
import numpy as np
import pandas as pd
from nibabel.affines import apply_affine
from nilearn.datasets import load_mni152_brain_mask, load_mni152_template
from nilearn.glm.first_level import compute_regressor
from scipy.ndimage import gaussian_filter
from scipy.signal import lfilter

from groupwise.demo.stamp import clear_study, needs_making, stamp_of
from groupwise.files import write_json, write_text, write_whole
from groupwise.provenance import software

NAME = "Groupwise demo: famous, unfamiliar and scrambled faces (simulated fMRI)"
SEED = 2027
TASK = "faces"
SPACE = "MNI152NLin2009cAsym"
STIMULI = ("famous", "unfamiliar", "scrambled")
PRESENTATIONS = ("initial", "immediate", "delayed")
#: Condition to its trial_type, as in the published study: IniFF, ... DelSF.
CONDITIONS = {
    f"{stimulus}/{seen}": f"{seen[:3].title()}{stimulus[0].upper()}F"
    for stimulus in STIMULI
    for seen in PRESENTATIONS
}
RUNS, VOLUMES, REPETITION, VOXEL = 2, 200, 2.0, 6
#: Mean interval and duration of events in s.
DISTANCE, DURATION = 3.0, 0.8
#: Standard deviations of noise in percent signal change. With 12 subjects, contrasts of the effects
#: below have an expected t of 6 or more, as strong effects have.
NOISE, DRIFT, GLOBAL, MOTION = 0.8, 0.5, 0.3, 0.15
AUTOCORRELATION = 0.3
#: Standard deviations between subjects: position (mm per axis), gain (log), responses (percent).
PLACE_SD, GAIN_SD, RESPONSE_SD = 2.5, 0.25, 0.06


@dataclass(frozen=True)
class Region:
    """A Gaussian blob of activity.

    Attributes
    ----------
    place : centre in MNI space, mm.
    width : standard deviation, mm.
    responses : (3, 3) percent signal change, stimulus by presentation.
    effect : simulated effect.
    """

    name: str
    place: tuple[float, float, float]
    width: float
    responses: tuple[tuple[float, float, float], ...]
    effect: str


def _rows(*famous_unfamiliar_scrambled: tuple, size: float) -> tuple:
    return tuple(
        tuple(round(size * value, 4) for value in row) for row in famous_unfamiliar_scrambled
    )


FACES = ((1, 1, 1), (1, 1, 1), (0.2, 0.2, 0.2))
REGIONS = (
    Region("fusiform-rh", (42, -52, -18), 7, _rows(*FACES, size=0.6), "faces > scrambled"),
    Region("fusiform-lh", (-40, -52, -18), 7, _rows(*FACES, size=0.5), "faces > scrambled"),
    Region("occipital-rh", (18, -92, -6), 9, _rows(*[(1, 1, 1)] * 3, size=1.0), "all alike"),
    Region("occipital-lh", (-18, -92, -6), 9, _rows(*[(1, 1, 1)] * 3, size=1.0), "all alike"),
    Region(
        "medial-prefrontal", (-2, 52, -6), 7,
        _rows((1, 1, 1), (0.1, 0.1, 0.1), (0, 0, 0), size=0.8), "famous > unfamiliar",
    ),
    Region(
        "occipital-face-rh", (40, -78, -10), 8,
        _rows((1, 0.1, 0.5), (0.6, 1, 0.8), (0.4, 0.4, 0.4), size=1.3),
        "stimulus x immediate repetition",
    ),
    Region(
        "parietal-lh", (-34, -56, 48), 8, _rows(*[(0.2, 0.9, 0.6)] * 3, size=0.5), "presentation",
    ),
)  # fmt: skip


def make_faces(
    folder: str | Path, subjects: int = 12, jobs: int = 2, tell: Callable[[str], None] = print
) -> Path:
    """Write the fMRI study into `folder` unless it is complete. Return the path of truth.json.

    Parameters
    ----------
    folder
        Gets `bids` (events of the runs), `derivatives/fmriprep` and `truth.json`.
    subjects
        Number of subjects, 1 to 99. Subject k is the same for any number of subjects.
    jobs
        Number of parallel processes.
    tell
        Called with a progress line for each subject.

    Raises
    ------
    InputError
        If `subjects` is out of range, or `folder` has other content.
    """
    folder = Path(folder)
    if not needs_making(folder, subjects, tell):
        return folder / "truth.json"
    clear_study(folder, NAME)
    bids, fmriprep = folder / "bids", folder / "derivatives" / "fmriprep"
    about = {"BIDSVersion": "1.9.0", "License": "CC0", "Authors": ["The Groupwise developers"]}
    made_by = [{"Name": "groupwise.demo"}]
    write_json(
        bids / "dataset_description.json",
        {"Name": NAME, **about, "DatasetType": "raw", "GeneratedBy": made_by},
    )
    write_json(
        fmriprep / "dataset_description.json",
        {"Name": NAME, **about, "DatasetType": "derivative", "GeneratedBy": made_by},
    )
    write_text(
        bids / "README",
        f"# {NAME}\n\nSimulated data, made by `python -m groupwise.demo`: no person was scanned. "
        "This folder has the events. The images, in the\nlayout of fMRIPrep, are in "
        "`derivatives/fmriprep` next to this folder. `truth.json` describes the simulation.\n",
    )
    truths = {}
    made = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")(
        joblib.delayed(_make_subject)(folder, number) for number in range(1, subjects + 1)
    )
    for label, truth in made:
        truths[label] = truth
        tell(f"faces: sub-{label} made ({len(truths)} of {subjects})")
    people = pd.DataFrame(
        {
            "participant_id": [f"sub-{label}" for label in sorted(truths)],
            "age": [truths[label].pop("Age") for label in sorted(truths)],
        }
    )
    write_text(bids / "participants.tsv", people.to_csv(sep="\t", index=False))
    write_json(folder / "truth.json", _truth(folder, dict(sorted(truths.items()))))
    return folder / "truth.json"


def _make_subject(folder: Path, number: int) -> tuple[str, dict]:
    """Generate one subject in a temporary folder, then rename it. Return label and truth."""
    label = f"{number:02d}"
    person, noise = (np.random.default_rng([SEED, number, purpose]) for purpose in range(2))
    mask = load_mni152_brain_mask(resolution=VOXEL)
    inside = np.asarray(mask.dataobj) > 0
    places = apply_affine(mask.affine, np.argwhere(inside))
    drawn, maps = [], np.zeros((len(CONDITIONS), len(places)))
    for region in REGIONS:
        center = np.array(region.place) + person.normal(0, PLACE_SD, 3)
        gain = np.exp(person.normal(0, GAIN_SD))
        own = gain * np.array(region.responses) + person.normal(0, RESPONSE_SD, (3, 3))
        blob = np.exp(-((places - center) ** 2).sum(axis=1) / (2 * region.width**2))
        maps += np.outer(own.ravel(), blob)
        drawn.append({"Name": region.name, "Place": center.round(2).tolist(),
                      "Responses": own.round(3).tolist()})  # fmt: skip
    template = np.asarray(load_mni152_template(resolution=VOXEL).dataobj)[inside]
    base = 600 + 500 * template / template.max()
    with tempfile.TemporaryDirectory(prefix=f".sub-{label}-", dir=folder) as aside:
        raw, prepared = (Path(aside) / name for name in ("raw", "prepared"))
        for run in range(1, RUNS + 1):
            stem = f"sub-{label}_task-{TASK}_run-{run}"
            events, course = _draw_events(noise)
            confounds, nuisance = _draw_confounds(noise, len(places))
            signal = maps.T @ course.T + nuisance + _draw_noise(noise, inside)
            bold = base[:, None] * (1 + 0.01 * signal)
            _write_run(raw / "func", prepared / "func", stem, mask, bold, events, confounds)
        for made, place in ((raw, "bids"), (prepared, "derivatives/fmriprep")):
            made.rename(folder / place / f"sub-{label}")
    return label, {"Age": int(person.integers(20, 40)), "Regions": drawn}


def _draw_events(rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    """Return random events of a run, and the response to each condition (volumes, 9)."""
    each = int((VOLUMES * REPETITION - 20) / DISTANCE) // len(CONDITIONS)
    order = rng.permutation(np.repeat(np.arange(len(CONDITIONS)), each))
    onset = (6 + np.arange(len(order)) * DISTANCE + rng.uniform(0, 0.6, len(order))).round(3)
    middle = (np.arange(VOLUMES) + 0.5) * REPETITION  # slices are timed to the middle of a volume
    courses = []
    for k in range(len(CONDITIONS)):
        own = onset[order == k]
        given = np.vstack([own, np.full(len(own), DURATION), np.ones(len(own))])
        courses.append(compute_regressor(given, "spm", middle)[0][:, 0])
    course, kinds = np.column_stack(courses), list(CONDITIONS.values())
    events = pd.DataFrame(
        {"onset": onset, "duration": DURATION, "trial_type": [kinds[k] for k in order]}
    )
    return events, course / course.max()


def _draw_confounds(rng: np.random.Generator, places: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Return confounds with the names of fMRIPrep, and their signal (voxels, volumes)."""
    motion = np.cumsum(rng.normal(0, [0.02] * 3 + [0.0003] * 3, (VOLUMES, 6)), axis=0)
    k = np.arange(1, 5)
    cosines = np.cos(np.pi * np.outer(np.arange(VOLUMES) + 0.5, k) / VOLUMES)
    whole = np.cumsum(rng.normal(size=VOLUMES))
    whole = (whole - whole.mean()) / whole.std()
    axes = ["trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z"]
    table = pd.DataFrame(motion, columns=axes)
    for name in axes:
        table[f"{name}_derivative1"] = table[name].diff()
        table[f"{name}_power2"] = table[name] ** 2
        table[f"{name}_derivative1_power2"] = table[f"{name}_derivative1"] ** 2
    moved = table[[f"{name}_derivative1" for name in axes]].abs()
    table["framewise_displacement"] = moved.iloc[:, :3].sum(axis=1, skipna=False) + 50 * moved.iloc[
        :, 3:
    ].sum(axis=1, skipna=False)
    table["global_signal"] = 1000 + whole
    table["white_matter"] = 0.8 * whole + rng.normal(0, 0.3, VOLUMES)
    table["csf"] = 0.5 * whole + rng.normal(0, 0.5, VOLUMES)
    for j, column in enumerate(cosines.T):
        table[f"cosine{j:02d}"] = column
    added = rng.normal(0, DRIFT, (places, 4)) @ cosines.T
    added += GLOBAL * rng.normal(1, 0.3, (places, 1)) * whole
    added += rng.normal(0, MOTION, (places, 6)) @ (motion / motion.std(axis=0)).T
    return table, added


def _draw_noise(rng: np.random.Generator, inside: np.ndarray) -> np.ndarray:
    """Return (voxels, volumes) autoregressive noise, smooth in space (SD 0.8 voxels)."""
    white = rng.standard_normal((*inside.shape, VOLUMES), dtype=np.float32)
    smooth = gaussian_filter(white, (0.8, 0.8, 0.8, 0))[inside]
    noise = lfilter([1], [1, -AUTOCORRELATION], smooth, axis=1)
    return NOISE * noise / noise.std()


def _write_run(
    raw: Path, prepared: Path, stem: str, mask: nib.Nifti1Image, bold: np.ndarray,
    events: pd.DataFrame, confounds: pd.DataFrame,
) -> None:  # fmt: skip
    """Write events to the raw data; image, mask and confounds to the derivatives."""
    facts = {"TaskName": TASK, "RepetitionTime": REPETITION}
    write_text(raw / f"{stem}_events.tsv", events.to_csv(sep="\t", index=False))
    inside = np.asarray(mask.dataobj) > 0
    volume = np.zeros((*inside.shape, VOLUMES), np.int16)
    volume[inside] = np.round(bold)
    image = nib.Nifti1Image(volume, mask.affine)
    image.header.set_zooms((VOXEL, VOXEL, VOXEL, REPETITION))
    image.header.set_xyzt_units("mm", "sec")
    space = prepared / f"{stem}_space-{SPACE}"
    inner = nib.Nifti1Image(inside.astype(np.uint8), mask.affine)
    for made, path in (
        (image, f"{space}_desc-preproc_bold.nii.gz"),
        (inner, f"{space}_desc-brain_mask.nii.gz"),
    ):
        with write_whole(path) as part:
            nib.save(made, part)
    write_json(
        Path(f"{space}_desc-preproc_bold.json"),
        {**facts, "StartTime": REPETITION / 2, "SliceTimingCorrected": True},
    )
    table = confounds.to_csv(sep="\t", index=False, na_rep="n/a", float_format="%.8g")
    write_text(prepared / f"{stem}_desc-confounds_timeseries.tsv", table)
    write_json(prepared / f"{stem}_desc-confounds_timeseries.json", {})


def _truth(folder: Path, subjects: dict[str, dict]) -> dict:
    """Return the content of truth.json: simulation, subjects, and digests of the files."""
    return {
        "Description": "What the fMRI demo simulates. Places in mm (MNI), responses in percent "
        "signal change at the peak of the response to one event, stimulus by presentation.",
        "Task": TASK,
        "Stimuli": STIMULI,
        "Presentations": PRESENTATIONS,
        "Conditions": CONDITIONS,
        "RepetitionTime": REPETITION,
        "Regions": [
            {"Name": region.name, "Place": region.place, "Width": region.width,
             "Responses": region.responses, "Effect": region.effect}
            for region in REGIONS
        ],
        "Noise": {"White": NOISE, "Autocorrelation": AUTOCORRELATION, "Drift": DRIFT,
                  "Global": GLOBAL, "Motion": MOTION},
        "BetweenSubjects": {"Place": PLACE_SD, "Gain": GAIN_SD, "Response": RESPONSE_SD},
        "Subjects": subjects,
        "Software": software(),
        "Stamp": stamp_of(folder, ("bids", "derivatives"), len(subjects)),
    }  # fmt: skip
