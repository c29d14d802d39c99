"""What a point of a map is: vertex or voxel, with or without time, its place and its neighbours."""

import os
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from groupwise.digests import digest_of
from groupwise.errors import InputError
from groupwise.files import write_whole
from groupwise.npz import open_arrays


@dataclass(frozen=True, eq=False)
class Surface:
    """One hemisphere of a template at the resolution of the analysis.

    Attributes
    ----------
    hemisphere : "lh" or "rh".
    vertices : (n,) int32, vertex numbers in the template's full surface.
    white, inflated : (n, 3) float32, mm.
    triangles : (t, 3) int32 into 0..n-1.
    sulc : (n,) float32, sulcal depth.
    """

    hemisphere: str
    vertices: np.ndarray
    white: np.ndarray
    inflated: np.ndarray
    triangles: np.ndarray
    sulc: np.ndarray


@dataclass(frozen=True, eq=False)
class FeatureSpace:
    """The points of a map: `n_spatial` places, each at `n_times` times.

    Points are spatial-major and time-contiguous: point = spatial_index * n_times + time_index.

    Attributes
    ----------
    kind : "surface", "volume" or "channels" (also regions: named places without neighbours).
    name : template, e.g. "fsaverage" or "MNI"; the BIDS entity `space-`.
    coordinates : (s, 3) float32, mm in template space (fsaverage: MNI305 surface RAS); of channels
        in the head's, NaN where unknown.
    measure : (s,) float32, mm2 of a vertex or mm3 of a voxel; 1 of a channel.
    measure_unit : "mm2", "mm3", "channel" or "region".
    part : (s,) str, hemisphere "lh" or "rh"; chromophore "hbo" or "hbr" of a channel; else "".
    label : (s,) str, anatomical label, or name of a channel; "" where unknown.
    adjacency : (s, s) bool csr, symmetric, without diagonal, no edge between hemispheres.
    times : (t,) float64 in s, or None.
    surfaces : the hemispheres in the order of the points (kind "surface").
    affine : (4, 4) float64, voxel to mm (kind "volume").
    grid : (3,) ints, shape of the images (kind "volume").
    voxels : (s, 3) int32, ijk of each place (kind "volume").
    """

    kind: str
    name: str
    coordinates: np.ndarray
    measure: np.ndarray
    measure_unit: str
    part: np.ndarray
    label: np.ndarray
    adjacency: csr_array
    times: np.ndarray | None = None
    surfaces: tuple[Surface, ...] = field(default=())
    affine: np.ndarray | None = None
    grid: tuple[int, ...] | None = None
    voxels: np.ndarray | None = None

    def __post_init__(self) -> None:
        check_adjacency(self.adjacency, self.n_spatial)
        for name in ("measure", "part", "label"):
            if len(getattr(self, name)) != self.n_spatial:
                raise ValueError(f"{name} has not one entry a place ({self.n_spatial})")
        if self.kind == "surface":
            if sum(len(surface.vertices) for surface in self.surfaces) != self.n_spatial:
                raise ValueError("the vertices of the surfaces are not the places of the space")
        elif self.kind == "volume":
            if self.voxels is None or self.affine is None or self.grid is None:
                raise ValueError("a volume needs voxels, affine and grid")
            if len(self.voxels) != self.n_spatial:
                raise ValueError(f"voxels has not one entry a place ({self.n_spatial})")
        elif self.kind != "channels":
            raise ValueError(f"kind is surface, volume or channels, not {self.kind!r}")

    @property
    def n_spatial(self) -> int:
        """Number of places."""
        return len(self.coordinates)

    @property
    def n_times(self) -> int:
        """Number of times, 1 where there is no time."""
        return 1 if self.times is None else len(self.times)

    @property
    def n_points(self) -> int:
        """Number of points of a map."""
        return self.n_spatial * self.n_times

    @property
    def shape(self) -> tuple[int, ...]:
        """(places,) or, with times, (places, times)."""
        return (self.n_spatial,) if self.times is None else (self.n_spatial, self.n_times)

    @property
    def vertices(self) -> np.ndarray | None:
        """(s,) vertex numbers in the template's full surface of each part; None without surface."""
        if self.kind != "surface":
            return None
        return np.concatenate([surface.vertices for surface in self.surfaces])

    @cached_property
    def digest(self) -> str:
        """SHA-256 over all that decides a statistic or a position in a table."""
        rows = self.adjacency.indptr.astype("<i8").tobytes()
        columns = self.adjacency.indices.astype("<i8").tobytes()
        numbers = self.vertices if self.kind == "surface" else self.voxels
        return digest_of(
            *(self.kind, self.name, self.measure_unit),
            self.coordinates.astype("<f4").tobytes(),
            self.measure.astype("<f4").tobytes(),
            *("\n".join(map(str, self.part)), "\n".join(map(str, self.label))),
            *(rows, columns),
            b"" if self.times is None else self.times.astype("<f8").tobytes(),
            b"" if numbers is None else numbers.astype("<i4").tobytes(),
            b"" if self.affine is None else self.affine.astype("<f8").tobytes(),
            str(self.grid),
        )

    def places_and_times(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Spatial index and time index of point numbers."""
        return np.divmod(points, self.n_times)

    def save(self, path: str | os.PathLike) -> None:
        """Write the space as one .npz, without pickles."""
        arrays = {
            "kind": np.array(self.kind),
            "name": np.array(self.name),
            "coordinates": self.coordinates.astype(np.float32),
            "measure": self.measure.astype(np.float32),
            "measure_unit": np.array(self.measure_unit),
            "part": np.asarray(self.part, dtype=np.str_),
            "label": np.asarray(self.label, dtype=np.str_),
            "adjacency_indptr": self.adjacency.indptr.astype(np.int64),
            "adjacency_indices": self.adjacency.indices.astype(np.int32),
            "hemispheres": np.array([surface.hemisphere for surface in self.surfaces], np.str_),
        }
        for name in ("times", "affine", "grid", "voxels"):
            if getattr(self, name) is not None:
                arrays[name] = np.asarray(getattr(self, name))
        for surface in self.surfaces:
            for name in ("vertices", "white", "inflated", "triangles", "sulc"):
                arrays[f"{surface.hemisphere}_{name}"] = getattr(surface, name)
        with write_whole(path) as part, part.open("wb") as handle:
            np.savez_compressed(handle, **arrays)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "FeatureSpace":
        """Read a space; raises InputError naming a file that is absent, broken or foreign."""
        with open_arrays(path, "no feature space", "delete it and make it again") as a:
            size = len(a["coordinates"])
            indices = a["adjacency_indices"]
            edges = (np.ones(len(indices), bool), indices, a["adjacency_indptr"].astype(np.int32))
            return cls(
                kind=str(a["kind"]),
                name=str(a["name"]),
                coordinates=a["coordinates"],
                measure=a["measure"],
                measure_unit=str(a["measure_unit"]),
                part=a["part"],
                label=a["label"],
                adjacency=csr_array(edges, shape=(size, size)),
                times=a.get("times"),
                surfaces=tuple(
                    Surface(
                        hemisphere=str(side),
                        vertices=a[f"{side}_vertices"],
                        white=a[f"{side}_white"],
                        inflated=a[f"{side}_inflated"],
                        triangles=a[f"{side}_triangles"],
                        sulc=a[f"{side}_sulc"],
                    )
                    for side in a["hemispheres"]
                ),
                affine=a.get("affine"),
                grid=tuple(int(k) for k in a["grid"]) if "grid" in a else None,
                voxels=a.get("voxels"),
            )


def check_adjacency(adjacency: csr_array, size: int) -> None:
    """Raise InputError unless the adjacency is (size, size), symmetric and without diagonal."""
    if adjacency.shape != (size, size):
        raise InputError(
            f"adjacency is {adjacency.shape[0]} x {adjacency.shape[1]}, the maps have {size} "
            "places; build it for the places of these maps"
        )
    if adjacency.diagonal().any():
        raise InputError("adjacency has entries on its diagonal; a point is not its own neighbour")
    if (adjacency != adjacency.T).nnz:
        raise InputError("adjacency is not symmetric; make it so with A + A.T")
