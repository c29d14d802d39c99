"""Files of a BOLD run as a GLM takes them: timing, events, confounds, mask."""

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
    """Repetition time in s, and when in it slices are referred to (0 to 1).

    Both from the sidecar (`RepetitionTime`, `StartTime`), as fMRIPrep writes it; without one the
    header's repetition time, and 0.
    """
    sidecar = Path(str(bold).split(".nii")[0] + ".json")
    facts = json.loads(sidecar.read_text(encoding="utf-8")) if sidecar.exists() else {}
    zooms = nib.load(bold).header.get_zooms()
    repetition = float(facts.get("RepetitionTime") or (zooms[3] if len(zooms) > 3 else 0))
    if not repetition > 0:
        raise InputError(f"{bold}: no repetition time; add RepetitionTime to {sidecar.name}")
    return repetition, float(facts.get("StartTime", 0.0)) / repetition


def read_confounds(bold: str, options: Mapping[str, Any]) -> tuple[pd.DataFrame | None, np.ndarray]:
    """Confounds of a run (None without a strategy) and the numbers of the volumes that are kept.

    Parameters
    ----------
    options : the config's section `confounds`.

    Raises
    ------
    InputError : a file of confounds that nilearn can not use, or a column without values.
    """
    strategy, every = list(options["strategy"]), np.arange(nib.load(bold).shape[3])
    if not strategy:
        return None, every
    wanted = {key: options[key] for key in ("motion", "wm_csf", "global_signal", "compcor")}
    given = {key: value for key, value in wanted.items() if key in strategy}
    if "compcor" in strategy:
        given["n_compcor"] = options["n_compcor"]
    if "scrub" in strategy:
        given |= {key: options[key] for key in ("fd_threshold", "std_dvars_threshold")}
        given["scrub"] = 0  # volumes above the thresholds alone, no segments between them
    try:
        confounds, kept = load_confounds(bold, strategy=tuple(strategy), **given)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{bold}: its confounds can not be used: {error}") from error
    empty = [str(name) for name in confounds if not np.isfinite(confounds[name]).all()]
    if empty:
        raise InputError(
            f"{bold}: confounds {', '.join(empty)} have values that are no numbers; mend the "
            "table, or change fmri.confounds"
        )
    return confounds, every if kept is None else kept


def intersect_run_masks(masks: Sequence[str]) -> nib.Nifti1Image:
    """Voxels inside the mask of every run; InputError where there are none."""
    try:
        mask = intersect_masks(list(masks), threshold=1, connected=False)
    except (ValueError, *UNREADABLE) as error:
        raise InputError(f"{', '.join(masks)}: can not be intersected: {error}") from error
    if not np.asarray(mask.dataobj).any():
        raise InputError(f"{', '.join(masks)}: no voxel is inside the mask of every run")
    return mask
