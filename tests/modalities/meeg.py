"""Cases of M/EEG."""

from pathlib import Path

import pandas as pd

from groupwise.meeg.methods import describe_tested, write_passage
from groupwise.report.modality import Modality
from tests.modalities import SUBJECTS, Cases
from tests.workflow.docs_pages import DOCS, config_of
from tests.workflow.study_trees import (
    CLUSTER,
    demo_config,
    make_tree,
    touch,
    write_participants,
)

SECTION = {"task": "t", "subjects_dir": "fs", "conditions": {"a": 1, "b": 2},
           "epochs": {"tmin": -0.1, "tmax": 0.4}}  # fmt: skip
ONE = {"data": "meeg", "test": "one-sample", "conditions": ["a"]}
EEG = {"channels": ["eeg"], "bem": {"conductivity": [0.3, 0.006, 0.3]}}
LAYERS = {"bem": {"conductivity": [0.3, 0.006, 0.3]}}
BESIDE = {
    ("meeg.artifacts", "method", "ica"): {"meeg": {"covariance": {"rank": None}}},
    ("meeg.inverse.beamformer", "tmax", None): {"meeg": {"inverse": {"method": "LCMV"}}},
}
WORDS = {
    ("", "meeg"): {None: ("", {})},
    ("meeg", "session"): {None: ("", {})},
    ("meeg", "entities"): {None: ("", {})},
    # What is analysed are the channels; the data type says where the files are.
    ("meeg", "datatype"): {"meg": ("MEG was recorded", {}), "eeg": ("EEG was recorded", EEG)},
    ("meeg", "subjects_dir"): {None: ("", {})},
    ("meeg", "anatomy"): {
        "own": ("each participant's MRI, reconstructed with FreeSurfer", {}),
        "template": ("based on the template fsaverage, which was used for all participants", EEG),
    },
    ("meeg", "channels"): {
        "mag": ("MEG was recorded with 102 magnetometers at", {}),
        "grad": ("MEG was recorded with 204 planar gradiometers at", {}),
        "eeg": ("EEG was recorded with 60 to 64 EEG electrodes at", LAYERS),
    },
    ("meeg", "reference"): {
        "average": ("The EEG was re-referenced to the average of all electrodes.", EEG),
        "recorded": ("The EEG was analysed with the reference used during recording.", EEG),
    },
    ("meeg", "montage"): {None: ("", {})},
    ("meeg", "maxwell"): {None: ("", {})},
    ("meeg", "resample"): {None: ("Epochs were averaged separately for each condition.", {})},
    ("meeg.maxwell", "st_duration"): {
        None: ("interference was suppressed by signal-space separation (Taulu", {})
    },
    ("meeg.filter", "l_freq"): {None: ("were low-pass filtered at 40 Hz (-6 dB at 45 Hz)", {})},
    ("meeg.filter", "h_freq"): {None: ("No filter was applied.", {})},
    ("meeg.artifacts", "method"): {
        "none": ("No artifact correction or rejection was applied.", {}),
        "ssp": ("removed by signal-space projection (Uusitalo and Ilmoniemi, 1997) with 1 "
                "projector per artifact and channel type", {}),
        "ica": ("the number of components set to explain 99% of the variance)", {}),
    },
    ("meeg.artifacts", "n_components"): {None: ("with 1 projector per", {"method": "ssp"})},
    ("meeg.epochs", "baseline"): {
        None: ("relative to event onset were extracted; no baseline correction was applied.", {}),
        (None, 0.2): ("subtracting the mean from -100 to 200 ms.", {}),
        (0.1, None): ("subtracting the mean from 100 to 400 ms.", {}),
        (None, None): ("subtracting the mean from -100 to 400 ms.", {}),
    },
    ("meeg.epochs", "reject"): {
        "grad": ("above 1e+07 fT/cm (planar gradiometers) were rejected", {}),
        "mag": ("above 1e+06 fT (magnetometers) were rejected", {}),
        "eeg": ("", {}),  # no EEG is analysed
        "eog": ("above 1 µV (EOG) were rejected", {}),
        "ecg": ("above 1 µV (ECG) were rejected", {}),
    },
    ("meeg.epochs", "flat"): {
        "grad": ("below 1e+07 fT/cm (planar gradiometers) were rejected as flat", {}),
        "mag": ("below 1e+06 fT (magnetometers) were rejected as flat", {}),
        "eeg": ("", {}),
        "eog": ("below 1 µV (EOG) were rejected as flat", {}),
        "ecg": ("below 1 µV (ECG) were rejected as flat", {}),
    },
    ("meeg.epochs", "autoreject"): {
        None: ("", {}),
        "global": ("Rejection thresholds for each channel type were also learned", {}),
        "local": ("which interpolates bad channels in individual epochs", {}),
    },
    ("meeg.covariance", "source"): {
        "baseline": ("from all epochs in the interval from -100 to 0 ms relative to event", {}),
        "empty_room": ("The noise covariance was estimated from empty-room recordings", {}),
    },
    ("meeg.covariance", "method"): {
        "empirical": ("by the sample covariance", {}),
        "shrunk": ("by cross-validated shrinkage", {}),
        "diagonal_fixed": ("by fixed diagonal regularisation", {}),
        "ledoit_wolf": ("by Ledoit-Wolf shrinkage", {}),
        "oas": ("by oracle approximating shrinkage", {}),
        "pca": ("by probabilistic principal component analysis", {}),
    },
    ("meeg.covariance", "tmin"): {None: ("in the interval from -100 to 0 ms", {})},
    ("meeg.covariance", "tmax"): {None: ("in the interval from -50 to 400 ms", {"tmin": -0.05})},
    ("meeg.covariance", "rank"): {
        "info": ("Its rank was determined from the projectors and the Maxwell filter", {}),
        "full": ("It was assumed to have full rank.", {}),
        None: ("Its rank was estimated from the data.", {}),
    },
    ("meeg.coregistration", "trans"): {None: ("using the anatomical landmarks marked in both", {})},
    ("meeg.bem", "ico"): {None: ("boundary-element model (surfaces at full resolution;", {})},
    ("meeg.source_space", "kind"): {
        "surface": ("on the white-matter surface (oct6: 4,098 sources per hemisphere)", {}),
        "volume": ("on a regular grid with a spacing of 10 mm", {}),
    },
    ("meeg.inverse", "method"): {
        "MNE": ("by minimum-norm estimation (Hämäläinen", {}),
        "dSPM": ("by noise-normalised minimum-norm estimation (dSPM; Dale et al., 2000)", {}),
        "sLORETA": ("(sLORETA; Pascual-Marqui, 2002)", {}),
        "eLORETA": ("(eLORETA; Pascual-Marqui et al., 2011)", {}),
        "LCMV": ("linearly constrained minimum-variance (LCMV) beamformer", {}),
    },
    ("meeg.inverse", "orientation"): {
        None: ("The magnitude across the three source orientations was analysed.", {}),
        "normal": ("The signed component normal to the cortex was analysed.", {}),
        "vector": ("All three source components were retained", {}),
    },
    ("meeg.inverse.beamformer", "tmax"): {
        None: ("computed from all epochs in the interval from 0 to 400 ms", {})
    },
    ("meeg.morph", "smooth"): {
        "nearest": ("with nearest-neighbour interpolation", {}),
        None: ("with smoothing until all vertices were filled", {}),
    },
    ("analyses", "data"): {
        "meeg": ("tested source estimates of 12 participants from -100 to 400 ms", ONE),
    },
    ("analyses", "space"): {
        None: ("tested source estimates of 12", ONE),
        "sources": ("tested source estimates of 12", ONE),
        "labels": ("regional means of source estimates (parcellation: aparc) of 12", ONE),
        "mag": ("evoked responses at the magnetometers (bad channels interpolated) of", ONE),
        "grad": ("evoked responses at the planar gradiometers", ONE),
    },
}  # fmt: skip


TRIALS = pd.DataFrame({"a": [40, 38], "b": [40, 38]}, index=SUBJECTS)
FOUND = pd.DataFrame({"subject": SUBJECTS, "n_mag": 102, "n_grad": 204, "n_eeg": [60, 64],
                      "sampling_rate": 500.0, "duration": 300.0, "a": 42, "b": 42})  # fmt: skip
FACTS = {
    "trials": TRIALS, "events": 168, "bad": [0, 2], "noise": ["shrunk", "shrunk"],
    "artifacts": [{"method": "ica", "blinks": [0], "heartbeats": [3]}] * 2,
    "explained": [{"a": {"mag": 0.8}}, {"a": {"mag": 0.6}}], "scalp": [2.0, 3.0],
}  # fmt: skip
SAMPLE = Modality("M/EEG", "trials", TRIALS, recordings=FOUND, facts=FACTS, section="meeg",
                  write_passage=write_passage, describe_tested=describe_tested)  # fmt: skip


def make_meeg(folder: Path, sessions=(None,), ending="meg.fif") -> None:
    """Eight subjects of the demo's M/EEG study, or of EEG in BrainVision files."""
    subjects = [f"{n:02d}" for n in range(1, 9)]
    for session in sessions:
        make_tree(folder / "demo", subjects, session=session)
    if ending != "meg.fif":
        for path in (folder / "demo/bids").glob("sub-*/**/*_meg.fif"):
            touch(path.parents[1] / "eeg" / path.name.replace("meg.fif", ending))
            events = path.name.replace("meg.fif", "events.tsv")
            (path.parent / events).rename(path.parents[1] / "eeg" / events)
            path.unlink()
    for own in list((folder / "demo/subjects").iterdir()):
        for name in (
            "label/lh.aparc.annot",
            "label/rh.aparc.annot",
            "bem/outer_skull.surf",
            "bem/outer_skin.surf",
            "mri/T1.mgz",
            "mri/transforms/talairach.xfm",
        ):
            touch(own / name)
    touch(folder / "demo/bids/dataset_description.json", "{}")
    write_participants(folder / "demo/bids", subjects)


def make_tutorial(folder: Path) -> dict:
    make_meeg(folder)
    return config_of(DOCS / "tutorials/meeg.md")


def make_sessions(folder: Path) -> dict:
    """Two sessions; analyses of sources, labels and sensors; ICA, Maxwell filter, empty room."""
    make_meeg(folder, sessions=("pre", "post"))
    room = "sub-emptyroom/ses-20260112/meg/sub-emptyroom_ses-20260112_task-noise_meg.fif"
    touch(folder / "demo/bids" / room)
    config = demo_config("meeg", exclude={"08": "moved"}, missing="drop")
    config["meeg"] |= {
        "session": ["pre", "post"],
        "artifacts": {"method": "ica"},
        "maxwell": {"st_duration": 10},
        "covariance": {"source": "empty_room", "rank": None},
        "bad_channels": {"all": ["MEG 0113"], "02": ["MEG 2443"]},
    }
    within = {"session": ["pre", "post"], "modality": ["auditory", "visual"]}
    within["side"] = ["left", "right"]
    common = {"data": "meeg", "cluster": CLUSTER, "permutations": 100}
    config["analyses"] = {
        "training": common | {"within": within, "effects": ["session", "session:side"]},
        "gain": common
        | {"within": within, "contrasts": {"gain": "post/auditory/left - pre/auditory/left"}},
        "regions": common | {"within": within, "effects": ["session"], "space": "labels"},
        "planar": common
        | {"within": within, "effects": ["session"], "space": "grad", "crop": [0, 0.2]},
    }
    return config


def make_beamformer(folder: Path) -> dict:
    """A grid in the brain, LCMV; groups with a covariate."""
    make_meeg(folder)
    config = demo_config("meeg")
    config["meeg"] |= {
        "source_space": {"kind": "volume", "grid": 12},
        "inverse": {"method": "LCMV", "beamformer": {"tmax": 0.3}},
    }
    common = {"data": "meeg", "test": "paired", "conditions": ["auditory/left", "visual/left"]}
    config["analyses"] = {
        "grid": common | {"crop": [0.05, 0.3], "average": True, "alternative": "greater"},
        "age": common | {"covariates": ["age"], "effects": ["age", "mean"], "tfce": True},
    }
    return config


def make_eeg(folder: Path) -> dict:
    """EEG on the template's head."""
    make_meeg(folder, ending="eeg.vhdr")
    config = demo_config("meeg")
    config["meeg"] |= {
        "datatype": "eeg",
        "anatomy": "template",
        "channels": ["eeg"],
        "reference": ["M1", "M2"],
        "montage": "colin27_1020",
        "epochs": {"tmin": -0.1, "tmax": 0.35, "autoreject": "local"},
        "bem": {"ico": 3, "conductivity": [0.3, 0.006, 0.3]},
        "inverse": {"method": "eLORETA", "loose": 0, "fixed": True, "orientation": "normal"},
    }
    paired = {"data": "meeg", "test": "paired", "conditions": ["auditory/left", "visual/left"]}
    config["analyses"] = {
        "sources": paired | {"hemispheres": ["lh"], "hat": 0.001},
        "regions": paired | {"space": "labels"},
        "sensors": paired | {"space": "eeg"},
    }
    return config


def make_sensors(folder: Path) -> dict:
    """Sensors alone, without any anatomy."""
    make_meeg(folder)
    config = demo_config("meeg", subjects=[f"{n:02d}" for n in range(1, 8)])
    config["meeg"]["subjects_dir"] = None
    paired = {"data": "meeg", "test": "paired", "conditions": ["auditory/left", "visual/left"]}
    config["analyses"] = {"field": paired | {"space": "mag"}}
    return config


STUDIES = {
    "tutorial_meeg": make_tutorial,
    "sessions": make_sessions,
    "beamformer": make_beamformer,
    "eeg": make_eeg,
    "sensors": make_sensors,
}
CASES = [Cases("meeg", SECTION, ONE, WORDS, BESIDE, SAMPLE, studies=STUDIES)]
