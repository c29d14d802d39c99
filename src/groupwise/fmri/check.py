"""Input check of all BOLD runs: grids, masks, events and confounds, before the first job."""

import logging
from collections.abc import Mapping
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd

from groupwise.errors import InputError
from groupwise.fmri.runs import read_confounds, read_timing
from groupwise.inputs.events import (
    describe_durations,
    find_impulses,
    find_unequal_impulses,
    read_event_table,
    read_events,
)
from groupwise.stack.volumes import SAME_MM, UNREADABLE

logger = logging.getLogger(__name__)


def check_subjects(
    runs: Mapping[str, list[dict[str, str]]],
    *,
    conditions: Mapping[str, str],
    confounds: Mapping[str, Any],
    stim_duration: float | None = None,
) -> tuple[pd.DataFrame, list[str]]:
    """Check the grid, mask, events and confounds of every subject's runs.

    Parameters
    ----------
    runs : runs of each subject, each a dict with `name` and the paths `bold`, `mask`, `confounds`
        and `events`.
    conditions : trial_type of each condition, by name.
    confounds : the config's section `fmri.confounds`.
    stim_duration : duration of every event, s; None: as in events.tsv.

    Returns
    -------
    table : one row per subject and run: number of volumes, repetition time (s), voxels in the mask,
        mean framewise displacement (mm), number of confounds, excluded volumes, rows of events.tsv
        that are left out, range of the durations of the conditions (s), conditions of impulses,
        and events of each condition.
    findings : all errors in the runs; empty if there are none.
    """
    findings: list[str] = []
    table, grid = [], None
    impulses: list[tuple[str, float, dict[str, bool]]] = []
    for number, (subject, subject_runs) in enumerate(runs.items(), start=1):
        logger.info("subject %s (%d of %d)", subject, number, len(runs))
        seen: set[str] = set()
        for run in subject_runs:
            row: dict[str, Any] = {"subject": subject, "run": run["name"] or "n/a"}
            try:
                image = nib.load(run["bold"])
                if len(image.shape) != 4:
                    raise InputError(
                        f"{run['bold']}: its shape is {image.shape}, but a run has 4 dimensions. "
                        "Replace the file."
                    )
                row["volumes"] = image.shape[3]
                row["repetition_time"] = read_timing(run)[0]
                if grid is None:
                    grid = (run["bold"], image.shape[:3], image.affine)
                findings += _compare_grids(run["bold"], image, grid)
                row["mask_voxels"] = _count_mask_voxels(run["mask"], grid)
                row |= _summarize_confounds(run, confounds, image.shape[3])
                events, counts = _read_events(run, conditions, stim_duration, row)
                row |= counts
                own = find_impulses(events, conditions, row["repetition_time"])
                row["impulses"] = ", ".join(name for name in own if own[name]) or "n/a"
                named = f"sub-{subject} {run['name']}".strip()
                impulses.append((named, row["repetition_time"], own))
                seen |= {name for name in conditions if row[name]}
            except InputError as error:
                findings += error.findings
            except UNREADABLE as error:
                findings.append(
                    f"{run['bold']}: the image can't be read ({error}). Restore the file."
                )
            table.append(row)
        absent = [f"{name} ({kind})" for name, kind in conditions.items() if name not in seen]
        if absent and len(table) and "volumes" in table[-1]:
            findings.append(
                f"sub-{subject}: no event of {', '.join(absent)} in any run. Correct "
                "fmri.conditions (a name, and its trial_type in events.tsv)."
            )
    findings += find_unequal_impulses(impulses, "fmri.stim_duration")
    return pd.DataFrame(table), findings


def _compare_grids(path: str, image: nib.Nifti1Image, grid: tuple) -> list[str]:
    """Return a finding if an image has another grid than the first run (path, shape, affine)."""
    first, shape, affine = grid
    if image.shape[:3] == shape and np.allclose(image.affine, affine, rtol=0, atol=SAME_MM):
        return []
    return [
        f"{path}: its grid {image.shape[:3]} or affine is not that of {first} {shape}. All runs "
        "must have the same grid. Check fmri.space and fmri.resolution."
    ]


def _count_mask_voxels(path: str, grid: tuple) -> int:
    mask = nib.load(path)
    if mask.shape[:3] != grid[1] or not np.allclose(mask.affine, grid[2], rtol=0, atol=SAME_MM):
        raise InputError(
            f"{path}: the grid of this mask is not that of {grid[0]}. Run fMRIPrep again for this "
            "run."
        )
    inside = int(np.count_nonzero(np.nan_to_num(np.asarray(mask.dataobj))))
    if not inside:
        raise InputError(f"{path}: the mask is empty. Run fMRIPrep for this run again.")
    return inside


def _summarize_confounds(
    run: dict[str, str], options: Mapping[str, Any], volumes: int
) -> dict[str, Any]:
    table = pd.read_csv(run["confounds"], sep="\t", na_values="n/a")
    if len(table) != volumes:
        raise InputError(
            f"{run['confounds']}: {len(table)} rows, but {run['bold']} has {volumes} volumes. "
            "Restore the file that is incomplete."
        )
    chosen, kept = read_confounds(run["bold"], options)
    displacement = table.get("framewise_displacement", pd.Series(dtype=float))
    return {
        "mean_displacement": round(float(displacement.mean()), 4),
        "confounds": 0 if chosen is None else chosen.shape[1],
        "volumes_left_out": volumes - len(kept),
    }


def _read_events(
    run: dict[str, str],
    conditions: Mapping[str, str],
    stim_duration: float | None,
    row: dict[str, Any],
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the events, and what the table has of them; row: volumes and repetition time."""
    end = row["volumes"] * row["repetition_time"]
    events = read_events(run["events"], conditions, stim_duration, end)
    counts = events["trial_type"].value_counts()
    return events, {
        "events_left_out": len(read_event_table(run["events"])) - len(events),
        "event_durations": describe_durations(events, conditions),
        **{name: int(counts.get(name, 0)) for name in conditions},
    }
