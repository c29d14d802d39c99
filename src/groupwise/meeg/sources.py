"""Source estimates on the template: their files, feature space and rows of a stack."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
from scipy.sparse import csr_array

from groupwise.errors import InputError
from groupwise.files import write_whole
from groupwise.inputs.hemispheres import hemispheres_of
from groupwise.stack import Hemisphere, Surface

if TYPE_CHECKING:
    import mne

HEMISPHERES = ("lh", "rh")


def read_estimate(path: str | os.PathLike) -> "mne.SourceEstimate":
    """Read a source estimate from HDF5, or from the left file of a pair of STC or GIFTI files.

    A GIFTI file has one array per time. The sampling interval is `TimeStep` of its metadata (ms)
    or, without it, 1 s.

    Raises
    ------
    InputError
        If the file can't be read.
    """
    import mne

    try:
        if str(path).endswith(".gii"):
            sides = [nib.load(part) for part in hemispheres_of(path)]
            values = [np.stack([a.data for a in side.darrays], axis=1) for side in sides]
            step = float(sides[0].meta.get("TimeStep", 1000.0)) / 1e3
            numbers = [np.arange(len(hemisphere)) for hemisphere in values]
            return mne.SourceEstimate(np.concatenate(values), numbers, 0.0, step)
        return mne.read_source_estimate(path)
    except Exception as error:  # a damaged HDF5 file can raise any error
        raise InputError(
            f"{path}: no source estimate can be read ({error}). Delete it, so that it is computed "
            "again, or restore it."
        ) from error


def write_estimate(path: str | os.PathLike, estimate: "mne.SourceEstimate") -> None:
    """Write a source estimate atomically, as HDF5 in single precision."""
    single = estimate.copy()
    single.data = estimate.data.astype(np.float32)
    with write_whole(path) as part:
        single.save(part, ftype="h5", overwrite=True)


def select_times(
    times: np.ndarray, crop: Sequence[float | None] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Select the samples in a time window, which includes both ends.

    Parameters
    ----------
    times : (t,) s, equally spaced.
    crop : (start, end) in s, None for an open end; None: all times.

    Returns
    -------
    keep : (t,) bool, the selected samples.
    kept : selected times, s, without the rounding errors of files.

    Raises
    ------
    InputError
        If no sample is in the window.
    """
    low, high = crop or (None, None)
    # FIF stores the first time in single precision, and resampling adds rounding errors. Both
    # are removed, because feature spaces with different times can't be combined.
    times = np.round(np.round(times[0], 6) + (times - times[0]), 9) + 0.0
    slack = 1e-6 * (times[1] - times[0]) if len(times) > 1 else 1e-9
    keep = np.ones(len(times), bool)
    if low is not None:
        keep &= times >= low - slack
    if high is not None:
        keep &= times <= high + slack
    if not keep.any():
        raise InputError(
            f"config: crop: no sample lies within {low} to {high} s. The data are from "
            f"{times[0]:g} to {times[-1]:g} s. Correct crop."
        )
    return keep, times[keep]


def read_times(
    rows: Sequence[Mapping[str, Any]], crop: Sequence[float | None] | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the times of the first row's estimate, and `select_times` of them.

    Returns
    -------
    times : (t,) s, of the whole estimate.
    keep : (t,) bool, samples inside the window.
    kept : times inside the window, s.
    """
    times = read_estimate(rows[0]["path"]).times
    return times, *select_times(times, crop)


def template_space(
    src: "mne.SourceSpaces",
    subjects_dir: str | os.PathLike,
    times: np.ndarray | None = None,
    hemispheres: Sequence[str] = HEMISPHERES,
) -> Surface:
    """Return the feature space of a template source space.

    The area of a vertex is a third of each triangle around it. Neighbours share a triangle, so
    hemispheres are not adjacent. Coordinates are transformed to MNI305 by the template's Talairach
    transform, if it has one; those of fsaverage are already MNI305. Labels are those of the
    Desikan-Killiany atlas (``?h.aparc.annot``), or empty if the template has no annotation.

    Parameters
    ----------
    src : surface source space with triangles between its vertices (ico or oct spacing).
    subjects_dir : folder of the template's reconstruction.
    times : (t,) s, or None.
    hemispheres : "lh", "rh" or both.
    """
    import mne

    name = src[0]["subject_his_id"]
    folder = Path(subjects_dir) / name
    kept = [h for h in HEMISPHERES if h in hemispheres]
    own = [_hemisphere(src[HEMISPHERES.index(h)], h, folder) for h in kept]
    sizes = [len(s["vertno"]) for s in src]
    inside = np.isin(np.repeat(HEMISPHERES, sizes), kept)
    adjacency = csr_array(mne.spatial_src_adjacency(src).tocsr()[inside][:, inside]).astype(bool)
    adjacency.setdiag(False)
    adjacency.eliminate_zeros()
    adjacency.sort_indices()
    white = np.concatenate([each.white for each in own])
    return Surface(
        name=name,
        coordinates=to_mni305(white, name, subjects_dir).astype(np.float32),
        measure=np.concatenate([vertex_areas(each.white, each.triangles) for each in own]),
        label=np.concatenate([_read_labels(folder, each) for each in own]),
        adjacency=adjacency,
        times=times,
        hemispheres=tuple(own),
    )


def vertex_areas(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Return the area of each vertex: a third of each triangle around it.

    Parameters
    ----------
    points : (n, 3) mm.
    triangles : (t, 3) int.

    Returns
    -------
    (n,) float32 areas, mm2; their sum is the area of the mesh.
    """
    a, b, c = (points[triangles[:, k]].astype(float) for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    third = np.repeat(area / 3, 3)
    return np.bincount(triangles.ravel(), third, minlength=len(points)).astype(np.float32)


def estimate_rows(
    rows: Sequence[dict[str, Any]],
    space: Surface,
    vertices: Sequence[np.ndarray],
    times: np.ndarray,
    keep: np.ndarray,
) -> Iterator[np.ndarray]:
    """Yield the maps of a stack, one per row.

    Parameters
    ----------
    rows : rows of the stack, each with the `path` of its source estimate.
    space : feature space of the stack.
    vertices : vertices of the whole template source space, left and right hemisphere.
    times : (t,) s, times that every estimate must have.
    keep : (t,) bool, samples inside the stack's window.

    Yields
    ------
    (space.n_points,) values, place-major and time-contiguous; vectors as their lengths.

    Raises
    ------
    InputError
        If the vertices or times of an estimate differ.
    """
    kept = {each.name for each in space.hemispheres}
    inside = np.repeat([name in kept for name in HEMISPHERES], [len(v) for v in vertices])
    for estimate in read_checked_estimates(rows, vertices, times):
        yield estimate.data[inside][:, keep].ravel()


def read_checked_estimates(
    rows: Sequence[dict[str, Any]], vertices: Sequence[np.ndarray] | None, times: np.ndarray
) -> Iterator["mne.SourceEstimate"]:
    """Read and yield the estimate of each row; vectors as their lengths.

    Parameters
    ----------
    rows, times : see `estimate_rows`.
    vertices : vertices of both hemispheres that every estimate must have; None: not compared.

    Raises
    ------
    InputError
        If the vertices or times of an estimate differ.
    """
    for row in rows:
        estimate = read_estimate(row["path"])
        same = vertices is None or (
            len(estimate.vertices) == len(vertices)
            and all(
                np.array_equal(actual, expected)
                for actual, expected in zip(estimate.vertices, vertices, strict=True)
            )
        )
        if not same:
            raise InputError(
                f"{row['path']}: its vertices are not those of the template source space. "
                "Morph it to the template and spacing of the config."
            )
        if estimate.times.shape != times.shape or not np.allclose(
            estimate.times, times, rtol=0, atol=1e-7
        ):
            raise InputError(
                f"{row['path']}: its times ({_describe_times(estimate.times)}) are not those of "
                f"{rows[0]['path']} ({_describe_times(times)}). Resample all subjects to one "
                "sampling rate, with the same epochs."
            )
        yield estimate.magnitude() if estimate.data.ndim == 3 else estimate


def _describe_times(times: np.ndarray) -> str:
    return f"{len(times)} samples from {times[0]:g} to {times[-1]:g} s"


def _hemisphere(src: dict[str, Any], name: str, folder: Path) -> Hemisphere:
    vertices = np.asarray(src["vertno"])
    triangles = src["use_tris"] if src["nuse_tri"] else src["tris"]
    if not np.isin(triangles, vertices).all():
        raise InputError(
            f"{folder.name}: the template source space has no triangles between its vertices. "
            "Set meeg.morph.spacing to the subdivision of an icosahedron."
        )
    return Hemisphere(
        name=name,
        vertices=vertices.astype(np.int32),
        white=(src["rr"][vertices] * 1e3).astype(np.float32),
        inflated=nib.freesurfer.read_geometry(folder / "surf" / f"{name}.inflated")[0][
            vertices
        ].astype(np.float32),
        triangles=np.searchsorted(vertices, triangles).astype(np.int32),
        sulc=_read_sulcal_depth(folder / "surf" / f"{name}.sulc", vertices),
    )


def _read_sulcal_depth(path: Path, vertices: np.ndarray) -> np.ndarray:
    """Read the sulcal depth, for the shading of figures; zeros if the template has none."""
    if not path.exists():
        return np.zeros(len(vertices), np.float32)
    return nib.freesurfer.read_morph_data(path)[vertices].astype(np.float32)


def _read_labels(folder: Path, hemisphere: Hemisphere) -> np.ndarray:
    path = folder / "label" / f"{hemisphere.name}.aparc.annot"
    if not path.exists():
        return np.full(len(hemisphere.vertices), "", dtype="<U1")
    index, _, names = nib.freesurfer.read_annot(path)
    # The index -1 of a vertex without a label selects the last name, which is empty.
    words = [name.decode() for name in names] + [""]
    words = ["" if word == "unknown" else word for word in words]
    return np.array(words)[index[hemisphere.vertices]]


def to_mni305(white: np.ndarray, name: str, subjects_dir: str | os.PathLike) -> np.ndarray:
    """Transform surface RAS coordinates (n, 3) of a FreeSurfer subject to MNI305, both in mm.

    Raises
    ------
    InputError
        If the subject is not fsaverage and has no Talairach transform.
    """
    import mne

    mri = Path(subjects_dir) / name / "mri"
    if (mri / "transforms" / "talairach.xfm").exists() and any(
        (mri / volume).exists() for volume in ("orig.mgz", "T1.mgz")
    ):
        trans = mne.read_talxfm(name, subjects_dir)
        return mne.transforms.apply_trans(trans, white / 1e3) * 1e3
    if name != "fsaverage":
        raise InputError(
            f"{mri / 'transforms' / 'talairach.xfm'}: is missing, or {mri / 'orig.mgz'} is, so the "
            f"vertices of {name} have no MNI coordinates. Complete the reconstruction (recon-all)."
        )
    return white
