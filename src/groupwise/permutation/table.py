"""The cluster table: what and how large, and where and when its peak is, in words of the field."""

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from groupwise.files import write_whole
from groupwise.permutation.infer import Result
from groupwise.stack.space import FeatureSpace

if TYPE_CHECKING:
    import pandas as pd

#: How many of a cluster's anatomical labels are listed.
MAIN_LABELS = 3

#: Column of a cluster's extent in space, by what a place measures.
EXTENTS = {"mm2": "area_mm2", "mm3": "volume_mm3", "channel": "channels", "region": "regions"}


def describe_clusters(result: Result, space: FeatureSpace | None = None) -> "pd.DataFrame":
    """One row a cluster, largest mass first; `describe_columns` says what each column means.

    Parameters
    ----------
    result : of `infer`.
    space : the places and times of the maps; without it only what needs no place is told.
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
    places, times = space.places_and_times(peaks)
    if space.times is not None:
        table["peak_time"] = space.times[times]
    if space.kind == "surface":
        table["hemisphere"] = space.part[places]
        table["peak_vertex"] = space.vertices[places]
    elif space.kind == "volume":
        for axis, name in enumerate(("peak_i", "peak_j", "peak_k")):
            table[name] = space.voxels[places, axis]
    elif np.any(space.part != ""):
        table["chroma"] = space.part[places]
    for axis, name in enumerate("xyz"):
        table[name] = space.coordinates[places, axis]
    labelled = bool(np.any(space.label != ""))
    if labelled:
        table["label"] = space.label[places]
    if not result.has_neighbours:  # a cluster is one channel, so there is no extent to tell
        return table
    columns = ["center_x", "center_y", "center_z"]
    columns += ["center_time"] if space.times is not None else []
    columns += ["labels"] if labelled and space.kind != "channels" else []
    columns += [EXTENTS[space.measure_unit]]
    if space.times is not None:
        columns += ["vertex_ms"] if space.kind == "surface" else []
        columns += ["t_start", "t_stop"]
    statistic = np.abs(result.statistic).ravel()
    extents = [_extent(points, statistic[points], space) for points in points_of(result)]
    return pd.concat([table, pd.DataFrame(extents, columns=columns, index=table.index)], axis=1)


def describe_columns(table: "pd.DataFrame", space: FeatureSpace | None = None) -> dict[str, Any]:
    """Descriptions of a cluster table's columns, in the form of a BIDS JSON sidecar."""
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
        "peak_time": {"Description": "Time of the peak; descriptive", "Units": "s"},
        "center_time": {"Description": "Mean time of the cluster's points, weighted by the "
                                       "statistic; descriptive", "Units": "s"},
        "hemisphere": {"Description": "Hemisphere", "Levels": {"lh": "left", "rh": "right"}},
        "peak_vertex": {"Description": "Vertex of the peak, by its number in the full surface of "
                                       "the template"},
        "chroma": {"Description": "Chromophore", "Levels": {"hbo": "oxygenated haemoglobin",
                                                            "hbr": "deoxygenated haemoglobin"}},
        "label": {"Description": "Anatomical label at the peak, or channel or region"},
        "labels": {"Description": "Anatomical labels with the largest parts of the cluster's "
                                  "extent; descriptive"},
        "area_mm2": {"Description": "Area of all places that belong to the cluster at any time; "
                                    "descriptive", "Units": "mm2"},
        "volume_mm3": {"Description": "Volume of all places that belong to the cluster; "
                                      "descriptive", "Units": "mm3"},
        "channels": {"Description": "Number of channels that belong to the cluster at any time; "
                                    "descriptive"},
        "regions": {"Description": "Number of regions that belong to the cluster at any time"},
        "vertex_ms": {"Description": "Vertices times the milliseconds that each belongs to the "
                                     "cluster; descriptive", "Units": "vertex ms"},
        "t_start": {"Description": "First sample of the cluster; descriptive", "Units": "s"},
        "t_stop": {"Description": "Last sample of the cluster; descriptive", "Units": "s"},
    }  # fmt: skip
    where = "" if space is None else f" in the space {_frame(space)}"
    for axis in "xyz":
        text = f"Coordinate {axis} of the peak{where}; descriptive"
        known[axis] = {"Description": text, "Units": "mm"}
        text = f"Coordinate {axis} of the cluster's centre, the mean of its points weighted by the "
        text += f"statistic{where}; it may lie beside the folded cortex; descriptive"
        known[f"center_{axis}"] = {"Description": text, "Units": "mm"}
    for axis in "ijk":
        known[f"peak_{axis}"] = {"Description": f"Voxel index {axis} of the peak, from 0"}
    return {name: known[name] for name in table.columns}


def write_table(path: str | os.PathLike, table: "pd.DataFrame") -> None:
    """Write a table of clusters or peaks as TSV, whole or not at all."""
    if "exact" in table:
        table = table.assign(exact=table["exact"].map({True: "true", False: "false"}))
    with write_whole(path) as part:
        table.to_csv(
            part, sep="\t", index=False, na_rep="n/a", lineterminator="\n", float_format="%.9g"
        )


def _extent(points: np.ndarray, statistic: np.ndarray, space: FeatureSpace) -> dict[str, Any]:
    """How far a cluster reaches in space and time, and its centre of mass."""
    places, times = space.places_and_times(points)
    union = np.unique(places)
    measure = space.measure[union].astype(np.float64)
    total = float(measure.sum())
    names, which = np.unique(space.label[union], return_inverse=True)
    share = np.bincount(which, weights=measure) / total
    order = [k for k in np.argsort(-share, kind="stable") if names[k] != ""][:MAIN_LABELS]
    extent: dict[str, Any] = {
        "labels": "; ".join(f"{names[k]} {100 * share[k]:.0f}%" for k in order),
        "area_mm2": total,
        "volume_mm3": total,
        "channels": len(union),
        "regions": len(union),
    }
    center = np.average(space.coordinates[places].astype(np.float64), axis=0, weights=statistic)
    extent.update(zip(("center_x", "center_y", "center_z"), center, strict=True))
    if space.times is not None:
        step = np.median(np.diff(space.times)) if space.n_times > 1 else np.nan
        extent["center_time"] = np.average(space.times[times], weights=statistic)
        extent["vertex_ms"] = len(points) * float(step) * 1000
        extent["t_start"] = space.times[times.min()]
        extent["t_stop"] = space.times[times.max()]
    return extent


def points_of(result: Result) -> list[np.ndarray]:
    """Point numbers of each cluster, in the order of the table."""
    labels = result.labels.ravel()
    points = np.flatnonzero(labels)
    points = points[np.argsort(labels[points], kind="stable")]
    ends = np.cumsum(np.bincount(labels[points], minlength=len(result.clusters) + 1)[1:])
    return np.split(points, ends[:-1]) if len(ends) else []


def _flat(peak: Any, shape: tuple[int, ...]) -> int:
    return int(np.ravel_multi_index(peak, shape)) if isinstance(peak, tuple) else int(peak)


def _frame(space: FeatureSpace) -> str:
    return "fsaverage (MNI305)" if space.name == "fsaverage" else space.name
