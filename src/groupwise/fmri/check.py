"""All BOLD runs of a study looked into before any long work: what is there, what is wrong."""

import logging
from collections.abc import Mapping
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd

from groupwise.errors import InputError
from groupwise.fmri.runs import read_confounds, read_timing
from groupwise.inputs.events import read_events
from groupwise.stack.volumes import SAME_MM, UNREADABLE

logger = logging.getLogger(__name__)


def check_subjects(
    runs: Mapping[str, list[dict[str, str]]],
    *,
    conditions: Mapping[str, str],
    confounds: Mapping[str, Any],
) -> tuple[pd.DataFrame, list[str]]:
    """Look into every subject's runs: grid, mask, events, confounds.

    Parameters
    ----------
    runs : subject to its runs, each a dict with `name`, `bold`, `mask`, `confounds`, `events`.
    conditions : name to trial_type.
    confounds : the config's section.

    Returns
    -------
    table : one row a subject and run: volumes, repetition time (s), voxels in the mask, mean
        framewise displacement (mm), number of confounds, volumes left out, and events of each
        condition.
    findings : everything that is wrong in any run.
    """
    findings: list[str] = []
    table, grid = [], None
    for place, (subject, own) in enumerate(runs.items(), start=1):
        logger.info("subject %s (%d of %d)", subject, place, len(runs))
        seen: set[str] = set()
        for run in own:
            row: dict[str, Any] = {"subject": subject, "run": run["name"] or "n/a"}
            try:
                image = nib.load(run["bold"])
                if len(image.shape) != 4:
                    raise InputError(f"{run['bold']}: shape {image.shape}; a run is 4-D")
                row["volumes"] = image.shape[3]
                row["repetition_time"] = read_timing(run["bold"])[0]
                if grid is None:
                    grid = (run["bold"], image.shape[:3], image.affine)
                findings += _compare_grids(run["bold"], image, grid)
                row["mask_voxels"] = _count_mask_voxels(run["mask"], grid)
                row |= _summarize_confounds(run, confounds, image.shape[3])
                events, wrong = _count_events(run, conditions, row)
                findings += wrong
                seen |= {name for name, count in events.items() if count}
                row |= events
            except InputError as error:
                findings += error.findings
            except UNREADABLE as error:
                findings.append(f"{run['bold']}: not a readable image ({error}); copy it again")
            table.append(row)
        absent = [f"{name} ({kind})" for name, kind in conditions.items() if name not in seen]
        if absent and len(table) and "volumes" in table[-1]:
            findings.append(
                f"sub-{subject}: no event of {', '.join(absent)} in any run; correct "
                "fmri.conditions (a name, and its trial_type in events.tsv)"
            )
    return pd.DataFrame(table), findings


def _compare_grids(path: str, image: nib.Nifti1Image, grid: tuple) -> list[str]:
    first, shape, affine = grid
    if image.shape[:3] == shape and np.allclose(image.affine, affine, rtol=0, atol=SAME_MM):
        return []
    return [
        f"{path}: its grid {image.shape[:3]} or affine is not that of {first} {shape}; all runs "
        "must lie on one grid: check fmri.space and fmri.resolution"
    ]


def _count_mask_voxels(path: str, grid: tuple) -> int:
    mask = nib.load(path)
    if mask.shape[:3] != grid[1] or not np.allclose(mask.affine, grid[2], rtol=0, atol=SAME_MM):
        raise InputError(f"{path}: its grid is not that of {grid[0]}")
    inside = int(np.count_nonzero(np.nan_to_num(np.asarray(mask.dataobj))))
    if not inside:
        raise InputError(f"{path}: the mask is empty; make it again")
    return inside


def _summarize_confounds(
    run: dict[str, str], options: Mapping[str, Any], volumes: int
) -> dict[str, Any]:
    every = pd.read_csv(run["confounds"], sep="\t", na_values="n/a")
    if len(every) != volumes:
        raise InputError(
            f"{run['confounds']}: {len(every)} rows, and {run['bold']} has {volumes} volumes"
        )
    chosen, kept = read_confounds(run["bold"], options)
    moved = every.get("framewise_displacement", pd.Series(dtype=float))
    return {
        "mean_displacement": round(float(moved.mean()), 4),
        "confounds": 0 if chosen is None else chosen.shape[1],
        "volumes_left_out": volumes - len(kept),
    }


def _count_events(
    run: dict[str, str], conditions: Mapping[str, str], row: dict[str, Any]
) -> tuple[dict[str, int], list[str]]:
    events = read_events(run["events"], conditions)
    counts = events["trial_type"].value_counts()
    end = row["volumes"] * row["repetition_time"]
    last = events["onset"].max()
    wrong = []
    if last >= end:
        wrong.append(
            f"{run['events']}: an event begins at {last:g} s, and the run ends at {end:g} s; are "
            "onsets in seconds from the first volume?"
        )
    return {name: int(counts.get(name, 0)) for name in conditions}, wrong
