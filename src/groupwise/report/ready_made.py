"""Ready-made data in the report and the methods text: maps, estimates, evokeds and values."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from groupwise.config.fnirs import ValuesAnalysis
from groupwise.config.maps import EstimatesAnalysis, EvokedsAnalysis, MapsAnalysis
from groupwise.config.study import Study
from groupwise.report.modality import (
    Modality,
    Tested,
    collect_inputs,
    counts,
    read_json,
    read_people,
    read_table,
)
from groupwise.report.phrases import NEIGHBOURS, SENSORS, in_time, of_hemispheres, window


def read_rows(observations: Sequence[str], participants: str | None = None) -> Modality | None:
    """Return the numbers of ready-made maps per subject and condition, from `observations.tsv`."""
    if not observations:
        return None
    # Analyses can share maps: a map is counted once, by its path (by its condition if it has none).
    rows = pd.concat([read_table(path, dtype=str) for path in observations])
    rows = rows.reindex(columns=["subject", "session", "condition", "path"])
    rows = rows.fillna("n/a").drop_duplicates()
    condition = rows["condition"].where(~rows["condition"].isin(["", "n/a"]), "map")
    table = counts(pd.crosstab(rows["subject"], condition))
    stacks = [read_json(Path(path).with_name("stack.json")) for path in observations]
    given = {"people": read_people(participants), "inputs": collect_inputs(stacks)}
    return Modality("Ready-made data", "maps", table, **given)


def input_paragraphs(study: Study) -> list[str]:
    """Return a paragraph for each kind of ready-made data in the study."""
    kinds = []
    if study.maps:
        kinds.append(f"maps in the space {study.maps.space} (units: {study.maps.units})")
    if study.estimates:
        kinds.append(
            f"source estimates on {study.estimates.template} (units: {study.estimates.units})"
        )
    if study.evokeds:
        kinds.append("evoked responses")
    if study.values:
        kinds.append(f"values per {study.values.place} (units: {study.values.units})")
    return [
        f"The group analysis used {what} that had been computed beforehand [their computation is "
        "to be described here]."
        for what in kinds
    ]


def describe_tested(study: Study, analysis: Any) -> Tested:
    """Describe what an analysis of ready-made data tests."""
    kinds = {"maps": _maps, "estimates": _estimates, "evokeds": _evokeds, "values": _values}
    describe: Any = kinds[analysis.data]
    return describe(study, analysis)


def _maps(study: Study, analysis: MapsAnalysis) -> Tested:
    mask = study.maps.mask
    inside = "" if mask == "intersection" else f" and inside the mask {mask}"
    grid = study.maps.resample_to
    resampled = f", resampled to the grid of {grid}" if grid else ""
    return Tested(
        "precomputed maps",
        f"{resampled}, in voxels with a finite, non-zero value in every map{inside}",
        NEIGHBOURS[analysis.cluster.connectivity],
        in_volume=True,
        packages=("nilearn", "nibabel"),
    )


def _estimates(study: Study, analysis: EstimatesAnalysis) -> Tested:
    when = window(analysis.crop, analysis.average)
    if analysis.space == "labels":
        return Tested(
            "regional means of precomputed source estimates"
            f"{of_hemispheres(analysis.hemispheres)} (parcellation: {analysis.parcellation})",
            when,
            "" if analysis.average else "successive time samples of the same region",
            packages=("mne",),
        )
    return Tested(
        f"precomputed source estimates{of_hemispheres(analysis.hemispheres)}",
        when,
        in_time(NEIGHBOURS["surface"], analysis.average),
        packages=("mne",),
    )


def _evokeds(study: Study, analysis: EvokedsAnalysis) -> Tested:
    return Tested(
        f"precomputed evoked responses at the {SENSORS[analysis.space]} (bad channels "
        "interpolated)",
        window(analysis.crop, analysis.average),
        in_time(NEIGHBOURS["sensors"], analysis.average),
        packages=("mne",),
    )


def _values(study: Study, analysis: ValuesAnalysis) -> Tested:
    return Tested(f"precomputed values per {study.values.place}")
