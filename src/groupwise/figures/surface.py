"""Figures of maps on the inflated cortex: the statistic and the duration of clusters.

Without PyVista, views are orthographic and rasterised here: each pixel shows the triangle nearest
to the viewer and interpolates the values of its three corners. A view is computed once for any
number of maps and needs neither a graphics card nor a display.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure

from groupwise.figures.brain3d import can_draw, draw
from groupwise.figures.clusters import (
    average_figures,
    format_ms,
    null_figures,
    outline_words,
)
from groupwise.figures.colours import colour_limit, colour_map, extend, fade
from groupwise.figures.effect import Effect
from groupwise.figures.save import CaptionedFigure
from groupwise.figures.tested import design_figures
from groupwise.permutation.wording import (
    p_words,
    setting_words,
    statistic_words,
    test_words,
    threshold_words,
)
from groupwise.stack.kinds import Hemisphere, Surface

DESCRIPTIVE = "Extent and latency of a cluster are descriptive."
#: Axes of a view: the direction to the right in the image, and the direction to the viewer.
SIDES = {
    ("lh", "lateral"): ((0, -1, 0), (-1, 0, 0)),
    ("lh", "medial"): ((0, 1, 0), (1, 0, 0)),
    ("rh", "lateral"): ((0, 1, 0), (1, 0, 0)),
    ("rh", "medial"): ((0, -1, 0), (-1, 0, 0)),
}


@dataclass(frozen=True)
class View:
    """A hemisphere seen from one side, as an image of (h, w) pixels.

    Attributes
    ----------
    corners : (h, w, 3) vertices of the visible triangle.
    weights : (h, w, 3) weight of each of these vertices.
    covered : (h, w) bool; pixels that show the brain.
    light : (h, w) brightness in 0..1.
    """

    corners: np.ndarray
    weights: np.ndarray
    covered: np.ndarray
    light: np.ndarray

    def interpolate(self, values: np.ndarray) -> np.ndarray:
        """Return values at vertices (n,) as an image (h, w)."""
        values = np.asarray(values, float)
        # NumPy sums along an axis of three values ten times slower than this.
        first, second, third = (
            values[self.corners[..., k]] * self.weights[..., k] for k in range(3)
        )
        return first + second + third


@lru_cache(maxsize=8)  # two sides of two hemispheres, in the sizes of maps and of strips
def project(hemisphere: Hemisphere, side: str, *, pixels_per_mm: float = 6.0) -> View:
    """Return the view of a hemisphere from `side`, "lateral" or "medial"."""
    right, toward = (np.array(axis, float) for axis in SIDES[hemisphere.name, side])
    points = np.asarray(hemisphere.inflated, float)
    x, y, depth = points @ right, points[:, 2], points @ toward
    margin = 2.0
    x, y = (x - x.min() + margin) * pixels_per_mm, (y.max() - y + margin) * pixels_per_mm
    width, height = int(x.max() + margin * pixels_per_mm), int(y.max() + margin * pixels_per_mm)
    triangles = np.asarray(hemisphere.triangles)

    edges = points[triangles[:, 1:]] - points[triangles[:, :1]]
    normals = np.cross(edges[:, 0], edges[:, 1])
    at_vertex = np.zeros_like(points)
    for corner in range(3):
        np.add.at(at_vertex, triangles[:, corner], normals)
    at_vertex /= np.maximum(np.linalg.norm(at_vertex, axis=1, keepdims=True), 1e-12)

    # All pixels of the bounding boxes of all triangles, far triangles first.
    triangles = triangles[np.argsort(depth[triangles].mean(1))]
    tx, ty = x[triangles], y[triangles]
    left, top = np.ceil(tx.min(1)).astype(int), np.ceil(ty.min(1)).astype(int)
    columns = np.floor(tx.max(1)).astype(int) - left + 1
    count = columns * (np.floor(ty.max(1)).astype(int) - top + 1)
    which = np.repeat(np.arange(len(triangles)), count)
    place = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    px, py = left[which] + place % columns[which], top[which] + place // columns[which]

    (x0, x1, x2), (y0, y1, y2) = tx.T, ty.T
    area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
    area = np.where(np.abs(area) < 1e-9, np.inf, area)
    w1 = ((px - x0[which]) * (y2 - y0)[which] - (py - y0[which]) * (x2 - x0)[which]) / area[which]
    w2 = ((py - y0[which]) * (x1 - x0)[which] - (px - x0[which]) * (y1 - y0)[which]) / area[which]
    w0 = 1 - w1 - w2
    inside = np.isfinite(area)[which]
    for weight in (w0, w1, w2):
        inside &= weight >= -1e-6
    px, py, which = px[inside], py[inside], which[inside]
    weights = np.stack([w0[inside], w1[inside], w2[inside]], -1)

    corners = np.zeros((height, width, 3), np.int32)
    image = np.zeros((height, width, 3), np.float32)
    covered = np.zeros((height, width), bool)
    # If a pixel has several values, numpy keeps the last: that of the nearest triangle.
    corners[py, px], image[py, px], covered[py, px] = triangles[which], weights, True
    view = View(corners, image, covered, np.zeros((height, width)))
    lit = view.interpolate(np.abs(at_vertex @ (toward + np.array([0, 0, 0.35]))) / 1.06)
    return View(corners, image, covered, np.clip(lit, 0, 1))


def render_map(
    hemisphere: Hemisphere, side: str, values: np.ndarray, *, pixels_per_mm: float = 6.0, **maps
) -> np.ndarray:
    """Return an image of a map on a hemisphere, by PyVista if it can render, else by `paint`."""
    if can_draw():
        toward = np.array(SIDES[hemisphere.name, side][1], float)
        return draw(hemisphere, toward, values, pixels_per_mm=pixels_per_mm, **maps)
    return paint(project(hemisphere, side, pixels_per_mm=pixels_per_mm), hemisphere, values, **maps)


def paint(
    view: View,
    hemisphere: Hemisphere,
    values: np.ndarray,
    *,
    cmap: Colormap,
    norm: Normalize,
    opacity: np.ndarray,
    outline: np.ndarray | None = None,
    hatched: np.ndarray | None = None,
) -> np.ndarray:
    """Return an RGBA image (h/2, w/2, 4) of a map on the grey cortex.

    Parameters
    ----------
    values, opacity : (n,) float, per vertex.
    outline, hatched : (n,) bool; regions with a black outline, and regions hatched in grey.
    """
    sulci = view.interpolate(hemisphere.sulc)
    scale = np.abs(np.percentile(hemisphere.sulc, [5, 95])).max() or 1.0
    colour = np.repeat((0.72 - 0.16 * np.clip(2.5 * sulci / scale, -1, 1))[..., None], 3, -1)
    over = np.clip(view.interpolate(opacity), 0, 1)[..., None]
    colour = (1 - over) * colour + over * cmap(norm(view.interpolate(values)))[..., :3]
    colour *= (0.55 + 0.45 * view.light)[..., None]
    rows, columns = np.indices(view.covered.shape)
    if hatched is not None:
        region = (view.interpolate(hatched) >= 0.5) & view.covered
        colour[region] = 0.5 * colour[region] + 0.45
        colour[region & ((rows + columns) % 18 < 5)] = 0.2
        colour[_border(region, 2)] = 0.2
    if outline is not None:
        region = (view.interpolate(outline) >= 0.5) & view.covered
        colour[_border(region, 3)] = 0.0
    image = np.dstack([np.clip(colour, 0, 1) * view.covered[..., None], view.covered])
    # Average 2 × 2 pixels, which smooths edges.
    h, w = (n // 2 * 2 for n in view.covered.shape)
    small = image[0:h:2, 0:w:2] + image[0:h:2, 1:w:2] + image[1:h:2, 0:w:2] + image[1:h:2, 1:w:2]
    small /= 4
    small[..., :3] /= np.maximum(small[..., 3:], 1e-6)
    return small


def _border(region: np.ndarray, width: int) -> np.ndarray:
    """Return the pixels of `region` that are closer than `width` to its edge."""
    inner = region.copy()
    for _ in range(width):
        padded = np.pad(inner, 1)
        inner &= padded[2:, 1:-1] & padded[:-2, 1:-1] & padded[1:-1, 2:] & padded[1:-1, :-2]
    return region & ~inner


def surface_figure(
    space: Surface,
    values: np.ndarray,
    *,
    title: str,
    label: str,
    cmap: str,
    limits: tuple[float, float],
    opacity: np.ndarray | None = None,
    outline: np.ndarray | None = None,
    hatched: np.ndarray | None = None,
    note: str = "",
) -> Figure:
    """Return lateral and medial views of every hemisphere of `space`, with a labelled colour bar.

    Parameters
    ----------
    values : (s,) float, per vertex.
    label : label of the colour bar.
    opacity : (s,) in 0..1; by default 1 if the value is not 0.
    outline, hatched : (s,) bool, as in `paint`.
    note : line below the title.
    """
    opacity = (np.asarray(values) != 0).astype(float) if opacity is None else opacity
    norm, colours = Normalize(*limits, clip=True), colormaps[cmap]
    n = len(space.hemispheres)
    figure = Figure(figsize=(7.4, 3.6 if n == 1 else 5.9), layout="constrained")
    axes = figure.subplots(n, 2, squeeze=False)
    for row, hemisphere in enumerate(space.hemispheres):
        own = space.of_hemisphere(values, hemisphere)
        maps: dict[str, Any] = {"opacity": space.of_hemisphere(opacity, hemisphere)}
        for name, region in (("outline", outline), ("hatched", hatched)):
            if region is not None:
                maps[name] = space.of_hemisphere(region, hemisphere)
        for column, side in enumerate(("lateral", "medial")):
            axis = axes[row, column]
            axis.imshow(render_map(hemisphere, side, own, cmap=colours, norm=norm, **maps))
            axis.set_axis_off()
            axis.set_title(f"{hemisphere.side}, {side}", fontsize=9, color="0.25")
    figure.suptitle(title + (f"\n{note}" if note else ""), fontsize=11)
    if limits[1] > limits[0]:
        bar = figure.colorbar(
            ScalarMappable(norm, colours),
            ax=axes,
            orientation="horizontal",
            shrink=0.5,
            aspect=30,
            extend=extend(values, limits),
        )
        bar.set_label(label, fontsize=10)
        bar.ax.tick_params(labelsize=9)
    return figure


def strip_figure(
    space: Surface,
    values: np.ndarray,
    opacity: np.ndarray,
    outline: np.ndarray,
    headings: Sequence[str],
    *,
    title: str,
    label: str,
    cmap: str,
    limits: tuple[float, float],
) -> Figure:
    """Return maps at several times, with one column per time and one row per view.

    Parameters
    ----------
    values, opacity : (s, k) float at k times.
    outline : (s, k) bool.
    headings : (k,) titles of the columns.
    """
    norm, colours = Normalize(*limits, clip=True), colormaps[cmap]
    rows = [(each, side) for each in space.hemispheres for side in ("lateral", "medial")]
    figure = Figure(
        figsize=(0.5 + 1.5 * len(headings), 1.2 + 1.08 * len(rows)), layout="constrained"
    )
    figure.set_layout_engine("constrained", w_pad=0.01, h_pad=0.05, wspace=0, hspace=0)
    axes = figure.subplots(len(rows), len(headings), squeeze=False)
    for row, (hemisphere, side) in enumerate(rows):
        own, own_opacity, own_outline = (
            space.of_hemisphere(each, hemisphere) for each in (values, opacity, outline)
        )
        for column, heading in enumerate(headings):
            axis = axes[row, column]
            axis.imshow(
                render_map(
                    hemisphere, side, own[:, column], cmap=colours, norm=norm,
                    opacity=own_opacity[:, column], outline=own_outline[:, column],
                    pixels_per_mm=2.5,  # sufficient for small images
                )
            )  # fmt: skip
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
            if row == 0:
                axis.set_title(heading, fontsize=10)
            if column == 0:
                axis.set_ylabel(f"{hemisphere.side}\n{side}", fontsize=8)
    figure.suptitle(title, fontsize=11)
    if limits[1] > limits[0]:
        bar = figure.colorbar(
            ScalarMappable(norm, colours), ax=axes, orientation="horizontal", shrink=0.4,
            aspect=30, extend=extend(values, limits),
        )  # fmt: skip
        bar.set_label(label, fontsize=10)
        bar.ax.tick_params(labelsize=9)
    return figure


def cluster_duration(labels: np.ndarray, clusters: list[int], times: np.ndarray) -> np.ndarray:
    """Return the time (s,) in ms for which each vertex belongs to any of the clusters.

    Parameters
    ----------
    labels : (s, t) int, the cluster of each point, 0 for none.
    clusters : numbers of the clusters.
    times : (t,) s, t > 1.
    """
    return np.isin(labels, clusters).sum(1) * 1e3 * float(np.diff(times).mean())


def surface_figures(effect: Effect) -> Iterator[CaptionedFigure]:
    """Yield figures of a surface: durations, the statistic at peaks, courses or values, null."""
    space, result = cast(Surface, effect.stack.space), effect.result
    statistic, labels = effect.statistic, effect.labels
    sides = " and ".join(hemisphere.side for hemisphere in space.hemispheres)
    plural = "s" if len(space.hemispheres) > 1 else ""
    views = f"Inflated {sides} hemisphere{plural}, lateral and medial views"
    ids = list(effect.significant["id"])
    if space.n_times > 1:
        yield _duration(effect, views)
        yield _strip(effect, views)
    for cluster in effect.shown_clusters or [None]:
        _, time, when = effect.peak_of(cluster)
        which = f"peak of {effect.name_of(cluster)}" if cluster else "largest value, no cluster"
        signed = result["Statistic"] == "t"
        limit = colour_limit(statistic, result["Threshold"]["statistic"])
        outline = np.isin(labels[:, time], ids)
        figure = surface_figure(
            space,
            statistic[:, time],
            title=f"{effect.title}: {statistic_words(result)}{when}",
            note=f"{which}; {setting_words(result)}",
            label=statistic_words(result),
            cmap=colour_map(signed),
            limits=(-limit if signed else 0, limit),
            opacity=fade(statistic[:, time], result["Threshold"]["statistic"]),
            outline=outline,
        )
        yield CaptionedFigure(
            f"statistic_cluster-{cluster['id'] if cluster else 0}",
            figure,
            f"Statistic{when}",
            f"{statistic_words(result)}{when}, {which}. The map is not thresholded: colour fades "
            f"out below the cluster-forming threshold, {threshold_words(result)}. "
            f"{outline_words(outline)} Test: {test_words(result)}.",
            f"{views}: map of {statistic_words(result)}{when}, largest at "
            f"{space.place_words(int(np.argmax(np.abs(statistic[:, time]))))}.",
        )
    yield from design_figures(effect)
    yield from average_figures(effect)
    yield from null_figures(effect)


def _duration(effect: Effect, views: str) -> CaptionedFigure:
    space, result = cast(Surface, effect.stack.space), effect.result
    ids = list(effect.significant["id"])
    duration = cluster_duration(effect.labels, ids, space.times)
    longest, span = (
        float(duration.max()),
        f"{format_ms(space.times[0])} to {format_ms(space.times[-1])}",
    )
    hatched = None
    if ids:
        what = f"Time for which each vertex belongs to a cluster with p ≤ {result['Alpha']:g}"
        alt = f"longest duration {longest:.0f} ms, at {space.place_words(int(np.argmax(duration)))}"
    elif len(effect.clusters):
        hatched = np.any(effect.labels == effect.shown_clusters[0]["id"], axis=1)
        what = (
            f"No cluster is significant. Hatched in grey: vertices that are in the largest cluster "
            f"at any time ({p_words(effect.shown_clusters[0])}; peak at {_peak(effect)})"
        )
        alt = f"nothing is significant; the largest cluster, at {_peak(effect)}, is hatched"
    else:
        what = "No point exceeds the cluster-forming threshold, so there is no cluster"
        alt = "nothing is marked, because there is no cluster"
    return CaptionedFigure(
        "duration",
        surface_figure(
            space,
            duration,
            title=f"{effect.title}: duration of significant clusters",
            note=f"{effect.verdict}\n{setting_words(result)}",
            label=f"Time in significant clusters (ms), {span}",
            cmap="viridis",
            limits=(0, longest),
            hatched=hatched,
        ),
        "Duration of clusters",
        f"{what}. Time window: {span}. {DESCRIPTIVE} Test: {test_words(result)}.",
        f"{views}: {alt}.",
    )


def _strip(effect: Effect, views: str, count: int = 7) -> CaptionedFigure:
    """Return maps of the statistic at `count` times that divide the window evenly."""
    space, result = cast(Surface, effect.stack.space), effect.result
    name, signed = statistic_words(result), result["Statistic"] == "t"
    # Middles of equal parts of the window: effects are rarely at its edges.
    parts = (np.arange(min(count, space.n_times)) + 0.5) / min(count, space.n_times)
    times = np.floor(parts * space.n_times).astype(int)
    limit = colour_limit(effect.statistic, result["Threshold"]["statistic"])
    values = effect.statistic[:, times]
    outline = np.isin(effect.labels[:, times], list(effect.significant["id"]))
    shown = [format_ms(space.times[time]) for time in times]
    return CaptionedFigure(
        "strip",
        strip_figure(
            space,
            values,
            fade(values, result["Threshold"]["statistic"]),
            outline,
            shown,
            title=f"{effect.title}: {name} over time",
            label=name,
            cmap=colour_map(signed),
            limits=(-limit if signed else 0, limit),
        ),
        "Statistic over time",
        f"{name} at {', '.join(shown)}. Colour fades out below the cluster-forming threshold, "
        f"{threshold_words(result)}. {outline_words(outline)} {DESCRIPTIVE}",
        f"{views}: maps of {name} at {len(shown)} times.",
    )


def _peak(effect: Effect) -> str:
    place, _, _ = effect.peak_of(effect.shown_clusters[0])
    return effect.stack.space.place_words(place)
