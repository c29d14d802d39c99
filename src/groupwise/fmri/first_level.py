"""First level: a GLM of each subject's runs, and its maps of conditions and contrasts."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
from nilearn.glm.first_level import FirstLevelModel

from groupwise.errors import InputError
from groupwise.fmri.runs import intersect_run_masks, read_confounds, read_timing
from groupwise.inputs.events import read_events

logger = logging.getLogger(__name__)

#: Maps of a contrast: entity stat to nilearn's output.
MAPS = {"effect": "effect_size", "variance": "effect_variance", "t": "stat", "z": "z_score"}


def fit_first_level(
    runs: Sequence[Mapping[str, str]],
    *,
    conditions: Mapping[str, str],
    hrf: str,
    drift: str,
    high_pass: float,
    confounds: Mapping[str, Any],
    smoothing: float | None,
    noise: str,
) -> FirstLevelModel:
    """Fit one subject's runs (`nilearn.glm.first_level.FirstLevelModel`).

    The signal is scaled to percent of each voxel's mean over time; the mask holds the voxels of
    all runs' masks.

    Parameters
    ----------
    runs : dicts with `bold`, `mask`, `events`.
    conditions ... noise : see the config's section `fmri`.

    Raises
    ------
    InputError : runs of different repetition times, or files that can not be used.
    """
    timing = {run["bold"]: read_timing(run["bold"]) for run in runs}
    if len(set(timing.values())) > 1:
        listed = ", ".join(f"{path}: {tr:g} s" for path, (tr, _) in timing.items())
        raise InputError(f"runs differ in repetition or start time: {listed}")
    repetition, reference = next(iter(timing.values()))
    nuisance = [read_confounds(run["bold"], confounds) for run in runs]
    model = FirstLevelModel(
        t_r=repetition,
        slice_time_ref=reference,
        hrf_model=hrf,
        drift_model=None if drift == "none" else drift,
        high_pass=high_pass,
        mask_img=intersect_run_masks([run["mask"] for run in runs]),
        smoothing_fwhm=smoothing,
        noise_model=noise,
        signal_scaling=0,
        minimize_memory=True,
    )
    return model.fit(
        [run["bold"] for run in runs],
        events=[read_events(run["events"], conditions) for run in runs],
        confounds=[table for table, _ in nuisance] if confounds["strategy"] else None,
        sample_masks=[kept for _, kept in nuisance],
    )


def contrast_maps(
    model: FirstLevelModel, weights: Mapping[str, float]
) -> tuple[dict[str, nib.Nifti1Image], int]:
    """Effect (percent signal change), its variance, t and z of a contrast, over all runs.

    Fixed effects: the mean over the runs that have all conditions of the contrast.

    Returns
    -------
    maps : by the names of MAPS.
    runs : number of runs that it was made of.
    """
    vectors = [_weight_columns(design, weights) for design in model.design_matrices_]
    runs = sum(vector.any() for vector in vectors)
    if not runs:
        raise InputError(f"no run has all of the conditions {', '.join(weights)}")
    made = model.compute_contrast(vectors, stat_type="t", output_type="all")
    return {name: _as_float(made[output]) for name, output in MAPS.items()}, int(runs)


def effects_of_interest(
    model: FirstLevelModel, conditions: Sequence[str]
) -> dict[str, nib.Nifti1Image]:
    """F (and z) of all conditions together: is there any response?"""
    here = [name for name in conditions if all(name in design for design in model.design_matrices_)]
    matrices = [
        np.stack([_weight_columns(design, {name: 1.0}) for name in here])
        for design in model.design_matrices_
    ]
    made = model.compute_contrast(matrices, stat_type="F", output_type="all")
    return {"F": _as_float(made["stat"]), "z": _as_float(made["z_score"])}


def _weight_columns(design: pd.DataFrame, weights: Mapping[str, float]) -> np.ndarray:
    """Weights of a run's columns; all 0 where the run lacks a condition."""
    vector = pd.Series(0.0, index=design.columns)
    if all(name in vector for name in weights):
        for name, weight in weights.items():
            vector[name] = weight
    return vector.to_numpy()


def _as_float(image: nib.Nifti1Image) -> nib.Nifti1Image:
    """The image with float32 in its header too.

    nilearn gives its images the header of the mask, and a file of them would hold 256 levels.
    """
    plain = nib.Nifti1Image(np.asarray(image.dataobj, np.float32), image.affine)
    plain.header.set_xyzt_units("mm")
    return plain
