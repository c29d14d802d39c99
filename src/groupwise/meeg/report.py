"""M/EEG in the report: available trials, quality, exclusions, and facts for the methods text."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from groupwise.meeg.methods import describe_tested, write_passage
from groupwise.report.modality import (
    EXCLUSION_COLUMNS,
    Modality,
    counts,
    events_left_out,
    read_json,
    read_shared,
    read_table,
)


def read_modality(
    subjects: Sequence[str],
    *,
    found: str,
    drops: Sequence[str],
    epochs: Sequence[str],
    covariances: Sequence[str] = (),
    estimates: Sequence[str] = (),
    transforms: Sequence[str] = (),
    **shared: Any,
) -> Modality:
    """M/EEG from the drop tables and the sidecars of epochs, noise covariance, estimates.

    Parameters
    ----------
    subjects : labels, with the session where there are several; all lists of files are in their
        order.
    found : the table of recordings.
    shared : what `groupwise.report.modality.read_shared` takes.
    """
    tables = {s: read_table(path) for s, path in zip(subjects, drops, strict=True)}
    trials = pd.DataFrame({s: t.set_index("condition")["kept"] for s, t in tables.items()}).T
    order = dict.fromkeys(c for table in tables.values() for c in table["condition"])
    cut = {s: read_json(path) for s, path in zip(subjects, epochs, strict=True)}
    noise = {s: read_json(path) for s, path in zip(subjects, covariances, strict=False)}
    stated = {s: read_json(path) for s, path in zip(subjects, estimates, strict=False)}
    placed = {s: read_json(path) for s, path in zip(subjects, transforms, strict=False)}
    quality: dict[str, dict[str, Any]] = {}
    left = []
    for s, table in tables.items():
        events, kept = int(table["events"].sum()), int(table["kept"].sum())
        bad = cut[s]["BadChannels"]
        quality[s] = {
            "Events": events,
            "Epochs": kept,
            "Dropped (%)": 100 * (1 - kept / events) if events else np.nan,
            "Bad channels": len(bad),
        }
        if s in noise:
            ranks = "+".join(str(rank) for rank in noise[s]["Rank"].values())
            quality[s]["Noise covariance"] = f"{noise[s]['Method']}, rank {ranks}"
        if s in stated:
            each = pd.DataFrame(stated[s].get("ExplainedVariance", {}))
            quality[s] |= {f"Explained, {kind} (%)": 100 * each.loc[kind].mean() for kind in each.T}
        if s in placed and (distance := placed[s].get("HeadPointsToScalp")):
            quality[s]["Head points to scalp (mm)"] = distance["median_mm"]
        why = table.filter(like="dropped_").sum()
        reasons = [f"{name[8:]} {int(n)}" for name, n in why.items() if n]
        if events - kept:
            left.append((s, f"{events - kept} of {events} epochs", ", ".join(reasons)))
        if bad:
            left.append((s, f"channels {', '.join(bad)}", "bad: channels.tsv, the config or found"))
    representative = ("evoked-grad", "evoked-mag", "evoked-eeg")
    recordings = read_table(found)
    left += events_left_out(recordings)
    return Modality(
        name="M/EEG",
        unit="trials",
        availability=counts(trials[list(order)]),
        quality=pd.DataFrame(quality).T.infer_objects(),
        exclusions=pd.DataFrame(left, columns=EXCLUSION_COLUMNS),
        **read_shared(representative, subjects, cut.values(), **shared),
        recordings=recordings,
        facts={
            "trials": trials,
            "events": sum(own["Events"] for own in quality.values()),
            "bad": [len(own["BadChannels"]) for own in cut.values()],
            "artifacts": [own.get("Artifacts", {}) for own in cut.values()],
            "noise": [own["Method"] for own in noise.values()],
            "explained": [own.get("ExplainedVariance", {}) for own in stated.values()],
            "scalp": [own["HeadPointsToScalp"]["median_mm"] for own in placed.values()
                      if own.get("HeadPointsToScalp")],
        },
        section="meeg",
        write_passage=write_passage,
        describe_tested=describe_tested,
    )  # fmt: skip
