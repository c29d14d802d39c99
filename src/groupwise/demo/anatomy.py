"""Anatomies of the demo study: individual heads as random deformations of the template.

All coordinates are FreeSurfer surface RAS in mm; for the template that is MNI305.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

#: T1 volumes have 80 x 80 x 80 voxels of 3.2 mm, the size of FreeSurfer's cube of 256 mm.
VOXELS, VOXEL_MM = 80, 3.2

#: Voxel indices to surface RAS of a conformed FreeSurfer volume of that size.
VOX2RAS_TKR = np.array(
    [
        [-VOXEL_MM, 0, 0, 128],
        [0, 0, VOXEL_MM, -128],
        [0, -VOXEL_MM, 0, 128],
        [0, 0, 0, 1],
    ]
)

Surface = tuple[np.ndarray, np.ndarray]  # (n, 3) points in mm, (m, 3) triangles


@dataclass(frozen=True)
class Hemisphere:
    """The surfaces of one hemisphere, all on the same n vertices."""

    triangles: np.ndarray
    white: np.ndarray
    pial: np.ndarray
    inflated: np.ndarray
    sphere: np.ndarray
    registration: np.ndarray  # sphere.reg: positions of the vertices on the sphere of the template
    curv: np.ndarray
    sulc: np.ndarray
    thickness: np.ndarray
    template_white: np.ndarray  # (n, 3) the corresponding positions on the cortex of the template


@dataclass(frozen=True)
class Anatomy:
    """One head: cortex, skull, skin, landmarks and the T1 volume."""

    hemispheres: dict[str, Hemisphere]
    inner_skull: Surface
    outer_skull: Surface
    outer_skin: Surface
    head: Surface
    fiducials: dict[str, np.ndarray]  # lpa, nasion, rpa
    volume: np.ndarray  # (80, 80, 80) uint8
    scanner_offset: np.ndarray  # (3,) mm: scanner RAS = surface RAS + offset
    talairach: np.ndarray  # (4, 4) scanner RAS to MNI305


def apply_affine(affine: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Apply a 4 x 4 affine to points (..., 3)."""
    return points @ affine[:3, :3].T + affine[:3, 3]


def vertex_normals(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Return unit normals (n, 3) of a surface, weighted by the areas of its triangles."""
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    across = np.cross(b - a, c - a)
    normals = np.zeros_like(points, dtype=float)
    for corner in range(3):
        np.add.at(normals, triangles[:, corner], across)
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)


def interpolate_on_sphere(
    sphere: np.ndarray, triangles: np.ndarray, targets: np.ndarray, values: np.ndarray
) -> np.ndarray:
    """Return values (m, ...) at points of a sphere, interpolated from its vertices.

    Parameters
    ----------
    sphere, targets : (n, 3) vertices and (m, 3) points; only their directions are used.
    triangles : (k, 3) triangles of the sphere.
    values : (n, ...) values at the vertices, which get barycentric weights.
    """
    sphere = sphere / np.linalg.norm(sphere, axis=1, keepdims=True)
    targets = targets / np.linalg.norm(targets, axis=1, keepdims=True)
    centres = sphere[triangles].mean(axis=1)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    _, candidates = cKDTree(centres).query(targets, k=8)
    # The columns of `corners` are the corners. The solution for a direction is its weights up to a
    # factor. In the triangle that contains the direction, no weight is negative.
    corners = np.swapaxes(sphere[triangles], 1, 2)
    directions = np.broadcast_to(targets[:, None, :, None], (*candidates.shape, 3, 1))
    weights = np.linalg.solve(corners[candidates], directions)[..., 0]
    best = weights.min(axis=-1).argmax(axis=1)
    each = np.arange(len(targets))
    weights = np.clip(weights[each, best], 0, None)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.einsum("ij,ij...->i...", weights, values[triangles[candidates[each, best]]])


@dataclass(frozen=True)
class Warp:
    """Smooth deformation of the template to an individual head: bumps, scale, shear, shift."""

    centres: np.ndarray  # (k, 3) mm
    shifts: np.ndarray  # (k, 3) mm
    width: float  # mm, standard deviation of a bump
    matrix: np.ndarray  # (3, 3)
    offset: np.ndarray  # (3,) mm

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        *,
        scale: float = 0.92,
        scale_sd: float = 0.03,
        shear_sd: float = 0.015,
        bumps: int = 12,
        bump_sd: float = 3.0,
        width: float = 45.0,
        shift_sd: float = 2.0,
    ) -> "Warp":
        """Draw a random head. MNI305 is larger than most heads, hence the scale below 1."""
        shear = np.eye(3) + rng.normal(0, shear_sd, (3, 3)) * (1 - np.eye(3))
        return cls(
            centres=rng.uniform(-80, 80, (bumps, 3)),
            shifts=rng.normal(0, bump_sd, (bumps, 3)),
            width=width,
            matrix=shear * (scale * (1 + rng.normal(0, scale_sd, 3))),
            offset=rng.normal(0, shift_sd, 3),
        )

    def _bumps(self, points: np.ndarray) -> np.ndarray:
        near = np.exp(-cdist(points, self.centres, "sqeuclidean") / (2 * self.width**2))
        return near @ self.shifts

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Transform template points (n, 3) in mm to the individual head."""
        return (points + self._bumps(points)) @ self.matrix.T + self.offset

    def inverse(self, points: np.ndarray, iterations: int = 20) -> np.ndarray:
        """Transform individual points to the template, by fixed-point iteration."""
        straight = np.linalg.solve(self.matrix, (points - self.offset).T).T
        found = straight
        for _ in range(iterations):
            found = straight - self._bumps(found)
        return found


def _random_rotation(rng: np.random.Generator) -> np.ndarray:
    """Return a uniformly distributed random rotation (3, 3)."""
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    q *= np.sign(np.diag(r))
    if np.linalg.det(q) < 0:
        q[:, 0] *= -1
    return q


def _individual_hemisphere(
    template: Hemisphere, warp: Warp, rng: np.random.Generator
) -> Hemisphere:
    """Return the deformed cortex on a rotated mesh, with an imperfect registration."""
    # The mesh is rotated, so vertices of individual and template with the same index differ.
    true_place = template.sphere @ _random_rotation(rng).T

    def carry(values: np.ndarray) -> np.ndarray:
        return interpolate_on_sphere(template.sphere, template.triangles, true_place, values)

    white = carry(template.white)
    # The registration error is a smooth shift of about 2 mm along the sphere: six bumps, 60 mm
    # wide, in opposite pairs.
    axes = 100 * _random_rotation(rng)
    near = np.exp(-cdist(true_place, np.vstack([axes, -axes]), "sqeuclidean") / (2 * 60.0**2))
    registration = true_place + near @ rng.normal(0, 2.5, (6, 3))
    registration *= 100 / np.linalg.norm(registration, axis=1, keepdims=True)
    return Hemisphere(
        triangles=template.triangles,
        white=warp(white),
        pial=warp(carry(template.pial)),
        inflated=carry(template.inflated) * 0.92,
        sphere=template.sphere,
        registration=registration,
        curv=carry(template.curv),
        sulc=carry(template.sulc),
        thickness=carry(template.thickness) * 0.92,
        template_white=white,
    )


def _individual_volume(volume: np.ndarray, warp: Warp) -> np.ndarray:
    """Return the deformed volume of the template on the same grid."""
    step = 4  # inverting the smooth warp at every fourth voxel has an error below 0.1 mm
    coarse = np.arange(0, VOXELS + step, step)
    knots = np.stack(np.meshgrid(coarse, coarse, coarse, indexing="ij"), axis=-1)
    back = warp.inverse(apply_affine(VOX2RAS_TKR, knots.reshape(-1, 3)))
    back = apply_affine(np.linalg.inv(VOX2RAS_TKR), back).reshape(knots.shape)
    fine = np.indices((VOXELS,) * 3) / step
    places = [map_coordinates(back[..., axis], fine, order=1) for axis in range(3)]
    return map_coordinates(volume.astype(np.float32), places, order=1).astype(np.uint8)


def make_individual(template: Anatomy, rng: np.random.Generator) -> tuple[Anatomy, Warp]:
    """Return a random individual head and its warp from the template."""
    warp = Warp.draw(rng)
    hemispheres = {
        name: _individual_hemisphere(hemisphere, warp, rng)
        for name, hemisphere in template.hemispheres.items()
    }
    offset = np.round(rng.normal(0, 8.0, 3), 1)  # heads are not at the centre of the scanner
    white = np.concatenate([each.white for each in hemispheres.values()]) + offset
    goal = np.concatenate([each.template_white for each in hemispheres.values()])
    solution, *_ = np.linalg.lstsq(np.c_[white, np.ones(len(white))], goal, rcond=None)
    anatomy = Anatomy(
        hemispheres=hemispheres,
        inner_skull=(warp(template.inner_skull[0]), template.inner_skull[1]),
        outer_skull=(warp(template.outer_skull[0]), template.outer_skull[1]),
        outer_skin=(warp(template.outer_skin[0]), template.outer_skin[1]),
        head=(warp(template.head[0]), template.head[1]),
        fiducials={name: warp(r[None])[0] for name, r in template.fiducials.items()},
        volume=_individual_volume(template.volume, warp),
        scanner_offset=offset,
        talairach=np.vstack([solution.T, [0, 0, 0, 1]]),
    )
    return anatomy, warp
