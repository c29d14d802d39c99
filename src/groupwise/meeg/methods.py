"""M/EEG in the methods section: acquisition, preprocessing, source estimation, what is tested."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from groupwise.config.meeg import Artifacts, Covariance, Epochs, Filter, Maxwell, Meeg, MeegAnalysis
from groupwise.config.study import Study
from groupwise.report.modality import Modality, Passage, Tested
from groupwise.report.phrases import (
    NEIGHBOURS,
    SENSORS,
    average,
    conditions,
    count,
    device,
    in_time,
    listed,
    milliseconds,
    of_hemispheres,
    span,
    window,
)
from groupwise.report.references import Citations

#: Channel type to the factor and the unit of its amplitudes.
UNITS = {"grad": (1e13, "fT/cm"), "mag": (1e15, "fT"), "eeg": (1e6, "µV"), "eog": (1e6, "µV"),
         "ecg": (1e6, "µV")}  # fmt: skip
#: How channel types are named beside their limits; others by their abbreviation.
LIMITED = {kind: name for kind, name in SENSORS.items() if kind != "eeg"}
#: Estimators of the noise covariance, by MNE's names.
ESTIMATORS = {
    "empirical": "the sample covariance",
    "shrunk": "cross-validated shrinkage",
    "diagonal_fixed": "fixed diagonal regularisation",
    "ledoit_wolf": "Ledoit-Wolf shrinkage",
    "oas": "oracle approximating shrinkage",
    "pca": "probabilistic principal component analysis",
}
#: Minimum-norm estimators: their name in a sentence, and the work cited.
METHODS = {
    "MNE": ("minimum-norm estimation", "hamalainen"),
    "dSPM": ("noise-normalised minimum-norm estimation (dSPM", "dale"),
    "sLORETA": ("standardised low-resolution electromagnetic tomography (sLORETA", "pascual2002"),
    "eLORETA": ("exact low-resolution electromagnetic tomography (eLORETA", "pascual2011"),
}
ORIENTATIONS = {
    None: "The magnitude across the three source orientations was analysed.",
    "normal": "The signed component normal to the cortex was analysed.",
    "vector": "All three source components were retained, and their magnitude was analysed at the "
    "group level.",
}
RANKS = {
    "info": "Its rank was determined from the projectors and the Maxwell filter, if any.",
    "full": "It was assumed to have full rank.",
    None: "Its rank was estimated from the data.",
}


def write_passage(study: Study, own: Modality, cite: Citations) -> Passage:
    """Acquisition, preprocessing and, where there is anatomy, source estimation."""
    spec, name = study.meeg, _name(study.meeg)
    parts = [
        (f"{name} acquisition and task", [_acquisition(spec, own, name)]),
        (f"{name} preprocessing", [_preprocessing(spec, own, cite)]),
    ]
    if spec.subjects_dir is not None:
        sources = [_forward_model(spec, own.facts, cite), _noise(spec, own.facts, cite)]
        sources.append(_inverse(spec, own.facts, cite))
        parts.append((f"{name} source estimation", [part for part in sources if part]))
    missing = []
    if not device(own.acquisition):
        missing.append(f"{own.name}: the recording device (its sidecars do not name it).")
    missing.append(
        "M/EEG: posture, shielding, electrodes and impedances, hardware filters, digitisation."
    )
    return Passage(name, parts, missing, ("mne", "mne-bids"))


def describe_tested(study: Study, analysis: MeegAnalysis) -> Tested:
    """What an analysis of M/EEG tests: sources, regions or sensors, and when."""
    when, averaged = window(_edges(study.meeg, analysis), analysis.average), analysis.average
    if analysis.space in SENSORS:
        return Tested(
            f"evoked responses at the {SENSORS[analysis.space]} (bad channels interpolated)",
            when,
            in_time(NEIGHBOURS["sensors"], averaged),
        )
    if analysis.space == "labels":
        return Tested(
            f"regional means of source estimates{of_hemispheres(analysis.hemispheres)} "
            f"(parcellation: {analysis.parcellation})",
            when,
            "" if averaged else "successive time samples of the same region",
        )
    if study.meeg.source_space.kind == "volume":
        near = in_time(NEIGHBOURS[analysis.cluster.connectivity], averaged)
        return Tested("volumetric source estimates", when, near, in_volume=True)
    return Tested(
        f"source estimates{of_hemispheres(analysis.hemispheres)}",
        when,
        in_time(NEIGHBOURS["surface"], averaged),
    )


def _edges(spec: Meeg, analysis: MeegAnalysis) -> tuple[float, float]:
    """The time window of an analysis in s: open ends are those of the epochs."""
    start, stop = analysis.crop or (None, None)
    return (
        spec.epochs.tmin if start is None else start,
        spec.epochs.tmax if stop is None else stop,
    )


def _name(spec: Meeg) -> str:
    """EEG, MEG, or both, by the channels that are analysed."""
    kinds = ["MEG"] * bool({"mag", "grad"} & set(spec.channels)) + ["EEG"] * (
        "eeg" in spec.channels
    )
    return " and ".join(kinds)


def _acquisition(spec: Meeg, own: Modality, name: str) -> str:
    table, about = own.recordings, own.acquisition
    kinds = [kind for kind in dict.fromkeys(spec.channels) if f"n_{kind}" in table]
    sensors = listed([f"{span(table[f'n_{kind}'])} {SENSORS[kind]}" for kind in kinds])
    maker = device(about)
    sentences = [
        f"{name} {'were' if ' and ' in name else 'was'} recorded with {sensors}"
        + (f" (device: {maker})" if maker else "")
        + f" at a sampling rate of {span(table['sampling_rate'])} Hz (task: {spec.task}).",
        f"Each run lasted {span(table['duration'].round())} s.",
    ]
    if spec.sessions:
        sentences.append(f"There were {len(spec.sessions)} sessions: {listed(spec.sessions)}.")
    if isinstance(about.get("PowerLineFrequency"), int | float):
        sentences.append(f"The power-line frequency was {about['PowerLineFrequency']:g} Hz.")
    names = list(spec.conditions)
    sentences.append(conditions(names, table[names], "trials"))
    if spec.montage is not None:
        sentences.append(
            f"Where recordings lacked electrode positions, those of the standard montage "
            f"{spec.montage} were used."
        )
    return " ".join(sentences)


def _preprocessing(spec: Meeg, own: Modality, cite: Citations) -> str:
    facts = own.facts
    each = "participant and session" if spec.sessions else "participant"
    condition = "condition, " if spec.sessions else "condition and "
    steps = []
    if spec.maxwell is not None:
        steps.append(_maxwell(spec.maxwell, cite))
    # The Maxwell filter reconstructs bad MEG channels, which are good afterwards.
    if spec.maxwell is None or any(facts["bad"]):
        steps.append(_bad_channels(facts["bad"], each, remaining=spec.maxwell is not None))
    steps.append(_filter(spec.filter, float(own.recordings["sampling_rate"].min())))
    steps.append(_artifacts(spec, facts.get("artifacts", ()), each, cite))
    if "eeg" in spec.channels:
        steps.append(_reference(spec.reference, own.acquisition))
    steps.append(_epochs(spec, cite))
    trials = facts["trials"]
    low, high = trials.min(axis=None), trials.max(axis=None)
    dropped = 100 * (1 - trials.sum(axis=None) / facts["events"])
    steps.append(
        f"On average, {trials.mean(axis=None):.1f} epochs per {condition}{each} were "
        f"retained (range {low:g} to {high:g}); {dropped:.1f}% of all events were excluded."
    )
    steps.append(
        "Epochs were averaged separately for each condition"
        + (
            f", and the averages were resampled to {spec.resample:g} Hz."
            if spec.resample is not None
            else "."
        )
    )
    return " ".join(steps)


def _bad_channels(numbers: Sequence[int], each: str, remaining: bool) -> str:
    if not any(numbers):
        return "No channels were marked as bad."
    which = "Remaining bad" if remaining else "Bad"
    return f"{which} channels were excluded ({average(numbers, each)})."


def _maxwell(spec: Maxwell, cite: Citations) -> str:
    kind = "signal-space separation"
    if spec.st_duration is not None:
        kind = f"spatiotemporal {kind} with a buffer of {spec.st_duration:g} s"
    words = f"Environmental interference was suppressed by {kind} {cite('taulu')}."
    words += (
        " Bad channels, including noisy and flat ones that were detected automatically, were "
        "reconstructed."
        if spec.find_bads
        else " Bad channels were reconstructed."
    )
    if spec.movement:
        words += " Head movement was compensated by means of continuous head localisation."
    return f"{words} All runs were transformed to the head position of the first run."


def _filter(spec: Filter, rate: float) -> str:
    """The filter with its edges, as MNE designs it by default."""
    low, high = spec.l_freq, spec.h_freq
    words = []
    if spec.notch:
        words.append(f"notch filtered at {listed([f'{f:g}' for f in spec.notch])} Hz")
    if low is not None:
        width = min(max(0.25 * low, 2.0), low)
        words.append(f"high-pass filtered at {low:g} Hz (-6 dB at {low - width / 2:g} Hz)")
    if high is not None:
        width = min(max(0.25 * high, 2.0), rate / 2 - high)
        words.append(f"low-pass filtered at {high:g} Hz (-6 dB at {high + width / 2:g} Hz)")
    if not words:
        return "No filter was applied."
    return (
        f"The continuous data were {listed(words)} with "
        f"{'a zero-phase FIR filter' if len(words) == 1 else 'zero-phase FIR filters'} (firwin "
        "design, Hamming window)."
    )


def _artifacts(spec: Meeg, found: Sequence[Mapping[str, Any]], each: str, cite: Citations) -> str:
    own: Artifacts = spec.artifacts
    if own.method == "none":
        cut = spec.epochs
        limits = _limits(cut.reject, spec.channels) or _limits(cut.flat, spec.channels)
        if limits or cut.autoreject:
            return "Artifacts were handled solely by epoch rejection."
        return "No artifact correction or rejection was applied."
    channels = [
        f"{kind} {'channel' if len(names) == 1 else 'channels'}: {listed(names)}"
        for kind, names in (("EOG", own.eog), ("ECG", own.ecg))
        if names
    ]
    seen = f" ({'; '.join(channels)})" if channels else ""
    learnt = "estimated from data high-pass filtered at 1 Hz"
    if own.method == "ssp":
        each_type = count(int(own.n_components or 1), "projector")
        return (
            f"Eye-blink and heartbeat artifacts{seen} were removed by signal-space projection "
            f"{cite('uusitalo')} with {each_type} per artifact and channel type, {learnt}."
        )
    kept = 0.99 if own.n_components is None else own.n_components
    size = (
        f"{kept:g} components"
        if kept >= 1
        else f"the number of components set to explain {100 * kept:g}% of the variance"
    )
    words = (
        "Eye-blink and heartbeat artifacts were removed by independent component analysis "
        f"(FastICA; {cite.bare('hyvarinen')}; {size}), {learnt}. Components whose time course "
        f"correlated with that of an EOG or ECG channel{seen} were removed"
    )
    removed = [
        len({*facts.get("blinks", ()), *facts.get("heartbeats", ())})
        for facts in found
        if facts.get("method") == "ica"
    ]
    return words + (f" ({average(removed, each)})." if removed else ".")


def _reference(reference: str | Sequence[str], about: Mapping[str, Any]) -> str:
    online = about.get("EEGReference")
    online = online if isinstance(online, str) and online.lower() not in ("", "n/a") else ""
    if reference == "recorded":
        kept = f" ({online})" if online else ""
        return f"The EEG was analysed with the reference used during recording{kept}."
    start = f"The EEG was recorded with the reference {online} and" if online else "The EEG was"
    if reference == "average":
        return f"{start} re-referenced to the average of all electrodes."
    names = [reference] if isinstance(reference, str) else list(reference)
    mean = "" if len(names) == 1 else "the mean of "
    return f"{start} re-referenced to {mean}{listed(names)}."


def _epochs(spec: Meeg, cite: Citations) -> str:
    cut = spec.epochs
    words = [
        f"Epochs {milliseconds(cut.tmin, cut.tmax)} relative to event onset were extracted"
        + (
            f" and baseline-corrected by subtracting the mean {_baseline(cut)}."
            if cut.baseline is not None
            else "; no baseline correction was applied."
        )
    ]
    if limits := _limits(cut.reject, spec.channels):
        words.append(f"Epochs with a peak-to-peak amplitude above {limits} were rejected.")
    if limits := _limits(cut.flat, spec.channels):
        words.append(f"Epochs with a peak-to-peak amplitude below {limits} were rejected as flat.")
    if cut.autoreject == "global":
        words.append(
            "Rejection thresholds for each channel type were also learned from the data with "
            f"autoreject {cite('jas')}."
        )
    elif cut.autoreject == "local":
        words.append(
            "Rejection thresholds for each channel were also learned from the data with "
            f"autoreject {cite('jas')}, which interpolates bad channels in individual epochs."
        )
    if cut.equalize:
        words.append(
            "The numbers of epochs were equalised across the conditions of each participant by "
            "retaining the epochs closest in time."
        )
    return " ".join(words)


def _baseline(cut: Epochs) -> str:
    start, stop = cut.baseline
    return milliseconds(cut.tmin if start is None else start, cut.tmax if stop is None else stop)


def _limits(limits: Mapping[Any, float], channels: Sequence[str]) -> str:
    """Limits of the channel types that take part, with their units."""
    return listed(
        [
            f"{value * UNITS[kind][0]:g} {UNITS[kind][1]} ({LIMITED.get(kind, kind.upper())})"
            for kind, value in limits.items()
            if kind in channels or kind in ("eog", "ecg")
        ]
        or [""],
        "or",
    )


def _sources_per_hemisphere(spacing: str) -> str:
    """Spacing and number of sources of an octahedron or icosahedron that was subdivided."""
    if spacing == "all":
        return "all vertices"
    kind, grade = spacing[:3], int(spacing[3:])
    number = 4**grade + 2 if kind == "oct" else 10 * 4**grade + 2
    return f"{spacing}: {number:,} sources per hemisphere"


def _forward_model(spec: Meeg, facts: Mapping[str, Any], cite: Citations) -> str:
    space, bem = spec.source_space, spec.bem
    template = spec.anatomy == "template"
    layers = bem.conductivity
    surfaces = (
        "surfaces at full resolution"
        if bem.ico is None
        else f"surfaces downsampled to icosahedron grade {bem.ico}"
    )
    head = (
        f"a one-layer boundary-element model ({surfaces}; conductivity {layers[0]:g} S/m)"
        if len(layers) == 1
        else f"a three-layer boundary-element model ({surfaces}; conductivities of brain, skull "
        f"and scalp {listed([f'{value:g}' for value in layers])} S/m)"
    )
    anatomy = (
        f"the template {spec.morph.to}, which was used for all participants"
        if template
        else f"each participant's MRI, reconstructed with FreeSurfer {cite('fischl2012')}"
    )
    sentences = [f"Forward solutions were computed with {head} based on {anatomy}."]
    near = f"closer than {space.mindist:g} mm to the inner skull"
    if space.kind == "surface":
        sentences.append(
            "Sources were located on the white-matter surface "
            f"({_sources_per_hemisphere(space.spacing)}); sources {near} were excluded."
        )
    else:
        sentences.append(
            f"Sources were located on a regular grid with a spacing of {space.grid:g} mm inside "
            f"the inner skull of {spec.morph.to}; grid points {near} were excluded."
        )
        if not template:
            sentences.append(
                "The grid was mapped into each participant's brain with FreeSurfer's affine "
                "Talairach transforms, so that its points correspond across participants."
            )
    if template:
        sentences.append(
            "Recordings were aligned with the template by a rigid transform based on the nasion "
            "and the preauricular points, and electrodes were projected onto its scalp."
        )
    elif spec.coregistration.trans is None:
        sentences.append(
            "Recordings were coregistered with the MRI using the anatomical landmarks marked in "
            "both."
        )
    else:
        sentences.append(
            "Recordings were coregistered with the MRI using head-to-MRI transforms determined "
            "beforehand."
        )
    if facts.get("scalp"):
        sentences.append(
            "The median distance between digitised head points and the scalp was "
            f"{np.median(facts['scalp']):.1f} mm (largest median of a participant: "
            f"{max(facts['scalp']):.1f} mm)."
        )
    return " ".join(sentences)


def _noise(spec: Meeg, facts: Mapping[str, Any], cite: Citations) -> str:
    own: Covariance = spec.covariance
    if own.source == "empty_room":
        where = "empty-room recordings"
    else:
        start = spec.epochs.tmin if own.tmin is None else own.tmin
        stop = spec.epochs.tmax if own.tmax is None else own.tmax
        where = f"all epochs in the interval {milliseconds(start, stop)} relative to event onset"
    methods = list(dict.fromkeys(own.method))
    words = f"The noise covariance was estimated from {where}"
    if len(methods) == 1:
        words += f" by {ESTIMATORS[methods[0]]}."
    else:
        chosen = pd.Series(facts.get("noise", ()), dtype=object).value_counts()
        each = "recording" if spec.sessions else "participant"
        winners = [
            f"{ESTIMATORS.get(name, name)} in {count(int(n), each)}" for name, n in chosen.items()
        ]
        words += (
            f" with the estimator that had the highest log-likelihood in {own.folds}-fold "
            f"cross-validation {cite('engemann')}; the candidates were "
            f"{listed([ESTIMATORS[name] for name in methods])}"
            + (f" (selected: {'; '.join(winners)})." if winners else ".")
        )
    return f"{words} {RANKS[own.rank]}"


def _inverse(spec: Meeg, facts: Mapping[str, Any], cite: Citations) -> str:
    inverse, volume = spec.inverse, spec.source_space.kind == "volume"
    if inverse.method == "LCMV":
        words = _beamformer(spec, cite)
    else:
        words = _minimum_norm(spec, cite)
        shares = [v for own in facts["explained"] for kinds in own.values() for v in kinds.values()]
        if shares:
            words += (
                f" On average, the source estimates explained {100 * np.mean(shares):.0f}% of the "
                f"variance of the averaged sensor data (range {100 * min(shares):.0f} to "
                f"{100 * max(shares):.0f}% across participants, conditions and sensor types)."
            )
    if not volume and spec.anatomy == "own":
        morph = spec.morph
        smooth = {
            None: "smoothing until all vertices were filled",
            "nearest": "nearest-neighbour interpolation",
            0: "no smoothing",
        }.get(morph.smooth, f"{morph.smooth} smoothing steps")
        words += (
            f" Source estimates were morphed to {morph.to} (icosahedron grade {morph.spacing}: "
            f"{10 * 4**morph.spacing + 2:,} vertices per hemisphere) by spherical registration of "
            f"the cortical folding patterns {cite('fischl1999')}, with {smooth}."
        )
    return words


def _minimum_norm(spec: Meeg, cite: Citations) -> str:
    inverse, volume = spec.inverse, spec.source_space.kind == "volume"
    fixed = not volume and (inverse.fixed or inverse.loose == 0)
    title, key = METHODS[inverse.method]
    # A method that is known by its abbreviation is cited in the same brackets.
    method = f"{title}; {cite.bare(key)})" if "(" in title else f"{title} {cite(key)}"
    if fixed:
        bound = "source orientations fixed normal to the cortex"
    elif volume or inverse.loose == 1:
        bound = "free source orientations"
    else:
        bound = f"a loose orientation constraint of {inverse.loose:g} {cite('lin_loose')}"
    settings = [bound]
    if inverse.depth:
        settings.append(f"depth weighting of {inverse.depth:g} {cite('lin_depth')}")
    settings.append(f"an assumed signal-to-noise ratio of {inverse.snr:g} (λ² = 1/SNR²)")
    taken = (
        "Signed amplitudes normal to the cortex were analysed."
        if fixed
        else ORIENTATIONS[inverse.orientation]
    )
    return (
        f"Source estimates were computed from the averages by {method} with {listed(settings)}. "
        f"{taken}"
    )


def _beamformer(spec: Meeg, cite: Citations) -> str:
    own, epochs = spec.inverse.beamformer, spec.epochs
    stop = epochs.tmax if own.tmax is None else own.tmax
    return (
        "Source estimates were computed with a unit-noise-gain linearly constrained "
        f"minimum-variance (LCMV) beamformer {cite('vanveen')}. The data covariance was computed "
        f"from all epochs in the interval {milliseconds(own.tmin, stop)} relative to event "
        f"onset, with a regularisation of {100 * own.reg:g}% of its mean power. "
        f"{ORIENTATIONS[spec.inverse.orientation]}"
    )
