"""The methods section of a paper, written from what was run.

It follows the checklists of COBIDAS-MRI (Nichols et al. 2017) and COBIDAS-MEEG (Pernet et al.
2020): participants, acquisition, preprocessing, first level, group model, inference, software. What
no file of the study tells is listed at the end, for the authors to add.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from groupwise.permutation.wording import (
    ALTERNATIVES,
    effect_words,
    number,
    statistic_words,
    threshold_words,
)
from groupwise.report.design import assumption_words, design_words, formula_words
from groupwise.report.modalities import Modality
from groupwise.report.references import Citations

UNITS = {"grad": (1e13, "fT/cm"), "mag": (1e15, "fT"), "eeg": (1e6, "µV"), "eog": (1e6, "µV"),
         "ecg": (1e6, "µV")}  # fmt: skip
SENSORS = {"mag": "magnetometers", "grad": "planar gradiometers", "eeg": "EEG electrodes"}


@dataclass(frozen=True)
class Methods:
    """The text: headed paragraphs, what authors must add, and the references that it cites."""

    parts: Sequence[tuple[str, Sequence[str]]]
    missing: Sequence[str]
    references: Sequence[str] = field(default=())

    def as_markdown(self, study: str) -> str:
        """The text as Markdown."""
        lines = [f"# Methods: {study}", ""]
        for heading, paragraphs in self.parts:
            lines += [f"## {heading}", ""]
            for paragraph in paragraphs:
                lines += [paragraph, ""]
        lines += ["## To be added by the authors", "", *(f"- {line}" for line in self.missing), ""]
        lines += ["## References", "", *(f"- {line}" for line in self.references)]
        return "\n".join(lines) + "\n"


def methods_text(
    config: Mapping[str, Any],
    modalities: Sequence[Modality],
    effects: Sequence[Mapping[str, Any]],
    models: Sequence[Mapping[str, Any]],
    exclusions: Mapping[str, str],
    software: Mapping[str, str],
) -> Methods:
    """The methods section.

    Parameters
    ----------
    config : the resolved study config.
    modalities : as the report shows them, with their facts.
    effects, models : as `build_report` takes them, each effect with its "analysis".
    exclusions : subjects left out, each with the reason.
    software : package to version.
    """
    cite = Citations()
    named = {each.name: each for each in modalities}
    parts: list[tuple[str, list[str]]] = [("Participants", [_participants(modalities, exclusions)])]
    if "M/EEG" in named:
        parts += _meeg(config["meeg"], named["M/EEG"], cite)
    if "fMRI" in named:
        parts += _fmri(config["fmri"], named["fMRI"], cite)
    if "fNIRS" in named:
        parts += _fnirs(config["fnirs"], named["fNIRS"], cite)
    for key in ("maps", "estimates", "evokeds", "values"):
        if config.get(key):
            parts.append(("Input data", [_ready_made(key, config[key])]))
    if effects:
        parts.append(("Group analysis", _group(config, effects, cite)))
    if models:
        parts.append(("Mixed models", [_model(model, cite) for model in models]))
    parts.append(("Software", [_software(software, named, models, config, cite)]))
    return Methods(parts, _missing(named), cite.listed)


def _participants(modalities: Sequence[Modality], exclusions: Mapping[str, str]) -> str:
    """Who took part."""
    sentences = []
    for each in modalities:
        names = list(dict.fromkeys(str(s).split(" ses-")[0] for s in each.availability.index))
        of = "" if each.name == "Ready-made data" else f" ({each.name})"
        sentence = f"Data of {len(names)} participants were analysed{of}"
        about = each.people.reindex(names)
        if about.size and not about.isna().all(axis=None):
            details = []
            if (
                "age" in about
                and (age := pd.to_numeric(about["age"], errors="coerce")).notna().any()
            ):
                details.append(
                    f"mean age {age.mean():.1f} years, range {age.min():g} to {age.max():g}"
                )
            if "sex" in about:
                female = about["sex"].astype(str).str.upper().str.startswith("F").sum()
                details.append(f"{female} female")
            sentence += f"; {', '.join(details)}" if details else ""
        sentences.append(sentence + ".")
    if exclusions:
        why = "; ".join(f"{subject}: {reason}" for subject, reason in exclusions.items())
        sentences.append(f"{_count(len(exclusions), 'participant')} left out ({why}).")
    else:
        sentences.append("No participant was excluded.")
    return " ".join(sentences)


def _device(about: Mapping[str, Any]) -> str:
    """Maker and model, where the sidecars have them."""
    parts = [about.get("Manufacturer"), about.get("ManufacturersModelName")]
    # MNE-BIDS names the format of a recording where it does not know the maker.
    return " ".join(str(part) for part in parts if part and part not in ("n/a", "SNIRF"))


def _meeg(spec: Mapping[str, Any], own: Modality, cite: Citations) -> list[tuple[str, list[str]]]:
    table, facts, about = own.found, own.facts, own.acquisition
    kinds = [kind for kind in spec["channels"] if f"n_{kind}" in table]
    counts = " and ".join(f"{_span(table[f'n_{kind}'])} {SENSORS[kind]}" for kind in kinds)
    device = _device(about)
    name = "EEG" if spec["datatype"] == "eeg" else "MEG"
    rate, length = table["sampling_rate"], table["duration"]
    recorded = (
        f"{name} was recorded with {counts}{f' ({device})' if device else ''}, sampled at "
        f"{_span(rate)} Hz, for {_span(length.round())} s a run (task {spec['task']}). "
    )
    if about.get("PowerLineFrequency"):
        recorded += f"The line frequency was {about['PowerLineFrequency']:g} Hz. "
    conditions = ", ".join(spec["conditions"])
    events = table[list(spec["conditions"])]
    recorded += f"Conditions were {conditions}, with {_span(events.stack())} trials each a run."
    cut = spec["epochs"]
    steps = [_bad_channels(facts["bad"])]
    if spec.get("maxwell"):
        more = spec["maxwell"]
        kind = "temporal signal space separation" if more.get("st_duration") else "Maxwell filter"
        buffer = f" with buffers of {more['st_duration']:g} s" if more.get("st_duration") else ""
        steps.append(
            f"Recordings were cleaned by {kind}{buffer} {cite('taulu')}"
            + (", noisy and flat channels being found and reconstructed" * bool(more["find_bads"]))
            + (
                ", head movement being corrected by continuous localisation"
                * bool(more["movement"])
            )
            + ", and runs were brought to the head position of the first."
        )
    steps.append(_filter(spec["filter"], float(rate.min())))
    steps.append(_artifacts(spec["artifacts"], cite))
    if name == "EEG":
        steps.append(_reference(spec["reference"]))
    steps.append(_epochs(cut, cite))
    trials = facts["trials"]
    dropped = 100 * (1 - own.quality["Epochs"].sum() / own.quality["Events"].sum())
    steps.append(
        f"On average {trials.mean(axis=None):.1f} epochs of a condition remained a participant "
        f"(range {trials.min(axis=None):g} to {trials.max(axis=None):g}; {dropped:.1f}% of all "
        "events were dropped)."
    )
    evoked = "They were averaged for each condition"
    if spec.get("resample"):
        evoked += f" and resampled to {spec['resample']:g} Hz"
    steps.append(evoked + ".")
    parts = [
        (f"{name} acquisition and task", [recorded]),
        (f"{name} preprocessing", [" ".join(step for step in steps if step)]),
    ]
    if spec.get("subjects_dir"):
        parts.append((f"{name} source estimation", _sources(spec, facts, name, cite)))
    return parts


def _bad_channels(counts: Mapping[str, int]) -> str:
    values = list(counts.values())
    if not any(values):
        return "No channel was marked as bad."
    if min(values) == max(values):
        return f"Bad channels were left out ({values[0]} of each participant)."
    return (
        f"Bad channels were left out ({np.mean(values):.1f} of a participant on average, range "
        f"{min(values)} to {max(values)})."
    )


def _filter(spec: Mapping[str, Any], rate: float) -> str:
    """The filter with its edges, as MNE designs it by default."""
    low, high = spec.get("l_freq"), spec.get("h_freq")
    words = []
    if low:
        width = min(max(0.25 * low, 2.0), low)
        words.append(f"high-pass filtered at {low:g} Hz (-6 dB at {low - width / 2:g} Hz)")
    if high:
        width = min(max(0.25 * high, 2.0), rate / 2 - high)
        words.append(f"low-pass filtered at {high:g} Hz (-6 dB at {high + width / 2:g} Hz)")
    if spec.get("notch"):
        words.append(f"notch filtered at {', '.join(f'{f:g}' for f in spec['notch'])} Hz")
    if not words:
        return "No filter was applied."
    return (
        f"The continuous data were {' and '.join(words)} by a zero-phase FIR filter (firwin, "
        "Hamming window)."
    )


def _artifacts(spec: Mapping[str, Any], cite: Citations) -> str:
    method = spec["method"]
    if method == "none":
        return "Artifacts were handled by the rejection of epochs alone."
    many = spec.get("n_components")
    if method == "ssp":
        return (
            "Blinks and heartbeats were removed by signal-space projection "
            f"{cite('uusitalo')}, {many or 1} projectors a channel type and artifact."
        )
    share = 0.99 if many is None else many
    kept = (
        f"{share:g} components" if share >= 1 else f"components of {100 * share:g}% of the variance"
    )
    return (
        f"Blinks and heartbeats were removed by independent component analysis (FastICA, {kept}; "
        f"{cite.bare('hyvarinen')}): components that correlate with the eye or heart channel were "
        "taken out."
    )


def _reference(reference: Any) -> str:
    if reference == "average":
        return "EEG was referred to the average of all electrodes."
    if reference in ("as recorded", None):
        return "EEG kept the reference of the recording."
    names = reference if isinstance(reference, str) else ", ".join(reference)
    return f"EEG was referred to the mean of {names}."


def _epochs(cut: Mapping[str, Any], cite: Citations) -> str:
    words = (
        f"Epochs from {1e3 * cut['tmin']:g} to {1e3 * cut['tmax']:g} ms about each event were cut"
    )
    base = cut.get("baseline")
    if base is not None:
        start = cut["tmin"] if base[0] is None else base[0]
        stop = cut["tmax"] if base[1] is None else base[1]
        words += (
            f", and the mean from {1e3 * start:g} to {1e3 * stop:g} ms was subtracted (baseline)"
        )
    words += ". "
    limits = [
        f"{value * UNITS[kind][0]:g} {UNITS[kind][1]} ({SENSORS.get(kind, kind.upper())})"
        for kind, value in cut.get("reject", {}).items()
    ]
    if limits:
        words += f"Epochs with a peak-to-peak amplitude above {', '.join(limits)} were rejected. "
    flat = [
        f"{value * UNITS[kind][0]:g} {UNITS[kind][1]} ({SENSORS.get(kind, kind.upper())})"
        for kind, value in cut.get("flat", {}).items()
    ]
    if flat:
        words += f"So were epochs with an amplitude below {', '.join(flat)}. "
    if cut.get("autoreject"):
        words += f"Limits were learnt from the data ({cut['autoreject']}; {cite.bare('jas')}). "
    if cut.get("equalize"):
        words += (
            "Numbers of epochs were made equal over the conditions of a participant, keeping "
            "those closest in time. "
        )
    return words.strip()


def _sources_of(spacing: str) -> str:
    """Sources a hemisphere, of an octahedron or icosahedron that was subdivided."""
    kind, grade = spacing[:3], spacing[3:]
    if kind == "oct" and grade:
        return f"{4 ** int(grade) + 2:,}"
    if kind == "ico" and grade:
        return f"{10 * 4 ** int(grade) + 2:,}"
    return "all"


def _sources(
    spec: Mapping[str, Any], facts: Mapping[str, Any], name: str, cite: Citations
) -> list[str]:
    space, inverse, noise, bem = (
        spec["source_space"], spec["inverse"], spec["covariance"], spec["bem"],
    )  # fmt: skip
    volume = space["kind"] == "volume"
    own = spec["anatomy"] == "own"
    chosen = pd.Series(facts["noise"]).value_counts()
    where = {
        "baseline": f"the epochs up to {1e3 * (noise.get('tmax') or 0):g} ms",
        "empty_room": "an empty-room recording",
    }[noise["source"]]
    choice = (
        f"the estimator of the largest cross-validated log-likelihood {cite('engemann')} among "
        f"{', '.join(noise['method'])} was taken ("
        + ", ".join(f"{estimator} in {count} participants" for estimator, count in chosen.items())
        + ")"
        if len(noise["method"]) > 1
        else f"estimator {noise['method'][0]}"
    )
    layers = bem["conductivity"]
    head = (
        f"a one-layer boundary-element model (conductivity {layers[0]:g} S/m)"
        if len(layers) == 1
        else "a three-layer boundary-element model (conductivities "
        + ", ".join(f"{value:g}" for value in layers)
        + " S/m for brain, skull and scalp)"
    )
    anatomy = (
        f"each participant's MRI as reconstructed by FreeSurfer {cite('fischl2012')}"
        if own
        else f"the template {spec['morph']['to']}, which stood for the head of every participant"
    )
    placed = ""
    if facts["scalp"]:
        placed = (
            f" After coregistration, digitised points lay {np.median(facts['scalp']):.1f} mm from "
            f"the scalp (median; largest of a participant {max(facts['scalp']):.1f} mm)."
        )
    grid = (
        f"a grid of {space['grid']:g} mm in MNI space, brought into each head by its Talairach "
        "transform"
        if volume
        else f"the white matter surface ({space['spacing']}: {_sources_of(space['spacing'])} a "
        "hemisphere)"
    )
    first = (
        f"The forward solution was computed with {head} from {anatomy}, for sources on {grid}; "
        f"sources within {space['mindist']:g} mm of the inner skull were left out.{placed} The "
        f"noise covariance was estimated from {where}: {choice}."
    )
    if inverse["method"] == "LCMV":
        beam = inverse["beamformer"]
        second = (
            "Sources were estimated by a linearly constrained minimum-variance beamformer of unit "
            f"noise gain {cite('vanveen')}, from the data covariance from "
            f"{1e3 * beam['tmin']:g} ms on, regularised by {100 * beam['reg']:g}% of its mean "
            "power."
        )
    else:
        method = {
            "MNE": ("minimum-norm estimation", "hamalainen"),
            "dSPM": ("minimum-norm estimation with noise normalisation, dSPM", "dale"),
            "sLORETA": ("sLORETA", "pascual2002"),
            "eLORETA": ("eLORETA", "pascual2011"),
        }[inverse["method"]]
        bound = (
            "orientations fixed normal to the cortex"
            if inverse["fixed"]
            else f"a loose orientation constraint of {inverse['loose']:g} {cite('lin_loose')}"
            if inverse["loose"] < 1 and not volume
            else "free orientations"
        )
        depth = (
            f" and depth weighting of {inverse['depth']:g} {cite('lin_depth')}"
            if inverse["depth"]
            else ""
        )
        taken = {
            None: "the magnitude over the three orientations was taken"
            if not inverse["fixed"]
            else "signed amplitudes were taken",
            "normal": "the signed component normal to the cortex was taken",
            "vector": "all three components were kept, and the group analysis took the length",
        }[inverse.get("orientation")]
        second = (
            f"The averages were inverted by {method[0]} {cite(method[1])}, with {bound}{depth} and "
            f"a regularisation of λ² = 1/SNR² with an assumed SNR of {inverse['snr']:g}; {taken}."
        )
        shares = [v for own in facts["explained"] for kinds in own.values() for v in kinds.values()]
        if shares:
            second += (
                f" The estimates explained {100 * np.mean(shares):.0f}% of the variance of the "
                f"averages in the mean (range {100 * min(shares):.0f} to {100 * max(shares):.0f}% "
                "over participants, conditions and sensor types)."
            )
    if not volume and own:
        morph = spec["morph"]
        steps = f"{morph['smooth']} smoothing steps" if morph.get("smooth") else "smoothing"
        second += (
            f" They were brought to {morph['to']} (icosahedron grade {morph['spacing']}: "
            f"{10 * 4 ** morph['spacing'] + 2:,} vertices a hemisphere) by registration of the "
            f"folding patterns on the sphere {cite('fischl1999')} with {steps}."
        )
    return [first, second]


def _fmri(spec: Mapping[str, Any], own: Modality, cite: Citations) -> list[tuple[str, list[str]]]:
    runs, about = own.found, own.acquisition
    device = _device(about)
    field_ = about.get("MagneticFieldStrength")
    scanner = " ".join(filter(None, [f"{field_:g} T" if field_ else "", device]))
    extra = [
        f"{words} {about[key] * factor:g}{unit}"
        for key, words, factor, unit in (
            ("EchoTime", "echo time", 1e3, " ms"),
            ("FlipAngle", "flip angle", 1, "°"),
            ("MultibandAccelerationFactor", "multiband factor", 1, ""),
        )
        if isinstance(about.get(key), int | float)
    ]
    n_runs = runs.groupby("subject").size()
    conditions = list(spec["conditions"])
    acquired = (
        f"BOLD images of the task {spec['task']} were acquired{f' ({scanner})' if scanner else ''} "
        f"in {_span(n_runs)} runs of {_span(runs['volumes'])} volumes (repetition time "
        f"{_span(runs['repetition_time'])} s{', ' if extra else ''}{', '.join(extra)}). Conditions "
        f"were {', '.join(conditions)}, with {_span(runs[conditions].stack())} events each a run."
    )
    prep = about.get("Pipeline", "fMRIPrep")
    cited = f" {cite('esteban')}" if "fmriprep" in prep.lower() else ""
    before = (
        f"Images had been preprocessed by {prep}{cited} and were taken in the space "
        f"{spec['space']}; its own text describes the steps. Mean framewise displacement was "
        f"{runs['mean_displacement'].mean():.2f} mm (largest of a run "
        f"{runs['mean_displacement'].max():.2f} mm)."
    )
    smooth = (
        f"Images were smoothed by a Gaussian kernel of {spec['smoothing']:g} mm FWHM"
        if spec.get("smoothing")
        else "Images were not smoothed further"
    )
    drift = {
        "none": "",
        "cosine": f", with a cosine drift (high-pass {spec['high_pass']:g} Hz)",
        "polynomial": ", with a polynomial drift",
    }[spec["drift"]]
    noise = {"ar1": "an autoregressive model of order 1", "ols": "ordinary least squares"}.get(
        spec["noise"], spec["noise"]
    )
    left_out = int(runs["volumes_left_out"].sum())
    inflation = [
        value
        for design in own.facts["designs"]
        for run in design["VarianceInflation"]
        for value in run.values()
    ]
    slices = own.facts["designs"][0].get("SliceTimeReference")
    first = (
        f"{smooth}. Each run was fitted by a general linear model in nilearn "
        f"{cite('abraham')}: signals in percent of each voxel's mean, one regressor a condition "
        f"(its events convolved with the {_hrf(spec['hrf'], cite)}"
        + (f", slices referred to {slices:g} of the repetition time" if slices is not None else "")
        + f"){drift}, {_confounds(spec['confounds'], cite)}; errors by {noise}. "
        + (f"{left_out} volumes were scrubbed. " if left_out else "")
        + "A participant's effect is the mean over the runs (fixed effects). The largest variance "
        f"inflation of a condition was {max(inflation):.1f}."
    )
    return [
        ("fMRI acquisition and task", [acquired]),
        ("fMRI preprocessing and first level", [before, first]),
    ]


def _hrf(name: Any, cite: Citations) -> str:
    names = name if isinstance(name, list) else [name]
    words = []
    for each in names:
        base = f"response of {cite.bare('glover')}"
        if "spm" in each:
            base = "canonical response of SPM"
        if "fir" in each:
            base = "finite impulse responses"
        more = " with its time derivative" if "derivative" in each else ""
        more += " and dispersion derivative" if "dispersion" in each else ""
        words.append(base + more)
    return " and ".join(words)


def _confounds(spec: Mapping[str, Any], cite: Citations) -> str:
    parameters = {"basic": "6", "power2": "12", "derivatives": "12", "full": "24"}
    kinds = {
        "motion": f"{parameters[spec['motion']]} parameters of head motion",
        "high_pass": "the preprocessing's cosines of slow drifts",
        "wm_csf": "mean signals of white matter and cerebrospinal fluid",
        "global_signal": "the global signal",
        "compcor": f"{spec['n_compcor']} CompCor components ({spec['compcor']}; "
        f"{cite.bare('behzadi') if 'compcor' in spec['strategy'] else ''})",
        "scrub": f"a regressor for each volume with a framewise displacement above "
        f"{spec['fd_threshold']:g} mm or a standardised DVARS above "
        f"{spec['std_dvars_threshold']:g}",
        "ica_aroma": "ICA-AROMA's components",
        "non_steady_state": "a regressor for each volume before the steady state",
    }
    words = [kinds.get(kind, kind) for kind in spec["strategy"]]
    return "with regressors for " + _listed(words) if words else "without confounds"


def _fnirs(spec: Mapping[str, Any], own: Modality, cite: Citations) -> list[tuple[str, list[str]]]:
    table = own.found
    device = _device(own.acquisition)
    conditions = list(spec["conditions"])
    acquired = (
        f"fNIRS was recorded{f' ({device})' if device else ''} with {_span(table['long_pairs'])} "
        f"long and {_span(table['short_pairs'])} short source-detector pairs at "
        f"{_span(table['sampling_rate'])} Hz for {_span(table['duration'].round())} s (task "
        f"{spec['task']}). Conditions were {', '.join(conditions)}, with "
        f"{_span(table[conditions].stack())} events each."
    )
    pairs = pd.concat(own.facts["pairs"])
    bad = int((pairs["status"] == "bad").sum())
    quality = spec["quality"]
    steps = [
        "Intensities were converted to optical density.",
        f"Pairs with a scalp coupling index below {quality['sci']:g} {cite('pollonini')}, flat or "
        f"saturated ones and those marked in the data set were left out ({bad} of {len(pairs)}).",
    ]
    steps.append(
        f"Motion was corrected by temporal derivative distribution repair {cite('fishburn')}."
        if spec["motion"] == "tddr"
        else "No motion correction was applied."
    )
    factor = spec["ppf"]
    factor = (
        f"{factor:g}" if isinstance(factor, int | float) else ", ".join(f"{f:g}" for f in factor)
    )
    steps.append(
        "Changes of oxygenated and deoxygenated haemoglobin followed by the modified Beer-Lambert "
        f"law {cite('delpy')} with a partial pathlength factor of {factor}"
        + (f", resampled to {spec['resample']:g} Hz." if spec.get("resample") else ".")
    )
    short = spec["short_channels"]
    scalp = {
        "mean": "the means of oxygenated and of deoxygenated haemoglobin over the short pairs",
        "chromophore": "the mean of the channel's own chromophore over the short pairs",
        "components": f"{short['n_components']} principal components of the short channels",
        "none": "",
    }[short["regressors"]]
    noise = {"ols": "ordinary least squares", "auto": "a prewhitening autoregressive model"}.get(
        spec["noise"], f"an autoregressive model of order {spec['noise'][2:]}"
    )
    drift = {
        "none": "no drift",
        "cosine": f"cosine drift (high-pass {spec['high_pass']:g} Hz)",
        "polynomial": "polynomial drift",
    }[spec["drift"]]
    model = (
        "Each channel was fitted by a general linear model: one regressor a condition (events of "
        + (f"{spec['stim_duration']:g} s" if spec.get("stim_duration") else "their own duration")
        + f" convolved with the {_hrf(spec['hrf'], cite)}), {drift}"
        + (f", and as regressors of the scalp {scalp} (pairs up to {short['longest']:g} mm)"
           if scalp else "")
        + f"; errors by {noise}, as in MNE-NIRS {cite('luke')}."
    )  # fmt: skip
    if spec.get("rois"):
        weights = {"se": "the inverse of their standard errors"}.get(spec["roi_weights"], "one")
        model += (
            f" Regions of interest ({', '.join(spec['rois'])}) are means of their channels, "
            f"weighted by {weights}."
        )
    return [
        ("fNIRS acquisition and task", [acquired]),
        ("fNIRS preprocessing and first level", [" ".join(steps), model]),
    ]


def _ready_made(key: str, spec: Mapping[str, Any]) -> str:
    kinds = {
        "maps": f"ready-made maps in the space {spec.get('space', 'MNI')}",
        "estimates": f"ready-made source estimates on {spec.get('template', 'fsaverage')}",
        "evokeds": "ready-made evoked responses",
        "values": f"a ready-made table of values by {spec.get('place', 'channel')}",
    }
    units = f" (units: {spec['units']})" if spec.get("units") else ""
    return (
        f"The group analysis took {kinds[key]}{units}. How they were made is described elsewhere "
        "[to be added]."
    )


def _group(
    config: Mapping[str, Any], effects: Sequence[Mapping[str, Any]], cite: Citations
) -> list[str]:
    """A paragraph an analysis, and what is common to all."""
    by_name: dict[str, list] = {}
    for effect in effects:
        by_name.setdefault(effect["analysis"], []).append(effect["result"])
    paragraphs = []
    for name, results in by_name.items():
        spec = config.get("analyses", {}).get(name, {})
        first = results[0]
        sentences = [f"Analysis {name}: {_place_words(config, spec, first)}."]
        sentences += dict.fromkeys(_design(result, spec) for result in results)
        tests = "; ".join(
            f"{effect_words(result)}{formula_words(result, spec)}, {statistic_words(result)}"
            f"{_formed(result)}, {_how_many(result)}"
            for result in results
        )
        sentences.append(f"Tests: {tests}.")
        sentences.append(_correction(spec, first, cite))
        assumed = list(dict.fromkeys(assumption_words(result) for result in results))
        sentences.append(f"The tests assume that {'; and that '.join(assumed)}.")
        if len(results) > 1:
            sentences.append(
                "Each effect was corrected by itself"
                + (
                    ", and clusters also over all effects of the analysis (smallest p)."
                    if spec.get("across_effects")
                    else f"; there was no correction over the {len(results)} effects."
                )
            )
        paragraphs.append(" ".join(sentences))
    results = [result for each in by_name.values() for result in each]
    exact = [result["Exact"] for result in results]
    common = (
        "p is the share of resamplings, the observed labelling among them, whose largest value "
        f"over all points reaches the observed one {cite('phipson', 'nichols2002')}, so it is "
        "never 0 and controls the family-wise error rate. "
    )
    if not all(exact):
        common += (
            "p from random resamplings are given with their 95% Monte-Carlo interval "
            f"{cite('clopper')}. "
        )
    if any(result["Neighbours"] for result in results):
        common += (
            "Inference by clusters says that an effect exists; extent and latency of a cluster "
            f"are descriptive {cite('sassenhagen')}. "
        )
    common += f"Effect sizes at peaks are given with 95% confidence intervals {cite('steiger')}."
    seeds = ", ".join(str(seed) for seed in sorted({result["Seed"] for result in results}))
    common += f" The seed of the resampling was {seeds}."
    return [*paragraphs, common]


def _design(result: Mapping[str, Any], spec: Mapping[str, Any]) -> str:
    """What the designs of an analysis' effects have in common."""
    kind = result["Design"]["design"]
    if kind == "Contrast":
        return (
            f"Contrasts of {len(result['Design']['weights'])} conditions of each participant were "
            "tested against zero, each with its own error term."
        )
    frame = design_words(result, spec).split(" Tested: ")[0]
    return f"{frame} Each effect has its own error term." if kind == "Within" else frame


def _formed(result: Mapping[str, Any]) -> str:
    """The cluster-forming threshold of an effect."""
    return f", clusters of {threshold_words(result)}" if result["Neighbours"] else ""


def _how_many(result: Mapping[str, Any]) -> str:
    count, distinct = int(result["Permutations"]), int(result["DistinctResamplings"])
    kind = {"signs": "sign flips", "orders": "orders"}[result["Exchangeable"]]
    if result["Exact"]:
        return f"all {count:,} {kind} (exact test)"
    of = f"{distinct:,}" if distinct < 10**9 else f"{distinct:.2g}"
    return f"{count:,} random {kind} of {of}"


def _place_words(
    config: Mapping[str, Any], spec: Mapping[str, Any], result: Mapping[str, Any]
) -> str:
    """What is tested: where and when."""
    data = spec.get("data")
    what = {
        "meeg": "source estimates",
        "fmri": "first-level effect maps",
        "fnirs": "first-level estimates of channels",
        "maps": "ready-made maps",
        "estimates": "ready-made source estimates",
        "evokeds": "evoked responses",
        "values": "ready-made values",
    }.get(data, "maps")
    space = spec.get("space")
    if space in SENSORS:
        what = f"evoked responses at the {SENSORS[space]}"
    elif space == "labels":
        what = f"mean source estimates of the regions of {spec['parcellation']}"
    elif space == "rois":
        what = "first-level estimates of regions of interest"
    when = ""
    if spec.get("crop"):
        start, stop = (1e3 * edge for edge in spec["crop"])
        when = f", {'mean of' if spec.get('average') else 'from'} {start:g} to {stop:g} ms"
    where = ""
    if data == "fmri":
        mask = config["fmri"]["mask"]
        where = ", voxels inside the brain masks of all participants"
        where += "" if mask == "intersection" else f" and the mask {mask}"
    elif data == "fnirs" and space != "rois":
        where = ", channels that are good in every participant"
    return (
        f"{what}{when}{where} ({result['Space']}, {int(result['PointsTested']):,} points, units: "
        f"{result['Units']}) of {int(result['Subjects'])} participants"
    )


#: Which points are neighbours, by where the data of an analysis are.
NEIGHBOURS = {
    "surface": "vertices along the edges of the cortical mesh",
    "faces": "voxels that share a face",
    "edges": "voxels that share a face or an edge",
    "corners": "voxels that share a face, an edge or a corner",
    "sensors": "adjacent sensors",
    "labels": "the same region",
}


def _neighbours(spec: Mapping[str, Any]) -> str:
    """Neighbours in space and time."""
    data, space = spec.get("data"), spec.get("space")
    if space in SENSORS:
        kind = "sensors"
    elif space == "labels":
        kind = "labels"
    elif data in ("fmri", "maps"):
        kind = spec["cluster"]["connectivity"]
    else:
        kind = "surface"
    timed = data in ("meeg", "estimates", "evokeds") and not spec.get("average")
    return NEIGHBOURS[kind] + (", and each place one sample earlier and later" if timed else "")


def _correction(spec: Mapping[str, Any], result: Mapping[str, Any], cite: Citations) -> str:
    side = ALTERNATIVES.get(result["Alternative"], "two-sided")
    sided = f" ({side})" if result["Statistic"] == "t" else ""
    if result["Exchangeable"] == "signs":
        how = "The signs of the participants' values or contrast scores were flipped"
    elif result["Design"]["design"] == "GLM":
        how = f"Residuals were exchanged within participants {cite('freedman', 'winkler')}"
    else:
        how = f"Residuals were exchanged between participants {cite('freedman', 'winkler')}"
    if not result["Neighbours"]:
        return (
            f"{how}, and points were corrected over all by the largest statistic{sided}, at a "
            f"family-wise error rate of {result['Alpha']:g}."
        )
    mass = "of the statistic" + (" above the threshold" if result["Mass"] == "excess" else "")
    words = (
        f"{how}. Neighbouring points beyond the cluster-forming threshold{sided} formed clusters "
        f"(neighbours are {_neighbours(spec)}), whose mass (sum {mass}) "
        f"was compared with the largest of each resampling {cite('maris')}, at a family-wise error "
        f"rate of {result['Alpha']:g}."
    )
    if result.get("TFCE"):
        words += f" Threshold-free cluster enhancement was tested beside it {cite('smith')}."
    if result.get("Hat"):
        words += f" A share of the largest variance was added to every variance {cite('ridgway')}."
    return words


def _random(spec: Mapping[str, Any]) -> str:
    """The random effects in words."""
    what = "intercept" if str(spec["random"]) == "1" else f"effects {spec['random']}"
    return f"random {what} of each {spec['groups']}"


def _model(model: Mapping[str, Any], cite: Citations) -> str:
    spec, table = model["facts"]["Model"], model["table"]
    kind = {
        "mixed": f"a linear mixed model (restricted maximum likelihood; {_random(spec)})",
        "gee": f"generalised estimating equations, exchangeable within {spec['groups']}, with "
        f"bias-reduced robust errors {cite('mancl') if spec['estimator'] == 'gee' else ''}",
        "rlm": "Huber's M-estimator, rows taken as independent "
        f"{cite('huber') if spec['estimator'] == 'rlm' else ''}",
    }[spec["estimator"]]
    each = f", a model for each {' and '.join(spec['by'])}" if spec["by"] else ""
    where = "; ".join(f"{column}: {', '.join(values)}" for column, values in spec["where"].items())
    rows = f" Rows: {where}." if where else ""
    verdicts = ", ".join(
        f"{name}: {count}" for name, count in table["verdict"].value_counts().items()
    )
    return (
        f"Model {model['name']}: {spec['formula']} by {kind.strip()}{each}, in statsmodels "
        f"{cite('seabold')}.{rows} Tests are Wald's (z), corrected over the coefficients by "
        f"Bonferroni and by the false discovery rate {cite('benjamini')}. Fits: {verdicts} (of "
        f"{len(table)} coefficients)."
        + (" Wald tests take the variances as known, which is liberal with few participants."
           if table["participants"].min() < 10 else "")
    )  # fmt: skip


def _software(
    software: Mapping[str, str],
    named: Mapping[str, Modality],
    models: Sequence[Mapping[str, Any]],
    config: Mapping[str, Any],
    cite: Citations,
) -> str:
    """What made the results, each with its version."""
    used = ["numpy", "scipy", "numba", "pandas"]
    cited = {}
    surfaces = "M/EEG" in named or config.get("estimates") or config.get("evokeds")
    if surfaces or "fNIRS" in named:
        cited["mne"] = ("MNE-Python", "gramfort")
    if "M/EEG" in named or "fNIRS" in named:
        cited["mne-bids"] = ("MNE-BIDS", "appelhoff")
    if "fMRI" in named or "fNIRS" in named or config.get("maps"):
        cited["nilearn"] = ("nilearn", "abraham")
        used.append("nibabel")
    words = [
        f"{title} {software[name]} {cite(key)}"
        for name, (title, key) in cited.items()
        if name in software
    ]
    words += [f"{name} {software[name]}" for name in used if name in software]
    organised = set(named) - {"Ready-made data"}
    bids = f" Data were organised as BIDS {cite('gorgolewski')}." if organised else ""
    return (
        f"All stages ran as one Snakemake workflow {cite('molder')}, Groupwise "
        f"{software.get('groupwise', '')} with Python {software.get('python', '')}, "
        f"{', '.join(words)}.{bids} The config of the study, with every setting and seed, is part "
        "of the report."
    )


def _missing(named: Mapping[str, Modality]) -> list[str]:
    """What the checklists ask for and no file of the study tells."""
    lines = [
        "Recruitment, inclusion criteria, consent and ethics; handedness and medication.",
        "How the number of participants was chosen, and what was hypothesised or preregistered.",
        "Stimuli, their timing and presentation, instructions, responses and behaviour.",
        "Where data and code are available.",
    ]
    for name, own in named.items():
        if unknown := [about for about in ("age", "sex") if about not in own.people]:
            lines.append(f"{name}: {' and '.join(unknown)} of the participants.")
        if name != "Ready-made data" and not _device(own.acquisition):
            lines.append(f"{name}: the recording device (its sidecars do not name it).")
    if "fMRI" in named:
        lines.append("fMRI: sequence, field of view, voxel size; fMRIPrep's own methods text.")
    if "M/EEG" in named:
        lines.append(
            "M/EEG: posture, shielding, electrodes and impedances, hardware filters, digitisation."
        )
    if "fNIRS" in named:
        lines.append("fNIRS: wavelengths, placement of the optodes, and how it was verified.")
    return lines


def _listed(words: Sequence[str]) -> str:
    """Words as a sentence lists them."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _span(values: Any) -> str:
    """One number, or the range of several."""
    values = pd.Series(np.asarray(values, float)).dropna()
    if not len(values):
        return "an unknown number of"
    low, high = values.min(), values.max()
    return number_of(low) if low == high else f"{number_of(low)} to {number_of(high)}"


def number_of(value: float) -> str:
    """A whole number as it is, others with three digits."""
    return f"{value:,.0f}" if float(value).is_integer() else number(value)


def _count(n: int, one: str) -> str:
    return f"{n} {one} was" if n == 1 else f"{n} {one}s were"
