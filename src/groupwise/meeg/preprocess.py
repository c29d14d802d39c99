"""From a continuous recording to clean epochs: filter, artifact removal, epochs, rejection."""

import logging
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from groupwise.errors import InputError

if TYPE_CHECKING:
    import mne

logger = logging.getLogger(__name__)

#: Channel type of an MEG's reference sensors, which compensate for distant sources (CTF, 4D).
REFERENCE = "ref_meg"
#: A FIF file, with its 32-bit sizes, holds less than this many bytes.
FIF_LIMIT = 2 * 1024**3


def pick_channels(
    raw: "mne.io.BaseRaw",
    channels: Sequence[str],
    reject: dict[str, float] | None = None,
    artifacts: dict[str, Any] | None = None,
    reference: str | Sequence[str] = "average",
) -> "mne.io.BaseRaw":
    """Keep the data channels of the types asked for, bad ones included, and what cleaning needs.

    EOG and ECG channels stay when a rejection limit or the removal of artifacts uses them, and
    the reference channels of an MEG always: forward solutions of compensated data need them.

    Parameters
    ----------
    raw : changed in place.
    channels : data channel types, of "mag", "grad", "eeg".
    reject : rejection limits by channel type.
    artifacts : the parameters of `remove_artifacts`.
    reference : of EEG: "average" (a projection, as source estimation asks for), "recorded", or
        the channels whose mean it is.
    """
    artifacts = artifacts or {}
    cleaning = artifacts.get("method", "none") != "none"
    kept = {*channels, REFERENCE}
    kept |= {kind for kind in ("eog", "ecg") if cleaning or kind in (reject or {})}
    named = {*artifacts.get("eog", ()), *artifacts.get("ecg", ())} if cleaning else set()
    types = raw.get_channel_types()
    absent = [kind for kind in channels if kind not in types]
    if absent:
        raise InputError(
            f"The recording has no channels of type {', '.join(absent)}. Correct 'channels'."
        )
    raw.pick(
        [n for n, kind in zip(raw.ch_names, types, strict=True) if kind in kept or n in named],
        exclude=(),
    )
    if "eeg" in channels:
        if reference == "average":
            raw.set_eeg_reference("average", projection=True)
        elif reference != "recorded":
            absent = [name for name in reference if name not in raw.ch_names]
            if absent:
                raise InputError(
                    f"meeg.reference: {', '.join(absent)} is no channel of the recording, which "
                    f"has {', '.join(raw.ch_names)}"
                )
            raw.load_data().set_eeg_reference(list(reference))
    return raw


def filter_raw(
    raw: "mne.io.BaseRaw",
    l_freq: float | None,
    h_freq: float | None,
    notch: Sequence[float] = (),
) -> "mne.io.BaseRaw":
    """Filter all channels alike, EOG and ECG included, each run for itself.

    Zero-phase FIR filters designed by MNE's rules from the edges alone.

    Parameters
    ----------
    raw : loaded, changed in place.
    l_freq, h_freq : edges of the pass band, Hz; None leaves that side open.
    notch : frequencies to remove, Hz.
    """
    nyquist = raw.info["sfreq"] / 2
    for name, value in (("h_freq", h_freq), *(("notch", freq) for freq in notch)):
        if value is not None and value >= nyquist:
            raise InputError(
                f"filter.{name}: {value:g} Hz is not below half the sampling rate "
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
    raw : loaded and filtered, changed in place.
    method : "none", "ssp" or "ica".
    n_components : SSP: projectors per artifact and channel type (None: 1). ICA: components, as
        a number or as a share of the variance (None: 0.99).
    eog, ecg : channels on which artifacts are detected. Empty: those typed EOG and ECG; with
        no ECG channel, heartbeats are detected on magnetometers, and not at all without any.
        ICA takes the components whose correlation with the channel stands out (z > 3 among the
        components, of which there must be a dozen or more), MNE's rule.
    l_freq : the artifacts are learnt on data above this edge, Hz, since slow drifts would
        dominate them (Winkler et al. 2015, https://doi.org/10.1109/EMBC.2015.7319296).
    random_state : start of the ICA: the same number gives the same components.

    Returns
    -------
    raw : cleaned (ICA) or with projectors added, which epoching applies (SSP).
    found : what was removed, for the sidecar.
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
        return _project_out(raw, int(n_components or 1), eog, ecg, heart, l_freq)
    if method == "ica":
        return _unmix(raw, n_components, eog, ecg, heart, l_freq, random_state)
    raise InputError(f"artifacts.method: '{method}' is not one of none, ssp, ica.")


def _project_out(raw, n, eog, ecg, heart, l_freq):
    import mne

    found: dict[str, Any] = {"method": "ssp", "projectors": []}
    number = {"n_grad": n, "n_mag": n, "n_eeg": n}
    # No rejection here: the artifacts themselves exceed the limits meant for epochs.
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


def _unmix(raw, n_components, eog, ecg, heart, l_freq, random_state):
    import mne

    # A share of the variance must be a float, a number of components an int.
    n_components = 0.99 if n_components is None else n_components
    if n_components >= 1:
        n_components = int(n_components)
    ica = mne.preprocessing.ICA(n_components, random_state=random_state, max_iter="auto")
    slow_free = raw
    if not raw.info["highpass"] >= l_freq:
        slow_free = raw.copy().filter(l_freq, None, picks="all")
    ica.fit(slow_free)
    blinks = ica.find_bads_eog(slow_free, ch_name=eog)[0] if eog else []
    beats = ica.find_bads_ecg(slow_free, ch_name=ecg[0] if ecg else None)[0] if heart else []
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
    """Cut epochs, drop the bad ones, keep equally many of every condition.

    Parameters
    ----------
    raw : filtered and cleaned.
    events : (n, 3) int array of `read_runs`; the third column is the position of the condition
        in `conditions`, from 1.
    channels : data channel types that stay in the epochs.
    tmin, tmax : window around the event, s.
    baseline : (from, to) in s, None for an end of the window; None for no correction.
    reject, flat : largest and smallest peak-to-peak amplitude by channel type (V, T, T/m).
        Limits for data channel types that are not analysed are not used.
    autoreject : "global" or "local": limits learnt by the package autoreject (Jas et al. 2017,
        https://doi.org/10.1016/j.neuroimage.2017.06.030) from the epochs that are left; global ones
        stand in `epochs.reject` afterwards.
    equalize : keep the epochs of each condition that lie nearest in time to those of the rarest.
    decim : keep every n-th sample.
    random_state : of autoreject's cross-validation.

    Returns
    -------
    epochs : data and reference channels only; `event_id` holds the conditions' positions, from 1.
    drops : the table of `drop_table`.

    Raises
    ------
    InputError
        When a condition keeps no epoch (with the channels that cost most), and when the epochs
        would not fit into a FIF file.
    """
    import mne

    types = set(raw.get_channel_types())
    event_id = {name: code for code, name in enumerate(conditions, start=1)}
    findings = overlapping_names(conditions)
    absent = [name for name, code in event_id.items() if code not in events[:, 2]]
    if absent:
        findings.append(f"There is no event of: {', '.join(absent)}. Correct 'conditions'.")
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
        # What is dropped is known only once the data are read.
        preload=True,
    )
    if autoreject is not None and len(epochs):
        epochs = _autoreject(epochs, autoreject, [k for k in channels if k in types], random_state)
    left = {name: int(np.sum(epochs.events[:, 2] == code)) for name, code in event_id.items()}
    if equalize and all(left.values()):
        epochs.equalize_event_counts(list(conditions))
    drops = drop_table(epochs.drop_log, events[:, 2], conditions, raw)
    empty = [name for name, count in left.items() if count == 0]
    if empty:
        causes = Counter(reason for log in epochs.drop_log for reason in log)
        worst = ", ".join(f"{reason} ({count}x)" for reason, count in causes.most_common(5))
        raise InputError(
            f"No epoch is left of: {', '.join(empty)}. What dropped most: {worst}. Mark a bad "
            "channel in channels.tsv or under 'bad_channels', or raise the limit in "
            "epochs.reject."
        )
    epochs.pick([kind for kind in (*channels, REFERENCE) if kind in types], exclude=())
    size = epochs.get_data(copy=False).size * 4
    if size >= FIF_LIMIT:
        raise InputError(
            f"The epochs take {size / 1024**3:.1f} GB and a FIF file holds 2. Shorten the "
            "epochs or analyse fewer channel types."
        )
    return epochs, drops


def _autoreject(
    epochs: "mne.Epochs", kind: str, channels: Sequence[str], random_state: int
) -> "mne.Epochs":
    """Drop or repair epochs by limits that are learnt from them."""
    try:
        import autoreject
    except ImportError as error:
        raise InputError(
            "config: meeg.epochs.autoreject needs the package autoreject; install it (pip install "
            "'groupwise[autoreject]'), or set fixed limits in meeg.epochs.reject"
        ) from error
    if kind == "global":
        limits = autoreject.get_rejection_threshold(
            epochs, ch_types=list(channels), random_state=random_state, verbose=False
        )
        fixed = dict(epochs.reject or {})
        learnt = {k: min(float(v), fixed.get(k, np.inf)) for k, v in limits.items()}
        return epochs.drop_bad(reject=fixed | learnt)
    picks = [k for k, own in enumerate(epochs.get_channel_types()) if own in channels]
    learner = autoreject.AutoReject(picks=picks, random_state=random_state, verbose=False)
    return learner.fit_transform(epochs)


def overlapping_names(conditions: Sequence[str]) -> list[str]:
    """Findings on condition names that MNE would read as groups of others ('a' and 'a/b')."""
    tags = {name: set(name.split("/")) for name in conditions}
    return [
        f"conditions: '{name}' would also select '{other}', since '/' separates tags. "
        "Rename one of them."
        for name in conditions
        for other in conditions
        if name != other and tags[name] <= tags[other]
    ]


def drop_table(
    drop_log: Sequence[Sequence[str]],
    codes: np.ndarray,
    conditions: Sequence[str],
    info: "mne.io.BaseRaw",
) -> pd.DataFrame:
    """Count, for every condition, the events, the epochs kept and those dropped by cause.

    Parameters
    ----------
    drop_log : for every event the causes of its drop: channel names, "EQUALIZED_COUNT", or
        others such as annotations and epochs that run out of the recording.
    codes : (n_events,) condition of each event, from 1.
    conditions : names in order of the codes.
    info : the recording, for its channels' types.

    Returns
    -------
    One row a condition: condition, events, kept, dropped, one column `dropped_<type>` for each
    channel type (an epoch counts once in each type that was over its limit),
    `dropped_equalize`, `dropped_other`, and `channels`: channel and number of epochs that
    it cost, most first.
    """
    kind = dict(zip(info.ch_names, info.get_channel_types(), strict=True))
    types = list(dict.fromkeys(kind.values()))
    rows = []
    for code, name in enumerate(conditions, start=1):
        logs = [log for log, own in zip(drop_log, codes, strict=True) if own == code]
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
