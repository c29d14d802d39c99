"""Volume source spaces: one grid in MNI space, bent into every head, so that points correspond."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from groupwise.errors import InputError
from groupwise.meeg.forward import need_files
from groupwise.meeg.sources import checked_estimates, read_estimate
from groupwise.stack import Volume
from groupwise.stack.volumes import volume_space

if TYPE_CHECKING:
    import mne

#: MNI305, which FreeSurfer's Talairach transforms lead to, to MNI152 in mm (FreeSurfer's
#: documentation, "CoordinateSystems", transform 8).
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
    """A regular grid inside the template's inner skull.

    Parameters
    ----------
    template, subjects_dir : name and folder of the template.
    spacing : mm between neighbours.
    mindist : points nearer than this to the inner skull are left out, mm.
    """
    import mne

    skull = Path("bem") / "inner_skull.surf"
    need_files(subjects_dir, template, [str(skull)], "Make it with `mne watershed_bem`.")
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
    """The template's grid in a subject's head, by the Talairach transforms of both.

    Sources are numbered as the points of the template's grid that are in use.

    Parameters
    ----------
    grid : of `template_grid`.
    subject, subjects_dir : name and folder of the FreeSurfer reconstruction.
    """
    import mne

    own, template = (
        _talairach(name, subjects_dir) for name in (subject, grid[0]["subject_his_id"])
    )
    places = grid[0]["rr"][grid[0]["vertno"]]
    places = mne.transforms.apply_trans(np.linalg.inv(own) @ template, places)
    # Free orientations know no normal; the axes of the head serve.
    normals = np.tile([0.0, 0.0, 1.0], (len(places), 1))
    return mne.setup_volume_source_space(
        subject, pos={"rr": places, "nn": normals}, subjects_dir=subjects_dir
    )


def common_sources(paths: Sequence[str | os.PathLike]) -> np.ndarray:
    """Numbers of the sources that all estimates have: inside every head, ascending."""
    common = None
    for path in paths:
        own = read_estimate(path).vertices[0]
        common = own if common is None else np.intersect1d(common, own)
    if not len(common):
        raise InputError(
            f"{paths[0]} and others: no source is inside every head; check the head models"
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
    """Voxels of MNI152 for the sources of a grid, and their numbers in the order of the voxels.

    Parameters
    ----------
    grid : of `template_grid`.
    sources : their numbers.
    subjects_dir : of the template.
    connectivity : see `groupwise.stack.volumes.volume_space`.
    times : (t,) s.
    """
    import mne

    source = grid[0]
    to_mri = source["src_mri_t"]["trans"]
    used = source["rr"][source["vertno"]]
    ijk = np.round(mne.transforms.apply_trans(np.linalg.inv(to_mri), used)).astype(int)[sources]
    shape = tuple(int(k) for k in source["shape"])
    inside = np.zeros(shape, bool)
    inside[tuple(ijk.T)] = True
    metres = _talairach(source["subject_his_id"], subjects_dir) @ to_mri
    metres[:3] *= 1e3
    order = np.argsort(np.ravel_multi_index(tuple(ijk.T), shape))
    space = volume_space(
        inside, MNI305_TO_MNI152 @ metres, name="MNI152", connectivity=connectivity
    )
    return replace(space, times=times), sources[order]


def grid_rows(
    rows: Sequence[dict[str, Any]], sources: np.ndarray, times: np.ndarray, keep: np.ndarray
) -> Iterator[np.ndarray]:
    """The maps of a stack, voxel after voxel, times contiguous; of vectors, their lengths.

    Parameters
    ----------
    rows : each with the `path` of its source estimate.
    sources : numbers in the order of the voxels, of `grid_space`.
    times, keep : see `groupwise.meeg.sources.estimate_rows`.

    Raises InputError naming an estimate with other times.
    """
    # Heads differ in the sources that lie too near to the skull.
    for estimate in checked_estimates(rows, None, times):
        places = np.searchsorted(estimate.vertices[0], sources)
        yield estimate.data[places][:, keep].ravel()


def _talairach(subject: str, subjects_dir: str | os.PathLike) -> np.ndarray:
    """Surface RAS (m) to MNI305 (m)."""
    import mne

    try:
        return mne.read_talxfm(subject, subjects_dir)["trans"]
    except (OSError, ValueError, RuntimeError) as error:
        where = Path(subjects_dir) / subject / "mri" / "transforms" / "talairach.xfm"
        raise InputError(
            f"{where}: no Talairach transform ({' '.join(str(error).split())}), by which grids "
            "correspond. Complete the FreeSurfer reconstruction (recon-all)."
        ) from error
