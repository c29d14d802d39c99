"""Figures that all spaces with clusters have: means in the clusters, and the null distribution."""

from collections.abc import Iterator

import numpy as np

from groupwise.figures.courses import cluster_average, collapse, course_figure, values_figure
from groupwise.figures.effect import Effect
from groupwise.figures.null import null_figure
from groupwise.figures.save import CaptionedFigure
from groupwise.permutation.wording import number, p_words, test_words
from groupwise.stack.observations import cell_rows

SELECTED = (
    "The cluster was found in the same data, so the averages are descriptive and test nothing."
)


def average_figures(effect: Effect) -> Iterator[CaptionedFigure]:
    """Yield courses (if there are times) or subjects' values of the conditions in clusters."""
    if effect.design.model() is not None:
        return  # means over all subjects would hide the difference between them
    stack, space = effect.stack, effect.stack.space
    subjects, rows = cell_rows(stack.observations, effect.within)
    units = effect.units
    for cluster in effect.shown_clusters:
        members = np.any(effect.labels == cluster["id"], axis=1)
        x = cluster_average(stack.data, rows, space.points_of(np.flatnonzero(members)))
        conditions = ["all subjects"]
        if effect.within:
            x, conditions = collapse(x, effect.within, effect.keep)
        others = [name for name in effect.within or {} if name not in effect.keep]
        over = f", averaged over {', '.join(others)}" if others else ""
        title = f"{effect.title}\n{effect.name_of(cluster)}, p = {number(cluster['p'])}"
        noun = space.place_noun[int(members.sum() > 1)]
        where = f"the {members.sum():,} {noun} of {effect.name_of(cluster)}"
        if space.names_places and members.sum() == 1:
            where = f"{space.place_words(int(np.argmax(members)))}, {effect.name_of(cluster)}"
        band = (
            "within-subject 95% confidence intervals (Cousineau–Morey), which show differences "
            "between conditions, not the variation between subjects"
            if len(conditions) > 1
            else "the 95% confidence interval"
        )
        names = " and ".join(conditions) if len(conditions) < 3 else ", ".join(conditions)
        if space.n_times == 1:
            figure = values_figure(x[:, :, 0], conditions, title=title, units=units)
            what, short, kind = "Each subject's mean", "Subjects' means", "values"
            alt = f"Subjects' values for {names}; means " + ", ".join(
                f"{mean:.3g}" for mean in x[:, :, 0].mean(0)
            )
        else:
            half = 0.5 * float(np.diff(space.times).mean())
            # A sample represents the time around it, as in the duration of a cluster.
            window = (
                max(cluster["t_start"] - half, space.times[0]),
                min(cluster["t_stop"] + half, space.times[-1]),
            )
            figure = course_figure(
                x, space.times, conditions, window=window, title=title, units=units
            )
            what, short, kind = "Time course of the mean", "Time courses", "courses"
            inside = np.abs(space.times - np.mean(window)) <= 0.5 * np.ptp(window)
            means = x[:, :, inside].mean((0, 2))
            alt = (
                f"Time courses of {names}; their means from {format_ms(cluster['t_start'])} to "
                f"{format_ms(cluster['t_stop'])} are " + ", ".join(f"{mean:.3g}" for mean in means)
            )
        shaded = "" if space.n_times == 1 else " Grey: the temporal extent of the cluster."
        yield CaptionedFigure(
            f"{kind}_cluster-{cluster['id']}",
            figure,
            f"{short} in {effect.name_of(cluster)}",
            f"{what} over {where} ({p_words(cluster)}){over}, "
            f"for {len(subjects)} subjects, with {band}.{shaded} {SELECTED}",
            alt + ".",
        )


def null_figures(effect: Effect) -> Iterator[CaptionedFigure]:
    result, clusters = effect.result, effect.clusters.head(effect.shown)
    excess = " above the threshold" if result["Mass"] == "excess" else ""
    figure = null_figure(
        effect.null,
        clusters["mass"],
        clusters["p"],
        alpha=result["Alpha"],
        title=f"{effect.title}: largest cluster under permutation",
        label=f"Largest cluster mass of a permutation (sum of {result['Statistic']}{excess})",
        shown=effect.shown,
    )
    empty = int((np.asarray(effect.null) == 0).sum())
    without = f" {empty:,} permutations had no cluster; their mass is 0." if empty else ""
    observed = (
        "Coloured lines: the observed clusters, with p, the proportion of permutations whose "
        "largest cluster has at least the same mass."
        if len(clusters)
        else "No cluster was observed."
    )
    yield CaptionedFigure(
        "null",
        figure,
        "Null distribution",
        f"Mass of the largest cluster of each permutation, including the observed data."
        f"{without} {observed} Dashed: the critical mass, which a cluster must exceed for "
        f"p ≤ {result['Alpha']:g}. Test: {test_words(result)}.",
        "Histogram of the largest cluster masses; observed: "
        + (
            ", ".join(
                f"{abs(m):,.0f} (p = {p:.3g})"
                for m, p in zip(clusters["mass"], clusters["p"], strict=True)
            )
            or "none"
        )
        + ".",
    )


def format_ms(seconds: float) -> str:
    return f"{1e3 * float(seconds):.0f} ms"


def outline_words(outline: np.ndarray) -> str:
    return "Black outline: significant clusters." if outline.any() else "No significant cluster."
