"""Cases of fMRI."""

from pathlib import Path

import pandas as pd

from groupwise.fmri.methods import describe_tested, write_passage
from groupwise.report.modality import Modality
from tests.modalities import SUBJECTS, Cases
from tests.workflow.docs_pages import DOCS, config_of
from tests.workflow.study_trees import touch, write_participants

SECTION = {"derivatives": "d", "task": "t", "conditions": {"c": "c", "d": "d"}}
ONE = {"data": "fmri", "test": "one-sample", "conditions": ["c"]}
WORDS = {
    ("", "fmri"): {None: ("", {})},
    ("fmri", "bids_root"): {None: ("", {})},
    ("fmri", "session"): {None: ("", {})},
    ("fmri", "resolution"): {None: ("", {})},
    ("fmri", "stim_duration"): {
        None: ("The events of each condition were convolved with", {}),
    },
    ("fmri", "entities"): {None: ("", {})},
    ("fmri", "hrf"): {
        "spm": ("with the canonical haemodynamic response function of SPM. ", {}),
        "spm + derivative": ("of SPM and its time derivative.", {}),
        "spm + derivative + dispersion": ("of SPM and its time and dispersion derivatives.", {}),
        "glover": ("convolved with the haemodynamic response function of Glover (1999).", {}),
        "glover + derivative": ("Glover (1999) and its time derivative.", {}),
        "glover + derivative + dispersion": (
            "Glover (1999) and its time and dispersion derivatives.", {}
        ),
    },
    ("fmri", "drift"): {
        "cosine": ("by a discrete cosine basis (high-pass cut-off 0.01 Hz)",
                   {"confounds": {"strategy": ["motion"]}}),
        "polynomial": ("Slow drifts were modelled by a first-order polynomial.",
                       {"confounds": {"strategy": ["motion"]}}),
        "none": ("No drift model was included.", {"confounds": {"strategy": ["motion"]}}),
    },
    ("fmri", "smoothing"): {None: ("No spatial smoothing was applied.", {})},
    ("fmri", "noise"): {
        "ar1": ("modelled by a first-order autoregressive process", {}),
        "ols": ("Models were fitted by ordinary least squares", {}),
    },
    ("fmri.confounds", "strategy"): {
        "motion": ("Confound regressors were 6 head-motion parameters.", {}),
        "wm_csf": ("the mean white-matter and cerebrospinal-fluid signals.", {}),
        "global_signal": ("Confound regressors were the global signal.", {}),
        "compcor": ("were 5 anatomical CompCor components", {}),
        "ica_aroma": ("ICA-AROMA components (Pruim et al., 2015)", {}),
        "high_pass": ("the discrete cosine regressors of the preprocessing", {}),
        "scrub": ("with a framewise displacement above 0.5 mm or a standardised DVARS above 1.5 "
                  "were excluded (3 in total)", {}),
        "non_steady_state": ("Volumes acquired before the steady state were excluded", {}),
    },
    ("fmri.confounds", "motion"): {
        "basic": ("6 head-motion parameters", {}),
        "power2": ("12 head-motion parameters (6 and their squares)", {}),
        "derivatives": ("12 head-motion parameters (6 and their temporal derivatives)", {}),
        "full": ("24 head-motion parameters", {}),
    },
    ("fmri.confounds", "wm_csf"): {
        "basic": ("cerebrospinal-fluid signals.", {"strategy": ["wm_csf"]}),
        "power2": ("cerebrospinal-fluid signals with their squares.", {"strategy": ["wm_csf"]}),
        "derivatives": ("signals with their temporal derivatives.", {"strategy": ["wm_csf"]}),
        "full": ("signals with their temporal derivatives and the squares of both.",
                 {"strategy": ["wm_csf"]}),
    },
    ("fmri.confounds", "global_signal"): {
        "basic": ("the global signal.", {"strategy": ["global_signal"]}),
        "power2": ("the global signal with its square.", {"strategy": ["global_signal"]}),
        "derivatives": ("with its temporal derivative.", {"strategy": ["global_signal"]}),
        "full": ("with its temporal derivative and the squares of both.",
                 {"strategy": ["global_signal"]}),
    },
    ("fmri.confounds", "compcor"): {
        "anat_combined": ("5 anatomical CompCor components of the combined white-matter and CSF "
                          "mask", {"strategy": ["compcor"]}),
        "anat_separated": ("5 anatomical CompCor components of each of", {"strategy": ["compcor"]}),
        "temporal": ("5 temporal CompCor components (Behzadi", {"strategy": ["compcor"]}),
        "temporal_anat_combined": ("5 temporal CompCor components and as many anatomical ones",
                                   {"strategy": ["compcor"]}),
    },
    ("analyses", "data"): {
        "fmri": ("tested first-level effect maps of 12 participants, in voxels", ONE),
    },
    ("analyses.cluster", "connectivity"): {
        "faces": ("Neighbours were voxels that shared a face.", ONE),
        "edges": ("Neighbours were voxels that shared a face or an edge.", ONE),
        "corners": ("Neighbours were voxels that shared a face, an edge or a corner.", ONE),
    },
}  # fmt: skip

TRIALS = pd.DataFrame({"a": [40, 38], "b": [40, 38]}, index=SUBJECTS)
FOUND = pd.DataFrame({"subject": SUBJECTS, "volumes": 200, "repetition_time": 2.0, "c": 9, "d": 9,
                      "mean_displacement": 0.1, "volumes_left_out": [1, 2]})  # fmt: skip
FACTS = {"designs": [{"VarianceInflation": [{"c": 1.5}], "SliceTimeReference": 0.5}]}
SAMPLE = Modality("fMRI", "events", TRIALS, recordings=FOUND, facts=FACTS, section="fmri",
                  write_passage=write_passage, describe_tested=describe_tested)  # fmt: skip


def make_fmri(folder: Path) -> None:
    """Twelve subjects of the demo's fMRI study, two runs each."""
    bids = folder / "demo/faces/bids"
    derivatives = folder / "demo/faces/derivatives/fmriprep"
    subjects = [f"{n:02d}" for n in range(1, 13)]
    for subject in subjects:
        for run in (1, 2):
            stem = f"sub-{subject}/func/sub-{subject}_task-faces_run-{run}"
            touch(bids / f"{stem}_events.tsv", "onset\tduration\ttrial_type\n")
            space = "space-MNI152NLin2009cAsym_desc"
            for ending in (
                *("desc-confounds_timeseries.json", "desc-confounds_timeseries.tsv"),
                *(f"{space}-brain_mask.nii.gz", f"{space}-preproc_bold.nii.gz"),
                f"{space}-preproc_bold.json",
            ):
                touch(derivatives / f"{stem}_{ending}", "{}" if ending.endswith("json") else "")
    touch(bids / "dataset_description.json", "{}")
    touch(derivatives / "dataset_description.json", "{}")
    write_participants(bids, subjects)


def make_tutorial(folder: Path) -> dict:
    make_fmri(folder)
    return config_of(DOCS / "tutorials/fmri.md")


CASES = [
    Cases(
        *("fmri", SECTION, ONE, WORDS),
        sample=SAMPLE,
        result={"Space": "MNI152NLin2009cAsym"},
        studies={"tutorial_fmri": make_tutorial},
    )
]
