"""All fNIRS recordings looked into before any long work: what is there, what is wrong."""

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
) -> tuple[pd.DataFrame, list[str]]:
    """Look into every subject's runs: montage, distances, events, regions, confounds.

    Parameters
    ----------
    runs : subject to its runs, each a dict with `name`, `raw`, `events`, `channels`, `confounds`.
    conditions ... ppf : see the config's section `fnirs`.

    Returns
    -------
    table : one row a subject and run: sampling rate (Hz), duration (s), long, short and bad
        pairs, and events of each condition.
    findings : everything that is wrong in any run.
    """
    findings: list[str] = []
    table: list[dict[str, Any]] = []
    montage: tuple[str, list[str]] | None = None
    for place, (subject, own) in enumerate(runs.items(), start=1):
        logger.info("subject %s (%d of %d)", subject, place, len(runs))
        named = [*bad_channels.get("all", []), *bad_channels.get(subject, [])]
        seen: set[str] = set()
        for run in own:
            try:
                raw = read_intensity(run["raw"], preload=False)
                pairs = list_pairs(raw)
                if montage is None:
                    montage = (run["raw"], pairs)
                    findings += _find_unknown_pairs(run["raw"], pairs, rois)
                findings += _compare_montages(run["raw"], pairs, montage)
                findings += [
                    f"config: fnirs.bad_channels.{subject}: {pair} is no pair of {run['raw']}"
                    for pair in bad_channels.get(subject, [])
                    if pair not in pairs
                ]
                distances = 1e3 * source_detector_distances(raw.info)
                is_long = (distances > long[0]) & (distances < long[1])
                is_short = distances < short_channels["longest"]
                findings += _check_distances(
                    run["raw"], is_long, is_short, distances, short_channels
                )
                wavelengths = {name.split(" ")[1] for name in raw.ch_names}
                if isinstance(ppf, list) and len(ppf) != len(wavelengths):
                    findings.append(
                        f"config: fnirs.ppf: {len(ppf)} values, and {run['raw']} has "
                        f"{len(wavelengths)} wavelengths"
                    )
                read_regressors(run["confounds"], raw.times)
                events = read_run_events(run, raw, conditions)
                counts = events["trial_type"].value_counts()
                if len(events) and events["onset"].max() >= raw.times[-1]:
                    findings.append(
                        f"{run['events'] or run['raw']}: an event begins at "
                        f"{events['onset'].max():g} s, and the run ends at {raw.times[-1]:g} s; "
                        "are onsets in seconds from the first sample?"
                    )
                seen |= {name for name in conditions if counts.get(name, 0)}
                table.append(
                    {
                        "subject": subject,
                        "run": run["name"] or "n/a",
                        "sampling_rate": round(float(raw.info["sfreq"]), 4),
                        "duration": round(float(raw.times[-1]), 1),
                        "long_pairs": int(is_long.sum() // len(wavelengths)),
                        "short_pairs": int(is_short.sum() // len(wavelengths)),
                        "bad_pairs": ", ".join(sorted({*named, *read_bad_pairs(run["channels"])}))
                        or "n/a",
                        **{name: int(counts.get(name, 0)) for name in conditions},
                    }
                )
            except InputError as error:
                findings += error.findings
        absent = [f"{name} ({kind})" for name, kind in conditions.items() if name not in seen]
        if absent and table and table[-1]["subject"] == subject:
            there = sorted(set(events["trial_type"]))
            findings.append(
                f"sub-{subject}: no event of {', '.join(absent)} in any run, which has "
                f"{', '.join(there) or 'none'}; correct fnirs.conditions (a name, and its "
                "trial_type)"
            )
    return pd.DataFrame(table), findings


def _find_unknown_pairs(path: str, pairs: list[str], rois: Mapping[str, list[str]]) -> list[str]:
    return [
        f"config: fnirs.rois.{name}: {', '.join(absent)} is not in the montage of {path}, which "
        f"has {', '.join(pairs)}"
        for name, own in rois.items()
        if (absent := [pair for pair in own if pair not in pairs])
    ]


def _compare_montages(path: str, pairs: list[str], montage: tuple[str, list[str]]) -> list[str]:
    first, wanted = montage
    lacks, more = sorted(set(wanted) - set(pairs)), sorted(set(pairs) - set(wanted))
    if not lacks and not more:
        return []
    told = [f"lacks {', '.join(lacks)}"] * bool(lacks) + [f"has {', '.join(more)}"] * bool(more)
    return [
        f"{path}: its montage is not that of {first}: it {' and '.join(told)}; analyse "
        "participants of another montage on their own, or list them under exclude with the reason"
    ]


def _check_distances(path: str, is_long, is_short, distances, short_channels) -> list[str]:
    span = f"its distances are {distances.min():.0f} to {distances.max():.0f} mm"
    findings = []
    if not is_long.any():
        findings.append(f"{path}: no pair is as long as fnirs.long says; {span}")
    if short_channels["regressors"] != "none" and not is_short.any():
        findings.append(
            f"{path}: no pair is shorter than {short_channels['longest']:g} mm; {span}. Set "
            "fnirs.short_channels.regressors: none, or a larger longest"
        )
    return findings
