"""Timing, confounds and masks of BOLD runs, as inputs of the GLM."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
from nilearn.interfaces.fmriprep import load_confounds
from nilearn.masking import intersect_masks

from groupwise.errors import InputError
from groupwise.stack.volumes import UNREADABLE


def read_timing(bold: str) -> tuple[float, float]:
    """Read the repetition time (s) and the slice timing reference (0 to 1) of a run.

    Both are from fMRIPrep's sidecar (`RepetitionTime`, `StartTime`). Without a sidecar, they are
    the header's repetition time, and 0.

    Raises
    ------
    InputError
        If there is no repetition time.
    """
    sidecar = Path(str(bold).split(".nii")[0] + ".json")
    content = json.loads(sidecar.read_text(encoding="utf-8")) if sidecar.exists() else {}
    zooms = nib.load(bold).header.get_zooms()
    repetition = float(content.get("RepetitionTime") or (zooms[3] if len(zooms) > 3 else 0))
    if not repetition > 0:
        raise InputError(
            f"{bold}: there is no repetition time. Add RepetitionTime to {sidecar.name}."
        )
    return repetition, float(content.get("StartTime", 0.0)) / repetition


def read_confounds(bold: str, options: Mapping[str, Any]) -> tuple[pd.DataFrame | None, np.ndarray]:
    """Read the confounds of a run, and the volumes that scrubbing keeps.

    Parameters
    ----------
    bold : path of the run; fMRIPrep's confounds are in the same folder.
    options : the config's section `fmri.confounds`.

    Returns
    -------
    confounds : one row per volume; None without a strategy.
    kept : int array, numbers of the volumes that are kept.

    Raises
    ------
    InputError
        If nilearn can't use the confounds, no volume is left, or a column has missing values.
    """
    strategy, volumes = list(options["strategy"]), np.arange(nib.load(bold).shape[3])
    if not strategy:
        return None, volumes
    settings = {key: options[key] for key in ("motion", "wm_csf", "global_signal", "compcor")}
    arguments = {key: value for key, value in settings.items() if key in strategy}
    if "compcor" in strategy:
        arguments["n_compcor"] = options["n_compcor"]
    if "scrub" in strategy:
        arguments |= {key: options[key] for key in ("fd_threshold", "std_dvars_threshold")}
        arguments["scrub"] = 0  # only volumes above a threshold, no segments between them
    try:
        confounds, kept = load_confounds(bold, strategy=tuple(strategy), **arguments)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{bold}: its confounds can't be used ({error}). Correct the table, or change "
            "fmri.confounds."
        ) from error
    if kept is not None and not len(kept):
        raise InputError(
            f"{bold}: fmri.confounds excludes all {len(volumes)} volumes. Raise the thresholds of "
            "scrubbing, or list the subject under 'exclude' with the reason."
        )
    empty = [str(name) for name in confounds if not np.isfinite(confounds[name]).all()]
    if empty:
        raise InputError(
            f"{bold}: confounds {', '.join(empty)} have values that are not numbers. Correct the "
            "table, or change fmri.confounds."
        )
    return confounds, volumes if kept is None else kept


def intersect_run_masks(masks: Sequence[str]) -> nib.Nifti1Image:
    """Return the intersection of the runs' masks.

    Raises
    ------
    InputError
        If the masks can't be combined, or have no common voxel.
    """
    try:
        mask = intersect_masks(list(masks), threshold=1, connected=False)
    except (ValueError, *UNREADABLE) as error:
        raise InputError(
            f"{', '.join(masks)}: these masks can't be intersected ({error}). Restore the files."
        ) from error
    if not np.asarray(mask.dataobj).any():
        raise InputError(
            f"{', '.join(masks)}: no voxel is inside the mask of every run. Check the masks of "
            "fMRIPrep."
        )
    return mask
