"""Figures of voxel maps by nilearn: slices, glass brain and projection to the cortex."""

from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from groupwise.figures.clusters import average_figures, null_figures, outline_words
from groupwise.figures.colours import colour_limit, colour_map, extend, fade
from groupwise.figures.effect import Effect
from groupwise.figures.save import CaptionedFigure
from groupwise.figures.tested import design_figures
from groupwise.figures.views import nilearn_plotting, to_image
from groupwise.permutation.wording import (
    setting_words,
    statistic_words,
    test_words,
    threshold_words,
)
from groupwise.stack.kinds import Volume


def slice_figure(
    space: Volume,
    values: np.ndarray,
    *,
    outline: np.ndarray | None,
    rows: Sequence[tuple[str, Sequence[float]]],
    title: str,
    label: str,
    limit: float,
    threshold: float,
    signed: bool,
) -> Figure:
    """Return slices of an unthresholded map, on nilearn's MNI152 template if `space` is MNI.

    Parameters
    ----------
    values : (s,) float, per voxel.
    outline : (s,) bool; voxels with a black outline.
    rows : rows of the figure, each ("ortho", (x, y, z)) or ("z", heights), in mm.
    limit : end of the colour scale.
    threshold : value below which colours fade out.
    """
    from nilearn import datasets

    plotting = nilearn_plotting()

    background = {"bg_img": None, "black_bg": False}
    if space.is_mni:
        background["bg_img"] = datasets.load_mni152_template(resolution=1)
    image = to_image(space, values)
    opacity = to_image(space, fade(values, threshold))
    height = sum(2.6 if mode == "ortho" else 1.9 for mode, _ in rows)
    figure = Figure(figsize=(7.4, height + 1.15))
    bottom = 0.6 / (height + 1.15)
    for row, (mode, cuts) in enumerate(rows):
        share = (1 - bottom - 0.5 / (height + 1.15)) / len(rows)
        shown = plotting.plot_stat_map(
            image,
            display_mode=mode,
            cut_coords=tuple(cuts),
            cmap=colour_map(signed),
            vmin=-limit if signed else 0,
            vmax=limit,
            transparency=opacity,
            draw_cross=False,
            colorbar=False,
            figure=figure,
            axes=(0.01, bottom + (len(rows) - 1 - row) * share, 0.98, share),
            annotate=False,
            **background,
        )
        shown.annotate(size=9)
        if outline is not None and np.any(outline):
            region = to_image(space, outline.astype(np.float32))
            shown.add_contours(region, levels=[0.5], colors="black", linewidths=1.0)
    _label(figure, title, label, values, limit, signed)
    return figure


def glass_figure(
    space: Volume,
    values: np.ndarray,
    *,
    title: str,
    label: str,
    limit: float,
    threshold: float,
    signed: bool,
) -> Figure:
    """Return maximum projections of a map (s,) above `threshold` in a glass brain (MNI152)."""
    plotting = nilearn_plotting()

    figure = Figure(figsize=(7.4, 3.4))
    shown = plotting.plot_glass_brain(
        to_image(space, values),
        display_mode="lyrz",
        threshold=threshold,
        cmap=colour_map(signed),
        plot_abs=False,
        vmin=-limit if signed else 0,
        vmax=limit,
        colorbar=False,
        figure=figure,
        axes=(0.01, 0.19, 0.98, 0.66),
        annotate=False,
    )
    shown.annotate(size=9)
    _label(figure, title, label, values, limit, signed)
    return figure


def projection_figure(
    space: Volume,
    values: np.ndarray,
    *,
    title: str,
    label: str,
    limit: float,
    threshold: float,
    signed: bool,
) -> Figure:
    """Return a map (s,) in MNI space, above `threshold`, on nilearn's inflated fsaverage5."""
    from nilearn.datasets import load_fsaverage, load_fsaverage_data
    from nilearn.surface import SurfaceImage

    plotting = nilearn_plotting()

    meshes = load_fsaverage("fsaverage5")
    projected = SurfaceImage.from_volume(meshes["pial"], to_image(space, values),
                                         inner_mesh=meshes["white_matter"])  # fmt: skip
    sulci = load_fsaverage_data(mesh="fsaverage5", mesh_type="inflated", data_type="sulcal")
    figure = Figure(figsize=(7.4, 2.9))
    views = [("left", "lateral"), ("left", "medial"), ("right", "medial"), ("right", "lateral")]
    for column, (hemisphere, view) in enumerate(views):
        axes = figure.add_axes((0.25 * column, 0.2, 0.25, 0.68), projection="3d")
        plotting.plot_surf_stat_map(
            stat_map=projected,
            surf_mesh=meshes["inflated"],
            bg_map=sulci,
            hemi=hemisphere,
            view=view,
            threshold=threshold,
            cmap=colour_map(signed),
            vmin=-limit if signed else 0,
            vmax=limit,
            colorbar=False,
            axes=axes,
            figure=figure,
        )
    _label(figure, title, label, values, limit, signed)
    return figure


def axial_heights(space: Volume, count: int) -> list[float]:
    """Return heights (mm) of `count` axial slices, spaced evenly over the voxels of `space`."""
    low, high = np.percentile(space.coordinates[:, 2], [10, 92])
    return [float(z) for z in np.round(np.linspace(low, high, count))]


def _label(
    figure: Figure, title: str, label: str, values: np.ndarray, limit: float, signed: bool
) -> None:
    figure.suptitle(title, fontsize=11, y=0.985, va="top")
    inches = figure.get_figheight()
    axis = figure.add_axes((0.28, 0.42 / inches, 0.44, 0.1 / inches))
    norm = Normalize(-limit if signed else 0, limit)
    bar = figure.colorbar(
        ScalarMappable(norm, colour_map(signed)),
        axis,
        orientation="horizontal",
        extend=extend(values, (norm.vmin, norm.vmax)),
    )
    bar.set_label(label, fontsize=10, labelpad=1)
    axis.tick_params(labelsize=9, pad=1)


def volume_figures(effect: Effect) -> Iterator[CaptionedFigure]:
    """Yield figures of a volume: slices at peaks, mosaic, glass brain, subjects' values, null."""
    space, result = cast(Volume, effect.stack.space), effect.result
    time, when = effect.peak_time
    significant = np.isin(effect.labels, list(effect.significant["id"]))
    statistic, outline = effect.statistic[:, time], significant[:, time]
    signed = result["Statistic"] == "t"
    threshold = abs(float(result["Threshold"]["statistic"]))
    style = {
        "label": statistic_words(result),
        "limit": colour_limit(effect.statistic, threshold),
        "threshold": threshold,
        "signed": signed,
    }
    anatomy = (
        "Anatomy: MNI152 template"
        if space.is_mni
        else f"No anatomy is shown for the space {space.name}"
    )
    words = (
        f"The map is not thresholded: colour fades out below the cluster-forming threshold, "
        f"{threshold_words(result)}. {outline_words(significant)} {anatomy}. "
        f"The left hemisphere is on the left. "
        f"Test: {test_words(result)}."
    )
    for cluster in effect.shown_clusters or [None]:
        place, own, at = effect.peak_of(cluster)
        which = f"peak of {effect.name_of(cluster)}" if cluster else "largest value, no cluster"
        cuts = tuple(float(c) for c in space.coordinates[place])
        figure = slice_figure(
            space,
            effect.statistic[:, own],
            outline=significant[:, own],
            rows=[("ortho", cuts)],
            title=f"{effect.title}: {statistic_words(result)}{at}, {which}\n"
            f"{setting_words(result)}",
            **style,
        )
        yield CaptionedFigure(
            f"slices_cluster-{cluster['id'] if cluster else 0}",
            figure,
            f"Slices through the {which}",
            f"{statistic_words(result)}{at} on slices through the {which}, "
            f"{space.place_words(place)}. " + words,
            f"Sagittal, coronal and axial slice of {statistic_words(result)} through "
            f"{space.place_words(place)}.",
        )
    heights = axial_heights(space, 10)
    name = f"{statistic_words(result)}{when}"
    title = f"{effect.title}: {name}, {effect.verdict.split(';')[0]}"
    title += f"\n{setting_words(result)}"
    yield CaptionedFigure(
        "mosaic",
        slice_figure(
            space,
            statistic,
            outline=outline,
            rows=[("z", heights[:5]), ("z", heights[5:])],
            title=title,
            **style,
        ),
        "Axial slices",
        f"{name} on axial slices. {words}",
        f"Ten axial slices of {name} from z = {heights[0]:g} to "
        f"{heights[-1]:g} mm; {effect.verdict.split(';')[0]}.",
    )
    if space.is_mni:
        yield CaptionedFigure(
            "glass",
            glass_figure(space, statistic, title=title, **style),
            "Glass brain",
            f"Largest {name} along each line of sight, shown where it exceeds "
            f"the cluster-forming threshold, {threshold_words(result)}. Clusters that are not "
            f"significant are shown too. Test: {test_words(result)}.",
            f"Glass brain from left, behind, right and above with {name} "
            "above the cluster-forming threshold.",
        )
        yield CaptionedFigure(
            "projection",
            projection_figure(space, statistic, title=title, **style),
            "Projection to the cortex",
            f"{name} on the inflated fsaverage cortex (mean along lines from the "
            "white to the pial surface), shown where it exceeds the cluster-forming threshold, "
            f"{threshold_words(result)}. The cortex is that of the template in MNI space, "
            f"not that of each subject. Test: {test_words(result)}.",
            f"Lateral and medial views of both hemispheres with {name} above "
            "the cluster-forming threshold.",
        )
    yield from design_figures(effect)
    yield from average_figures(effect)
    yield from null_figures(effect)
