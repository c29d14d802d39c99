"""First-level GLM of a subject's BOLD runs, and its maps of conditions and contrasts."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
from nilearn.glm.first_level import FirstLevelModel

from groupwise.errors import InputError
from groupwise.fmri.designs import find_inestimable_conditions, make_design
from groupwise.fmri.runs import intersect_run_masks, read_confounds, read_timing
from groupwise.fmri.voxels import find_baseline, load_run, scan_run
from groupwise.inputs.events import read_events

logger = logging.getLogger(__name__)

#: Maps of a contrast: nilearn's output type of each entity `stat`.
MAPS = {"effect": "effect_size", "variance": "effect_variance", "t": "stat", "z": "z_score"}


@dataclass(frozen=True)
class FirstLevel:
    """First-level GLM of one subject.

    Attributes
    ----------
    model : fitted model, in the voxels that have data in every run.
    without_data : (i, j, k) bool, voxels inside the mask of every run that lack data in a run.
    timing : repetition time (s) and slice timing reference (0 to 1) of the runs.
    """

    model: FirstLevelModel
    without_data: np.ndarray
    timing: tuple[float, float]


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
    stim_duration: float | None = None,
) -> FirstLevel:
    """Fit a GLM to one subject's runs (`nilearn.glm.first_level.FirstLevelModel`).

    The signal is scaled to percent of each voxel's mean over time. The mask is the intersection of
    the runs' masks, without the voxels that have no data in a run (`scan_run`).

    Parameters
    ----------
    runs : dicts with the paths `bold`, `mask` and `events`.
    conditions ... stim_duration : see the config's section `fmri`.

    Raises
    ------
    InputError
        If runs differ in repetition time or slice timing, a file can't be used, or a condition or a
        run can't be estimated.
    """
    timing = {run["bold"]: read_timing(run) for run in runs}
    if len(set(timing.values())) > 1:
        listed = ", ".join(f"{path}: {tr:g} s" for path, (tr, _) in timing.items())
        raise InputError(
            f"The runs of a subject differ in repetition or start time: {listed}. Exclude the runs "
            "that were recorded differently."
        )
    nuisance = [read_confounds(run["bold"], confounds) for run in runs]
    events = [read_events(run["events"], conditions, stim_duration) for run in runs]
    designs = [
        make_design(run["bold"], own, table, timing[run["bold"]], hrf, drift, high_pass)
        for run, own, (table, _) in zip(runs, events, nuisance, strict=True)
    ]
    findings = [
        finding
        for run, own, design, (_, kept) in zip(runs, events, designs, nuisance, strict=True)
        for finding in find_inestimable_conditions(run, design.iloc[kept], own, conditions, hrf)
    ]
    if findings:
        raise InputError(findings)
    mask = intersect_run_masks([run["mask"] for run in runs])
    masked = np.asarray(mask.dataobj) != 0
    voxels = [
        scan_run(run["bold"], kept, masked) for run, (_, kept) in zip(runs, nuisance, strict=True)
    ]
    findings = [
        finding
        for run, own in zip(runs, voxels, strict=True)
        for finding in find_baseline(run["bold"], own, masked)
    ]
    if findings:
        raise InputError(findings)
    inside = np.logical_and.reduce([masked, *(own.has_data for own in voxels)])
    if not inside.any():
        raise InputError(
            f"{', '.join(run['bold'] for run in runs)}: no voxel inside the masks has data in "
            "every run. Check the fields of view of the runs."
        )
    model = FirstLevelModel(
        mask_img=nib.Nifti1Image(inside.astype(np.uint8), mask.affine, mask.header),
        smoothing_fwhm=smoothing,
        noise_model=noise,
        signal_scaling=0,
        minimize_memory=True,
    )
    model.fit(
        [
            load_run(run["bold"], own, inside, smoothing)
            for run, own in zip(runs, voxels, strict=True)
        ],
        design_matrices=designs,
        sample_masks=[kept for _, kept in nuisance],
    )
    return FirstLevel(model, masked & ~inside, next(iter(timing.values())))


def contrast_maps(
    fitted: FirstLevel, weights: Mapping[str, float]
) -> tuple[dict[str, nib.Nifti1Image], int]:
    """Return the maps of a contrast: effect (percent signal change), its variance, t and z.

    Fixed effects: the mean over the runs that have all conditions of the contrast.

    Parameters
    ----------
    fitted : model of the subject. Voxels without data are NaN in the maps.
    weights : weight of each condition of the contrast.

    Returns
    -------
    maps : images by the names of `MAPS`.
    runs : number of runs in the mean.

    Raises
    ------
    InputError
        If no run has all conditions of the contrast.
    """
    vectors = [_weight_columns(design, weights) for design in fitted.model.design_matrices_]
    runs = sum(vector.any() for vector in vectors)
    if not runs:
        raise InputError(
            f"No run has all of the conditions {', '.join(weights)}. Correct fmri.contrasts or "
            "fmri.conditions."
        )
    outputs = fitted.model.compute_contrast(vectors, stat_type="t", output_type="all")
    return {
        name: _convert_map(outputs[output], fitted.without_data) for name, output in MAPS.items()
    }, int(runs)


def effects_of_interest(
    fitted: FirstLevel, conditions: Sequence[str]
) -> dict[str, nib.Nifti1Image]:
    """Return F and z maps of the F test of all conditions.

    Parameters
    ----------
    fitted : model of the subject. Voxels without data are NaN in the maps.
    conditions : names of the conditions; those that a run lacks are ignored.
    """
    common = [
        name
        for name in conditions
        if all(name in design for design in fitted.model.design_matrices_)
    ]
    matrices = [
        np.stack([_weight_columns(design, {name: 1.0}) for name in common])
        for design in fitted.model.design_matrices_
    ]
    outputs = fitted.model.compute_contrast(matrices, stat_type="F", output_type="all")
    return {
        "F": _convert_map(outputs["stat"], fitted.without_data),
        "z": _convert_map(outputs["z_score"], fitted.without_data),
    }


def _weight_columns(design: pd.DataFrame, weights: Mapping[str, float]) -> np.ndarray:
    """Return the weight of each column of a design; all 0 if the run lacks a condition."""
    vector = pd.Series(0.0, index=design.columns)
    if all(name in vector for name in weights):
        for name, weight in weights.items():
            vector[name] = weight
    return vector.to_numpy()


def _convert_map(image: nib.Nifti1Image, without_data: np.ndarray) -> nib.Nifti1Image:
    """Return the image as float32, also in its header, with NaN in voxels without data (i, j, k).

    nilearn copies the header of the mask. Saved as its 8-bit integers, a map would have 256 levels.
    """
    values = np.where(without_data, np.nan, np.asarray(image.dataobj, np.float32))
    converted = nib.Nifti1Image(values.astype(np.float32), image.affine)
    converted.header.set_xyzt_units("mm")
    return converted
