"""Figure of the design matrices of first-level models."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.figure import Figure

from groupwise.figures.colours import CONDITIONS


def design_figure(
    designs: Mapping[str, pd.DataFrame], conditions: Sequence[str], rows: str = "volume"
) -> Figure:
    """Return a figure of the design matrix of each run, with conditions in the first columns.

    Each column is scaled by its largest absolute value.
    """
    figure = Figure(figsize=(5.2 * len(designs), 5.6), layout="constrained")
    panels = figure.subplots(1, len(designs), squeeze=False)[0]
    for panel, (name, design) in zip(panels, designs.items(), strict=True):
        scaled = design / design.abs().max().replace(0, 1)
        panel.imshow(scaled, aspect="auto", cmap="gray", vmin=-1, vmax=1, interpolation="nearest")
        panel.set_xticks(range(design.shape[1]), design.columns, rotation=90, fontsize=7)
        own = sum(column in conditions for column in design.columns)
        panel.axvline(own - 0.5, color=CONDITIONS[1], linewidth=1.2)
        panel.set_title(name or "run", fontsize=10)
        panel.set_ylabel(rows)
    return figure
