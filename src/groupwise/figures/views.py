"""Pages in which to move through a map, drawn by nilearn; each asks for nothing from outside."""

import sys
from types import ModuleType

import nibabel as nib
import numpy as np

from groupwise.figures.colours import colour_map
from groupwise.job import freeze_imports
from groupwise.stack.kinds import Surface, Volume


def to_image(space: Volume, values: np.ndarray) -> nib.Nifti1Image:
    """Values at voxels (s,) as an image on the grid of `space`, 0 outside."""
    grid = np.zeros(tuple(space.grid), np.float32)
    grid[tuple(np.asarray(space.voxels).T)] = values
    return nib.Nifti1Image(grid, np.asarray(space.affine, float))


def interactive_volume(
    space: Volume,
    values: np.ndarray,
    *,
    title: str,
    label: str,
    limit: float,
    threshold: float,
    signed: bool,
) -> dict[str, str]:
    """Pages in which to move through a map (s,) of MNI space: "volume" and "surface", as HTML.

    Each is one file that asks for nothing from outside.
    """
    plotting = nilearn_plotting()

    image = to_image(space, values)
    style = {"threshold": threshold, "cmap": colour_map(signed), "vmax": limit,
             "symmetric_cmap": signed}  # fmt: skip
    # Where slices are, a title has room for a few letters.
    volume = plotting.view_img(image, black_bg=False, opacity=0.9, title=label, **style)
    surface = plotting.view_img_on_surf(
        image, surf_mesh="fsaverage5", title=f"{title}: {label}", **style
    )
    return {"volume": volume.get_standalone(), "surface": surface.get_standalone()}


def interactive_surface(
    space: Surface,
    values: np.ndarray,
    *,
    title: str,
    limit: float,
    threshold: float,
    signed: bool,
) -> str:
    """A page in which to turn the inflated cortex with a map (s,) of its vertices, as HTML."""
    from nilearn.surface import InMemoryMesh, PolyData, PolyMesh, SurfaceImage

    plotting = nilearn_plotting()
    meshes, maps, sulci = {}, {}, {}
    for hemisphere in space.hemispheres:
        side = hemisphere.side
        points = hemisphere.inflated.astype(float)
        # Inflated hemispheres reach into each other: each goes to its own side.
        points[:, 0] -= points[:, 0].max() + 2 if side == "left" else points[:, 0].min() - 2
        meshes[side] = InMemoryMesh(points, hemisphere.triangles)
        maps[side] = space.of_hemisphere(values, hemisphere).astype(float)
        sulci[side] = hemisphere.sulc.astype(float)
    mesh = PolyMesh(**meshes)
    page = plotting.view_surf(
        surf_map=SurfaceImage(mesh, PolyData(**maps)),
        bg_map=SurfaceImage(mesh, PolyData(**sulci)),
        hemi="both" if len(meshes) == 2 else next(iter(meshes)),
        threshold=threshold,
        cmap=colour_map(signed),
        vmax=limit,
        vmin=None if signed else 0,
        symmetric_cmap=signed,
        title=title,
        title_fontsize=16,
        view="top" if len(meshes) == 2 else next(iter(meshes)),
    )
    return page.get_standalone()


def nilearn_plotting() -> ModuleType:
    """`nilearn.plotting`, imported late: pictures of other spaces are spared its three seconds."""
    first = "nilearn.plotting" not in sys.modules
    from nilearn import plotting

    if first:
        freeze_imports()
    return plotting
