"""fNIRS in the methods section: acquisition, preprocessing, first level, what is tested."""

from groupwise.config.fnirs import Fnirs, FnirsAnalysis
from groupwise.config.study import Study
from groupwise.report.modality import Modality, Passage, Tested
from groupwise.report.phrases import (
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

CHROMOPHORES = {"hbo": "oxygenated", "hbr": "deoxygenated"}
WEIGHTS = {
    "se": "weighted by the inverse of their standard errors",
    "equal": "with equal weights",
}


def write_passage(study: Study, own: Modality, cite: Citations) -> Passage:
    """Acquisition, preprocessing and the first-level model."""
    spec = study.fnirs
    parts = [
        ("fNIRS acquisition and task", [_acquisition(spec, own)]),
        (
            "fNIRS preprocessing and first level",
            [_preprocessing(spec, own, cite), _first_level(spec, own, cite)],
        ),
    ]
    missing = []
    if not device(own.acquisition):
        missing.append("fNIRS: the recording device (its sidecars do not name it).")
    missing.append("fNIRS: wavelengths, placement of the optodes, and how it was verified.")
    packages = ("mne", "mne-bids", "mne-nirs", "nilearn", "nibabel")
    return Passage("fNIRS", parts, missing, packages, is_bids=spec.recordings is None)


def describe_tested(study: Study, analysis: FnirsAnalysis) -> Tested:
    """What an analysis of fNIRS tests; places are no neighbours of one another."""
    tested = listed([CHROMOPHORES[name] for name in dict.fromkeys(analysis.chroma)])
    if analysis.space == "rois":
        return Tested(f"region-wise first-level estimates of {tested} haemoglobin")
    return Tested(
        f"channel-wise first-level estimates of {tested} haemoglobin",
        ", in channels that were good in every participant",
    )


def _acquisition(spec: Fnirs, own: Modality) -> str:
    table, maker = own.recordings, device(own.acquisition)
    names = list(spec.conditions)
    return (
        f"fNIRS was recorded with {span(table['long_pairs'])} long and "
        f"{span(table['short_pairs'])} short source-detector pairs"
        + (f" (device: {maker})" if maker else "")
        + f" at a sampling rate of {span(table['sampling_rate'])} Hz for "
        f"{span(table['duration'].round())} s per run (task: {spec.task}). "
        + conditions(names, table[names], "events")
    )


def _preprocessing(spec: Fnirs, own: Modality, cite: Citations) -> str:
    pairs, quality = own.facts["pairs"], spec.quality
    bad = int((pairs["status"] == "bad").sum())
    reasons = ["flat", f"saturated in at least {100 * quality.saturation:g}% of the samples"]
    marked = "marked as bad"
    coupling = ""
    if quality.sci > -1:
        coupling = (
            f", or if their scalp coupling index was below {quality.sci:g} {cite('pollonini')}"
        )
    factors = spec.ppf if isinstance(spec.ppf, list) else [spec.ppf]
    factor = (
        f"a partial pathlength factor of {factors[0]:g}"
        if len(factors) == 1
        else f"partial pathlength factors of {listed([f'{f:g}' for f in factors])} for the "
        f"{len(factors)} wavelengths"
    )
    steps = [
        "Light intensities were converted to optical density.",
        f"Source-detector pairs were excluded if they were {listed([*reasons, marked], 'or')}"
        f"{coupling}. Of the {len(pairs)} pairs in all recordings, {bad} "
        f"{'was' if bad == 1 else 'were'} excluded.",
        {
            "tddr": "Motion artifacts were corrected by temporal derivative distribution repair "
            f"{cite('fishburn') if spec.motion == 'tddr' else ''}.",
            "none": "No motion correction was applied.",
        }[spec.motion],
        "Optical density was converted to concentration changes of oxygenated and deoxygenated "
        f"haemoglobin by the modified Beer-Lambert law {cite('delpy')} with {factor}.",
    ]
    if spec.resample is not None:
        steps.append(f"The concentration changes were resampled to {spec.resample:g} Hz.")
    return " ".join(steps)


def _first_level(spec: Fnirs, own: Modality, cite: Citations) -> str:
    short = spec.short_channels
    scalp = {
        "none": "Scalp signals were not modelled.",
        "mean": "Scalp signals were modelled by two regressors, the means of oxygenated and of "
        "deoxygenated haemoglobin across the short pairs",
        "chromophore": "Scalp signals were modelled by one regressor, the mean of the channel's "
        "own chromophore across the short pairs",
        "components": f"Scalp signals were modelled by the first {short.n_components} principal "
        "components of the short channels",
    }[short.regressors]
    if short.regressors != "none":
        scalp += f" (source-detector distance below {short.longest:g} mm)."
    duration = (
        "with their recorded durations"
        if spec.stim_duration is None
        else f"with a duration of {spec.stim_duration:g} s"
    )
    sentences = [
        f"MNE-NIRS {cite('luke')} was used to fit a general linear model to each channel with a "
        f"source-detector distance between {spec.long[0]:g} and {spec.long[1]:g} mm.",
        f"The events of each condition, {duration}, were convolved with "
        f"{haemodynamic_response(spec.hrf, cite)}.",
        impulses(own.recordings, "concentrations"),
        drift(spec.drift, spec.high_pass),
        scalp,
        "Further confound regressors were supplied for each participant."
        if spec.confounds is not None
        else "",
        _noise(spec.noise),
        contrasts(spec.contrasts),
        "Estimates were averaged across the runs of each participant (fixed effects).",
    ]
    if spec.rois:
        sentences.append(
            f"Estimates for the regions of interest ({listed(list(spec.rois))}) were the means of "
            f"their channels, {WEIGHTS[spec.roi_weights]}."
        )
    return " ".join(filter(None, sentences))


def _noise(model: str) -> str:
    if model == "ols":
        return (
            "Models were fitted by ordinary least squares, without a model of temporal "
            "autocorrelation."
        )
    order = (
        "with an order of four times the sampling rate in Hz"
        if model == "auto"
        else f"of order {model[2:]}"
    )
    return f"Temporal autocorrelation was modelled by an autoregressive model {order}."
