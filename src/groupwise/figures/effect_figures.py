"""Figures of one effect, each with its title, caption and alt text.

The figures of a space are in its module, and those that several spaces share in `clusters`. All
numbers in captions come from the result.
"""

from collections.abc import Iterator

import numpy as np

from groupwise.figures.channels import statistic_figure
from groupwise.figures.clusters import average_figures, null_figures
from groupwise.figures.courses import collapse, values_figure
from groupwise.figures.effect import Effect
from groupwise.figures.labels import label_figures
from groupwise.figures.null import critical_mass, null_figure
from groupwise.figures.save import CaptionedFigure
from groupwise.figures.surface import surface_figures
from groupwise.figures.tested import design_figures
from groupwise.figures.volume import volume_figures
from groupwise.permutation.wording import number, statistic_words, test_words
from groupwise.stack.kinds import Surface, Volume
from groupwise.stack.observations import cell_rows


def effect_figures(effect: Effect) -> Iterator[CaptionedFigure]:
    """Yield the figures for the effect's feature space."""
    space = effect.stack.space
    if isinstance(space, Surface):
        return surface_figures(effect)
    if isinstance(space, Volume):
        return volume_figures(effect)
    if space.has_adjacent_places:
        return sensor_figures(effect)
    return label_figures(effect) if space.has_neighbours else channel_figures(effect)


def channel_figures(effect: Effect) -> Iterator[CaptionedFigure]:
    """Yield figures of places without neighbours: statistic, values at its maximum, null."""
    space, result = effect.stack.space, effect.result
    statistic, p = effect.maps["statistic"].ravel(), effect.maps["p_max"].ravel()
    tested, alpha = ~np.isnan(p), result["Alpha"]
    signed = result["Statistic"] == "t"
    name, found = statistic_words(result), int((p[tested] <= alpha).sum())
    critical = critical_mass(effect.null, alpha)
    verdict = f"{found} of {tested.sum()} significant" if found else "nothing is significant"
    yield CaptionedFigure(
        "statistic",
        statistic_figure(
            space.label[tested],
            space.part[tested],
            statistic[tested],
            p[tested],
            alpha=alpha,
            critical=critical,
            title=f"{effect.title}: {name}, {verdict}",
            label=name,
            signed=signed,
        ),
        "Statistic at every place",
        f"{name} at every place. Filled: p ≤ {alpha:g}, corrected over all places with the maximum "
        f"statistic. Dashed: the critical value, which a statistic must exceed for p ≤ {alpha:g}. "
        f"Test: {test_words(result)}.",
        f"{name} at {tested.sum()} places, {verdict}.",
    )
    yield from design_figures(effect)
    best = int(np.nanargmax(np.abs(statistic)))
    where = space.place_words(best)
    if effect.design.model() is None:
        subjects, rows = cell_rows(effect.stack.observations, effect.within)
        x = np.asarray(effect.stack.data)[rows, best][:, :, None]
        conditions = ["all subjects"]
        if effect.within:
            x, conditions = collapse(x, effect.within, effect.keep)
        yield CaptionedFigure(
            "values",
            values_figure(
                x[:, :, 0],
                conditions,
                title=f"{effect.title}\n{where}, p = {number(p[best])}",
                units=effect.units,
                what="Value",
            ),
            f"Subjects' values at {where}",
            f"Values at the place with the largest statistic ({where}, p = {number(p[best])}), for "
            f"{len(subjects)} subjects, with 95% confidence intervals"
            f"{' within subjects (Cousineau–Morey)' if len(conditions) > 1 else ''}. The place was "
            "selected in the same data, so the values are descriptive and test nothing.",
            f"Subjects' values at {where}; means "
            + ", ".join(f"{mean:.3g}" for mean in x[:, :, 0].mean(0))
            + ".",
        )
    yield CaptionedFigure(
        "null",
        null_figure(
            effect.null,
            [abs(statistic[best])],
            [p[best]],
            alpha=alpha,
            title=f"{effect.title}: largest statistic under permutation",
            label=f"Largest {'|t|' if signed else 'F'} of a permutation",
            shown=1,
            name_format="observed",
        ),
        "Null distribution",
        "Largest statistic of each permutation, including the observed data. Coloured line: the "
        f"observed value, at {where}. Dashed: the critical value, which a statistic must exceed "
        f"for p ≤ {alpha:g}. Test: {test_words(result)}.",
        f"Histogram of the largest statistics; observed {abs(statistic[best]):.3g}, "
        f"p = {p[best]:.3g}.",
    )


def sensor_figures(effect: Effect) -> Iterator[CaptionedFigure]:
    """Yield figures of sensors: the design, courses in clusters, null."""
    yield from design_figures(effect)
    yield from average_figures(effect)
    yield from null_figures(effect)
