"""The table of peaks: local maxima of each cluster at a minimum distance, with effect sizes."""

from typing import TYPE_CHECKING, Any

import numpy as np

from groupwise.permutation.infer import Result
from groupwise.permutation.table import points_of_clusters
from groupwise.stack.space import FeatureSpace

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
    """Effect size of a statistic in the tested design, and its 95% confidence interval."""
    return result.prepared.design.effect_size(statistic, result.prepared.n)


def describe_peak_columns(
    result: Result, space: FeatureSpace, labels: str = "Anatomical label"
) -> dict[str, Any]:
    """Return descriptions of the columns of the table of peaks, for a BIDS JSON sidecar.

    Parameters
    ----------
    labels : source of the anatomical labels.
    """
    kind = result.prepared.design.effect_size_name
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
