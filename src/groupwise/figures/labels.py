"""Figure of a statistic of labels over time."""

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from groupwise.figures.clusters import average_figures, null_figures, outline_words
from groupwise.figures.colours import colour_limit, colour_map, extend
from groupwise.figures.effect import Effect
from groupwise.figures.save import CaptionedFigure
from groupwise.figures.tested import design_figures
from groupwise.permutation.wording import statistic_words, test_words


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
    """Return a figure of the statistic, with one row per label and one column per time.

    Parameters
    ----------
    names : names of the labels.
    times : (t,) s.
    statistic : (labels, times).
    outline : (labels, times) bool; time intervals that are framed.
    limit : end of the colour scale.
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
    # In tall figures, the colour bar is shorter than the axis.
    figure.colorbar(
        image, ax=axis, label=label, extend=extend(statistic, (low, limit)),
        shrink=min(1.0, 2.6 / height), anchor=(0, 1), aspect=18,
    )  # fmt: skip
    return figure


def label_figures(effect: Effect) -> Iterator[CaptionedFigure]:
    """Yield figures of labels: the statistic over time, courses in clusters, null."""
    space, result = effect.stack.space, effect.result
    outline = np.isin(effect.labels, list(effect.significant["id"]))
    signed, name = result["Statistic"] == "t", statistic_words(result)
    limit = colour_limit(effect.statistic, result["Threshold"]["statistic"])
    yield CaptionedFigure(
        "statistic",
        label_figure(
            list(space.label),
            space.times,
            effect.statistic,
            outline,
            title=f"{effect.title}: {name}\n{effect.verdict.split(';')[0]}",
            label=name,
            limit=limit,
            signed=signed,
        ),
        "Statistic of every label over time",
        f"{name} of the mean over each label. {outline_words(outline)} A cluster is an "
        f"uninterrupted time interval of one label. Test: {test_words(result)}.",
        f"{name} of {space.n_places} labels at {space.n_times} times; {effect.verdict}.",
    )
    yield from design_figures(effect)
    yield from average_figures(effect)
    yield from null_figures(effect)
