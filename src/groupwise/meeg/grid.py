"""Volume source spaces: one grid in MNI space, transformed to each head, so that points match."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from groupwise.errors import InputError
from groupwise.meeg.forward import require_files
from groupwise.meeg.sources import read_checked_estimates, read_estimate
from groupwise.stack import Volume
from groupwise.stack.volumes import volume_space

if TYPE_CHECKING:
    import mne

#: Transform from MNI305, the target of FreeSurfer's Talairach transforms, to MNI152, in mm
#: (FreeSurfer's documentation, "CoordinateSystems", transform 8).
MNI305_TO_MNI152 = np.array(
    [
        [0.9975, -0.0073, 0.0176, -0.0429],
        [0.0146, 1.0009, -0.0024, 1.5496],
        [-0.0130, -0.0093, 0.9971, 1.1840],
        [0.0, 0.0, 0.0, 1.0],
    ]
)


def template_grid(
    template: str, subjects_dir: str | os.PathLike, spacing: float, mindist: float
) -> "mne.SourceSpaces":
    """Return a regular grid of sources inside the template's inner skull.

    Parameters
    ----------
    template, subjects_dir : name and folder of the template.
    spacing : distance of neighbouring points, mm.
    mindist : minimal distance of a point from the inner skull, mm; nearer ones are excluded.
    """
    import mne

    skull = Path("bem") / "inner_skull.surf"
    require_files(subjects_dir, template, [str(skull)], "Make it with `mne watershed_bem`.")
    return mne.setup_volume_source_space(
        template,
        pos=spacing,
        surface=Path(subjects_dir) / template / skull,
        mindist=mindist,
        subjects_dir=subjects_dir,
        add_interpolator=False,
    )


def subject_grid(
    grid: "mne.SourceSpaces", subject: str, subjects_dir: str | os.PathLike
) -> "mne.SourceSpaces":
    """Return the template's grid in a subject's head, by the Talairach transforms of both.

    Sources have the numbers of the points that are in use in the template's grid.

    Parameters
    ----------
    grid : grid of `template_grid`.
    subject, subjects_dir : name and folder of the FreeSurfer reconstruction.
    """
    import mne

    to_mni, template_to_mni = (
        _read_talairach(name, subjects_dir) for name in (subject, grid[0]["subject_his_id"])
    )
    positions = grid[0]["rr"][grid[0]["vertno"]]
    positions = mne.transforms.apply_trans(np.linalg.inv(to_mni) @ template_to_mni, positions)
    # MNE requires normals; sources of free orientation don't use them.
    normals = np.tile([0.0, 0.0, 1.0], (len(positions), 1))
    return mne.setup_volume_source_space(
        subject, pos={"rr": positions, "nn": normals}, subjects_dir=subjects_dir
    )


def find_common_sources(paths: Sequence[str | os.PathLike]) -> np.ndarray:
    """Return the ascending numbers of the sources that are in all estimates (inside every head).

    Raises
    ------
    InputError
        If an estimate can't be read, or no source is in all of them.
    """
    common = None
    for path in paths:
        numbers = read_estimate(path).vertices[0]
        common = numbers if common is None else np.intersect1d(common, numbers)
    if not len(common):
        raise InputError(
            f"{paths[0]} and the other estimates: no source is inside every head. Check the head "
            "models."
        )
    return common


def grid_space(
    grid: "mne.SourceSpaces",
    sources: np.ndarray,
    subjects_dir: str | os.PathLike,
    *,
    connectivity: str,
    times: np.ndarray,
) -> tuple[Volume, np.ndarray]:
    """Return the feature space of a grid's sources: voxels in MNI152.

    Parameters
    ----------
    grid : grid of `template_grid`.
    sources : (n,) int, numbers of the sources.
    subjects_dir : folder of the template.
    connectivity : see `groupwise.stack.volumes.volume_space`.
    times : (t,) s.

    Returns
    -------
    space : the feature space.
    sources : (n,) int, numbers of the sources in the order of the voxels.
    """
    import mne

    source = grid[0]
    to_mri = source["src_mri_t"]["trans"]
    used = source["rr"][source["vertno"]]
    ijk = np.round(mne.transforms.apply_trans(np.linalg.inv(to_mri), used)).astype(int)[sources]
    shape = tuple(int(k) for k in source["shape"])
    inside = np.zeros(shape, bool)
    inside[tuple(ijk.T)] = True
    metres = _read_talairach(source["subject_his_id"], subjects_dir) @ to_mri
    metres[:3] *= 1e3
    order = np.argsort(np.ravel_multi_index(tuple(ijk.T), shape))
    space = volume_space(
        inside, MNI305_TO_MNI152 @ metres, name="MNI152", connectivity=connectivity
    )
    return replace(space, times=times), sources[order]


def grid_rows(
    rows: Sequence[dict[str, Any]], sources: np.ndarray, times: np.ndarray, keep: np.ndarray
) -> Iterator[np.ndarray]:
    """Yield the maps of a stack, place-major and time-contiguous; vectors as their lengths.

    Parameters
    ----------
    rows : rows of the stack, each with the `path` of its source estimate.
    sources : numbers in the order of the voxels, from `grid_space`.
    times, keep : see `groupwise.meeg.sources.estimate_rows`.

    Raises
    ------
    InputError
        If the times of an estimate differ from `times`.
    """
    # The vertices are not compared: each head excludes other sources near the skull.
    for estimate in read_checked_estimates(rows, None, times):
        positions = np.searchsorted(estimate.vertices[0], sources)
        yield estimate.data[positions][:, keep].ravel()


def _read_talairach(subject: str, subjects_dir: str | os.PathLike) -> np.ndarray:
    """Read a subject's transform (4, 4) from surface RAS (m) to MNI305 (m)."""
    import mne

    try:
        return mne.read_talxfm(subject, subjects_dir)["trans"]
    except (OSError, ValueError, RuntimeError) as error:
        where = Path(subjects_dir) / subject / "mri" / "transforms" / "talairach.xfm"
        raise InputError(
            f"{where}: the Talairach transform, which places the grid in the head, can't be read "
            f"({' '.join(str(error).split())}). Complete the FreeSurfer reconstruction (recon-all)."
        ) from error
