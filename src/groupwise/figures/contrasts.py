"""Figure of the weights of conditions in contrasts."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure


def contrast_figure(
    contrasts: Mapping[str, Mapping[str, float]], conditions: Sequence[str]
) -> Figure:
    """Return a figure of the weights of the conditions in each contrast."""
    weights = np.array([[own.get(c, 0.0) for c in conditions] for own in contrasts.values()])
    size = (1.8 + 0.62 * len(conditions), 1.4 + 0.34 * len(weights))
    figure = Figure(figsize=size, layout="constrained")
    panel = figure.subplots()
    limit = np.abs(weights).max()
    panel.imshow(weights, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto")
    for row, column in zip(*np.nonzero(weights), strict=True):
        value = weights[row, column]
        panel.text(column, row, f"{value:.2g}", ha="center", va="center", fontsize=7,
                   color="white" if abs(value) > 0.6 * limit else "black")  # fmt: skip
    panel.set_xticks(range(len(conditions)), conditions, rotation=40, ha="right", fontsize=8)
    panel.set_yticks(range(len(weights)), list(contrasts), fontsize=8)
    return figure
