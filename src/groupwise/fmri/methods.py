"""fMRI in the methods section: acquisition, preprocessing, first level, what is tested."""

from groupwise.config.fmri import Confounds, Fmri, FmriAnalysis
from groupwise.config.study import Study
from groupwise.report.modality import Modality, Passage, Tested
from groupwise.report.phrases import (
    NEIGHBOURS,
    conditions,
    contrasts,
    device,
    drift,
    haemodynamic_response,
    impulses,
    listed,
    span,
)
from groupwise.report.references import Citations

#: Head-motion parameters.
MOTION = {
    "basic": "6 head-motion parameters",
    "power2": "12 head-motion parameters (6 and their squares)",
    "derivatives": "12 head-motion parameters (6 and their temporal derivatives)",
    "full": "24 head-motion parameters (6, their temporal derivatives and the squares of both)",
}
#: What is added to one mean signal, and to several.
EXPANSION = {
    "basic": ("", ""),
    "power2": (" with its square", " with their squares"),
    "derivatives": (" with its temporal derivative", " with their temporal derivatives"),
    "full": (
        " with its temporal derivative and the squares of both",
        " with their temporal derivatives and the squares of both",
    ),
}
COMPCOR = {
    "anat_combined": "anatomical CompCor components of the combined white-matter and CSF mask",
    "anat_separated": "anatomical CompCor components of each of the white-matter and CSF masks",
    "temporal": "temporal CompCor components",
    "temporal_anat_combined": "temporal CompCor components and as many anatomical ones of the "
    "combined white-matter and CSF mask",
}
NOISE = {
    "ar1": "Temporal autocorrelation was modelled by a first-order autoregressive process.",
    "ols": "Models were fitted by ordinary least squares, without a model of temporal "
    "autocorrelation.",
}


def write_passage(study: Study, own: Modality, cite: Citations) -> Passage:
    """Acquisition, preprocessing and the first-level model."""
    spec = study.fmri
    parts = [
        ("fMRI acquisition and task", [_acquisition(spec, own)]),
        (
            "fMRI preprocessing and first level",
            [_preprocessing(spec, own, cite), _first_level(spec, own, cite)],
        ),
    ]
    missing = []
    if not device(own.acquisition):
        missing.append("fMRI: the recording device (its sidecars do not name it).")
    missing.append(
        "fMRI: sequence, field of view, voxel size; the methods text of the preprocessing."
    )
    return Passage("fMRI", parts, missing, ("nilearn", "nibabel"))


def describe_tested(study: Study, analysis: FmriAnalysis) -> Tested:
    """What an analysis of fMRI tests."""
    mask = study.fmri.mask
    inside = "" if mask == "intersection" else f" and the mask {mask}"
    return Tested(
        "first-level effect maps",
        f", in voxels inside the brain masks of all participants{inside}",
        NEIGHBOURS[analysis.cluster.connectivity],
        in_volume=True,
    )


def _acquisition(spec: Fmri, own: Modality) -> str:
    runs, about = own.recordings, own.acquisition
    field_strength = about.get("MagneticFieldStrength")
    scanner = " ".join(
        filter(
            None,
            [
                f"{field_strength:g} T" if isinstance(field_strength, int | float) else "",
                device(about),
            ],
        )
    )
    details = [f"scanner: {scanner}"] if scanner else []
    details.append(f"repetition time {span(runs['repetition_time'])} s")
    details += [
        f"{words} {about[key] * factor:g}{unit}"
        for key, words, factor, unit in (
            ("EchoTime", "echo time", 1e3, " ms"),
            ("FlipAngle", "flip angle", 1, "°"),
            ("MultibandAccelerationFactor", "multiband factor", 1, ""),
        )
        if isinstance(about.get(key), int | float)
    ]
    number = span(runs.groupby("subject").size())
    names = list(spec.conditions)
    return (
        f"BOLD images were acquired in {number} {'run' if number == '1' else 'runs'} per "
        f"participant with {span(runs['volumes'])} volumes per run (task: {spec.task}; "
        f"{'; '.join(details)}). {conditions(names, runs[names], 'events')}"
    )


def _preprocessing(spec: Fmri, own: Modality, cite: Citations) -> str:
    runs = own.recordings
    made_by = own.acquisition.get("Pipeline", "fMRIPrep")
    cited = f" {cite('esteban')}" if "fmriprep" in made_by.lower() else ""
    displacement = runs["mean_displacement"]
    return (
        f"Images were preprocessed with {made_by}{cited} [insert the methods text of this "
        f"pipeline here] and analysed in {spec.space} space. Mean framewise displacement was "
        f"{displacement.mean():.2f} mm (largest run mean: {displacement.max():.2f} mm)."
    )


def _first_level(spec: Fmri, own: Modality, cite: Citations) -> str:
    designs = own.facts["designs"]
    inflation = [v for each in designs for run in each["VarianceInflation"] for v in run.values()]
    slices = designs[0].get("SliceTimeReference")
    sampled = (
        f"The slice-timing reference was {slices:g} of the repetition time."
        if slices is not None
        else ""
    )
    duration = (
        f", with a duration of {spec.stim_duration:g} s," if spec.stim_duration is not None else ""
    )
    sentences = [
        f"Images were smoothed with a Gaussian kernel of {spec.smoothing:g} mm FWHM."
        if spec.smoothing is not None
        else "No spatial smoothing was applied.",
        "A general linear model was fitted to each participant's runs with nilearn "
        f"{cite('abraham')}. Signals were expressed as a percentage of each voxel's temporal mean. "
        f"The events of each condition{duration} were convolved with "
        f"{haemodynamic_response(spec.hrf, cite)}.",
        impulses(own.recordings, "percent signal change"),
        sampled,
        _confounds(spec.confounds, cite),
        _excluded(spec.confounds, int(own.recordings["volumes_left_out"].sum())),
        "" if "high_pass" in spec.confounds.strategy else drift(spec.drift, spec.high_pass),
        NOISE[spec.noise],
        contrasts(spec.contrasts),
        "Effects were averaged across the runs of each participant (fixed effects).",
        _without_data(max(each.get("VoxelsWithoutData", 0) for each in designs)),
        f"The largest variance inflation factor of a condition regressor was {max(inflation):.1f}.",
    ]
    return " ".join(filter(None, sentences))


def _without_data(largest: int) -> str:
    """Voxels that lack data; `largest` is the largest number in one participant."""
    if not largest:
        return ""
    return (
        "Voxels whose signal was constant, not finite or filled with zeros in a run were excluded "
        f"(up to {largest} per participant)."
    )


def _confounds(spec: Confounds, cite: Citations) -> str:
    """The nuisance regressors; volumes are excluded by other means (see `_excluded`)."""
    words = []
    for kind in dict.fromkeys(spec.strategy):
        if kind == "motion":
            words.append(MOTION[spec.motion])
        elif kind == "high_pass":
            words.append("the discrete cosine regressors of the preprocessing for slow drifts")
        elif kind == "wm_csf":
            mean = "the mean white-matter and cerebrospinal-fluid signals"
            words.append(mean + EXPANSION[spec.wm_csf][1])
        elif kind == "global_signal":
            words.append(f"the global signal{EXPANSION[spec.global_signal][0]}")
        elif kind == "compcor":
            words.append(f"{spec.n_compcor} {COMPCOR[spec.compcor]} {cite('behzadi')}")
        elif kind == "ica_aroma":
            words.append(f"ICA-AROMA components {cite('pruim')}")
    if not words:
        return "No confound regressors were included."
    return f"Confound regressors were {listed(words)}."


def _excluded(spec: Confounds, left_out: int) -> str:
    """Volumes that the model leaves out."""
    reasons = []
    if "scrub" in spec.strategy:
        reasons.append(
            f"volumes with a framewise displacement above {spec.fd_threshold:g} mm or a "
            f"standardised DVARS above {spec.std_dvars_threshold:g}"
        )
    if "non_steady_state" in spec.strategy:
        reasons.append("volumes acquired before the steady state")
    if not reasons:
        return f"In total, {left_out} volumes were excluded." if left_out else ""
    words = listed(reasons)
    return f"{words[0].upper()}{words[1:]} were excluded ({left_out} in total)."
