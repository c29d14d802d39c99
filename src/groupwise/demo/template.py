"""Template head of the demo study, from files of installed packages; nothing is downloaded."""

from importlib.util import find_spec
from pathlib import Path

import mne
import nibabel as nib
import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial import cKDTree

from groupwise.demo.anatomy import (
    VOX2RAS_TKR,
    VOXEL_MM,
    VOXELS,
    Anatomy,
    Hemisphere,
    Surface,
    apply_affine,
    interpolate_on_sphere,
)

HEMISPHERES = {"lh": "left", "rh": "right"}

#: MNI305 to MNI152, from the FreeSurfer wiki page 'CoordinateSystems', use case 8.
MNI305_TO_MNI152 = np.array(
    [
        [0.9975, -0.0073, 0.0176, -0.0429],
        [0.0146, 1.0009, -0.0024, 1.5496],
        [-0.0130, -0.0093, 0.9971, 1.1840],
        [0, 0, 0, 1],
    ]
)

#: Landmarks of Dosenbach et al. (2010) that are not on the cortex.
NOT_CORTICAL = ("basal ganglia", "thalamus", "cerebellum")

#: Thickness in mm below which a vertex belongs to the medial wall.
MEDIAL_WALL_THICKNESS = 1.3


def _package_folder(name: str) -> Path:
    """Return the folder of an installed package without importing it."""
    spec = find_spec(name)
    return Path(spec.origin).parent


def _template_hemisphere(folder: Path, side: str) -> Hemisphere:
    """Return a hemisphere of fsaverage5 from nilearn, whose `sphere` files are sphere.reg."""

    def arrays(name: str) -> list[np.ndarray]:
        return [array.data for array in nib.load(folder / f"{name}_{side}.gii.gz").darrays]

    white, triangles = arrays("white")
    sphere = arrays("sphere")[0].astype(float)
    return Hemisphere(
        triangles=triangles.astype(np.int32),
        white=white.astype(float),
        pial=arrays("pial")[0].astype(float),
        inflated=arrays("infl")[0].astype(float),
        sphere=sphere,
        registration=sphere,
        curv=arrays("curv")[0].astype(float),
        sulc=arrays("sulc")[0].astype(float),
        thickness=np.clip(arrays("thick")[0].astype(float), 0, None),
        template_white=white.astype(float),
    )


def _skin_and_skull(inner: Surface, head: Surface) -> tuple[Surface, Surface]:
    """Return outer skull and outer skin on the mesh of the inner skull, without intersections.

    The skull is 6 mm thick. The skin follows the head surface, at least 3 mm outside of the skull.
    `mne.make_bem_model` can decimate the common icosahedral mesh.
    """
    points, triangles = inner
    centre = points.mean(axis=0)
    radius = np.linalg.norm(points - centre, axis=1, keepdims=True)
    direction = (points - centre) / radius
    head_radius = np.linalg.norm(head[0] - centre, axis=1, keepdims=True)
    skin_radius = interpolate_on_sphere(head[0] - centre, head[1], direction, head_radius)
    skin_radius = np.maximum(skin_radius, radius + 9.0)
    return (
        (centre + direction * (radius + 6.0), triangles),
        (centre + direction * skin_radius, triangles),
    )


def _template_volume(brain: nib.Nifti1Image, shells: list[Surface]) -> np.ndarray:
    """Return a T1-like volume on the conformed grid: the MNI brain in fluid, skull and scalp.

    `shells` are inner skull, outer skull and outer skin on one mesh, so the direction of a point
    and its distance to the centre determine its tissue.
    """
    grid = np.moveaxis(np.indices((VOXELS,) * 3), 0, -1).reshape(-1, 3)
    points = apply_affine(VOX2RAS_TKR, grid)
    centre = shells[0][0].mean(axis=0)
    distance = np.linalg.norm(points - centre, axis=1)
    directions = shells[0][0] - centre
    directions = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    _, nearest = cKDTree(directions).query((points - centre) / distance[:, None])
    volume = np.zeros(len(points))
    for (shell, _), intensity in zip(reversed(shells), (140, 25, 45), strict=True):
        inside = distance < np.linalg.norm(shell - centre, axis=1)[nearest]
        volume[inside] = intensity
    into_brain = np.linalg.inv(brain.affine) @ MNI305_TO_MNI152
    # The brain has voxels of 1 mm: smooth it to our voxel size before sampling.
    smooth = gaussian_filter(np.asarray(brain.dataobj, dtype=np.float32), VOXEL_MM / 2.355)
    tissue = map_coordinates(smooth, apply_affine(into_brain, points).T, order=1)
    volume = np.where(tissue > 45, tissue, volume)
    return volume.reshape((VOXELS,) * 3).clip(0, 255).astype(np.uint8)


def load_template() -> Anatomy:
    """Return the template head: cortex and brain from nilearn, skull and head from MNE."""
    nilearn_data = _package_folder("nilearn") / "datasets" / "data"
    mne_data = _package_folder("mne") / "data" / "fsaverage"

    def shell(name: str) -> Surface:
        surface = mne.read_bem_surfaces(mne_data / name, verbose="error")[0]
        return surface["rr"] * 1e3, surface["tris"].astype(np.int32)

    inner, head = shell("fsaverage-inner_skull-bem.fif"), shell("fsaverage-head.fif")
    outer_skull, outer_skin = _skin_and_skull(inner, head)
    points, _ = mne.io.read_fiducials(mne_data / "fsaverage-fiducials.fif", verbose="error")
    names = {1: "lpa", 2: "nasion", 3: "rpa"}
    brain = nib.load(nilearn_data / "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz")
    return Anatomy(
        hemispheres={
            hemisphere: _template_hemisphere(nilearn_data / "fsaverage5", side)
            for hemisphere, side in HEMISPHERES.items()
        },
        inner_skull=inner,
        outer_skull=outer_skull,
        outer_skin=outer_skin,
        head=head,
        fiducials={names[int(point["ident"])]: point["r"] * 1e3 for point in points},
        volume=_template_volume(brain, [inner, outer_skull, outer_skin]),
        scanner_offset=np.zeros(3),
        talairach=np.eye(4),
    )


def parcellate(template: Anatomy) -> tuple[dict[str, np.ndarray], list[str]]:
    """Return a coarse parcellation of the template, by the landmark nearest to each vertex.

    The landmarks are the cortical ones of Dosenbach et al. (2010, Science 329:1358), which
    nilearn ships with coordinates in MNI152. The result has (n,) indices into the names for each
    hemisphere, and the names; index 0 is the medial wall, 'unknown'.
    """
    table = pd.read_csv(_package_folder("nilearn") / "datasets" / "data" / "dosenbach_2010.csv")
    table = table[~table["name"].str.contains("|".join(NOT_CORTICAL))]
    landmarks = cKDTree(table[["x", "y", "z"]].to_numpy(float))
    names = ["unknown", *sorted(table["name"].unique())]
    code = table["name"].map(names.index).to_numpy()
    parcels = {}
    for hemisphere, surfaces in template.hemispheres.items():
        _, nearest = landmarks.query(apply_affine(MNI305_TO_MNI152, surfaces.white))
        wall = surfaces.thickness < MEDIAL_WALL_THICKNESS
        parcels[hemisphere] = np.where(wall, 0, code[nearest])
    return parcels, names
