"""Interactive views of maps by nilearn: self-contained HTML pages."""

import sys
from types import ModuleType

import nibabel as nib
import numpy as np

from groupwise.figures.colours import colour_map
from groupwise.job import freeze_imports
from groupwise.stack.kinds import Surface, Volume


def to_image(space: Volume, values: np.ndarray) -> nib.Nifti1Image:
    """Return values at voxels (s,) as an image on the grid of `space`, with 0 elsewhere."""
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
    """Return interactive views of a map (s,) in MNI space, "volume" and "surface", as HTML.

    Each page is self-contained.
    """
    plotting = nilearn_plotting()

    image = to_image(space, values)
    style = {"threshold": threshold, "cmap": colour_map(signed), "vmax": limit,
             "symmetric_cmap": signed}  # fmt: skip
    # Above slices, there is space only for a short title.
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
    """Return an interactive 3-D view of a map (s,) on the inflated cortex, as HTML."""
    from nilearn.surface import InMemoryMesh, PolyData, PolyMesh, SurfaceImage

    plotting = nilearn_plotting()
    meshes, maps, sulci = {}, {}, {}
    for hemisphere in space.hemispheres:
        side = hemisphere.side
        points = hemisphere.inflated.astype(float)
        # Inflated hemispheres overlap, so each is moved to its side.
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
    """Return `nilearn.plotting`, imported only if needed, because this takes three seconds."""
    first = "nilearn.plotting" not in sys.modules
    from nilearn import plotting

    if first:
        freeze_imports()
    return plotting
