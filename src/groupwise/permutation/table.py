"""The table of clusters: their statistics, extent and peak, and what its columns mean."""

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from groupwise.files import write_whole
from groupwise.permutation.infer import Result
from groupwise.stack.space import FeatureSpace

if TYPE_CHECKING:
    import pandas as pd


def describe_clusters(result: Result, space: FeatureSpace | None = None) -> "pd.DataFrame":
    """Return one row per cluster, largest mass first; `describe_columns` gives their meaning.

    Parameters
    ----------
    result : of `infer`.
    space : of the maps; without it, the table has no columns on place and time.
    """
    import pandas as pd  # here, so that a block of permutations starts without it

    table = result.clusters.copy()
    place = table.columns.get_loc("p_size") + 1
    table.insert(place, "n_permutations", result.null.n)
    table.insert(place + 1, "exact", result.exact)
    if space is None:
        return table
    peaks = np.array([_flat(peak, result.prepared.shape) for peak in table["peak"]], dtype=int)
    table["peak"] = peaks
    for name, values in space.point_columns(peaks, "peak_").items():
        table[name] = values
    if space.is_labelled:
        places, _ = space.places_and_times(peaks)
        table["label"] = space.label[places]
    if not result.has_neighbours:  # each cluster is one point, which has no extent
        return table
    statistic = np.abs(result.statistic).ravel()
    extents = [space.extent(points, statistic[points]) for points in points_of_clusters(result)]
    columns = list(space.extent_descriptions())
    return pd.concat([table, pd.DataFrame(extents, columns=columns, index=table.index)], axis=1)


def describe_columns(table: "pd.DataFrame", space: FeatureSpace | None = None) -> dict[str, Any]:
    """Return descriptions of the columns of a table of clusters, for a BIDS JSON sidecar."""
    known = {
        "id": {"Description": "Number of the cluster, in the order of its mass; its value in the "
                              "map of labels"},
        "sign": {"Description": "Side of the statistic",
                 "Levels": {"1": "above the threshold", "-1": "below minus the threshold"}},
        "mass": {"Description": "Cluster mass: sum over its points of the statistic, or of the "
                                "statistic's excess over the threshold, as the result's sidecar "
                                "says"},
        "size": {"Description": "Number of points (places x times)"},
        "p": {"Description": "Permutation p of the cluster mass, corrected for all clusters"},
        "p_low": {"Description": "Lower end of the 95% Monte-Carlo interval of p (Clopper-Pearson; "
                                 "p itself where all resamplings were enumerated)"},
        "p_high": {"Description": "Upper end of the 95% Monte-Carlo interval of p"},
        "p_across": {"Description": "Permutation p of the cluster mass, corrected for all clusters "
                                    "of all effects of the analysis (smallest p)"},
        "p_tail_approximate": {"Description": "Approximate p of the cluster mass, from a "
                                              "generalised Pareto distribution fitted to the "
                                              "null's tail; n/a where the fit says nothing. For p "
                                              "below what the permutations can show; not exact"},
        "p_size": {"Description": "Permutation p of the cluster size, corrected for all clusters"},
        "n_permutations": {"Description": "Number of permutations, the observed one included"},
        "exact": {"Description": "Whether all distinct resamplings were enumerated"},
        "peak": {"Description": "Number of the point with the largest statistic, from 0: place x "
                                "number of times + time"},
        "peak_statistic": {"Description": "Statistic at the peak"},
        "label": {"Description": "Anatomical label at the peak, or channel or region"},
    }  # fmt: skip
    if space is not None:
        known |= space.point_descriptions("peak_") | space.extent_descriptions()
    return {name: known[name] for name in table.columns}


def write_table(path: str | os.PathLike, table: "pd.DataFrame") -> None:
    """Write a table of clusters or peaks as TSV, whole or not at all."""
    if "exact" in table:
        table = table.assign(exact=table["exact"].map({True: "true", False: "false"}))
    with write_whole(path) as part:
        table.to_csv(
            part, sep="\t", index=False, na_rep="n/a", lineterminator="\n", float_format="%.9g"
        )


def points_of_clusters(result: Result) -> list[np.ndarray]:
    """Return the point numbers of each cluster, in the order of the table."""
    labels = result.labels.ravel()
    points = np.flatnonzero(labels)
    points = points[np.argsort(labels[points], kind="stable")]
    ends = np.cumsum(np.bincount(labels[points], minlength=len(result.clusters) + 1)[1:])
    return np.split(points, ends[:-1]) if len(ends) else []


def _flat(peak: Any, shape: tuple[int, ...]) -> int:
    return int(np.ravel_multi_index(peak, shape)) if isinstance(peak, tuple) else int(peak)
