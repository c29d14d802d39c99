"""Timing, confounds and masks of BOLD runs, as inputs of the GLM."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
from nilearn.interfaces.fmriprep import load_confounds
from nilearn.masking import intersect_masks

from groupwise.errors import InputError
from groupwise.inputs.acquisition import acquisition_of
from groupwise.stack.volumes import UNREADABLE

#: Limits of the repetition time, s. The fastest whole-head sequences need 0.05 s, and sparse
#: sampling less than a minute. A value in ms is above.
SHORTEST_REPETITION, LONGEST_REPETITION = 0.02, 60.0
#: Seconds per time unit of a NIfTI header. Without a unit, a header is taken to be in s.
TO_SECONDS = {"sec": 1.0, "msec": 1e-3, "usec": 1e-6}
#: Largest difference between intervals of volumes that are regular, s.
SAME_SECONDS = 1e-3


def read_timing(run: Mapping[str, Any]) -> tuple[float, float]:
    """Read the repetition time (s) and the slice timing reference (0 to 1) of a run.

    The repetition time is `RepetitionTime` of the sidecars of the preprocessed image, else of the
    raw image, else that of the header in the header's unit. The reference is `StartTime` of the
    sidecars of the preprocessed image, as a fraction of the repetition time, or 0 for slices that
    were not corrected.

    Parameters
    ----------
    run : dict with `bold` and, general ones first, `sidecars` and `raw_sidecars`.

    Raises
    ------
    InputError
        If there is no plausible repetition time, volumes are not at regular times, or slices were
        or may have been corrected to an unknown time.
    """
    bold, own = run["bold"], acquisition_of(run["sidecars"])
    raw = acquisition_of(run["raw_sidecars"])
    files = ", ".join([*run["sidecars"], *run["raw_sidecars"]])
    given = raw | own
    value, source = given.get("RepetitionTime"), files
    if value is None and given.get("VolumeTiming"):
        value = _measure_interval(files, given["VolumeTiming"])
    if value is None:
        value, source = _read_header_interval(bold), f"{bold}, header"
    repetition = _convert_to_number(value)
    if not SHORTEST_REPETITION <= repetition <= LONGEST_REPETITION:
        raise InputError(
            f"{source}: the repetition time is {value}, but must be {SHORTEST_REPETITION:g} to "
            f"{LONGEST_REPETITION:g} s. Set RepetitionTime in seconds in {_name_sidecar(bold)}."
        )
    return repetition, _find_reference(bold, own, raw, repetition)


def _find_reference(
    bold: str, own: dict[str, Any], raw: dict[str, Any], repetition: float
) -> float:
    """Return the time to which slices were corrected, as a fraction of the repetition time."""
    remedy = (
        f"Set StartTime in {_name_sidecar(bold)}: the time, in seconds from the start of a volume, "
        "to which slices were corrected (fMRIPrep's default is the middle of the volume); or "
        "SliceTimingCorrected: false."
    )
    if own.get("StartTime") is not None:
        start = _convert_to_number(own["StartTime"])
        if not 0 <= start <= repetition:
            raise InputError(
                f"{bold}: its StartTime is {own['StartTime']}, which is not in seconds within the "
                f"repetition time of {repetition:g} s. {remedy}"
            )
        return start / repetition
    corrected, timing = own.get("SliceTimingCorrected"), raw.get("SliceTiming")
    if corrected:
        raise InputError(
            f"{bold}: its slices were corrected (SliceTimingCorrected), but there is no StartTime. "
            f"{remedy}"
        )
    if corrected is None and isinstance(timing, list) and len(set(map(str, timing))) > 1:
        raise InputError(
            f"{bold}: SliceTiming of the raw data differs between slices, and no sidecar states "
            f"whether slices were corrected. {remedy}"
        )
    return 0.0


def _read_header_interval(bold: str) -> float:
    """Return the repetition time of a header, converted to s if the header has a time unit."""
    header = nib.load(bold).header
    zooms = header.get_zooms()
    unit = header.get_xyzt_units()[1] if hasattr(header, "get_xyzt_units") else "unknown"
    return float(zooms[3]) * TO_SECONDS.get(unit, 1.0) if len(zooms) > 3 else 0.0


def _measure_interval(files: str, timing: Any) -> float:
    """Return the interval of VolumeTiming, the list of the times of all volumes in s."""
    steps = np.diff([_convert_to_number(each) for each in timing]) if len(timing) > 1 else np.nan
    if not np.ptp(steps) <= SAME_SECONDS:
        raise InputError(
            f"{files}: VolumeTiming is not regular. The first level needs a constant repetition "
            "time. Exclude the run or the subject."
        )
    return float(np.mean(steps))


def _convert_to_number(value: Any) -> float:
    """Return a value of a sidecar as float; NaN if it is not a number."""
    return float(value) if isinstance(value, int | float) else float("nan")


def _name_sidecar(bold: str) -> str:
    return Path(str(bold).split(".nii")[0] + ".json").name


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
