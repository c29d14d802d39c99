"""The methods text: every value of every enumerated key, and null where allowed, has words.

The cases are generated from the typed config, so that a new value without words fails here.
"""

import copy
import re
import subprocess
import sys
from types import NoneType
from typing import Annotated, Literal, get_args, get_origin

import pandas as pd
import pytest
from pydantic import BaseModel

from groupwise.config.read import read_study
from groupwise.config.study import Study
from groupwise.fmri import methods as fmri_methods
from groupwise.fnirs import methods as fnirs_methods
from groupwise.meeg import methods as meeg_methods
from groupwise.plan.design import declare_design
from groupwise.report.build import settings_of
from groupwise.report.methods import methods_text
from groupwise.report.modality import Modality
from groupwise.stats.declared import design_from_dict

SUBJECTS = ["01", "02"]
#: Those of the group analyses.
TESTED = [f"{k:02d}" for k in range(1, 13)]
MEEG = {"task": "t", "subjects_dir": "fs", "conditions": {"a": 1, "b": 2},
        "epochs": {"tmin": -0.1, "tmax": 0.4}}  # fmt: skip
FMRI = {"derivatives": "d", "task": "t", "conditions": {"c": "c", "d": "d"}}
FNIRS = {"task": "t", "conditions": {"e": "e", "f": "f"}, "rois": {"left": ["S1_D1"]}}
BASE = {
    "study": "s", "bids_root": "bids", "meeg": MEEG, "fmri": FMRI, "fnirs": FNIRS,
    "maps": {"table": "t.tsv"}, "estimates": {"table": "t.tsv", "subjects_dir": "fs"},
    "evokeds": {"table": "t.tsv"}, "values": {"table": "t.tsv"},
}  # fmt: skip
ONE = {"data": "meeg", "test": "one-sample", "conditions": ["a"]}
OF_FMRI = {"data": "fmri", "test": "one-sample", "conditions": ["c"]}
OF_FNIRS = {"data": "fnirs", "test": "one-sample", "conditions": ["e"]}
OF_MAPS = {"data": "maps", "test": "one-sample"}
SIDES = {"within": {"x": ["a", "b"]}}
EEG = {"channels": ["eeg"], "bem": {"conductivity": [0.3, 0.006, 0.3]}}
LAYERS = {"bem": {"conductivity": [0.3, 0.006, 0.3]}}

#: What other sections must have for a value.
BESIDE = {
    ("meeg.artifacts", "method", "ica"): {"meeg": {"covariance": {"rank": None}}},
    ("meeg.inverse.beamformer", "tmax", None): {"meeg": {"inverse": {"method": "LCMV"}}},
}
#: Section and key, to value: words that the text must have ("": the text need only be made), and
#: what else the section needs for the value, or the analysis for a key of analyses.
WORDED = {
    ("", "bids_root"): {None: ("", {})},
    ("", "participants"): {None: ("", {})},
    ("", "subjects"): {"all": ("", {})},
    # The text names those who were excluded or dropped, with the reason.
    ("", "missing"): {"fail": ("", {}), "drop": ("", {})},
    ("", "meeg"): {None: ("", {})},
    ("", "fmri"): {None: ("", {})},
    ("", "fnirs"): {None: ("", {})},
    ("", "maps"): {None: ("", {})},
    ("", "estimates"): {None: ("", {})},
    ("", "evokeds"): {None: ("", {})},
    ("", "values"): {None: ("", {})},
    ("meeg", "session"): {None: ("", {})},
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
        "mag": ("above 1e+09 fT (magnetometers) were rejected", {}),
        "eeg": ("", {}),  # no EEG is analysed
        "eog": ("above 1 µV (EOG) were rejected", {}),
        "ecg": ("above 1 µV (ECG) were rejected", {}),
    },
    ("meeg.epochs", "flat"): {
        "grad": ("below 1e+07 fT/cm (planar gradiometers) were rejected as flat", {}),
        "mag": ("below 1e+09 fT (magnetometers) were rejected as flat", {}),
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
    ("fmri", "bids_root"): {None: ("", {})},
    ("fmri", "session"): {None: ("", {})},
    ("fmri", "resolution"): {None: ("", {})},
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
    ("fnirs", "bids_root"): {None: ("", {})},
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
    ("maps", "mask"): {"intersection": ("a finite, non-zero value in every map (", {})},
    ("maps", "resample_to"): {None: ("precomputed maps of 12 participants, in voxels", {})},
    ("atlas", "image"): {None: ("the nearest coordinate of Dosenbach et al. (2010)", {})},
    ("atlas", "labels"): {None: ("the nearest coordinate of Dosenbach et al. (2010)", {})},
    ("atlas", "fetch"): {
        None: ("the nearest coordinate of Dosenbach et al. (2010)", {}),
        "aal": ("labelled with the AAL atlas (Tzourio-Mazoyer et al., 2002)", {}),
        "harvard_oxford": ("with the Harvard-Oxford cortical atlas (Desikan et al., 2006)", {}),
        "schaefer_2018": ("with the Schaefer parcellation (Schaefer et al., 2018)", {}),
    },
    ("analyses", "data"): {
        "meeg": ("tested source estimates of 12 participants from -100 to 400 ms", ONE),
        "fmri": ("tested first-level effect maps of 12 participants, in voxels", OF_FMRI),
        "fnirs": ("channel-wise first-level estimates of oxygenated and deoxygenated", OF_FNIRS),
        "evokeds": ("precomputed evoked responses at the EEG electrodes (bad channels "
                    "interpolated) of 12 participants over the whole epoch",
                    OF_MAPS | {"space": "eeg"}),
        "estimates": ("tested precomputed source estimates of 12 participants over", OF_MAPS),
        "maps": ("tested precomputed maps of 12 participants", OF_MAPS),
        "values": ("tested precomputed values per ch_name of 12 participants", OF_MAPS),
    },
    ("analyses", "space"): {
        None: ("tested source estimates of 12", ONE),
        "sources": ("tested source estimates of 12", ONE),
        "labels": ("regional means of source estimates (parcellation: aparc) of 12", ONE),
        "mag": ("evoked responses at the magnetometers (bad channels interpolated) of", ONE),
        "grad": ("evoked responses at the planar gradiometers", ONE),
        "eeg": ("evoked responses at the EEG electrodes", OF_MAPS | {"data": "evokeds"}),
        "channels": ("channel-wise first-level estimates", OF_FNIRS),
        "rois": ("region-wise first-level estimates", OF_FNIRS),
    },
    ("analyses", "chroma"): {
        "hbo": ("first-level estimates of oxygenated haemoglobin of", OF_FNIRS),
        "hbr": ("first-level estimates of deoxygenated haemoglobin of", OF_FNIRS),
    },
    ("analyses", "test"): {
        "one-sample": ("One map of each participant (a) was tested", ONE),
        "paired": ("The difference a minus b of each", ONE | {"conditions": ["a", "b"]}),
        None: ("repeated-measures ANOVA", {"data": "meeg"} | SIDES),
    },
    ("analyses", "within"): {None: ("One map of each participant (a) was tested", ONE)},
    ("analyses", "between"): {None: ("One map of each participant (a) was tested", ONE)},
    ("analyses", "variances"): {
        "equal": ("(equal variances)", ONE | {"between": {"g": ["p", "q"]}}),
        "unequal": ("Welch's t", ONE | {"between": {"g": ["p", "q"]}}),
    },
    ("analyses", "error"): {
        "partitioned": ("each effect was tested with its own error term", {"data": "meeg"} | SIDES),
        "pooled": ("residuals were permuted within participants", {"data": "meeg"} | SIDES),
    },
    ("analyses", "effects"): {"all": ("", ONE)},
    ("analyses", "alternative"): {
        "two-sided": ("the cluster-forming threshold (two-sided)", ONE),
        "greater": ("the cluster-forming threshold (one-sided, greater)", ONE),
        "less": ("the cluster-forming threshold (one-sided, less)", ONE),
    },
    ("analyses", "crop"): {
        None: ("from -100 to 400 ms (9 points", ONE),
        (None, 0.2): ("from -100 to 200 ms (9 points", ONE),
        (0.1, None): ("from 100 to 400 ms (9 points", ONE),
        (None, None): ("from -100 to 400 ms (9 points", ONE),
    },
    ("analyses", "hemispheres"): {
        "lh": ("source estimates of the left hemisphere of 12", ONE),
        "rh": ("source estimates of the right hemisphere of 12", ONE),
    },
    ("analyses.cluster", "mass"): {
        "sum": ("(the sum of the statistic)", ONE),
        "excess": ("(the sum of the statistic in excess of the threshold)", ONE),
    },
    ("analyses.cluster", "connectivity"): {
        "faces": ("Neighbours were voxels that shared a face.", OF_FMRI),
        "edges": ("Neighbours were voxels that shared a face or an edge.", OF_FMRI),
        "corners": ("Neighbours were voxels that shared a face, an edge or a corner.", OF_FMRI),
    },
    ("analyses.cluster.threshold", "p"): {
        None: ("|t| > 3", ONE | {"cluster": {"threshold": {"stat": 3}}})
    },
    ("analyses.cluster.threshold", "stat"): {
        None: ("(uncorrected p < 0.001)", ONE | {"cluster": {"threshold": {"p": 0.001}}})
    },
    ("models", "data"): {
        "channels": ("fitted to the first-level estimates of all channels", {}),
        "rois": ("fitted to the first-level estimates of the regions of interest", {}),
        "values": ("fitted to the precomputed values", {}),
    },
    ("models", "estimator"): {
        "mixed": ("a linear mixed model with a random intercept for each ID", {}),
        "gee": ("by generalised estimating equations with an exchangeable working", {}),
        "rlm": ("robust linear regression with Huber's M-estimator", {}),
    },
    ("models", "optimizers"): {
        "lbfgs": ("with the L-BFGS optimiser", {}),
        "bfgs": ("with the BFGS optimiser", {}),
        "cg": ("with the conjugate-gradient optimiser", {}),
        "powell": ("with the Powell optimiser", {}),
        "nm": ("with the Nelder-Mead optimiser", {}),
    },
}  # fmt: skip


def sections(annotation, path=""):
    """(path, model) of every section that an annotation can hold."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield path, annotation
        for name, field in annotation.model_fields.items():
            yield from sections(field.annotation, f"{path}.{name}".strip("."))
    else:
        for part in get_args(annotation):
            yield from sections(part, path)


def values(annotation, within=None):
    """(value, container) of everything enumerated in an annotation; of a tuple, its open ends."""
    origin = get_origin(annotation)
    if annotation is NoneType:
        yield None, None
    elif origin is Literal:
        yield from ((value, within) for value in get_args(annotation))
    elif origin is tuple:
        if any(NoneType in get_args(part) for part in get_args(annotation)):
            yield from (((None, 0.2), None), ((0.1, None), None), ((None, None), None))
    elif origin is Annotated:
        yield from values(get_args(annotation)[0], within)
    else:
        for part in get_args(annotation):
            yield from values(part, origin if origin in (list, dict) else within)


CASES = list(
    dict.fromkeys(
        (path, key, value, container)
        for path, model in sections(Study)
        for key, field in model.model_fields.items()
        for value, container in values(field.annotation)
    )
)


def written(value, container):
    """The value as a user writes it."""
    if container is list:
        return [value]
    if container is dict:
        return {value: 1e-6}
    return list(value) if isinstance(value, tuple) else value


def merged(base, more):
    """Nested dicts as one."""
    out = copy.deepcopy(base)
    for key, value in more.items():
        nested = isinstance(value, dict) and isinstance(out.get(key), dict)
        out[key] = merged(out[key], value) if nested else value
    return out


def config_of(path, key, value, container):
    """A study in which the key of a section has the value."""
    more, beside = WORDED[path, key][value][1], BESIDE.get((path, key, value), {})
    value = written(value, container)
    own = {**more, key: value}
    root, *rest = path.split(".")
    for name in reversed(rest):
        own = {name: own}
    if root == "analyses":
        # What an analysis needs is given with its words; the value stands where its key is.
        own = {**more, key: value} if not rest else merged(more, _at(rest, {key: value}))
        return BASE | {"analyses": {"x": own}}
    analyses = {"x": ONE, "y": OF_FMRI, "z": OF_MAPS}
    if root == "models":
        return BASE | {"models": {"m": {"formula": "theta ~ 1", "data": "rois"} | own}}
    if not root:
        kept = {n: a for n, a in analyses.items() if a["data"] != key and key != "bids_root"}
        study = BASE | {"analyses": kept, key: value}
        if key == "bids_root":
            study |= {"meeg": None, "fmri": None, "fnirs": None}
        return study
    if path == "meeg" and key == "subjects_dir":
        analyses["x"] = ONE | {"space": "mag"}
    study = BASE | {"analyses": analyses}
    if root in ("meeg", "fmri", "fnirs"):  # alone, so that no words are those of another modality
        kept = {name: own for name, own in analyses.items() if own["data"] in (root, "maps")}
        study |= dict.fromkeys({"meeg", "fmri", "fnirs"} - {root}) | {"analyses": kept}
    return merged(merged(study, {root: own}), beside)


def _at(rest, own):
    for name in reversed(rest):
        own = {name: own}
    return own


def modalities_of(study):
    """What each modality's package would read of two participants."""
    people = pd.DataFrame({"age": ["21", "30"], "sex": ["F", "M"]}, index=SUBJECTS)
    trials = pd.DataFrame({"a": [40, 38], "b": [40, 38]}, index=SUBJECTS)
    made = []
    if study.meeg:
        found = pd.DataFrame({"subject": SUBJECTS, "n_mag": 102, "n_grad": 204, "n_eeg": [60, 64],
                              "sampling_rate": 500.0, "duration": 300.0, "a": 42,
                              "b": 42})  # fmt: skip
        facts = {
            "trials": trials, "events": 168, "bad": [0, 2], "noise": ["shrunk", "shrunk"],
            "artifacts": [{"method": "ica", "blinks": [0], "heartbeats": [3]}] * 2,
            "explained": [{"a": {"mag": 0.8}}, {"a": {"mag": 0.6}}], "scalp": [2.0, 3.0],
        }  # fmt: skip
        made.append(Modality("M/EEG", "trials", trials, people=people, recordings=found,
                             facts=facts, section="meeg", writer=meeg_methods))  # fmt: skip
    if study.fmri:
        found = pd.DataFrame({"subject": SUBJECTS, "volumes": 200, "repetition_time": 2.0, "c": 9,
                              "d": 9, "mean_displacement": 0.1,
                              "volumes_left_out": [1, 2]})  # fmt: skip
        facts = {"designs": [{"VarianceInflation": [{"c": 1.5}], "SliceTimeReference": 0.5}]}
        made.append(Modality("fMRI", "events", trials, people=people, recordings=found,
                             facts=facts, section="fmri", writer=fmri_methods))  # fmt: skip
    if study.fnirs:
        found = pd.DataFrame({"subject": SUBJECTS, "long_pairs": 20, "short_pairs": 8, "e": 9,
                              "f": 9, "sampling_rate": 10.0, "duration": 900.0})  # fmt: skip
        facts = {"pairs": pd.DataFrame({"status": ["good"] * 27 + ["bad"]})}
        made.append(Modality("fNIRS", "events", trials, people=people, recordings=found,
                             facts=facts, section="fnirs", writer=fnirs_methods))  # fmt: skip
    return made


def result_of(analysis):
    """What `infer` would state of the first effect of an analysis."""
    effect, between = analysis.effect_names[0], analysis.between or {}
    people = {
        subject: {name: levels[k % 2] for name, levels in between.items()}
        | {name: str((7 * k) % 5) for name in analysis.covariates}
        for k, subject in enumerate(TESTED)
    }
    made = design_from_dict(declare_design(analysis, effect, TESTED, people, "participants.tsv"))
    design, flips = made.to_dict(), made.exchange == "signs"
    groups = dict(made.group_sizes)
    asked = analysis.cluster.threshold
    return {
        "Design": design, "Effect": analysis.effect_names[0] if analysis.within else None,
        "Statistic": "F" if analysis.within else "t", "DegreesOfFreedom": [11], "Subjects": 12,
        "Groups": groups, "Alternative": analysis.alternative, "Alpha": analysis.alpha,
        "Threshold": {"asked": {"p": asked.p} if asked.p else {"stat": asked.stat},
                      "statistic": asked.stat or 4.4},
        "Mass": analysis.cluster.mass, "Hat": analysis.hat or None,
        "TFCE": analysis.statistic_options["tfce"] or None,
        "Seed": 0, "Permutations": 1000, "DistinctResamplings": 2048, "Exact": False,
        "Exchangeable": "signs" if flips else "orders", "PointsTested": 9, "Units": "u",
        "Space": "MNI152NLin2009cAsym" if analysis.data in ("fmri", "maps") else "fsaverage",
        "Neighbours": analysis.data not in ("fnirs", "values"),
    }  # fmt: skip


def model_of(name, spec):
    table = pd.DataFrame({"verdict": ["converged", "boundary"], "participants": 9})
    keys = ("formula", "where", "by", "estimator", "groups", "random", "optimizers")
    return {"name": name, "table": table, "facts": {"Model": {k: getattr(spec, k) for k in keys}}}


def text_of(raw):
    """The methods text of a config, on one line."""
    study = read_study(raw)
    effects = [{"analysis": k, "result": result_of(own)} for k, own in study.analyses.items()]
    models = [model_of(name, spec) for name, spec in study.models.items()]
    software = {"groupwise": "1", "python": "3", "mne": "1", "nilearn": "1", "numpy": "2"}
    methods = methods_text(study, modalities_of(study), effects, models, {}, software)
    return " ".join(methods.as_markdown(study.study).split())


@pytest.mark.parametrize(
    ("path", "key", "value", "container"), CASES, ids=[f"{p}.{k}={v}" for p, k, v, _ in CASES]
)
def test_every_value_is_worded(path, key, value, container):
    assert value in WORDED.get((path, key), {}), f"no words for {path}.{key}: {value}"
    words = WORDED[path, key][value][0]
    text = text_of(config_of(path, key, value, container))
    assert words in text, text
    assert not re.search(r"\b(None|nan|True|False)\b", text), text
    others = {other for other, _ in WORDED[path, key].values() if other and other not in words}
    assert not [other for other in others if other in text], text


def test_no_words_are_kept_for_values_that_are_no_more():
    assert {(p, k, v) for p, k, v, _ in CASES} == {
        (p, k, v) for (p, k), worded in WORDED.items() for v in worded
    }


def test_the_report_starts_without_the_libraries_of_the_modalities():
    code = "import sys, groupwise.report.build, groupwise.meeg.report, groupwise.fmri.report, "
    code += "groupwise.fnirs.report; print({'mne', 'nilearn', 'nibabel'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_config_shown_means_the_config():
    """A null whose default is another value is not lost."""
    raw = merged(BASE, {"meeg": {"filter": {"h_freq": None}, "covariance": {"tmax": None}}})
    raw["analyses"] = {"x": ONE | {"crop": [0, None]}}
    shown = settings_of(read_study(raw))
    assert read_study(shown) == read_study(raw)
    assert shown["meeg"]["filter"] == {"h_freq": None, "notch": []}
    assert "montage" not in shown["meeg"] and shown["analyses"]["x"]["crop"] == [0.0, None]
