"""Generate the fNIRS demo study: simulated intensities of a finger-tapping experiment.

The design is that of the BIDS-NIRS-Tapping data (Luke et al. 2021): tapping with the left hand,
with the right hand, and a control condition without movement.
"""

import datetime
import tempfile
from collections.abc import Callable
from pathlib import Path

import joblib
import mne
import numpy as np
import pandas as pd
from mne.preprocessing.nirs import source_detector_distances
from mne_bids import BIDSPath, write_raw_bids
from mne_nirs.io.snirf import write_raw_snirf
from nilearn.glm.first_level import compute_regressor

from groupwise.demo.stamp import clear_study, needs_making, stamp_of
from groupwise.files import write_json, write_text
from groupwise.provenance import software

NAME = "Groupwise demo: finger tapping (simulated fNIRS)"
SEED = 2028
TASK = "tapping"
CONDITIONS = ("Control", "Tapping/Left", "Tapping/Right")
#: Sources and detectors of the left hemisphere in the 10-05 system; mirrored on the right.
SOURCES, DETECTORS = ("C5", "C1", "FC3", "CP3"), ("C3", "FC5", "FC1", "CP5", "CP1")
PAIRS = (
    *(("C5", "C3"), ("C5", "FC5"), ("C5", "CP5"), ("C1", "C3"), ("C1", "FC1"), ("C1", "CP1")),
    *(("FC3", "C3"), ("FC3", "FC5"), ("FC3", "FC1"), ("CP3", "C3")),
)
MIRROR = str.maketrans("135", "246")
WAVELENGTHS = (760.0, 850.0)
RATE, SECONDS, EVENTS, DURATION = 7.8125, 900.0, 18, 5.0
#: Distance of short detectors, and width of the area of a hand on the scalp, in mm.
SHORT, WIDTH = 8.0, 25.0
#: GLM coefficients of HbO in umol/l above the area of a hand: opposite hand, same hand, no
#: movement; and the ratio of HbR to HbO.
CONTRALATERAL, IPSILATERAL, CONTROL, HBR = 0.8, 0.35, 0.05, -0.35
#: Standard deviations between participants: gain (log), responses (umol/l), position of the area of
#: a hand (mm per axis). The published coefficients of five participants vary by 80% of the mean.
GAIN_SD, RESPONSE_SD, PLACE_SD = 0.6, 0.1, 8.0
#: HbO of the scalp in umol/l: heart, breathing, Mayer waves, slow drift, task; HbR has a quarter of
#: it. The last value is the noise of a channel.
HEART, BREATH, MAYER, DRIFT, TASK_SCALP, NOISE = 0.6, 0.15, 0.35, 0.5, 0.15, 0.15
PPF = 6.0
#: Pair without optical contact, by participant: no heartbeat and no signal.
DETACHED = {"04": "S7_D7"}


def make_tapping(
    folder: str | Path, subjects: int = 6, jobs: int = 2, tell: Callable[[str], None] = print
) -> Path:
    """Write the fNIRS study into `folder` unless it is complete. Return the path of truth.json.

    Parameters
    ----------
    folder
        Gets `bids` (SNIRF recordings) and `truth.json`.
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
    write_json(
        folder / "bids" / "dataset_description.json",
        {
            "Name": NAME,
            "BIDSVersion": "1.9.0",
            "DatasetType": "raw",
            "License": "CC0",
            "Authors": ["The Groupwise developers"],
            "GeneratedBy": [{"Name": "groupwise.demo"}],
        },
    )
    write_text(
        folder / "bids" / "README",
        f"# {NAME}\n\nSimulated data, made by `python -m groupwise.demo`: nobody was recorded. "
        "`truth.json` describes the simulation.\n",
    )
    truths = {}
    made = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")(
        joblib.delayed(_make_subject)(folder, number) for number in range(1, subjects + 1)
    )
    for label, truth in made:
        truths[label] = truth
        tell(f"tapping: sub-{label} made ({len(truths)} of {subjects})")
    people = pd.DataFrame(
        {
            "participant_id": [f"sub-{label}" for label in sorted(truths)],
            "age": [truths[label].pop("Age") for label in sorted(truths)],
        }
    )
    write_text(folder / "bids" / "participants.tsv", people.to_csv(sep="\t", index=False))
    write_json(folder / "truth.json", _truth(folder, dict(sorted(truths.items()))))
    return folder / "truth.json"


def optodes() -> tuple[list[tuple[str, str]], dict[str, np.ndarray], dict]:
    """Return pairs (long ones first), positions of optodes (m, head frame) and fiducials."""
    montage = mne.channels.make_standard_montage("colin27_1005").get_positions()
    places = montage["ch_pos"]
    sources = [*SOURCES, *(name.translate(MIRROR) for name in SOURCES)]
    detectors = [*DETECTORS, *(name.translate(MIRROR) for name in DETECTORS)]
    at = {f"S{k + 1}": places[name] for k, name in enumerate(sources)}
    at |= {f"D{k + 1}": places[name] for k, name in enumerate(detectors)}
    both = [*PAIRS, *((a.translate(MIRROR), b.translate(MIRROR)) for a, b in PAIRS)]
    pairs = [(f"S{sources.index(a) + 1}", f"D{detectors.index(b) + 1}") for a, b in both]
    for k, name in enumerate(sources):
        aside = np.cross(places[name], [0, 0, 1.0])
        detector = f"D{len(detectors) + k + 1}"
        at[detector] = places[name] + aside / np.linalg.norm(aside) * SHORT * 1e-3
        pairs.append((f"S{k + 1}", detector))
    return pairs, at, montage


def _info(pairs: list[tuple[str, str]], at: dict[str, np.ndarray]) -> mne.Info:
    names = [f"{a}_{b} {wave:.0f}" for a, b in pairs for wave in WAVELENGTHS]
    info = mne.create_info(names, RATE, "fnirs_cw_amplitude")
    for k, channel in enumerate(info["chs"]):
        a, b = pairs[k // 2]
        channel["loc"][:3] = (at[a] + at[b]) / 2
        channel["loc"][3:6], channel["loc"][6:9] = at[a], at[b]
        channel["loc"][9] = WAVELENGTHS[k % 2]
        channel["coord_frame"] = mne.io.constants.FIFF.FIFFV_COORD_HEAD
    return info


def _make_subject(folder: Path, number: int) -> tuple[str, dict]:
    """Generate the recording of one subject. Return label and truth."""
    label = f"{number:02d}"
    person, noise = (np.random.default_rng([SEED, number, purpose]) for purpose in range(2))
    pairs, at, montage = optodes()
    info = _info(pairs, at)
    times = np.arange(int(SECONDS * RATE)) / RATE
    onset, kinds = _draw_events(noise)
    regressors = np.array([_response(onset[kinds == k], times) for k in range(len(CONDITIONS))])
    gain = float(np.exp(person.normal(0, GAIN_SD)))
    responses = gain * np.array(
        [[CONTROL, IPSILATERAL, CONTRALATERAL], [CONTROL, CONTRALATERAL, IPSILATERAL]]
    ) + person.normal(0, RESPONSE_SD, (2, 3))  # hemisphere (left, right) by condition
    scalp = _scalp(person, noise, times) + person.normal(1, 0.3) * TASK_SCALP * regressors.sum(0)
    hands = np.array([montage["ch_pos"][name] for name in ("C3", "C4")])
    hands = hands + 1e-3 * person.normal(0, PLACE_SD, (2, 3))
    distances = source_detector_distances(info)[::2]
    intensity = np.empty((2 * len(pairs), len(times)))
    for k, (a, b) in enumerate(pairs):
        middle = (at[a] + at[b]) / 2
        away = 1e3 * np.linalg.norm(middle - hands, axis=1)
        area = np.exp(-(away**2) / (2 * WIDTH**2))
        brain = area @ responses @ regressors * (distances[k] > 0.015)
        own = noise.normal(0, NOISE, (2, len(times))) * np.array([[1.0], [0.5]])
        drift = DRIFT * _walk(noise, len(times))
        here = scalp * np.exp(noise.normal(0, 0.1))
        oxygen = brain + here + drift + own[0]
        without = HBR * brain - 0.25 * here - 0.25 * drift + own[1]
        intensity[2 * k : 2 * k + 2] = _intensity(1e-6 * np.array([oxygen, without]), distances[k])
        if f"{a}_{b}" == DETACHED.get(label):
            intensity[2 * k : 2 * k + 2] = np.exp(noise.normal(0, 0.05, (2, len(times))))
    intensity *= noise.uniform(0.2, 2.0, (len(intensity), 1))
    for start in noise.integers(0, len(times) - 20, 4):  # motion artifacts
        # A lifted optode attenuates both wavelengths.
        moved = np.repeat(0.1 * noise.normal(size=(len(pairs), 1)), 2, axis=0)
        intensity[:, start : start + 6] *= 1 + moved
    raw = mne.io.RawArray(intensity, info, verbose="error")
    day = datetime.datetime(2026, 1, 2, 10, number, tzinfo=datetime.UTC)
    raw.set_meas_date(day)
    age = int(person.integers(20, 40))
    raw.info["subject_info"] = {"his_id": label, "sex": 0}
    fiducials = {name: montage[name] for name in ("nasion", "lpa", "rpa")}
    raw.info["line_freq"] = 50.0
    raw.set_annotations(mne.Annotations(onset, DURATION, [CONDITIONS[k] for k in kinds]))
    with raw.info._unlock():
        raw.info["dig"] = mne.channels.make_dig_montage(**fiducials, coord_frame="head").dig
    with tempfile.TemporaryDirectory(prefix=f".sub-{label}-", dir=folder) as aside:
        path = Path(aside) / f"sub-{label}.snirf"
        write_raw_snirf(raw, path)
        made = mne.io.read_raw_snirf(path, optode_frame="head", verbose="error")
        place = BIDSPath(
            subject=label, task=TASK, datatype="nirs", suffix="nirs", extension=".snirf",
            root=Path(aside) / "bids",
        )  # fmt: skip
        made.info["line_freq"] = 50.0
        write_raw_bids(made, place, overwrite=True, verbose="error")
        (Path(aside) / "bids" / f"sub-{label}").rename(folder / "bids" / f"sub-{label}")
    truth = {
        "Age": age,
        "Gain": round(gain, 3),
        "Hands": (1e3 * hands).round(1).tolist(),
        "Responses": {
            side: dict(zip(CONDITIONS, row.round(3).tolist(), strict=True))
            for side, row in zip(("Left", "Right"), responses, strict=True)
        },
        "Detached": DETACHED.get(label),
    }
    return label, truth


def _draw_events(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return onsets in s and indices of conditions, in random order."""
    order = rng.permutation(np.repeat(np.arange(len(CONDITIONS)), EVENTS))
    gaps = rng.uniform(DURATION + 8, DURATION + 12, len(order))
    return (20 + np.cumsum(gaps) - gaps[0]).round(3), order


def _response(onset: np.ndarray, times: np.ndarray) -> np.ndarray:
    given = np.vstack([onset, np.full(len(onset), DURATION), np.ones(len(onset))])
    return compute_regressor(given, "glover", times)[0][:, 0]


def _scalp(person, noise, times: np.ndarray) -> np.ndarray:
    """Return the signal of the scalp in all channels (umol/l of HbO)."""
    waves = 0.0
    for size, rate, jitter in ((HEART, 1.1, 0.05), (BREATH, 0.25, 0.03), (MAYER, 0.1, 0.02)):
        phase = person.uniform(0, 2 * np.pi) + np.cumsum(noise.normal(0, jitter, len(times)))
        waves = waves + size * np.sin(2 * np.pi * rate * times + phase)
    return waves + DRIFT * _walk(noise, len(times))


def _walk(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return a random walk with equal first and last value and standard deviation 1."""
    walk = np.cumsum(rng.normal(size=size))
    walk -= np.linspace(walk[0], walk[-1], size)
    return (walk - walk.mean()) / walk.std()


def _intensity(concentration: np.ndarray, distance: float) -> np.ndarray:
    """Return intensities (2, samples) for HbO and HbR (2, samples) in mol/l (Beer-Lambert)."""
    # Molar extinction of HbO and HbR at 760 and 850 nm, 1 / (cm mol/l), from Prahl's table, which
    # MNE uses too. The factor converts to 1 / (mm mmol/l) and natural logarithms.
    extinction = 0.2303 * np.array([[586.0, 1548.52], [1058.0, 691.32]])
    density = 1e3 * (extinction * distance * PPF) @ concentration
    return np.exp(-density)


def _truth(folder: Path, subjects: dict[str, dict]) -> dict:
    """Return the content of truth.json: simulation, subjects, and digests of the files."""
    return {
        "Description": "What the fNIRS demo simulates. Responses are GLM coefficients (umol/l of "
        "HbO) above the hand's area of each hemisphere.",
        "Task": TASK,
        "Conditions": CONDITIONS,
        "Responses": {
            "Contralateral": CONTRALATERAL, "Ipsilateral": IPSILATERAL, "Control": CONTROL,
        },
        "HbRToHbO": HBR,
        "HandArea": {"Places": ["C3", "C4"], "Width": WIDTH, "Units": "mm, head"},
        "Scalp": {"Heart": HEART, "Breath": BREATH, "Mayer": MAYER, "Drift": DRIFT,
                  "Task": TASK_SCALP},
        "Noise": NOISE,
        "BetweenSubjects": {"Gain": GAIN_SD, "Response": RESPONSE_SD, "Place": PLACE_SD},
        "PartialPathlengthFactor": PPF,
        "Subjects": subjects,
        "Software": software(),
        "Stamp": stamp_of(folder, ("bids",), len(subjects)),
    }  # fmt: skip
