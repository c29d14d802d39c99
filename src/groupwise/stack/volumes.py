"""Read images (NIfTI, ANALYZE) as the rows of a stack, and write maps as NIfTI."""

import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.affines import apply_affine
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from groupwise.errors import InputError
from groupwise.files import write_whole
from groupwise.stack.kinds import Volume
from groupwise.stack.lattice import Lattice

#: What nibabel raises for files that are damaged, truncated or no images.
UNREADABLE = (
    ImageFileError,
    HeaderDataError,
    WrapStructError,
    OSError,
    EOFError,
    ValueError,
    zlib.error,
)
REMEDY = "resample it, or set maps.resample_to"
#: Largest difference, in mm, between affines of one grid; files round them.
SAME_MM = 1e-3


def files_of(path: str | os.PathLike) -> list[str]:
    """Return the files of an image: header and data of a pair (ANALYZE, NIfTI), else one file."""
    path = Path(path)
    if path.suffix in (".hdr", ".img"):
        return [str(path.with_suffix(".hdr")), str(path.with_suffix(".img"))]
    return [str(path)]


#: Shape and affine (voxel to mm) of images.
Grid = tuple[tuple[int, ...], np.ndarray]


def read_map(path: str | os.PathLike, onto: Grid | None = None) -> np.ndarray:
    """Return the values (i, j, k) of an image as float64, without trailing dimensions of length 1.

    Parameters
    ----------
    onto : a grid; an image on another grid is resampled to it by splines of third order. A voxel
        is NaN where the nearest voxel of the image is 0, not finite or outside.

    Raises
    ------
    InputError : the image is damaged, truncated or more than one volume.
    """
    image = _open(path)
    _grid(path, image)
    try:
        values = np.asarray(image.get_fdata(caching="unchanged")).reshape(image.shape[:3])
    except UNREADABLE as error:
        raise InputError(f"{path}: damaged or truncated ({error}); copy it again") from error
    if onto is None or _same(image.shape[:3], image.affine, *onto):
        return values
    from nilearn.image import resample_img

    there = np.isfinite(values) & (values != 0)
    moved = [
        np.asarray(
            resample_img(
                nib.Nifti1Image(part, image.affine),
                onto[1],
                onto[0],
                interpolation=how,
                force_resample=True,
                copy_header=True,
            ).dataobj
        )
        for part, how in (
            (np.where(there, values, 0.0), "continuous"),
            (there.astype(np.uint8), "nearest"),
        )
    ]
    return np.where(moved[1] > 0, moved[0], np.nan)


def grid_of(path: str | os.PathLike) -> Grid:
    """Return the grid of an image."""
    image = _open(path)
    return _grid(path, image), np.asarray(image.affine, dtype=np.float64)


def _same(shape: tuple, affine: np.ndarray, other: tuple, other_affine: np.ndarray) -> bool:
    return tuple(shape) == tuple(other) and np.allclose(affine, other_affine, rtol=0, atol=SAME_MM)


def common_grid(paths: Sequence[str | os.PathLike]) -> Grid:
    """Return the shape and affine (voxel to mm) that all images share; only headers are read.

    Raises
    ------
    InputError : listing the images that can't be read or are on another grid than the first.
    """
    findings, first = [], None
    for path in paths:
        try:
            image = _open(path)
            shape, affine = _grid(path, image), image.affine
        except InputError as error:
            findings += error.findings
            continue
        if first is None:
            first = (path, shape, affine)
        elif shape != first[1]:
            findings.append(f"{path}: its grid is {shape}, that of {first[0]} {first[1]}; {REMEDY}")
        elif not np.allclose(affine, first[2], rtol=0, atol=SAME_MM):
            findings.append(
                f"{path}: its affine differs from that of {first[0]} (by up to "
                f"{np.abs(affine - first[2]).max():.3g}); {REMEDY}"
            )
    if findings:
        raise InputError(findings)
    if first is None:
        raise InputError("no maps: the list of images is empty; give at least one image")
    return first[1], np.asarray(first[2], dtype=np.float64)


def common_mask(
    paths: Sequence[str | os.PathLike],
    mask: str | os.PathLike | None = None,
    onto: Grid | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the voxels in which every map is finite and not zero.

    Parameters
    ----------
    paths : images on one grid.
    mask : an image on the same grid; only its nonzero voxels are kept.
    onto : grid to which images on other grids are resampled; None if all must be on one grid.

    Returns
    -------
    inside : (i, j, k) bool.
    count : (i, j, k) int32, number of maps that are finite and not zero in each voxel.
    affine : (4, 4), voxel to mm.

    Raises
    ------
    InputError : the grids differ, or no voxel is left; then the maps with the fewest voxels are
        named.
    """
    shape, affine = onto or common_grid([*paths, *([mask] if mask else [])])
    count = np.zeros(shape, np.int32)
    own = {}
    for path in paths:
        values = read_map(path, onto)
        there = np.isfinite(values) & (values != 0)
        own[str(path)] = np.count_nonzero(there)
        count += there
    inside = count == len(paths)
    if mask:
        inside &= np.nan_to_num(read_map(mask, onto)) != 0
    if not inside.any():
        fewest = sorted(own, key=lambda path: own[path])[:3]
        listed = ", ".join(f"{path} ({own[path]} voxels)" for path in fewest)
        raise InputError(
            "no voxel is finite and not zero in every map"
            + (f" and inside {mask}" if mask else "")
            + f"; check the maps with the fewest: {listed}"
        )
    return inside, count, affine


def volume_space(
    inside: np.ndarray,
    affine: np.ndarray,
    *,
    name: str,
    connectivity: str = "faces",
) -> Volume:
    """Return the feature space of the voxels inside a mask, in C order of the grid.

    Parameters
    ----------
    inside : (i, j, k) bool.
    affine : voxel to mm.
    name : template space, e.g. "MNI".
    connectivity : of the voxels, see `Lattice`.
    """
    voxels = np.argwhere(inside).astype(np.int32)
    return Volume(
        name=name,
        coordinates=apply_affine(affine, voxels).astype(np.float32),
        measure=np.full(len(voxels), abs(np.linalg.det(affine[:3, :3])), np.float32),
        label=np.full(len(voxels), ""),
        adjacency=Lattice(inside.shape, connectivity, inside).adjacency(),
        affine=np.asarray(affine, dtype=np.float64),
        grid=tuple(int(k) for k in inside.shape),
        voxels=voxels,
    )


def rows_inside(
    paths: Sequence[str | os.PathLike], inside: np.ndarray, onto: Grid | None = None
) -> Iterator[np.ndarray]:
    """Yield the values (points,) of each image inside a mask, one image in memory at a time."""
    for path in paths:
        yield read_map(path, onto)[inside]


def as_volume(space: Volume, values: np.ndarray) -> nib.Nifti1Image:
    """Return a map as a NIfTI image.

    Integers become int32 with 0 outside the mask, other values float32 with NaN outside: there, 0
    would be a valid p or statistic.

    Parameters
    ----------
    values : (points,) or (places, times); times are the fourth axis of the image.
    """
    values = values.reshape(space.shape)
    discrete = np.issubdtype(values.dtype, np.integer) or values.dtype == bool
    shape = (*space.grid, *values.shape[1:])
    volume = np.full(shape, 0 if discrete else np.nan, np.int32 if discrete else np.float32)
    volume[tuple(space.voxels.T)] = values
    image = _image(volume, space)
    if space.times is not None and space.n_times > 1:
        image.header.set_xyzt_units("mm", "sec")
        image.header["pixdim"][4] = np.diff(space.times).mean()
        image.header["toffset"] = space.times[0]
    return image


def write_image(path: str | os.PathLike, image: nib.Nifti1Image) -> None:
    """Write an image, whole or not at all."""
    with write_whole(path) as part:
        nib.save(image, part)


def write_volume(path: str | os.PathLike, space: Volume, values: np.ndarray) -> None:
    """Write a map (points,) as NIfTI, whole or not at all."""
    write_image(path, as_volume(space, values))


def write_coverage(path: str | os.PathLike, space: Volume, count: np.ndarray) -> None:
    """Write the number of maps in each voxel of the grid (i, j, k), inside and outside the mask."""
    write_image(path, _image(count.astype(np.int32), space))


def _image(volume: np.ndarray, space: Volume) -> nib.Nifti1Image:
    image = nib.Nifti1Image(volume, space.affine)
    # 4: MNI; 2: aligned to another image, named by the entity `space` of the file.
    code = 4 if space.is_mni else 2
    image.set_sform(space.affine, code)
    image.set_qform(space.affine, code)
    image.header.set_xyzt_units("mm")
    return image


def _open(path: str | os.PathLike) -> nib.spatialimages.SpatialImage:
    absent = [part for part in files_of(path) if not Path(part).is_file()]
    if absent:
        raise InputError(
            [f"{part}: does not exist; correct the path or restore the file" for part in absent]
        )
    try:
        return nib.load(path)
    except UNREADABLE as error:
        raise InputError(
            f"{path}: not a readable NIfTI or ANALYZE image ({error}); copy it again"
        ) from error


def _grid(path: str | os.PathLike, image: nib.spatialimages.SpatialImage) -> tuple[int, ...]:
    shape = tuple(int(k) for k in image.shape)
    if len(shape) < 3 or any(k != 1 for k in shape[3:]):
        raise InputError(
            f"{path}: its shape is {shape}, but a map is one volume; give one file per map"
        )
    if image.get_data_dtype().fields is not None:
        raise InputError(f"{path}: its voxels are colours, not numbers; give the map itself")
    return shape[:3]
