"""The config in the forms that rules record among their parameters.

Snakemake reruns a job if its parameters change. The record of a finished study must therefore not
change when a later version adds or moves keys.
"""

from typing import Any

from groupwise.config.analysis import Analysis, Cluster, Threshold
from groupwise.config.fmri import Confounds, Fmri
from groupwise.config.fnirs import Fnirs, Quality, ShortChannels, Values
from groupwise.config.maps import Atlas, Estimates, Evokeds, Maps
from groupwise.config.meeg import Artifacts, Covariance, Epochs, Filter, Maxwell, Meeg
from groupwise.config.models import Model
from groupwise.config.section import Section
from groupwise.config.sources import Beamformer, Bem, Coregistration, Inverse, Morph, SourceSpace
from groupwise.config.study import Study

#: Keys of version 0.1 in their order. Do not change them. A key added later needs no entry: it is
#: recorded after these, and only if its value is not the default.
KEYS: dict[type[Section], str] = {
    Study: "study bids_root output participants subjects exclude missing seed block_size meeg fmri "
    "fnirs evokeds estimates maps values atlas analyses models",
    Meeg: "task session datatype subjects_dir anatomy channels reference montage bad_channels "
    "maxwell filter artifacts epochs conditions resample covariance coregistration bem "
    "source_space inverse morph",
    Maxwell: "st_duration find_bads movement",
    Filter: "l_freq h_freq notch",
    Artifacts: "method n_components eog ecg",
    Epochs: "tmin tmax baseline reject flat autoreject equalize",
    Covariance: "source method tmin tmax rank folds",
    Coregistration: "trans",
    Bem: "ico conductivity",
    SourceSpace: "kind grid spacing mindist",
    Inverse: "method snr loose depth fixed orientation beamformer",
    Beamformer: "tmin tmax reg",
    Morph: "to spacing smooth",
    Fmri: "derivatives bids_root task session space resolution conditions contrasts hrf drift "
    "high_pass confounds smoothing noise mask",
    Confounds: "strategy motion wm_csf global_signal compcor n_compcor fd_threshold "
    "std_dvars_threshold",
    Fnirs: "bids_root task session recordings conditions contrasts bad_channels quality motion ppf "
    "resample long short_channels stim_duration hrf drift high_pass confounds noise rois "
    "roi_weights",
    Quality: "sci saturation",
    ShortChannels: "regressors n_components longest",
    Evokeds: "table",
    Estimates: "table subjects_dir template spacing units",
    Maps: "table mask resample_to units space",
    Values: "table place value units",
    Atlas: "image labels fetch",
    Analysis: "data space parcellation chroma test conditions within between covariates variances "
    "error effects contrasts hat tfce across_effects alternative crop average hemispheres cluster "
    "permutations alpha",
    Cluster: "threshold mass connectivity",
    Threshold: "p stat",
    Model: "data formula where by estimator groups random optimizers alpha",
}

#: In version 0.1, every analysis had the keys of all kinds of data. These are the values recorded
#: for keys of other kinds.
FOREIGN: dict[str, Any] = {
    "parcellation": "aparc",
    "chroma": ["hbo", "hbr"],
    "tfce": False,
    "average": False,
    "hemispheres": ["lh", "rh"],
}


def recorded_config(study: Study) -> dict[str, Any]:
    """Return the study as plain values, in the order and with the defaults of version 0.1.

    Keys that are null are omitted, so the study cannot be restored from the record.
    """
    return _recorded(study)


def recorded_keys(section: Section, *keys: str) -> dict[str, Any]:
    """Return keys of a section as plain values, for the parameters of a rule.

    A key that was added after version 0.1, at any depth, appears only if its value is not the
    default. The function that reads the parameters must have the same default.

    Parameters
    ----------
    keys : in the order of the parameters; without keys, all of the section.
    """
    values = _without_later_defaults(section, section.model_dump(mode="json"))
    return {key: values[key] for key in keys or values if key in values}


def _without_later_defaults(section: Section, values: dict[str, Any]) -> dict[str, Any]:
    known = KEYS.get(type(section))
    later = set(values) - set(known.split()) if known else set()
    kept = {key: value for key, value in values.items() if key not in later - section.changed_keys}
    return {
        key: _without_later_defaults(own, value)
        if isinstance(own := getattr(section, key), Section)
        else value
        for key, value in kept.items()
    }


def _recorded(section: Section) -> dict[str, Any]:
    known = next((KEYS[kind].split() for kind in type(section).__mro__ if kind in KEYS), [])
    values = section.model_dump(mode="json")
    if isinstance(section, Analysis):
        values = {**FOREIGN, **values}
    recorded = {key: values[key] for key in known if values.get(key) is not None}
    recorded |= {key: values[key] for key in values if key in section.changed_keys - {*known}}
    return {
        key: _recorded_value(getattr(section, key, None), value) for key, value in recorded.items()
    }


def _recorded_value(value: Any, plain: Any) -> Any:
    if isinstance(value, Section):
        return _recorded(value)
    if isinstance(value, dict):
        return {name: _recorded_value(each, plain[name]) for name, each in value.items()}
    return plain
