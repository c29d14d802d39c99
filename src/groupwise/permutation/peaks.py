"""The table of peaks: local maxima of each cluster at a minimum distance, with effect sizes."""

from typing import TYPE_CHECKING, Any

import numpy as np

from groupwise.permutation.infer import Result
from groupwise.permutation.table import points_of_clusters
from groupwise.stack.space import FeatureSpace
from groupwise.stats.effect_sizes import cohens_d, partial_eta_squared

if TYPE_CHECKING:
    import pandas as pd

#: Largest number of peaks listed per cluster, and their minimum distance in mm.
MOST_PEAKS, APART_MM = 4, 8.0


def describe_peaks(result: Result, space: FeatureSpace) -> "pd.DataFrame":
    """Return one row per peak: up to four local maxima of each cluster, at least 8 mm apart.

    A local maximum is no smaller than its neighbours in space and, if there are times, in time.
    `describe_peak_columns` gives the meaning of the columns.
    """
    import pandas as pd  # here, so that a block of permutations starts without it

    statistic, p_max = result.statistic.ravel(), result.p_max.ravel()
    height, rows = np.abs(np.nan_to_num(statistic)), []
    for cluster, points in zip(result.clusters["id"], points_of_clusters(result), strict=True):
        for rank, point in enumerate(_peaks(points, height, space), start=1):
            here = space.point_columns(np.array([point]))
            row: dict[str, Any] = {"cluster": cluster, "rank": rank}
            row |= {name: values[0] for name, values in here.items()}
            row["statistic"], row["p_max"] = statistic[point], p_max[point]
            size = effect_size(result, float(statistic[point]))
            row |= dict(zip(("effect_size", "effect_low", "effect_high"), size, strict=True))
            if space.is_labelled:
                (place,), _ = space.places_and_times(np.array([point]))
                row["label"] = space.label[place]
            rows.append(row)
    return pd.DataFrame(rows, columns=list(rows[0]) if rows else ["cluster", "rank"])


def effect_size(result: Result, statistic: float) -> tuple[float, float, float]:
    """Cohen's d of a t, partial eta squared of an F; with its 95% interval.

    d of one sample or pairs is the mean (given covariates, at their means) over the standard
    deviation between subjects, of two groups the difference over their pooled one. Of a t in any
    other model, the partial correlation (its interval by way of the same noncentralities).
    """
    prepared = result.prepared
    df1, df2 = prepared.df
    if prepared.design.statistic == "F":
        return partial_eta_squared(statistic, df1, df2)
    groups = getattr(prepared.design, "groups", None)
    if prepared.flips:
        return cohens_d(statistic, df2, prepared.n**-0.5)
    if groups is not None:
        sizes = [sum(g == level for g in groups) for level in prepared.design.levels]
        return cohens_d(statistic, df2, sum(1 / n for n in sizes) ** 0.5)
    ends = cohens_d(statistic, df2, 1.0)
    return tuple(t / (t * t + df2) ** 0.5 for t in ends)


def describe_peak_columns(
    result: Result, space: FeatureSpace, labels: str = "Anatomical label"
) -> dict[str, Any]:
    """Return descriptions of the columns of the table of peaks, for a BIDS JSON sidecar.

    Parameters
    ----------
    labels : source of the anatomical labels.
    """
    prepared = result.prepared
    kind = "Partial eta squared"
    if prepared.design.statistic == "t":
        kind = "Partial correlation"
        if prepared.flips or hasattr(prepared.design, "groups"):
            kind = "Cohen's d"
    chosen = "; the peak was chosen for its size, so it is too large"
    return {
        "cluster": {"Description": "Number of the cluster, as in the table of clusters"},
        "rank": {"Description": f"1: the cluster's peak; more: local maxima {APART_MM:g} mm apart"},
        **space.point_descriptions(),
        "statistic": {"Description": "Statistic at the peak"},
        "p_max": {"Description": "Permutation p of the point, corrected by the largest statistic"},
        "effect_size": {"Description": kind + chosen},
        "effect_low": {"Description": "Lower end of its 95% interval (noncentral distribution)"},
        "effect_high": {"Description": "Upper end of its 95% interval"},
        "label": {"Description": labels},
    }


def _peaks(points: np.ndarray, height: np.ndarray, space: FeatureSpace) -> list[int]:
    """Return the listed peaks of a cluster as point numbers, largest first."""
    inside = set(points.tolist())
    places, _ = space.places_and_times(points)
    coordinates = dict(zip(points.tolist(), space.coordinates[places], strict=True))
    chosen: list[int] = []
    for point in points[np.argsort(-height[points], kind="stable")].tolist():
        if len(chosen) == MOST_PEAKS:
            break
        if any(height[k] > height[point] for k in space.neighbours(point) if k in inside):
            continue
        place = coordinates[point]
        if all(np.linalg.norm(place - coordinates[other]) >= APART_MM for other in chosen):
            chosen.append(point)
    return chosen
