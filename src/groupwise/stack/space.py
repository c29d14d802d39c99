"""Feature spaces: what a point of a map is, where it is, and what its neighbours are.

A space describes itself: the classes name the columns, words and neighbours of their places, so
that tables, figures and the report don't ask what kind of space they have.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any, ClassVar

import numpy as np
from scipy.sparse import csr_array

from groupwise.digests import digest_of
from groupwise.errors import InputError
from groupwise.files import write_whole
from groupwise.npz import open_arrays

#: Number of anatomical labels listed for a cluster.
MAIN_LABELS = 3


@dataclass(frozen=True)
class Parts:
    """What divides the places of a space into parts that share no edge, such as hemispheres.

    Attributes
    ----------
    column : name of its column in tables.
    description : of the column.
    levels : value of `FeatureSpace.part` to its meaning.
    """

    column: str
    description: str
    levels: Mapping[str, str]

    def describe(self) -> dict[str, Any]:
        """Return the entry of a BIDS JSON sidecar."""
        return {"Description": self.description, "Levels": dict(self.levels)}


@dataclass(frozen=True, eq=False, kw_only=True)
class FeatureSpace(ABC):
    """The points of a map: its places, each at `n_times` times.

    Points are place-major and time-contiguous: point = place * n_times + time. Only this class
    knows that; callers use `places_and_times`, `points_of`, `by_place` and `neighbours`.

    A new kind of space is a subclass with a `kind` of its own. It implements the abstract
    members and, if it has arrays of its own, `own_arrays`, `own_fields` and `own_digest`. A space
    with a further axis also overrides `sizes`, `axis_columns` and the methods that turn points
    into indices.

    Attributes
    ----------
    kind : name of the class in files.
    names_places : whether a place is known by its label (a channel), not by its coordinates.
    titles : columns of tables that only this kind of space has, with their headings in the report.
    name : template, e.g. "fsaverage" or "MNI"; the BIDS entity `space-`.
    coordinates : (s, 3) float32, mm in template space (fsaverage: MNI305 surface RAS); of channels
        in head or device coordinates, NaN where unknown.
    measure : (s,) float32, extent of each place in `measure_unit`.
    part : (s,) str, which of `parts` each place belongs to; "" in a space without parts.
    label : (s,) str, anatomical label, or name of a channel; "" where unknown.
    adjacency : (s, s) bool csr, symmetric, without diagonal, no edge between parts.
    times : (t,) float64 in s, or None.
    """

    kind: ClassVar[str]
    names_places: ClassVar[bool] = False
    titles: ClassVar[Mapping[str, str]] = {}

    name: str
    coordinates: np.ndarray
    measure: np.ndarray = field(init=False)
    part: np.ndarray = field(init=False)
    label: np.ndarray
    adjacency: csr_array
    times: np.ndarray | None = None

    def __post_init__(self) -> None:
        check_adjacency(self.adjacency, self.n_places)
        for name in ("measure", "part", "label"):
            if len(getattr(self, name)) != self.n_places:
                raise ValueError(
                    f"{name} has {len(getattr(self, name))} entries for {self.n_places} places"
                )

    @classmethod
    def all_titles(cls) -> dict[str, str]:
        """Return the `titles` of all kinds of spaces."""
        return {name: each.titles[name] for each in cls.__subclasses__() for name in each.titles}

    @property
    @abstractmethod
    def measure_unit(self) -> str:
        """Unit of `measure`."""

    @property
    @abstractmethod
    def place_noun(self) -> tuple[str, str]:
        """What a place is called: singular and plural."""

    @property
    @abstractmethod
    def parts(self) -> Parts | None:
        """What `part` means; None in a space without parts."""

    @abstractmethod
    def place_numbers(self, places: np.ndarray) -> dict[str, tuple[np.ndarray, str]]:
        """Return the numbers by which the template identifies places.

        Column to its values and its description, in which "{}" stands for the words "of the peak".
        """

    @abstractmethod
    def own_extent(self, points: np.ndarray) -> dict[str, Any]:
        """Return the extent of some points in the space's measure, by column."""

    @abstractmethod
    def own_extent_descriptions(self) -> dict[str, dict[str, Any]]:
        """Return descriptions of the columns of `own_extent`, for a BIDS JSON sidecar."""

    @property
    def n_places(self) -> int:
        """Number of places."""
        return len(self.coordinates)

    @property
    def n_times(self) -> int:
        """Number of times, 1 where there is no time."""
        return 1 if self.times is None else len(self.times)

    @property
    def sizes(self) -> dict[str, int]:
        """Length of each axis of a map, by name: place and, if there are times, time."""
        return {"place": self.n_places} | ({} if self.times is None else {"time": self.n_times})

    @property
    def axes(self) -> tuple[str, ...]:
        """Names of the axes of a map, the slowest first."""
        return tuple(self.sizes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a map."""
        return tuple(self.sizes.values())

    @property
    def n_points(self) -> int:
        """Number of points of a map."""
        return prod(self.shape)

    def places_and_times(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the place and the time index of point numbers."""
        return np.divmod(points, self.n_times)

    def points_of(self, places: np.ndarray) -> np.ndarray:
        """Return the point numbers (places, times) of places at all times."""
        return np.asarray(places)[:, None] * self.n_times + np.arange(self.n_times)

    def by_place(self, values: np.ndarray) -> np.ndarray:
        """Return the values of all points as (places, times); one time where there is no time."""
        return np.asarray(values).reshape(self.n_places, self.n_times)

    def neighbours(self, point: int) -> list[int]:
        """Return the neighbours of a point: adjacent places, and the times before and after."""
        place, time = divmod(point, self.n_times)
        start, stop = self.adjacency.indptr[place : place + 2]
        near = [int(k) * self.n_times + time for k in self.adjacency.indices[start:stop]]
        if time > 0:
            near.append(int(point) - 1)
        if time + 1 < self.n_times:
            near.append(int(point) + 1)
        return near

    @property
    def has_adjacent_places(self) -> bool:
        """Whether any two places are neighbours."""
        return bool(self.adjacency.nnz)

    @property
    def has_neighbours(self) -> bool:
        """Whether any two points are neighbours, in space or in time."""
        return self.has_adjacent_places or self.n_times > 1

    @property
    def is_labelled(self) -> bool:
        """Whether any place has a label."""
        return bool(np.any(self.label != ""))

    @property
    def is_mni(self) -> bool:
        """Whether the template is one of the MNI, such as MNI152."""
        return self.name.upper().startswith("MNI")

    @property
    def frame(self) -> str:
        """The coordinate frame in words."""
        return "fsaverage (MNI305)" if self.name == "fsaverage" else self.name

    def place_words(self, place: int) -> str:
        """Return a place in words for captions, such as "(1, 2, 3) mm (cuneus, MNI)"."""
        x, y, z = self.coordinates[place]
        details = [str(self.label[place]), self.name]
        if self.parts is not None:
            level = self.parts.levels[str(self.part[place])]
            details.insert(1, f"{level} {self.parts.description.lower()}")
        return f"({x:.0f}, {y:.0f}, {z:.0f}) mm ({', '.join(filter(None, details))})"

    def axis_columns(self, points: np.ndarray) -> dict[str, tuple[np.ndarray, str, str]]:
        """Return where points are along the axes other than place: values, quantity and unit."""
        if self.times is None:
            return {}
        _, times = self.places_and_times(points)
        return {"time": (self.times[times], "Time", "s")}

    def place_columns(self, places: np.ndarray, prefix: str = "") -> dict[str, np.ndarray]:
        """Return the columns of tables that tell where places are.

        They are the part, the numbers of the place in its template and the coordinates.

        Parameters
        ----------
        places : (k,) int.
        prefix : of the names of numbers; a part and coordinates have none.
        """
        columns = {}
        if self.parts is not None:
            columns[self.parts.column] = self.part[places]
        for name, (values, _) in self.place_numbers(places).items():
            columns[prefix + name] = values
        return columns | dict(zip("xyz", self.coordinates[places].T, strict=True))

    def point_columns(self, points: np.ndarray, prefix: str = "") -> dict[str, np.ndarray]:
        """Return the columns of tables that tell where and when points are."""
        places, _ = self.places_and_times(points)
        along = {prefix + name: own[0] for name, own in self.axis_columns(points).items()}
        return along | self.place_columns(places, prefix)

    def point_descriptions(self, prefix: str = "") -> dict[str, dict[str, Any]]:
        """Return descriptions of `point_columns`, in the form of a BIDS JSON sidecar.

        With a prefix they are those of a cluster's peak in the table of clusters.
        """
        none = np.zeros(0, int)
        whose, note = (" of the peak", "; descriptive") if prefix else ("", "")
        found: dict[str, dict[str, Any]] = {
            prefix + name: {"Description": f"{quantity} of the peak{note}", "Units": unit}
            for name, (_, quantity, unit) in self.axis_columns(none).items()
        }
        if self.parts is not None:
            found[self.parts.column] = self.parts.describe()
        for name, (_, description) in self.place_numbers(none).items():
            found[prefix + name] = {"Description": description.format(whose)}
        where = f" in the space {self.frame if prefix else self.name}"
        for axis in "xyz":
            text = f"Coordinate {axis}{whose}{where}{note}"
            found[axis] = {"Description": text, "Units": "mm"}
        return found

    def extent(self, points: np.ndarray, weights: np.ndarray) -> dict[str, Any]:
        """Return the centre, the labels, the size and the range of times of a cluster, by column.

        Parameters
        ----------
        points : (k,) point numbers.
        weights : (k,) weight of each in the centre, such as the statistic.
        """
        places, times = self.places_and_times(points)
        centre = np.average(self.coordinates[places].astype(np.float64), axis=0, weights=weights)
        extent = dict(zip(("center_x", "center_y", "center_z"), centre, strict=True))
        if self.times is not None:
            extent["center_time"] = np.average(self.times[times], weights=weights)
        if self.is_labelled and not self.names_places:
            extent["labels"] = self._main_labels(np.unique(places))
        extent |= self.own_extent(points)
        if self.times is not None:
            extent["t_start"] = self.times[times.min()]
            extent["t_stop"] = self.times[times.max()]
        return extent

    def extent_descriptions(self) -> dict[str, dict[str, Any]]:
        """Return descriptions of the columns of `extent`, in their order."""
        found: dict[str, dict[str, Any]] = {}
        for axis in "xyz":
            text = f"Coordinate {axis} of the cluster's centre, the mean of its points weighted by "
            text += f"the statistic in the space {self.frame}; it may lie beside the folded "
            found[f"center_{axis}"] = {"Description": text + "cortex; descriptive", "Units": "mm"}
        if self.times is not None:
            text = "Mean time of the cluster's points, weighted by the statistic; descriptive"
            found["center_time"] = {"Description": text, "Units": "s"}
        if self.is_labelled and not self.names_places:
            text = "Anatomical labels with the largest parts of the cluster's extent; descriptive"
            found["labels"] = {"Description": text}
        found |= self.own_extent_descriptions()
        if self.times is not None:
            for name, which in (("t_start", "First"), ("t_stop", "Last")):
                text = f"{which} sample of the cluster; descriptive"
                found[name] = {"Description": text, "Units": "s"}
        return found

    def _main_labels(self, places: np.ndarray) -> str:
        """Return the labels with the largest shares of the extent of places."""
        measure = self.measure[places].astype(np.float64)
        names, which = np.unique(self.label[places], return_inverse=True)
        share = np.bincount(which, weights=measure) / float(measure.sum())
        order = [k for k in np.argsort(-share, kind="stable") if names[k] != ""][:MAIN_LABELS]
        return "; ".join(f"{names[k]} {100 * share[k]:.0f}%" for k in order)

    def _total(self, points: np.ndarray) -> float:
        """Return the summed measure of the places of some points."""
        places, _ = self.places_and_times(points)
        return float(self.measure[np.unique(places)].astype(np.float64).sum())

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all that affects a statistic or a position in a table."""
        rows = self.adjacency.indptr.astype("<i8").tobytes()
        columns = self.adjacency.indices.astype("<i8").tobytes()
        return digest_of(
            *(self.kind, self.name, self.measure_unit),
            self.coordinates.astype("<f4").tobytes(),
            self.measure.astype("<f4").tobytes(),
            *("\n".join(map(str, self.part)), "\n".join(map(str, self.label))),
            *(rows, columns),
            b"" if self.times is None else self.times.astype("<f8").tobytes(),
            *self.own_digest(),
        )

    def own_digest(self) -> tuple[bytes, bytes, str]:
        """Return what the digest covers of a kind's own: numbers of places, affine, grid."""
        return b"", b"", "None"

    def own_arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays that only this kind of space stores."""
        return {}

    @classmethod
    def own_fields(cls, arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Return the arguments that only this kind of space has, from the arrays of its file."""
        return {}

    def save(self, path: str | os.PathLike) -> None:
        """Write the space as one .npz without pickles; the same space gives the same bytes."""
        own: dict[str, Any] = self.own_arrays()
        arrays: dict[str, Any] = {
            "kind": np.array(self.kind),
            "name": np.array(self.name),
            "coordinates": self.coordinates.astype(np.float32),
            "measure": self.measure.astype(np.float32),
            "measure_unit": np.array(self.measure_unit),
            "part": np.asarray(self.part, dtype=np.str_),
            "label": np.asarray(self.label, dtype=np.str_),
            "adjacency_indptr": self.adjacency.indptr.astype(np.int64),
            "adjacency_indices": self.adjacency.indices.astype(np.int32),
            "hemispheres": own.pop("hemispheres", np.array([], np.str_)),
        }
        if self.times is not None:
            arrays["times"] = np.asarray(self.times)
        with write_whole(path) as part, part.open("wb") as handle:
            np.savez_compressed(handle, **arrays, **own)

    @staticmethod
    def load(path: str | os.PathLike) -> "FeatureSpace":
        """Read a space of any kind.

        Raises
        ------
        InputError : the file is absent, damaged or no feature space.
        """
        with open_arrays(path, "no feature space", "delete it and make it again") as a:
            kinds = {each.kind: each for each in FeatureSpace.__subclasses__()}
            kind, size = str(a["kind"]), len(a["coordinates"])
            if kind not in kinds:
                raise ValueError(f"kind is {' or '.join(kinds)}, not {kind!r}")
            indices = a["adjacency_indices"]
            edges = (np.ones(len(indices), bool), indices, a["adjacency_indptr"].astype(np.int32))
            return kinds[kind](
                name=str(a["name"]),
                coordinates=a["coordinates"],
                label=a["label"],
                adjacency=csr_array(edges, shape=(size, size)),
                times=a.get("times"),
                **kinds[kind].own_fields(a),
            )


def check_adjacency(adjacency: csr_array, size: int) -> None:
    """Raise InputError unless the adjacency is (size, size), symmetric and without diagonal."""
    if adjacency.shape != (size, size):
        raise InputError(
            f"adjacency is {adjacency.shape[0]} x {adjacency.shape[1]}, but the maps have {size} "
            "places; build it for the places of these maps"
        )
    if adjacency.diagonal().any():
        raise InputError(
            "adjacency has entries on its diagonal; remove them, a point isn't its own neighbour"
        )
    if (adjacency != adjacency.T).nnz:
        raise InputError("adjacency is not symmetric; use A + A.T")
