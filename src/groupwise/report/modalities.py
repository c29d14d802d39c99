"""Each modality of a study as the report shows it: who has what, how good it is, what was left out.

What enters are the tables and sidecars that the stages wrote.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from groupwise.figures.manifest import read_manifest
from groupwise.inputs.acquisition import acquisition_of
from groupwise.inputs.participants import ABSENT, read_participants

#: The picture of a subject that stands for the others, by modality: the first that there is.
TELLING = {
    "M/EEG": ("evoked-grad", "evoked-mag", "evoked-eeg"),
    "fMRI": ("responses",),
    "fNIRS": ("estimates",),
}
LEFT_OUT = ["Subject", "What", "Why"]


@dataclass(frozen=True)
class Modality:
    """What the report shows of one modality.

    Attributes
    ----------
    availability : subjects (index) by conditions, how many of `unit`; NaN where there is none.
    quality : subjects by measures of quality; no column where none is known.
    left_out : rows of LEFT_OUT: what did not take part, and why.
    figures : pictures of all subjects together, from `groupwise.figures.manifest.read_manifest`.
    pages : subject to (its telling picture, its page beside the report).
    found : the table of what was found, as it is.
    people : participants (index, without sub-) by what participants.tsv tells of them.
    acquisition : what the BIDS sidecars of a recording tell.
    inputs : files that the study was given, with their digests.
    facts : what else the methods text needs beside the config.
    """

    name: str
    unit: str
    availability: pd.DataFrame
    quality: pd.DataFrame = field(default_factory=pd.DataFrame)
    left_out: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=LEFT_OUT))
    figures: Sequence[Mapping[str, str]] = ()
    pages: Mapping[str, tuple[Mapping[str, str], str]] = field(default_factory=dict)
    found: pd.DataFrame | None = None
    people: pd.DataFrame = field(default_factory=pd.DataFrame)
    acquisition: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


def read_meeg(
    subjects: Sequence[str],
    *,
    found: str,
    drops: Sequence[str],
    epochs: Sequence[str],
    covariances: Sequence[str],
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
    shared : what `_shared` takes.
    """
    tables = {s: _table(path) for s, path in zip(subjects, drops, strict=True)}
    trials = pd.DataFrame({s: t.set_index("condition")["kept"] for s, t in tables.items()}).T
    order = dict.fromkeys(c for table in tables.values() for c in table["condition"])
    cut = {s: _json(path) for s, path in zip(subjects, epochs, strict=True)}
    noise = {s: _json(path) for s, path in zip(subjects, covariances, strict=True)}
    stated = {s: _json(path) for s, path in zip(subjects, estimates, strict=False)}
    placed = {s: _json(path) for s, path in zip(subjects, transforms, strict=False)}
    quality, left = {}, []
    for s, table in tables.items():
        events, kept = int(table["events"].sum()), int(table["kept"].sum())
        bad = cut[s]["BadChannels"]
        quality[s] = {
            "Events": events,
            "Epochs": kept,
            "Dropped (%)": 100 * (1 - kept / events) if events else np.nan,
            "Bad channels": len(bad),
            "Noise covariance": f"{noise[s]['Method']}, rank {_rank(noise[s]['Rank'])}",
        }
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
    checked = _table(found)
    return Modality(
        unit="trials",
        availability=_counts(trials[list(order)]),
        quality=pd.DataFrame(quality).T.infer_objects(),
        left_out=pd.DataFrame(left, columns=LEFT_OUT),
        **_shared("M/EEG", subjects, cut.values(), **shared),
        found=checked,
        facts={
            "trials": trials,
            "bad": {s: len(own["BadChannels"]) for s, own in cut.items()},
            "noise": [own["Method"] for own in noise.values()],
            "explained": [own.get("ExplainedVariance", {}) for own in stated.values()],
            "scalp": [own["HeadPointsToScalp"]["median_mm"] for own in placed.values()
                      if own.get("HeadPointsToScalp")],
        },
    )  # fmt: skip


def read_fmri(
    subjects: Sequence[str],
    conditions: Sequence[str],
    *,
    found: str,
    designs: Sequence[str],
    **shared: Any,
) -> Modality:
    """fMRI from the table of runs and the sidecars of the designs; see `read_meeg`."""
    runs = _table(found)
    facts = {s: _json(path) for s, path in zip(subjects, designs, strict=True)}
    runs = runs[runs["subject"].isin(subjects)]
    quality = {
        s: {
            "Runs": len(own),
            "Volumes": int(own["volumes"].sum()),
            "Left out": int(own["volumes_left_out"].sum()),
            "Displacement (mm)": float(own["mean_displacement"].mean()),
            "Largest variance inflation": max(
                value for run in facts[s]["VarianceInflation"] for value in run.values()
            ),
        }
        for s, own in runs.groupby("subject")
    }
    left = [
        (row.subject, f"{row.volumes_left_out} of {row.volumes} volumes of {row.run}", "scrubbed")
        for row in runs.itertuples()
        if row.volumes_left_out
    ]
    return Modality(
        unit="events",
        availability=_counts(runs.groupby("subject")[list(conditions)].sum()),
        quality=pd.DataFrame(quality).T.infer_objects(),
        left_out=pd.DataFrame(left, columns=LEFT_OUT),
        **_shared("fMRI", subjects, facts.values(), **shared),
        found=runs,
        facts={"designs": list(facts.values())},
    )


def read_fnirs(
    subjects: Sequence[str],
    conditions: Sequence[str],
    *,
    found: str,
    pairs: Sequence[str],
    pair_facts: Sequence[str],
    designs: Sequence[str],
    **shared: Any,
) -> Modality:
    """fNIRS from the table of recordings, pairs (a file a run; their sidecars) and designs; see
    `read_meeg`."""
    recordings = _table(found)
    recordings = recordings[recordings["subject"].isin(subjects)]
    each = np.array_split(np.array(pairs), len(subjects))
    quality, left, every = {}, [], []
    pairs_of = [_json(path) for path in pair_facts]
    for s, paths, design in zip(subjects, each, designs, strict=True):
        own = pd.concat([_table(path) for path in paths])
        every.append(own)
        long, short = own[own["kind"] == "long"], own[own["kind"] == "short"]
        bad = own[own["status"] == "bad"]
        facts = _json(design)
        quality[s] = {
            "Long pairs": len(long),
            "of them bad": int((long["status"] == "bad").sum()),
            "Short pairs": len(short),
            "bad": int((short["status"] == "bad").sum()),
            "Coupling (median)": float(long["sci"].median()),
            "Largest variance inflation": max(
                value for run in facts["VarianceInflation"] for value in run.values()
            ),
        }
        left += [(s, f"pair {row.pair}", row.reason) for row in bad.itertuples()]
    return Modality(
        unit="events",
        availability=_counts(recordings.groupby("subject")[list(conditions)].sum()),
        quality=pd.DataFrame(quality).T.infer_objects(),
        left_out=pd.DataFrame(left, columns=LEFT_OUT),
        **_shared("fNIRS", subjects, pairs_of, **shared),
        found=recordings,
        facts={"pairs": every},
    )


def read_rows(observations: Sequence[str], participants: str | None = None) -> Modality | None:
    """Ready-made data from the tables of the stacks' rows: how many maps of each condition."""
    if not observations:
        return None
    # Analyses may share maps: a map counts once, by its path (or condition, without files).
    rows = pd.concat([_table(path, dtype=str) for path in observations])
    rows = rows.reindex(columns=["subject", "session", "condition", "path"])
    rows = rows.fillna("n/a").drop_duplicates()
    condition = rows["condition"].where(~rows["condition"].isin(["", "n/a"]), "map")
    table = _counts(pd.crosstab(rows["subject"], condition))
    stacks = [_json(Path(path).with_name("stack.json")) for path in observations]
    given = {"people": _people(participants), "inputs": _inputs(stacks)}
    return Modality("Ready-made data", "maps", table, **given)


def _shared(
    name: str,
    subjects: Sequence[str],
    stages: Iterable[Mapping[str, Any]],
    *,
    groups: Sequence[str],
    folders: Sequence[str],
    participants: str | Sequence[str],
    sidecars: Sequence[str],
    beside: Path,
) -> dict[str, Any]:
    """What every modality has: its name, pictures, people, device and given files.

    Parameters
    ----------
    stages : sidecars of the stages that read the study's own files.
    groups, folders : folders of pictures of all subjects, and of each.
    participants, sidecars : the participants table, if there is one, and BIDS sidecars of a
        recording.
    beside : folder of the report, which links to pages.
    """
    pages = {}
    for subject, folder in zip(subjects, folders, strict=False):
        listed = read_manifest(folder)["figures"]
        by_name = {Path(figure["file"]).stem: figure for figure in listed}
        telling = next((by_name[key] for key in TELLING[name] if key in by_name), listed[0])
        page = Path(folder) / "index.html"
        pages[subject] = (telling, page.relative_to(beside).as_posix())
    figures = [figure for folder in groups for figure in read_manifest(folder)["figures"]]
    return {
        "name": name,
        "figures": figures,
        "pages": pages,
        "people": _people(participants),
        "acquisition": acquisition_of(sidecars),
        "inputs": _inputs(stages),
    }


def _people(path: str | Sequence[str] | None) -> pd.DataFrame:
    if not path:
        return pd.DataFrame()
    return pd.DataFrame.from_dict(read_participants(str(path)), orient="index").replace(
        list(ABSENT), np.nan
    )


def _inputs(sidecars: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Files that the stages of these sidecars read, with their digests."""
    return {path: digest for own in sidecars for path, digest in own["SourceDigests"].items()}


def _counts(table: pd.DataFrame) -> pd.DataFrame:
    """As numbers, NaN in place of 0."""
    table = table.astype(float)
    return table.where(table > 0)


def _rank(ranks: Mapping[str, int]) -> str:
    return "+".join(str(rank) for rank in ranks.values())


def _table(path: str | Path, **how: Any) -> pd.DataFrame:
    how = {"dtype": {"subject": str}} | how
    return pd.read_csv(path, sep="\t", na_values="n/a", keep_default_na=False, **how)


def _json(path: str | Path) -> dict[str, Any]:
    return json.loads(Path(path).read_text(encoding="utf-8"))
