"""Haemoglobin from intensity: optical density, quality, motion correction, Beer-Lambert law."""

from collections.abc import Mapping, Sequence
from typing import Any

import mne
import numpy as np
import pandas as pd
from mne.preprocessing.nirs import (
    beer_lambert_law,
    optical_density,
    scalp_coupling_index,
    source_detector_distances,
    temporal_derivative_distribution_repair,
)

from groupwise.errors import InputError
from groupwise.files import write_whole
from groupwise.fnirs.recordings import list_pairs

#: Upper edge of the heartbeat band with its transition, Hz; the scalp coupling index uses it.
HEARTBEAT_BAND_END = 1.8
#: Descriptions of the columns of the table of pairs.
PAIR_COLUMNS = {
    "pair": {"Description": "Source-detector pair"},
    "source": {"Description": "Source"},
    "detector": {"Description": "Detector"},
    "distance": {"Description": "Distance between source and detector", "Units": "mm"},
    "kind": {"Description": "long: analysed; short: measures only the scalp; n/a: neither"},
    "sci": {"Description": "Scalp coupling index (Pollonini et al. 2014)"},
    "status": {"Description": "good or bad"},
    "reason": {"Description": "Why the pair is bad"},
}


def compute_haemoglobin(
    intensity: mne.io.BaseRaw,
    *,
    bad: Sequence[str],
    quality: Mapping[str, Any],
    motion: str,
    ppf: float | Sequence[float],
    resample: float | None,
    long: tuple[float, float],
    longest: float,
) -> tuple[mne.io.BaseRaw, pd.DataFrame]:
    """Compute the concentrations of HbO and HbR (mol/l) of each pair, and the pair's quality.

    Parameters
    ----------
    intensity : continuous-wave intensities.
    bad : pairs that are marked as bad, independently of their signal.
    quality : `sci` and `saturation`, see the config's section `fnirs.quality`.
    motion : motion correction, "tddr" or "none".
    ppf : partial pathlength factor, one value or one per wavelength.
    resample : new sampling rate, Hz; None keeps the rate.
    long : lower and upper limit of the distance of long pairs, mm.
    longest : largest distance of short pairs, mm.

    Returns
    -------
    haemoglobin : Raw with channels "S1_D1 hbo" and "S1_D1 hbr", and bad pairs in `info["bads"]`.
        Pairs without a usable signal are constant.
    pairs : one row per pair: pair, source, detector, distance (mm), kind (long, short or n/a), sci,
        status (good or bad), reason.

    Raises
    ------
    InputError
        If a bad pair is not in the recording, the sampling rate is too low for the scalp coupling
        index, or all long pairs are bad.
    """
    pairs = list_pairs(intensity)
    if unknown := sorted(set(bad) - set(pairs)):
        raise InputError(
            f"{', '.join(unknown)}: marked as bad, but the recording has {', '.join(pairs)}. "
            "Correct the name."
        )
    rate = float(intensity.info["sfreq"])
    if quality["sci"] > -1 and rate / 2 <= HEARTBEAT_BAND_END:
        raise InputError(
            f"The recording is sampled at {rate:g} Hz. The scalp coupling index needs more than "
            f"{2 * HEARTBEAT_BAND_END:g} Hz, because it uses the band of the heartbeat. Set "
            "fnirs.quality.sci: -1."
        )
    reasons = {pair: ["named as bad"] if pair in bad else [] for pair in pairs}
    unusable = _find_unusable_channels(intensity, quality["saturation"])
    for name, reason in unusable.items():
        reasons[name.split(" ")[0]].append(reason)
    empty = {name.split(" ")[0] for name in unusable}
    intensity = intensity.copy().load_data()
    for k, name in enumerate(intensity.ch_names):
        if name.split(" ")[0] in empty:
            intensity._data[k] = 1.0
    density = optical_density(intensity, verbose="error")
    kept = [name for name in density.ch_names if name.split(" ")[0] not in empty]
    coupling = dict.fromkeys(pairs, np.nan)
    if kept and quality["sci"] > -1:
        part = density.copy().pick(kept)
        for name, value in zip(kept, scalp_coupling_index(part, verbose="error"), strict=True):
            coupling[name.split(" ")[0]] = float(value)
        for pair, value in coupling.items():
            if value < quality["sci"]:
                reasons[pair].append(f"scalp coupling index {value:.2f}")
    if kept and motion == "tddr":
        repaired = temporal_derivative_distribution_repair(density.copy().pick(kept))
        density._data[[density.ch_names.index(name) for name in kept]] = repaired.get_data()

    distances = 1e3 * source_detector_distances(density.info)
    haemoglobin = beer_lambert_law(density, ppf=ppf)
    if resample is not None:
        haemoglobin.resample(resample, verbose="error")
    first = [
        next(k for k, n in enumerate(density.ch_names) if n.startswith(f"{p} ")) for p in pairs
    ]
    table = pd.DataFrame(
        {
            "pair": pairs,
            "source": [pair.split("_")[0] for pair in pairs],
            "detector": [pair.split("_")[1] for pair in pairs],
            "distance": distances[first],
        }
    )
    between = table["distance"].between(*long, inclusive="neither")
    table["kind"] = np.where(between, "long", np.where(table["distance"] < longest, "short", "n/a"))
    table["sci"] = [coupling[pair] for pair in pairs]
    table["status"] = ["bad" if reasons[pair] else "good" for pair in pairs]
    table["reason"] = ["; ".join(dict.fromkeys(reasons[pair])) or "n/a" for pair in pairs]
    if not ((table["kind"] == "long") & (table["status"] == "good")).any():
        listed = "; ".join(f"{p}: {', '.join(r)}" for p, r in reasons.items() if r)
        raise InputError(
            f"There is no good channel with a distance of {long[0]:g} to {long[1]:g} mm "
            f"({listed or 'no pair has this distance'}). Check fnirs.quality, fnirs.long and the "
            "recording, or exclude the subject with the reason."
        )
    bad_pairs = set(table.loc[table["status"] == "bad", "pair"])
    haemoglobin.info["bads"] = [n for n in haemoglobin.ch_names if n.split(" ")[0] in bad_pairs]
    return haemoglobin, table


def _find_unusable_channels(intensity: mne.io.BaseRaw, saturation: float) -> dict[str, str]:
    """Return the channels whose intensity has no usable signal, with the reason."""
    found, saturated = {}, _read_saturated_shares(intensity)
    for name, values in zip(intensity.ch_names, intensity.get_data(), strict=True):
        top = max(np.mean(values == values.max()), saturated.get(name, 0.0))
        if not np.isfinite(values).all():
            found[name] = f"{np.mean(~np.isfinite(values)):.0%} of samples are no number"
        elif values.min() == values.max():
            found[name] = "flat"
        elif np.mean(values <= 0) > saturation:
            found[name] = f"intensity is not positive in {np.mean(values <= 0):.0%} of samples"
        elif top >= saturation:
            found[name] = f"saturated in {top:.0%} of samples"
    return found


def _read_saturated_shares(intensity: mne.io.BaseRaw) -> dict[str, float]:
    """Return the share of the recording that the device marked as saturated, by channel (NIRx)."""
    shares: dict[str, float] = {}
    span = len(intensity.times) / intensity.info["sfreq"]
    for annotation in intensity.annotations:
        if annotation["description"] == "BAD_SATURATED":
            for name in annotation["ch_names"]:
                shares[name] = shares.get(name, 0.0) + annotation["duration"] / span
    return shares


def write_haemoglobin(path: str, haemoglobin: mne.io.BaseRaw) -> None:
    """Write haemoglobin atomically as SNIRF."""
    # Imported here, because the import takes three seconds and readers don't need it.
    from mne_nirs.io.snirf import write_raw_snirf

    raw = haemoglobin.copy()
    # The writer needs subject and date, which a NIRx folder may lack.
    raw.info["subject_info"] = raw.info["subject_info"] or {}
    if raw.info["meas_date"] is None:
        raw.set_meas_date(0)
    with write_whole(path) as part:
        write_raw_snirf(raw, part)


def read_haemoglobin(path: str, rate: float) -> mne.io.BaseRaw:
    """Read haemoglobin that `write_haemoglobin` has written.

    Parameters
    ----------
    path : SNIRF file.
    rate : sampling rate, Hz. SNIRF stores only times, which give it with rounding errors.
    """
    return mne.io.read_raw_snirf(
        path, optode_frame="head", sfreq=rate, preload=True, verbose="error"
    )


def read_pair_positions(path: str) -> dict[str, tuple[float, float, float]]:
    """Read the midpoint of source and detector of each pair, in head coordinates (mm)."""
    raw = mne.io.read_raw_snirf(path, optode_frame="head", preload=False, verbose="error")
    return {
        channel["ch_name"].split(" ")[0]: tuple(1e3 * float(v) for v in channel["loc"][:3])
        for channel in raw.info["chs"]
    }
