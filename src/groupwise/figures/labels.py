"""A statistic of named regions over time, as one picture of all."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from groupwise.figures.colours import colour_map, extend


def label_figure(
    names: Sequence[str],
    times: np.ndarray,
    statistic: np.ndarray,
    outline: np.ndarray,
    *,
    title: str,
    label: str,
    limit: float,
    signed: bool,
) -> Figure:
    """A row a region, a column a time; significant stretches are framed.

    Parameters
    ----------
    names : of the regions.
    times : (t,) s.
    statistic : (regions, times).
    outline : (regions, times) bool.
    limit : where the colours end.
    """
    height = max(2.6, 1.3 + 0.15 * len(names))
    figure = Figure(figsize=(7.4, height), layout="constrained")
    axis = figure.subplots()
    times = 1e3 * np.asarray(times)
    half = 0.5 * (np.diff(times).mean() if len(times) > 1 else 1.0)
    low = -limit if signed else 0.0
    image = axis.imshow(
        statistic,
        aspect="auto",
        interpolation="nearest",
        cmap=colour_map(signed),
        vmin=low,
        vmax=limit,
        extent=(times[0] - half, times[-1] + half, len(names) - 0.5, -0.5),
    )
    for row, inside in enumerate(np.asarray(outline, bool)):
        edges = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]]).astype(int)))
        for start, stop in edges.reshape(-1, 2):
            corner = (times[start] - half, row - 0.5)
            width = times[stop - 1] - times[start] + 2 * half
            axis.add_patch(Rectangle(corner, width, 1, fill=False, ec="black", lw=1.2))
    axis.set_yticks(range(len(names)), names, fontsize=7)
    axis.set_xlabel("ms")
    if times[0] < 0 < times[-1]:
        axis.axvline(0, color="black", lw=0.8, ls=":")
    axis.set_title(title, fontsize=11)
    # Short pictures have short bars; a tall one must not have a bar as long as itself.
    figure.colorbar(
        image, ax=axis, label=label, extend=extend(statistic, (low, limit)),
        shrink=min(1.0, 2.6 / height), anchor=(0, 1), aspect=18,
    )  # fmt: skip
    return figure
