"""Figures of one effect, each with its title, caption and alt text.

All numbers in captions come from the result.
"""

from collections.abc import Iterator
from typing import cast

import numpy as np

from groupwise.figures.channels import statistic_figure
from groupwise.figures.colours import colour_limit, colour_map, fade
from groupwise.figures.courses import (
    cluster_average,
    collapse,
    course_figure,
    values_figure,
)
from groupwise.figures.effect import Effect
from groupwise.figures.labels import label_figure
from groupwise.figures.null import critical_mass, null_figure
from groupwise.figures.save import Picture
from groupwise.figures.surface import (
    cluster_duration,
    strip_figure,
    surface_figure,
)
from groupwise.figures.tested import design_pictures
from groupwise.figures.volume import (
    axial_heights,
    glass_figure,
    projection_figure,
    slice_figure,
)
from groupwise.permutation.wording import (
    number,
    p_words,
    setting_words,
    statistic_words,
    test_words,
    threshold_words,
)
from groupwise.stack.kinds import Surface, Volume
from groupwise.stack.observations import cell_rows

DESCRIPTIVE = "Extent and latency of a cluster are descriptive."
SELECTED = (
    "The cluster was found in the same data, so the averages are descriptive and test nothing."
)


def effect_pictures(effect: Effect) -> Iterator[Picture]:
    """Yield the figures for the effect's feature space."""
    space = effect.stack.space
    if isinstance(space, Surface):
        return surface_pictures(effect)
    if isinstance(space, Volume):
        return volume_pictures(effect)
    if space.has_adjacent_places:
        return sensor_pictures(effect)
    return label_pictures(effect) if space.has_neighbours else channel_pictures(effect)


def surface_pictures(effect: Effect) -> Iterator[Picture]:
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
    for cluster in effect.pictured or [None]:
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
        yield Picture(
            f"statistic_cluster-{cluster['id'] if cluster else 0}",
            figure,
            f"Statistic{when}",
            f"{statistic_words(result)}{when}, {which}. The map is not thresholded: colour fades "
            f"out below the cluster-forming threshold, {threshold_words(result)}. "
            f"{_outlined(outline)} Test: {test_words(result)}.",
            f"{views}: map of {statistic_words(result)}{when}, largest at "
            f"{space.place_words(int(np.argmax(np.abs(statistic[:, time]))))}.",
        )
    yield from design_pictures(effect)
    yield from _averages(effect)
    yield from _null(effect)


def volume_pictures(effect: Effect) -> Iterator[Picture]:
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
        f"{threshold_words(result)}. {_outlined(significant)} {anatomy}. "
        f"The left hemisphere is on the left. "
        f"Test: {test_words(result)}."
    )
    for cluster in effect.pictured or [None]:
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
        yield Picture(
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
    yield Picture(
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
        yield Picture(
            "glass",
            glass_figure(space, statistic, title=title, **style),
            "Glass brain",
            f"Largest {name} along each line of sight, shown where it exceeds "
            f"the cluster-forming threshold, {threshold_words(result)}. Clusters that are not "
            f"significant are shown too. Test: {test_words(result)}.",
            f"Glass brain from left, behind, right and above with {name} "
            "above the cluster-forming threshold.",
        )
        yield Picture(
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
    yield from design_pictures(effect)
    yield from _averages(effect)
    yield from _null(effect)


def channel_pictures(effect: Effect) -> Iterator[Picture]:
    """Yield figures of places without neighbours: statistic, values at its maximum, null."""
    space, result = effect.stack.space, effect.result
    statistic, p = effect.maps["statistic"].ravel(), effect.maps["p_max"].ravel()
    tested, alpha = ~np.isnan(p), result["Alpha"]
    signed = result["Statistic"] == "t"
    name, found = statistic_words(result), int((p[tested] <= alpha).sum())
    critical = critical_mass(effect.null, alpha)
    verdict = f"{found} of {tested.sum()} significant" if found else "nothing is significant"
    yield Picture(
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
    yield from design_pictures(effect)
    best = int(np.nanargmax(np.abs(statistic)))
    where = space.place_words(best)
    if effect.design.model() is None:
        subjects, rows = cell_rows(effect.stack.observations, effect.within)
        x = np.asarray(effect.stack.data)[rows, best][:, :, None]
        conditions = ["all subjects"]
        if effect.within:
            x, conditions = collapse(x, effect.within, effect.keep)
        yield Picture(
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
    yield Picture(
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


def label_pictures(effect: Effect) -> Iterator[Picture]:
    """Yield figures of labels: the statistic over time, courses in clusters, null."""
    space, result = effect.stack.space, effect.result
    outline = np.isin(effect.labels, list(effect.significant["id"]))
    signed, name = result["Statistic"] == "t", statistic_words(result)
    limit = colour_limit(effect.statistic, result["Threshold"]["statistic"])
    yield Picture(
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
        f"{name} of the mean over each label. {_outlined(outline)} A cluster is an "
        f"uninterrupted time interval of one label. Test: {test_words(result)}.",
        f"{name} of {space.n_spatial} labels at {space.n_times} times; {effect.verdict}.",
    )
    yield from design_pictures(effect)
    yield from _averages(effect)
    yield from _null(effect)


def sensor_pictures(effect: Effect) -> Iterator[Picture]:
    """Yield figures of sensors: the design, courses in clusters, null."""
    yield from design_pictures(effect)
    yield from _averages(effect)
    yield from _null(effect)


def _duration(effect: Effect, views: str) -> Picture:
    space, result = cast(Surface, effect.stack.space), effect.result
    ids = list(effect.significant["id"])
    duration = cluster_duration(effect.labels, ids, space.times)
    longest, span = float(duration.max()), f"{_ms(space.times[0])} to {_ms(space.times[-1])}"
    hatched = None
    if ids:
        what = f"Time for which each vertex belongs to a cluster with p ≤ {result['Alpha']:g}"
        alt = f"longest duration {longest:.0f} ms, at {space.place_words(int(np.argmax(duration)))}"
    elif len(effect.clusters):
        hatched = np.any(effect.labels == effect.pictured[0]["id"], axis=1)
        what = (
            f"No cluster is significant. Hatched in grey: vertices that are in the largest cluster "
            f"at any time ({p_words(effect.pictured[0])}; peak at {_peak(effect)})"
        )
        alt = f"nothing is significant; the largest cluster, at {_peak(effect)}, is hatched"
    else:
        what = "No point exceeds the cluster-forming threshold, so there is no cluster"
        alt = "nothing is marked, because there is no cluster"
    return Picture(
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


def _strip(effect: Effect, views: str, count: int = 7) -> Picture:
    """Return maps of the statistic at `count` times that divide the window evenly."""
    space, result = cast(Surface, effect.stack.space), effect.result
    name, signed = statistic_words(result), result["Statistic"] == "t"
    # Middles of equal parts of the window: effects are rarely at its edges.
    parts = (np.arange(min(count, space.n_times)) + 0.5) / min(count, space.n_times)
    times = np.floor(parts * space.n_times).astype(int)
    limit = colour_limit(effect.statistic, result["Threshold"]["statistic"])
    values = effect.statistic[:, times]
    outline = np.isin(effect.labels[:, times], list(effect.significant["id"]))
    shown = [_ms(space.times[time]) for time in times]
    return Picture(
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
        f"{threshold_words(result)}. {_outlined(outline)} {DESCRIPTIVE}",
        f"{views}: maps of {name} at {len(shown)} times.",
    )


def _averages(effect: Effect) -> Iterator[Picture]:
    """Yield courses (if there are times) or subjects' values of the conditions in clusters."""
    if effect.design.model() is not None:
        return  # means over all subjects would hide the difference between them
    stack, space = effect.stack, effect.stack.space
    subjects, rows = cell_rows(stack.observations, effect.within)
    units = effect.units
    for cluster in effect.pictured:
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
                f"Time courses of {names}; their means from {_ms(cluster['t_start'])} to "
                f"{_ms(cluster['t_stop'])} are " + ", ".join(f"{mean:.3g}" for mean in means)
            )
        shaded = "" if space.n_times == 1 else " Grey: the temporal extent of the cluster."
        yield Picture(
            f"{kind}_cluster-{cluster['id']}",
            figure,
            f"{short} in {effect.name_of(cluster)}",
            f"{what} over {where} ({p_words(cluster)}){over}, "
            f"for {len(subjects)} subjects, with {band}.{shaded} {SELECTED}",
            alt + ".",
        )


def _null(effect: Effect) -> Iterator[Picture]:
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
    yield Picture(
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


def _ms(seconds: float) -> str:
    return f"{1e3 * float(seconds):.0f} ms"


def _peak(effect: Effect) -> str:
    place, _, _ = effect.peak_of(effect.pictured[0])
    return effect.stack.space.place_words(place)


def _outlined(outline: np.ndarray) -> str:
    return "Black outline: significant clusters." if outline.any() else "No significant cluster."
