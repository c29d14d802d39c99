"""Figures of the tested hypothesis: weights of the conditions, and the design matrix."""

from collections.abc import Iterator
from itertools import product

import numpy as np
from matplotlib.figure import Figure

from groupwise.figures.contrasts import contrast_figure
from groupwise.figures.effect import Effect
from groupwise.figures.save import CaptionedFigure
from groupwise.permutation.wording import number


def design_figures(effect: Effect) -> Iterator[CaptionedFigure]:
    """Yield figures of an effect's design: weights of the conditions, then the design matrix."""
    design, name = effect.design, effect.design.label
    cells = ["/".join(levels) for levels in product(*(effect.within or {}).values())]
    model, sums = design.model(), design.tested_sums()
    if design.n_cells == len(cells) > 1:
        each = {row: dict(zip(cells, weights, strict=True)) for row, weights in sums.items()}
        tested = "sum, which is tested" if len(each) == 1 else "sums, which are tested together"
        yield CaptionedFigure(
            "contrast",
            contrast_figure(each, cells),
            "Weights of the conditions",
            f"Weights of each subject's maps in the {tested} "
            f"{'against zero' if model is None else 'with the model of the subjects'} ({name}).",
            "; ".join(
                f"{row}: " + ", ".join(f"{cell} {number(w)}" for cell, w in own.items() if w)
                for row, own in each.items()
            )
            + ".",
        )
    if model is not None:
        matrix, contrast, _ = model
        columns = design.column_names(cells)
        rows = "subject" if len(matrix) == int(effect.result["Subjects"]) else "map"
        shown = ", ".join(columns[:12]) + (", ..." if len(columns) > 12 else "")
        yield CaptionedFigure(
            "design",
            matrix_figure(matrix, contrast.reshape(len(contrast), -1).T, columns, rows),
            "Design matrix",
            f"Design matrix with one row per {rows}. Each column is scaled by its largest absolute "
            f"value. Below: the tested contrast ({name}).",
            f"Design matrix of {matrix.shape[0]} rows and {matrix.shape[1]} columns: {shown}.",
        )


def matrix_figure(
    matrix: np.ndarray, contrast: np.ndarray, columns: list[str], rows: str
) -> Figure:
    """Return a figure of a design matrix with the contrast below it."""
    height = float(np.clip(0.12 * len(matrix), 2.4, 6.0))
    below = 0.34 * len(contrast)
    size = (max(3.2, 1.6 + 0.3 * len(columns)), height + below + 1.6)
    figure = Figure(figsize=size, layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(height, below))
    largest = np.abs(matrix).max(axis=0)
    style = {"aspect": "auto", "vmin": -1, "vmax": 1, "interpolation": "nearest"}
    numbered = (-0.5, len(columns) - 0.5, len(matrix) + 0.5, 0.5)  # rows from 1
    upper.imshow(matrix / np.where(largest == 0, 1, largest), cmap="gray", extent=numbered, **style)
    upper.set_ylabel(rows)
    lower.imshow(contrast / np.abs(contrast).max(), cmap="RdBu_r", **style)
    lower.set_yticks([])
    lower.set_ylabel("contrast", rotation=0, ha="right", va="center")
    lower.set_xticks(range(len(columns)), columns, rotation=60, ha="right", fontsize=8)
    upper.tick_params(bottom=False)
    return figure
