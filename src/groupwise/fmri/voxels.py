"""Voxels of BOLD runs that have data, and images in which nilearn can scale every such voxel."""

from dataclasses import dataclass

import nibabel as nib
import numpy as np
from nilearn.image import smooth_img

from groupwise.errors import InputError
from groupwise.stack.volumes import UNREADABLE

#: Zeros that are further below the mean of a voxel's other values than this number of standard
#: deviations are missing values: Gaussian noise reaches 5 in one of 3.5 million values. Zeros of
#: dark voxels are nearer and remain.
ZERO_IS_MISSING = 5.0
#: Mean over time, in standard deviations, that most voxels of a BOLD run must exceed. It is 1.9 in
#: pure noise of a magnitude image (Rayleigh distribution), and 0 in images whose mean was removed.
LEAST_BASELINE = 1.0


@dataclass(frozen=True)
class RunVoxels:
    """Voxels of a run, from its used volumes.

    Attributes
    ----------
    has_data : (i, j, k) bool, finite in all volumes, not constant, never filled with zeros, and
        with a positive mean.
    is_partial : (i, j, k) bool, without data, but not zero or not finite in some of the volumes.
    mean, sd : (i, j, k) float64, over time.
    """

    has_data: np.ndarray
    is_partial: np.ndarray
    mean: np.ndarray
    sd: np.ndarray


def scan_run(bold: str, kept: np.ndarray, mask: np.ndarray) -> RunVoxels:
    """Return which voxels of a run have data; one volume is in memory at a time.

    Parameters
    ----------
    bold : path of the run.
    kept : numbers of the used volumes.
    mask : (i, j, k) bool. Missing values that are zeros are only searched inside.

    Raises
    ------
    InputError
        If the image can't be read.
    """
    try:
        image = nib.load(bold, keep_file_open=True)
        shape = image.shape[:3]
        total, squares = np.zeros(shape), np.zeros(shape)
        lowest, highest = np.full(shape, np.inf), np.full(shape, -np.inf)
        n_finite, n_values = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
        for k in kept:
            values = np.array(image.dataobj[..., int(k)], np.float64)
            finite = np.isfinite(values)
            values[~finite] = 0
            n_finite += finite
            n_values += values != 0
            total += values
            squares += values**2
            np.minimum(lowest, values, out=lowest)
            np.maximum(highest, values, out=highest)
    except UNREADABLE as error:
        raise InputError(f"{bold}: the image can't be read ({error}). Restore the file.") from error
    mean, sd = _compute_moments(total, squares, len(kept))
    own_mean, own_sd = _compute_moments(total, squares, np.maximum(n_values, 1))
    filled = mask & (n_values < len(kept)) & (np.abs(own_mean) >= ZERO_IS_MISSING * own_sd)
    finite = n_finite == len(kept)
    has_data = finite & (highest > lowest) & (mean > 0) & ~filled
    return RunVoxels(has_data, (filled | ~finite) & (n_values > 0), mean, sd)


def find_baseline(bold: str, voxels: RunVoxels, mask: np.ndarray) -> list[str]:
    """Return a finding if most voxels inside the mask (i, j, k) have no positive mean over time."""
    varies = mask & (voxels.sd > 0)
    if not varies.any():
        return [f"{bold}: no voxel inside the mask varies over time. Restore the file."]
    ratio = float(np.median(voxels.mean[varies] / voxels.sd[varies]))
    if ratio > LEAST_BASELINE:
        return []
    return [
        f"{bold}: in the median voxel inside the mask, the mean over time is {ratio:.2g} standard "
        "deviations, so percent signal change is undefined. Use images whose mean was not removed, "
        "such as desc-preproc of fMRIPrep."
    ]


def load_run(
    bold: str, voxels: RunVoxels, inside: np.ndarray, smoothing: float | None
) -> str | nib.Nifti1Image:
    """Return what nilearn is to read: the path, or an image in memory if values must change.

    Voxels that lack data in some of the volumes are set to 0 in all, so that smoothing doesn't take
    the gaps to their neighbours. nilearn divides by at least 1 when it scales signals to percent.
    Images of smaller values are multiplied by a power of two, which leaves percentages unchanged.

    Parameters
    ----------
    bold : path of the run.
    voxels : of `scan_run`.
    inside : (i, j, k) bool, voxels of the model.
    smoothing : FWHM in mm.
    """
    partial = voxels.is_partial if smoothing is not None else np.zeros_like(inside)
    image = nib.load(bold)
    mean = nib.Nifti1Image(np.where(partial, 0, voxels.mean), image.affine)
    if smoothing is not None:
        mean = smooth_img(mean, smoothing)
    smallest = np.asarray(mean.dataobj)[inside].min()
    exponent = int(np.ceil(-np.log2(smallest))) + 1 if 0 < smallest < 1 else 0
    if not exponent and not partial.any():
        return bold
    data = np.asanyarray(image.dataobj)
    data = np.array(data, np.result_type(data.dtype, np.float32))
    data[partial] = 0
    return nib.Nifti1Image(np.ldexp(data, exponent), image.affine, image.header)


def _compute_moments(
    total: np.ndarray, squares: np.ndarray, number: int | np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation from the sums of values and of squares."""
    mean = total / number
    return mean, np.sqrt(np.maximum(squares / number - mean**2, 0))
