"""Morphed source estimates as rows of a stack, and the template as their feature space."""

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
    """Read a source estimate: HDF5, the left of a pair of STC, or the left of a pair of GIFTI.

    A GIFTI file has an array a time; the time between two is `TimeStep` of its metadata (ms) or,
    without it, 1 s. InputError when it can't be read.
    """
    import mne

    try:
        if str(path).endswith(".gii"):
            sides = [nib.load(part) for part in hemispheres_of(path)]
            values = [np.stack([a.data for a in side.darrays], axis=1) for side in sides]
            step = float(sides[0].meta.get("TimeStep", 1000.0)) / 1e3
            numbers = [np.arange(len(own)) for own in values]
            return mne.SourceEstimate(np.concatenate(values), numbers, 0.0, step)
        return mne.read_source_estimate(path)
    except Exception as error:  # a damaged HDF5 raises whatever its reader stumbles over
        raise InputError(
            f"{path}: no source estimate can be read ({error}). Delete it, so that it is made "
            "again, or restore it."
        ) from error


def write_estimate(path: str | os.PathLike, estimate: "mne.SourceEstimate") -> None:
    """Write a source estimate as HDF5 in single precision, whole or not at all."""
    single = estimate.copy()
    single.data = estimate.data.astype(np.float32)
    with write_whole(path) as part:
        single.save(part, ftype="h5", overwrite=True)


def times_within(
    times: np.ndarray, crop: Sequence[float | None] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Which samples lie in a time window, both ends included.

    Parameters
    ----------
    times : (t,) s, equally spaced.
    crop : from, to in s; None for an open end; None for all times.

    Returns
    -------
    keep : (t,) bool.
    kept : times that are kept, s, without the rounding errors that files add.
    """
    low, high = crop or (None, None)
    # FIF stores the first time in single precision, and a resampled axis has rounding errors:
    # neither may make two feature spaces of one.
    times = np.round(np.round(times[0], 6) + (times - times[0]), 9) + 0.0
    slack = 1e-6 * (times[1] - times[0]) if len(times) > 1 else 1e-9
    keep = np.ones(len(times), bool)
    if low is not None:
        keep &= times >= low - slack
    if high is not None:
        keep &= times <= high + slack
    if not keep.any():
        raise InputError(
            f"crop: no sample lies within {low} to {high} s; the source estimates reach from "
            f"{times[0]:g} to {times[-1]:g} s. Correct crop."
        )
    return keep, times[keep]


def read_times(
    rows: Sequence[Mapping[str, Any]], crop: Sequence[float | None] | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the times of the first row's estimate, and `times_within` of them.

    Returns
    -------
    times : (t,) s, of the whole estimate.
    keep : (t,) bool, samples inside the window.
    kept : times inside the window, s.
    """
    times = read_estimate(rows[0]["path"]).times
    return times, *times_within(times, crop)


def template_space(
    src: "mne.SourceSpaces",
    subjects_dir: str | os.PathLike,
    times: np.ndarray | None = None,
    hemispheres: Sequence[str] = HEMISPHERES,
) -> Surface:
    """The feature space of a template source space.

    A vertex has a third of the area of each triangle around it; neighbours share a triangle, so
    hemispheres are never adjacent. Coordinates go through the template's Talairach transform to
    MNI305 where it has one; those of fsaverage are MNI305 as they are. Labels are of the
    Desikan-Killiany atlas (``?h.aparc.annot``), empty where the template has no annotation.

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
        label=np.concatenate([_labels(folder, each) for each in own]),
        adjacency=adjacency,
        times=times,
        hemispheres=tuple(own),
    )


def vertex_areas(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(n,) float32 area of each vertex, a third of each triangle around it: sums to the mesh's.

    Parameters
    ----------
    points : (n, 3) mm.
    triangles : (t, 3) int.
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
    """The maps of a stack, one a row of its table, read one after the other.

    Parameters
    ----------
    rows : each with the `path` of its source estimate.
    space : of the stack.
    vertices : of the whole template source space, left and right hemisphere.
    times : (t,) s, of every estimate.
    keep : (t,) bool, samples inside the stack's window.

    Yields
    ------
    (space.n_points,) values, vertex after vertex, times contiguous; lengths of vectors.

    Raises
    ------
    InputError
        Naming the estimate whose vertices or times are not those of the rest.
    """
    kept = {each.name for each in space.hemispheres}
    inside = np.repeat([name in kept for name in HEMISPHERES], [len(v) for v in vertices])
    for estimate in checked_estimates(rows, vertices, times):
        yield estimate.data[inside][:, keep].ravel()


def checked_estimates(
    rows: Sequence[dict[str, Any]], vertices: Sequence[np.ndarray] | None, times: np.ndarray
) -> Iterator["mne.SourceEstimate"]:
    """The estimate of each row, read when it is asked for; of vectors, their lengths.

    Raises InputError naming the estimate whose vertices (None: any will do) or times are not those
    given.
    """
    for row in rows:
        estimate = read_estimate(row["path"])
        same = vertices is None or (
            len(estimate.vertices) == len(vertices)
            and all(
                np.array_equal(own, other)
                for own, other in zip(estimate.vertices, vertices, strict=True)
            )
        )
        if not same:
            raise InputError(
                f"{row['path']}: its vertices are not those of the template source space. "
                "Morph it to the template and grade that the config names."
            )
        if estimate.times.shape != times.shape or not np.allclose(
            estimate.times, times, rtol=0, atol=1e-7
        ):
            raise InputError(
                f"{row['path']}: its times ({_axis(estimate.times)}) are not those of "
                f"{rows[0]['path']} ({_axis(times)}). Record or resample all subjects alike."
            )
        yield estimate.magnitude() if estimate.data.ndim == 3 else estimate


def _axis(times: np.ndarray) -> str:
    return f"{len(times)} samples from {times[0]:g} to {times[-1]:g} s"


def _hemisphere(src: dict[str, Any], name: str, folder: Path) -> Hemisphere:
    vertices = np.asarray(src["vertno"])
    triangles = src["use_tris"] if src["nuse_tri"] else src["tris"]
    if not np.isin(triangles, vertices).all():
        raise InputError(
            f"{folder.name}: the template source space has no triangles between its own vertices. "
            "Give morph.spacing as the subdivision of an icosahedron."
        )
    return Hemisphere(
        name=name,
        vertices=vertices.astype(np.int32),
        white=(src["rr"][vertices] * 1e3).astype(np.float32),
        inflated=nib.freesurfer.read_geometry(folder / "surf" / f"{name}.inflated")[0][
            vertices
        ].astype(np.float32),
        triangles=np.searchsorted(vertices, triangles).astype(np.int32),
        sulc=_sulcal_depth(folder / "surf" / f"{name}.sulc", vertices),
    )


def _sulcal_depth(path: Path, vertices: np.ndarray) -> np.ndarray:
    """Sulcal depth, for the shading of pictures alone; flat where the template has none."""
    if not path.exists():
        return np.zeros(len(vertices), np.float32)
    return nib.freesurfer.read_morph_data(path)[vertices].astype(np.float32)


def _labels(folder: Path, hemisphere: Hemisphere) -> np.ndarray:
    path = folder / "label" / f"{hemisphere.name}.aparc.annot"
    if not path.exists():
        return np.full(len(hemisphere.vertices), "", dtype="<U1")
    index, _, names = nib.freesurfer.read_annot(path)
    # The last place serves the index -1: a vertex without a label.
    words = [name.decode() for name in names] + [""]
    words = ["" if word == "unknown" else word for word in words]
    return np.array(words)[index[hemisphere.vertices]]


def to_mni305(white: np.ndarray, name: str, subjects_dir: str | os.PathLike) -> np.ndarray:
    """Surface RAS (mm) of a FreeSurfer subject to MNI305 (mm)."""
    import mne

    mri = Path(subjects_dir) / name / "mri"
    if (mri / "transforms" / "talairach.xfm").exists() and any(
        (mri / volume).exists() for volume in ("orig.mgz", "T1.mgz")
    ):
        trans = mne.read_talxfm(name, subjects_dir)
        return mne.transforms.apply_trans(trans, white / 1e3) * 1e3
    if name != "fsaverage":
        raise InputError(
            f"{mri / 'transforms' / 'talairach.xfm'}: is missing (or orig.mgz beside it), so the "
            f"places of {name} have no MNI coordinates. Complete the reconstruction (recon-all)."
        )
    return white
