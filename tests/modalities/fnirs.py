"""Cases of fNIRS."""

from pathlib import Path

import pandas as pd

from groupwise.fnirs.methods import describe_tested, write_passage
from groupwise.report.modality import Modality
from tests.modalities import SUBJECTS, Cases
from tests.workflow.docs_pages import DOCS, config_of
from tests.workflow.study_trees import touch, write_participants

SECTION = {"task": "t", "conditions": {"e": "e", "f": "f"}, "rois": {"left": ["S1_D1"]}}
ONE = {"data": "fnirs", "test": "one-sample", "conditions": ["e"]}
WORDS = {
    ("", "fnirs"): {None: ("", {})},
    ("fnirs", "bids_root"): {None: ("", {})},
    ("fnirs", "entities"): {None: ("", {})},
    ("fnirs", "session"): {None: ("", {})},
    ("fnirs", "recordings"): {None: ("", {})},
    ("fnirs", "confounds"): {None: ("", {})},
    ("fnirs", "motion"): {
        "none": ("No motion correction was applied.", {}),
        "tddr": ("by temporal derivative distribution repair (Fishburn et al., 2019)", {}),
    },
    ("fnirs", "resample"): {None: ("", {})},
    ("fnirs", "stim_duration"): {None: ("with their recorded durations", {})},
    ("fnirs", "hrf"): {
        "spm": ("were convolved with the canonical haemodynamic response function of SPM. ", {}),
        "spm + derivative": ("of SPM and its time derivative. Slow drifts", {}),
        "spm + derivative + dispersion": ("its time and dispersion derivatives. Slow drifts", {}),
        "glover": ("function of Glover (1999). Slow drifts", {}),
        "glover + derivative": ("of Glover (1999) and its time derivative. Slow drifts", {}),
        "glover + derivative + dispersion": (
            "of Glover (1999) and its time and dispersion derivatives. Slow drifts", {}
        ),
    },
    ("fnirs", "drift"): {
        "cosine": ("by a discrete cosine basis (high-pass cut-off 0.01 Hz)", {}),
        "polynomial": ("Slow drifts were modelled by a first-order polynomial.", {}),
        "none": ("No drift model was included.", {}),
    },
    ("fnirs", "roi_weights"): {
        "se": ("weighted by the inverse of their standard errors", {}),
        "equal": ("were the means of their channels, with equal weights", {}),
    },
    ("fnirs.short_channels", "regressors"): {
        "none": ("Scalp signals were not modelled.", {}),
        "mean": ("the means of oxygenated and of deoxygenated haemoglobin", {}),
        "chromophore": ("the mean of the channel's own chromophore", {}),
        "components": ("the first 2 principal components of the short channels", {}),
    },
    ("analyses", "data"): {
        "fnirs": ("channel-wise first-level estimates of oxygenated and deoxygenated", ONE),
    },
    ("analyses", "space"): {
        "channels": ("channel-wise first-level estimates", ONE),
        "rois": ("region-wise first-level estimates", ONE),
    },
    ("analyses", "chroma"): {
        "hbo": ("first-level estimates of oxygenated haemoglobin of", ONE),
        "hbr": ("first-level estimates of deoxygenated haemoglobin of", ONE),
    },
    ("models", "data"): {
        "channels": ("fitted to the first-level estimates of all channels", {}),
        "rois": ("fitted to the first-level estimates of the regions of interest", {}),
    },
}  # fmt: skip

TRIALS = pd.DataFrame({"a": [40, 38], "b": [40, 38]}, index=SUBJECTS)
FOUND = pd.DataFrame({"subject": SUBJECTS, "long_pairs": 20, "short_pairs": 8, "e": 9, "f": 9,
                      "sampling_rate": 10.0, "duration": 900.0})  # fmt: skip
FACTS = {"pairs": pd.DataFrame({"status": ["good"] * 27 + ["bad"]})}
SAMPLE = Modality("fNIRS", "events", TRIALS, recordings=FOUND, facts=FACTS, section="fnirs",
                  write_passage=write_passage, describe_tested=describe_tested)  # fmt: skip


def make_fnirs(folder: Path) -> None:
    """Six subjects of the demo's fNIRS study."""
    bids = folder / "demo/tapping/bids"
    subjects = [f"{n:02d}" for n in range(1, 7)]
    for subject in subjects:
        stem = bids / f"sub-{subject}/nirs/sub-{subject}_task-tapping"
        touch(Path(f"{stem}_nirs.snirf"))
        touch(Path(f"{stem}_nirs.json"), "{}")
        touch(Path(f"{stem}_events.tsv"), "onset\tduration\ttrial_type\n")
        touch(Path(f"{stem}_channels.tsv"), "name\ttype\n")
        for name in ("coordsystem.json", "optodes.tsv"):
            touch(stem.with_name(f"sub-{subject}_{name}"), "{}" if "json" in name else "name\n")
    touch(bids / "dataset_description.json", "{}")
    write_participants(bids, subjects)


def make_tutorial(folder: Path) -> dict:
    make_fnirs(folder)
    return config_of(DOCS / "tutorials/fnirs.md")


CASES = [
    Cases(
        *("fnirs", SECTION, ONE, WORDS),
        sample=SAMPLE,
        result={"Neighbours": False},
        studies={"tutorial_fnirs": make_tutorial},
    )
]
