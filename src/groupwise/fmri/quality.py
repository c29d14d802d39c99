"""Figures for the quality control of BOLD runs: models of a subject, responses of all subjects."""

from collections.abc import Mapping, Sequence

import nibabel as nib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from nilearn.plotting import plot_glass_brain

from groupwise.figures.colours import CONDITIONS
from groupwise.figures.designs import design_figure
from groupwise.figures.save import CaptionedFigure

BLUE, ORANGE = CONDITIONS[:2]
#: z above which a response is drawn: p < .001, uncorrected.
Z_THRESHOLD = 3.09
#: Variance inflation factor above which estimates are unreliable (Mumford et al. 2015).
HIGH_INFLATION = 5.0


def quality_figures(
    runs: Sequence[str],
    designs: Sequence[pd.DataFrame],
    confounds: Sequence[pd.DataFrame],
    inflation: Sequence[Mapping[str, float]],
    responses: Mapping[str, str | nib.Nifti1Image],
    conditions: Sequence[str],
) -> list[CaptionedFigure]:
    """Return all quality figures of one subject, with captions and alt texts.

    Parameters
    ----------
    runs : names of the runs.
    designs, confounds, inflation : of each run, the design matrix, all confounds, and the variance
        inflation factor of each condition.
    responses : z map of the F test of all conditions, by the subject's name.
    conditions : names of the conditions.
    """
    missing = pd.Series(np.zeros(1))
    displacement = [t.get("framewise_displacement", missing).to_numpy() for t in confounds]
    largest = max(max(run.values()) for run in inflation)
    return [
        CaptionedFigure(
            name="design",
            figure=design_figure(dict(zip(runs, designs, strict=True)), conditions),
            title="Design matrices",
            caption="Columns are scaled to their largest magnitude. Left of the line: "
            "conditions; right: confounds, drift and the constant.",
            alt=f"Design matrices of {len(designs)} runs with {designs[0].shape[1]} columns.",
        ),
        CaptionedFigure(
            name="motion",
            figure=motion_figure(
                dict(zip(runs, displacement, strict=True)), dict(zip(runs, inflation, strict=True))
            ),
            title="Motion and collinearity",
            caption="Left: framewise displacement. Right: variance inflation factor of each "
            f"condition given all other columns. Above {HIGH_INFLATION:g} (dashed), an estimate is "
            "unreliable, because other columns explain most of the condition's variance.",
            alt=f"Framewise displacement over volumes, mean "
            f"{np.nanmean(np.concatenate(displacement)):.2f} mm. The largest variance inflation "
            f"factor is {largest:.1f}.",
        ),
        CaptionedFigure(
            name="responses",
            figure=responses_figure(responses),
            title="Effects of interest",
            caption=f"z of the F test of all conditions in a glass brain, thresholded at "
            f"z > {Z_THRESHOLD} (uncorrected p < .001).",
            alt="Glass brain with the voxels that respond to any condition.",
        ),
    ]


def motion_figure(
    displacement: Mapping[str, np.ndarray], inflation: Mapping[str, Mapping[str, float]]
) -> Figure:
    """Plot framewise displacement (mm) and variance inflation factors of each run."""
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    start = 0
    for name, values in displacement.items():
        left.plot(np.arange(start, start + len(values)), values, color=BLUE, linewidth=0.8)
        if start:
            left.axvline(start - 0.5, color="0.7", linewidth=0.8)
        left.text(start, 1.0, f" {name}", transform=left.get_xaxis_transform(), fontsize=8,
                  va="bottom", color="0.3")  # fmt: skip
        start += len(values)
    left.set(xlabel="volume", ylabel="framewise displacement (mm)", xlim=(0, start))
    left.set_ylim(0, None)
    rows = list(next(iter(inflation.values())))
    for factors in inflation.values():
        right.plot([factors.get(name, np.nan) for name in rows], range(len(rows)), "o",
                   color=ORANGE, markersize=4, alpha=0.8)  # fmt: skip
    right.set_yticks(range(len(rows)), rows, fontsize=8)
    right.invert_yaxis()
    right.axvline(HIGH_INFLATION, color="0.7", linewidth=0.8, linestyle="--")
    right.set(xlabel="variance inflation factor (one dot per run)")
    right.set_xlim(0, max(HIGH_INFLATION * 1.1, right.get_xlim()[1]))
    for panel in (left, right):
        panel.spines[["top", "right"]].set_visible(False)
    return figure


def responses_figure(images: Mapping[str, str | nib.Nifti1Image], columns: int = 4) -> Figure:
    """Plot the z map of the F test of all conditions in a glass brain, one panel per subject."""
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(3.6 * columns, 1.75 * rows))
    figure.subplots_adjust(0.01, 0.02, 0.99, 0.96, 0.04, 0.18)
    loaded = {name: nib.load(i) if isinstance(i, str) else i for name, i in images.items()}
    limit = max(Z_THRESHOLD + 1, max(np.nanmax(np.asarray(i.dataobj)) for i in loaded.values()))
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel, (name, image) in zip(panels, loaded.items(), strict=False):
        plot_glass_brain(
            image, figure=figure, axes=panel, threshold=Z_THRESHOLD, vmax=limit, colorbar=False,
            display_mode="xz", cmap="inferno",
        )  # fmt: skip
        panel.set_title(name, fontsize=9, loc="left")
    for panel in panels[len(loaded) :]:
        panel.set_axis_off()
    return figure
