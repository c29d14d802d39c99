"""Draw the inflated cortex with PyVista, if it is installed and can render."""

import subprocess
import sys
from functools import cache
from importlib.util import find_spec

import numpy as np
from matplotlib.colors import Colormap, Normalize

from groupwise.stack.kinds import Hemisphere

#: Run in a separate process: if the libraries that VTK needs are missing, it kills its process.
PROBE = (
    "import pyvista; p = pyvista.Plotter(off_screen=True, window_size=(16, 16)); "
    "p.add_mesh(pyvista.Sphere(), color='white'); "
    "assert p.screenshot(return_img=True, transparent_background=True)[..., 3].any()"
)


@cache
def can_draw() -> bool:
    """Return whether PyVista is installed and renders without a display."""
    if find_spec("pyvista") is None:
        return False
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, timeout=120)
    return done.returncode == 0


def draw(
    hemisphere: Hemisphere,
    toward: np.ndarray,
    values: np.ndarray,
    *,
    cmap: Colormap,
    norm: Normalize,
    opacity: np.ndarray,
    outline: np.ndarray | None = None,
    hatched: np.ndarray | None = None,
    pixels_per_mm: float = 6.0,
) -> np.ndarray:
    """Return an RGBA image (h, w, 4) of a map on the grey cortex, cropped to the brain.

    Parameters
    ----------
    toward : (3,) unit vector from the brain to the viewer.
    values, opacity : (n,) float, per vertex.
    outline, hatched : (n,) bool, as in `groupwise.figures.surface.paint`.
    pixels_per_mm : scale of the image.
    """
    import pyvista

    colour = vertex_colours(
        hemisphere, values, cmap=cmap, norm=norm, opacity=opacity, hatched=hatched
    )
    points = np.asarray(hemisphere.inflated, float)
    mesh = pyvista.PolyData.from_regular_faces(points, np.asarray(hemisphere.triangles))
    mesh["colour"] = (255 * colour).astype(np.uint8)
    extent = 1.05 * np.ptp(points, axis=0).max()
    size = int(extent * pixels_per_mm / 2)
    plotter = pyvista.Plotter(off_screen=True, window_size=(size, size), lighting="none")
    # White light from the viewer, so that colours match the colour bar.
    plotter.add_light(pyvista.Light(light_type="headlight"))
    plotter.enable_anti_aliasing("ssaa")
    plotter.add_mesh(
        mesh, scalars="colour", rgb=True, smooth_shading=True, ambient=0.45, diffuse=0.6
    )
    if outline is not None and 0 < np.count_nonzero(outline) < len(points):
        mesh["outline"] = np.asarray(outline, float)
        border = mesh.contour([0.5], scalars="outline")
        # Slightly in front of the surface, which would otherwise hide parts of the line.
        border.points += 0.6 * np.asarray(toward, float)
        plotter.add_mesh(border, color="black", line_width=3, lighting=False)
    middle = (points.min(0) + points.max(0)) / 2
    plotter.camera_position = [middle + 400 * np.asarray(toward, float), middle, (0, 0, 1)]
    plotter.enable_parallel_projection()
    plotter.camera.parallel_scale = extent / 2
    image = plotter.screenshot(return_img=True, transparent_background=True) / 255.0
    plotter.close()
    rows, columns = (np.flatnonzero(image[..., 3].any(axis)) for axis in (1, 0))
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def vertex_colours(
    hemisphere: Hemisphere,
    values: np.ndarray,
    *,
    cmap: Colormap,
    norm: Normalize,
    opacity: np.ndarray,
    hatched: np.ndarray | None = None,
) -> np.ndarray:
    """Return the RGB colour (n, 3) of each vertex: grey by sulcal depth, with the map over it."""
    scale = np.abs(np.percentile(hemisphere.sulc, [5, 95])).max() or 1.0
    grey = 0.72 - 0.16 * np.clip(2.5 * np.asarray(hemisphere.sulc) / scale, -1, 1)
    over = np.clip(opacity, 0, 1)[:, None]
    colour = (1 - over) * grey[:, None] + over * cmap(norm(np.asarray(values, float)))[:, :3]
    if hatched is not None:
        colour[np.asarray(hatched, bool)] = 0.35
    return np.clip(colour, 0, 1)
