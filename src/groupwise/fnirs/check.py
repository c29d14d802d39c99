"""Input check of all fNIRS recordings: montages, events and confounds, before the first job."""

import logging
from collections.abc import Mapping
from typing import Any

import pandas as pd
from mne.preprocessing.nirs import source_detector_distances

from groupwise.errors import InputError
from groupwise.fnirs.recordings import (
    list_pairs,
    read_bad_pairs,
    read_intensity,
    read_regressors,
    read_run_events,
)
from groupwise.inputs.events import (
    describe_durations,
    find_impulses,
    find_unequal_impulses,
    read_event_table,
)

logger = logging.getLogger(__name__)


def check_subjects(
    runs: Mapping[str, list[dict[str, str]]],
    *,
    conditions: Mapping[str, str],
    bad_channels: Mapping[str, list[str]],
    rois: Mapping[str, list[str]],
    long: tuple[float, float],
    short_channels: Mapping[str, Any],
    ppf: float | list[float],
    resample: float | None = None,
    stim_duration: float | None = None,
) -> tuple[pd.DataFrame, list[str]]:
    """Check the montage, distances, events, regions and confounds of every subject's runs.

    Parameters
    ----------
    runs : runs of each subject, each a dict with `name` and the paths `raw`, `events`, `channels`
        and `confounds`.
    conditions ... stim_duration : see the config's section `fnirs`.

    Returns
    -------
    table : one row per subject and run: sampling rate (Hz), duration (s), long, short and bad
        pairs, number of rows of events.tsv that are left out, range of the durations of the
        conditions (s), conditions of impulses, and number of events of each condition.
    findings : all errors in the runs; empty if there are none.
    """
    findings: list[str] = []
    table: list[dict[str, Any]] = []
    montage: tuple[str, list[str]] | None = None
    impulses: list[tuple[str, float, dict[str, bool]]] = []
    for number, (subject, subject_runs) in enumerate(runs.items(), start=1):
        logger.info("subject %s (%d of %d)", subject, number, len(runs))
        marked_bad = [*bad_channels.get("all", []), *bad_channels.get(subject, [])]
        seen: set[str] = set()
        for run in subject_runs:
            try:
                raw = read_intensity(run["raw"], preload=False)
                pairs = list_pairs(raw)
                if montage is None:
                    montage = (run["raw"], pairs)
                    findings += _find_unknown_pairs(run["raw"], pairs, rois)
                    findings += _find_unknown_bad_pairs(run["raw"], pairs, "all", bad_channels)
                findings += _compare_montages(run["raw"], pairs, montage)
                findings += _find_unknown_bad_pairs(run["raw"], pairs, subject, bad_channels)
                distances = 1e3 * source_detector_distances(raw.info)
                is_long = (distances > long[0]) & (distances < long[1])
                is_short = distances < short_channels["longest"]
                findings += _check_distances(
                    run["raw"], is_long, is_short, distances, short_channels
                )
                wavelengths = {name.split(" ")[1] for name in raw.ch_names}
                if isinstance(ppf, list) and len(ppf) != len(wavelengths):
                    findings.append(
                        f"config: fnirs.ppf: {len(ppf)} values, but {run['raw']} has "
                        f"{len(wavelengths)} wavelengths. Give one value per wavelength."
                    )
                read_regressors(run["confounds"], raw.times)
                events = read_run_events(run, raw, conditions, stim_duration, float(raw.times[-1]))
                interval = 1 / (resample or float(raw.info["sfreq"]))
                own = find_impulses(events, conditions, interval)
                impulses.append((f"sub-{subject} {run['name']}".strip(), interval, own))
                counts = events["trial_type"].value_counts()
                left_out = 0
                if run["events"]:
                    left_out = len(read_event_table(run["events"])) - len(events)
                seen |= {name for name in conditions if counts.get(name, 0)}
                table.append(
                    {
                        "subject": subject,
                        "run": run["name"] or "n/a",
                        "sampling_rate": round(float(raw.info["sfreq"]), 4),
                        "duration": round(float(raw.times[-1]), 1),
                        "long_pairs": int(is_long.sum() // len(wavelengths)),
                        "short_pairs": int(is_short.sum() // len(wavelengths)),
                        "bad_pairs": ", ".join(
                            sorted({*marked_bad, *read_bad_pairs(run["channels"], pairs)})
                        )
                        or "n/a",
                        "events_left_out": left_out,
                        "event_durations": describe_durations(events, conditions),
                        "impulses": ", ".join(name for name in own if own[name]) or "n/a",
                        **{name: int(counts.get(name, 0)) for name in conditions},
                    }
                )
            except InputError as error:
                findings += error.findings
        absent = [f"{name} ({kind})" for name, kind in conditions.items() if name not in seen]
        if absent and table and table[-1]["subject"] == subject:
            present = sorted(set(events["trial_type"]))
            findings.append(
                f"sub-{subject}: no event of {', '.join(absent)} in any run. The last run has "
                f"{', '.join(present) or 'no events'}. Correct fnirs.conditions (a name, and its "
                "trial_type)."
            )
    findings += find_unequal_impulses(impulses, "fnirs.stim_duration")
    return pd.DataFrame(table), findings


def _find_unknown_pairs(path: str, pairs: list[str], rois: Mapping[str, list[str]]) -> list[str]:
    """Return findings on pairs of regions that are not in the montage."""
    return [
        f"config: fnirs.rois.{name}: {', '.join(absent)} is not in the montage of {path}, which "
        f"has {', '.join(pairs)}. Correct the name."
        for name, members in rois.items()
        if (absent := [pair for pair in members if pair not in pairs])
    ]


def _find_unknown_bad_pairs(
    path: str, pairs: list[str], key: str, bad_channels: Mapping[str, list[str]]
) -> list[str]:
    """Return findings on bad pairs of the config that are not in the montage."""
    return [
        f"config: fnirs.bad_channels.{key}: {pair} is not a pair of {path}. Correct its name."
        for pair in bad_channels.get(key, [])
        if pair not in pairs
    ]


def _compare_montages(path: str, pairs: list[str], montage: tuple[str, list[str]]) -> list[str]:
    """Return a finding if the pairs of a run differ from those of the first run (path, pairs)."""
    first, expected = montage
    absent, more = sorted(set(expected) - set(pairs)), sorted(set(pairs) - set(expected))
    if not absent and not more:
        return []
    differences = [f"lacks {', '.join(absent)}"] * bool(absent)
    differences += [f"also has {', '.join(more)}"] * bool(more)
    return [
        f"{path}: its montage is not that of {first}: it {' and '.join(differences)}. Analyse "
        "participants with another montage separately, or list them under 'exclude' with the "
        "reason."
    ]


def _check_distances(path: str, is_long, is_short, distances, short_channels) -> list[str]:
    """Return findings if a run has no long pair, or no short pair for the regressors."""
    span = f"Its distances are {distances.min():.0f} to {distances.max():.0f} mm"
    findings = []
    if not is_long.any():
        findings.append(f"{path}: no pair has a distance within fnirs.long. {span}. Correct it.")
    if short_channels["regressors"] != "none" and not is_short.any():
        findings.append(
            f"{path}: no pair is shorter than {short_channels['longest']:g} mm. {span}. Set "
            "fnirs.short_channels.regressors: none, or increase fnirs.short_channels.longest."
        )
    return findings
