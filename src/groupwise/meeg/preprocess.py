"""Preprocessing of a continuous recording: filter, artifact removal, epochs, rejection."""

import logging
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from groupwise.errors import InputError
from groupwise.meeg.maxwell import find_unfiltered_shielding

if TYPE_CHECKING:
    import mne

logger = logging.getLogger(__name__)

#: Channel type of MEG reference sensors, which measure distant sources (CTF, 4D).
REFERENCE = "ref_meg"
#: A FIF file must be smaller than this (bytes), because its sizes are 32-bit integers.
FIF_LIMIT = 2 * 1024**3


def pick_channels(
    raw: "mne.io.BaseRaw",
    channels: Sequence[str],
    reject: dict[str, float] | None = None,
    artifacts: dict[str, Any] | None = None,
    reference: str | Sequence[str] = "average",
) -> "mne.io.BaseRaw":
    """Pick the channels of the given types and those for cleaning, and set the EEG reference.

    Bad channels are kept. EOG and ECG channels are kept if a rejection limit or the removal of
    artifacts uses them. Reference channels of MEG are always kept, because forward solutions of
    compensated data need them.

    Parameters
    ----------
    raw : the recording; changed in place.
    channels : data channel types: "mag", "grad", "eeg".
    reject : rejection limits by channel type.
    artifacts : the parameters of `remove_artifacts`.
    reference : EEG reference: "average" (a projection, required for source estimation),
        "recorded", or the channels whose mean is the reference.

    Raises
    ------
    InputError
        If the recording has no channels of a type, lacks a reference channel, or has MEG channels
        with internal active shielding that no Maxwell filter has removed.
    """
    if shielded := find_unfiltered_shielding(raw.info, raw.filenames[0], channels, filtered=False):
        raise InputError(shielded)
    artifacts = artifacts or {}
    cleaning = artifacts.get("method", "none") != "none"
    kept = {*channels, REFERENCE}
    kept |= {kind for kind in ("eog", "ecg") if cleaning or kind in (reject or {})}
    listed = {*artifacts.get("eog", ()), *artifacts.get("ecg", ())} if cleaning else set()
    types = raw.get_channel_types()
    absent = [kind for kind in channels if kind not in types]
    if absent:
        raise InputError(
            f"The recording has no channels of type {', '.join(absent)}. Correct meeg.channels."
        )
    raw.pick(
        [n for n, kind in zip(raw.ch_names, types, strict=True) if kind in kept or n in listed],
        exclude=(),
    )
    if "eeg" in channels:
        if reference == "average":
            raw.set_eeg_reference("average", projection=True)
        elif reference != "recorded":
            absent = [name for name in reference if name not in raw.ch_names]
            if absent:
                raise InputError(
                    f"config: meeg.reference: {', '.join(absent)} is not a channel of the "
                    f"recording, which has {', '.join(raw.ch_names)}. Correct the name."
                )
            raw.load_data().set_eeg_reference(list(reference))
    return raw


def filter_raw(
    raw: "mne.io.BaseRaw",
    l_freq: float | None,
    h_freq: float | None,
    notch: Sequence[float] = (),
) -> "mne.io.BaseRaw":
    """Filter all channels, including EOG and ECG, with zero-phase FIR filters of MNE's defaults.

    The filters are applied to each run separately.

    Parameters
    ----------
    raw : the recording, loaded; changed in place.
    l_freq, h_freq : edges of the pass band, Hz; None: no high-pass or low-pass filter.
    notch : frequencies to remove, Hz.

    Raises
    ------
    InputError
        If a frequency is not below half the sampling rate.
    """
    nyquist = raw.info["sfreq"] / 2
    for name, value in (("h_freq", h_freq), *(("notch", freq) for freq in notch)):
        if value is not None and value >= nyquist:
            raise InputError(
                f"config: meeg.filter.{name}: {value:g} Hz is not below half the sampling rate "
                f"({nyquist:g} Hz). Lower it."
            )
    if notch:
        raw.notch_filter(list(notch), picks="all")
    if l_freq is not None or h_freq is not None:
        raw.filter(l_freq, h_freq, picks="all")
    return raw


def remove_artifacts(
    raw: "mne.io.BaseRaw",
    method: str = "none",
    n_components: float | None = None,
    eog: Sequence[str] = (),
    ecg: Sequence[str] = (),
    l_freq: float = 1.0,
    random_state: int = 97,
) -> tuple["mne.io.BaseRaw", dict[str, Any]]:
    """Remove blinks and heartbeats by projection (SSP) or independent components (ICA).

    Parameters
    ----------
    raw : the recording, loaded and filtered; changed in place.
    method : "none", "ssp" or "ica".
    n_components : SSP: projectors per artifact and channel type (None: 1). ICA: number of
        components, or share of the variance (None: 0.99).
    eog, ecg : channels on which artifacts are detected. Empty: channels of type EOG and ECG.
        Without an ECG channel, heartbeats are detected on magnetometers; without both, they are
        not removed. ICA excludes components whose correlation with the channel is an outlier
        (MNE's rule: z > 3 over the components, which requires about a dozen of them).
    l_freq : edge of the high-pass filter of the data from which artifacts are estimated, Hz. Slow
        drifts would dominate them (Winkler et al. 2015, https://doi.org/10.1109/EMBC.2015.7319296).
    random_state : seed of the ICA.

    Returns
    -------
    raw : the recording, cleaned (ICA) or with projectors that epoching applies (SSP).
    found : the removed components or projectors, for the sidecar.

    Raises
    ------
    InputError
        If the method is unknown.
    """
    if method == "none":
        return raw, {"method": "none"}
    types = raw.get_channel_types()
    eog = list(eog) or [n for n, k in zip(raw.ch_names, types, strict=True) if k == "eog"]
    ecg = list(ecg) or [n for n, k in zip(raw.ch_names, types, strict=True) if k == "ecg"]
    heart = bool(ecg) or "mag" in types
    if not eog:
        logger.warning("No EOG channel: blinks are not removed.")
    if not heart:
        logger.warning("Neither ECG channel nor magnetometers: heartbeats are not removed.")
    if method == "ssp":
        return _add_ssp_projectors(raw, int(n_components or 1), eog, ecg, heart, l_freq)
    if method == "ica":
        return _apply_ica(raw, n_components, eog, ecg, heart, l_freq, random_state)
    raise InputError(
        f"config: meeg.artifacts.method: '{method}' is unknown. Use one of none, ssp, ica."
    )


def _add_ssp_projectors(raw, n, eog, ecg, heart, l_freq):
    import mne

    found: dict[str, Any] = {"method": "ssp", "projectors": []}
    number = {"n_grad": n, "n_mag": n, "n_eeg": n}
    # No rejection, because artifacts exceed the limits of epochs.
    common = {"reject": None, "no_proj": True, "l_freq": l_freq, **number}
    projectors = []
    if eog:
        name = ",".join(eog)
        projectors += mne.preprocessing.compute_proj_eog(raw, ch_name=name, **common)[0] or []
    if heart:
        name = ecg[0] if ecg else None
        projectors += mne.preprocessing.compute_proj_ecg(raw, ch_name=name, **common)[0] or []
    raw.add_proj(projectors)
    found["projectors"] = [projector["desc"] for projector in projectors]
    return raw, found


def _apply_ica(raw, n_components, eog, ecg, heart, l_freq, random_state):
    import mne

    # MNE reads a float as a share of the variance, and an int as a number of components.
    n_components = 0.99 if n_components is None else n_components
    if n_components >= 1:
        n_components = int(n_components)
    ica = mne.preprocessing.ICA(n_components, random_state=random_state, max_iter="auto")
    high_passed = raw
    if not raw.info["highpass"] >= l_freq:
        high_passed = raw.copy().filter(l_freq, None, picks="all")
    ica.fit(high_passed)
    blinks = ica.find_bads_eog(high_passed, ch_name=eog)[0] if eog else []
    beats = ica.find_bads_ecg(high_passed, ch_name=ecg[0] if ecg else None)[0] if heart else []
    ica.exclude = sorted({int(index) for index in (*blinks, *beats)})
    ica.apply(raw)
    return raw, {
        "method": "ica",
        "components": int(ica.n_components_),
        "iterations": int(ica.n_iter_),
        "blinks": sorted(map(int, blinks)),
        "heartbeats": sorted(map(int, beats)),
    }


def make_epochs(
    raw: "mne.io.BaseRaw",
    events: np.ndarray,
    conditions: Sequence[str],
    channels: Sequence[str],
    *,
    tmin: float,
    tmax: float,
    baseline: Sequence[float | None] | None,
    reject: dict[str, float] | None = None,
    flat: dict[str, float] | None = None,
    autoreject: str | None = None,
    equalize: bool = True,
    decim: int = 1,
    random_state: int = 97,
) -> tuple["mne.Epochs", pd.DataFrame]:
    """Return clean epochs of all conditions, and the number of dropped ones.

    Parameters
    ----------
    raw : the recording, filtered and cleaned.
    events : (n, 3) int array of `read_runs`; the third column is the position of the condition
        in `conditions`, from 1.
    conditions : names of the conditions.
    channels : data channel types that are kept in the epochs.
    tmin, tmax : window around the event, s.
    baseline : (start, end) in s, None for an end of the window; None: no baseline correction.
    reject, flat : maximal and minimal peak-to-peak amplitude by channel type (V, T, T/m).
        Limits of data channel types that are not analysed are ignored.
    autoreject : "global" or "local": limits that the package autoreject (Jas et al. 2017,
        https://doi.org/10.1016/j.neuroimage.2017.06.030) estimates from the remaining epochs.
        Global limits are in `epochs.reject` afterwards.
    equalize : whether all conditions keep as many epochs as the rarest one: those nearest in time
        to its epochs.
    decim : keep every n-th sample.
    random_state : seed of autoreject's cross-validation.

    Returns
    -------
    epochs : epochs of data and reference channels; `event_id` has the conditions' positions,
        from 1.
    drops : the table of `count_dropped_epochs`.

    Raises
    ------
    InputError
        If a condition has no event or keeps no epoch, or the epochs don't fit into a FIF file.
    """
    import mne

    types = set(raw.get_channel_types())
    event_id = {name: code for code, name in enumerate(conditions, start=1)}
    findings = find_overlapping_names(conditions)
    absent = [name for name, code in event_id.items() if code not in events[:, 2]]
    if absent:
        findings.append(f"There is no event of: {', '.join(absent)}. Correct meeg.conditions.")
    if findings:
        raise InputError(findings)
    epochs = mne.Epochs(
        raw,
        events,
        event_id,
        tmin,
        tmax,
        baseline=None if baseline is None else tuple(baseline),
        reject={k: float(v) for k, v in (reject or {}).items() if k in types} or None,
        flat={k: float(v) for k, v in (flat or {}).items() if k in types} or None,
        decim=decim,
        # MNE drops epochs when it reads the data.
        preload=True,
    )
    if autoreject is not None and len(epochs):
        epochs = _apply_autoreject(
            epochs, autoreject, [k for k in channels if k in types], random_state
        )
    left = {name: int(np.sum(epochs.events[:, 2] == code)) for name, code in event_id.items()}
    if equalize and all(left.values()):
        epochs.equalize_event_counts(list(conditions))
    drops = count_dropped_epochs(epochs.drop_log, events[:, 2], conditions, raw)
    empty = [name for name, count in left.items() if count == 0]
    if empty:
        causes = Counter(reason for log in epochs.drop_log for reason in log)
        worst = ", ".join(f"{reason} ({count}x)" for reason, count in causes.most_common(5))
        raise InputError(
            f"No epoch is left of: {', '.join(empty)}. Most frequent reasons: {worst}. Mark a bad "
            "channel in channels.tsv or in meeg.bad_channels, or raise the limit in "
            "meeg.epochs.reject."
        )
    epochs.pick([kind for kind in (*channels, REFERENCE) if kind in types], exclude=())
    size = epochs.get_data(copy=False).size * 4
    if size >= FIF_LIMIT:
        raise InputError(
            f"The epochs need {size / 1024**3:.1f} GiB, and a FIF file can hold 2 GiB. Shorten the "
            "epochs, or analyse fewer channel types."
        )
    return epochs, drops


def _apply_autoreject(
    epochs: "mne.Epochs", kind: str, channels: Sequence[str], random_state: int
) -> "mne.Epochs":
    """Drop (global limits) or repair (local limits) epochs with the package autoreject."""
    try:
        import autoreject
    except ImportError as error:
        raise InputError(
            "config: meeg.epochs.autoreject: the package autoreject is not installed. Install it "
            "(pip install 'groupwise[autoreject]'), or set fixed limits in meeg.epochs.reject."
        ) from error
    if kind == "global":
        limits = autoreject.get_rejection_threshold(
            epochs, ch_types=list(channels), random_state=random_state, verbose=False
        )
        fixed = dict(epochs.reject or {})
        estimated = {k: min(float(v), fixed.get(k, np.inf)) for k, v in limits.items()}
        return epochs.drop_bad(reject=fixed | estimated)
    picks = [k for k, type_ in enumerate(epochs.get_channel_types()) if type_ in channels]
    estimator = autoreject.AutoReject(picks=picks, random_state=random_state, verbose=False)
    return estimator.fit_transform(epochs)


def find_overlapping_names(conditions: Sequence[str]) -> list[str]:
    """Return findings on condition names that MNE would also match to others ('a' to 'a/b')."""
    tags = {name: set(name.split("/")) for name in conditions}
    return [
        f"config: meeg.conditions: '{name}' would also select '{other}', because '/' separates "
        "tags. Rename one of them."
        for name in conditions
        for other in conditions
        if name != other and tags[name] <= tags[other]
    ]


def count_dropped_epochs(
    drop_log: Sequence[Sequence[str]],
    codes: np.ndarray,
    conditions: Sequence[str],
    info: "mne.io.BaseRaw",
) -> pd.DataFrame:
    """Count the events, kept epochs and dropped epochs of each condition, by reason.

    Parameters
    ----------
    drop_log : reasons for which each event's epoch was dropped: channel names, "EQUALIZED_COUNT",
        or others, such as annotations and windows that exceed the recording.
    codes : (n_events,) condition of each event, from 1.
    conditions : names in the order of the codes.
    info : the recording, for the types of its channels.

    Returns
    -------
    One row per condition: condition, events, kept, dropped, one column `dropped_<type>` for each
    channel type (an epoch counts once in each type that exceeded its limit), `dropped_equalize`,
    `dropped_other`, and `channels`: channels with their number of dropped epochs, in descending
    order.
    """
    kind = dict(zip(info.ch_names, info.get_channel_types(), strict=True))
    types = list(dict.fromkeys(kind.values()))
    rows = []
    for code, name in enumerate(conditions, start=1):
        logs = [log for log, event in zip(drop_log, codes, strict=True) if event == code]
        causes = [{kind.get(reason, reason) for reason in log} for log in logs]
        channels = Counter(reason for log in logs for reason in log if reason in kind)
        known = {*types, "EQUALIZED_COUNT"}
        rows.append(
            {
                "condition": name,
                "events": len(logs),
                "kept": sum(not log for log in logs),
                "dropped": sum(bool(log) for log in logs),
                **{f"dropped_{t}": sum(t in cause for cause in causes) for t in types},
                "dropped_equalize": sum("EQUALIZED_COUNT" in cause for cause in causes),
                "dropped_other": sum(bool(cause - known) for cause in causes),
                "channels": "; ".join(f"{n}: {c}" for n, c in channels.most_common()),
            }
        )
    return pd.DataFrame(rows)
