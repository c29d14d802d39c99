"""Arrays of the benchmarks: the same for every tool, from seeds, with realistic sizes."""

import gzip
from pathlib import Path

import nibabel as nib
import nilearn
import numpy as np
from scipy import sparse

SUBJECTS, TIMES = 16, 200


def surface_edges() -> np.ndarray:
    """Return (edges, 2) of both hemispheres of fsaverage5: 20,484 vertices, not connected."""
    folder = Path(nilearn.__file__).parent / "datasets/data/fsaverage5"
    edges, first = [], 0
    for side in ("left", "right"):
        content = gzip.decompress((folder / f"pial_{side}.gii.gz").read_bytes())
        points, triangles = (a.data for a in nib.GiftiImage.from_bytes(content).darrays)
        pairs = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [0, 2]]])
        edges.append(np.unique(np.sort(pairs, axis=1), axis=0) + first)
        first += len(points)
    return np.concatenate(edges)


def surface_adjacency() -> sparse.csr_array:
    """Return the symmetric adjacency (20484, 20484), bool."""
    edges = surface_edges()
    n = int(edges.max()) + 1
    one_way = sparse.coo_array((np.ones(len(edges), bool), tuple(edges.T)), shape=(n, n))
    return sparse.csr_array(one_way + one_way.T)


def surface_maps(cells: int = 1, seed: int = 0, subjects: int = SUBJECTS) -> np.ndarray:
    """Return (subjects, cells, 20484, 200) float32 noise, smoothed over neighbours and time."""
    rng = np.random.default_rng(seed)
    adjacency = surface_adjacency().astype(np.float32)
    smoother = adjacency + sparse.eye_array(adjacency.shape[0], dtype=np.float32)
    smoother = sparse.diags_array(1 / np.sqrt(smoother.sum(axis=1))) @ smoother
    x = np.empty((subjects, cells, adjacency.shape[0], TIMES), np.float32)
    for row in x.reshape(-1, *x.shape[2:]):
        noise = rng.standard_normal((row.shape[0], TIMES + 2), dtype=np.float32)
        row[:] = smoother @ (noise[:, :-2] + noise[:, 1:-1] + noise[:, 2:])
    return x


def brain_mask():
    """Return the MNI brain mask of nilearn at 3 mm: 69,765 voxels."""
    from nilearn.datasets import load_mni152_brain_mask

    return load_mni152_brain_mask(resolution=3)


def voxel_maps(rows: int, seed: int = 0) -> np.ndarray:
    """Return (rows, voxels) float32 noise, smoothed by 6 mm FWHM."""
    from scipy.ndimage import gaussian_filter

    inside = brain_mask().get_fdata() > 0
    rng = np.random.default_rng(seed)
    x = np.empty((rows, int(inside.sum())), np.float32)
    for row in x:
        volume = rng.standard_normal(inside.shape, dtype=np.float32)
        row[:] = gaussian_filter(volume, 6 / 2.355 / 3)[inside]
    return x


def faces_design() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return X (144, 25), contrast (25,) and subject of each row (144,) of a pooled model.

    The columns are nine conditions, then sixteen subjects. The contrast is faces (the first six
    conditions) minus scrambled (the last three).
    """
    condition, subject = np.tile(np.arange(9), SUBJECTS), np.repeat(np.arange(SUBJECTS), 9)
    x = np.column_stack([np.eye(9)[condition], np.eye(SUBJECTS)[subject]])
    contrast = np.r_[np.full(6, 1 / 6), np.full(3, -1 / 3), np.zeros(SUBJECTS)]
    return x, contrast, subject
