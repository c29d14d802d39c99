"""The kinds of feature spaces: surfaces, volumes and named places."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from groupwise.stack.space import FeatureSpace, Parts

HEMISPHERES = Parts("hemisphere", "Hemisphere", {"lh": "left", "rh": "right"})
#: The only parts that channels and regions have so far; the file of a space doesn't name them.
CHROMOPHORES = Parts(
    "chroma",
    "Chromophore",
    {"hbo": "oxygenated haemoglobin", "hbr": "deoxygenated haemoglobin"},
)


@dataclass(frozen=True, eq=False)
class Hemisphere:
    """One hemisphere of a template at the resolution of the analysis.

    Attributes
    ----------
    name : "lh" or "rh".
    vertices : (n,) int32, vertex numbers in the template's full surface.
    white, inflated : (n, 3) float32, mm.
    triangles : (t, 3) int32 into 0..n-1.
    sulc : (n,) float32, sulcal depth.
    """

    name: str
    vertices: np.ndarray
    white: np.ndarray
    inflated: np.ndarray
    triangles: np.ndarray
    sulc: np.ndarray

    @property
    def side(self) -> str:
        """The side in words: "left" or "right"."""
        return HEMISPHERES.levels[self.name]


@dataclass(frozen=True, eq=False, kw_only=True)
class Surface(FeatureSpace):
    """The vertices of a cortical surface.

    Attributes
    ----------
    measure : (s,) float32, mm2 of a vertex.
    hemispheres : in the order of the points; `part` follows from them.
    """

    kind = "surface"
    measure_unit = "mm2"
    place_noun = ("vertex", "vertices")
    parts = HEMISPHERES
    titles: ClassVar = {
        "hemisphere": "Hemisphere",
        "area_mm2": "Area (mm²)",
        "vertex_ms": "Vertices × ms",
        "peak_vertex": "Peak vertex",
    }

    measure: np.ndarray
    hemispheres: tuple[Hemisphere, ...]

    def __post_init__(self) -> None:
        sizes = [len(each.vertices) for each in self.hemispheres]
        if sum(sizes) != self.n_places:
            raise ValueError(
                f"the hemispheres have {sum(sizes)} vertices for {self.n_places} places"
            )
        part = np.repeat([each.name for each in self.hemispheres], sizes)
        object.__setattr__(self, "part", part)
        super().__post_init__()

    @property
    def vertices(self) -> np.ndarray:
        """(s,) vertex numbers in the template's full surface of each hemisphere."""
        return np.concatenate([each.vertices for each in self.hemispheres])

    def of_hemisphere(self, values: np.ndarray, hemisphere: Hemisphere) -> np.ndarray:
        """Return the values of one hemisphere's places, from values (s, ...)."""
        return np.asarray(values)[self.part == hemisphere.name]

    def place_numbers(self, places: np.ndarray) -> dict[str, tuple[np.ndarray, str]]:
        """Return the vertex numbers."""
        text = "Vertex{}, by its number in the full surface of the template"
        return {"vertex": (self.vertices[places], text)}

    def own_extent(self, points: np.ndarray) -> dict[str, Any]:
        """Return the area and, with times, the number of vertices times milliseconds."""
        extent: dict[str, Any] = {"area_mm2": self._total(points)}
        if self.times is not None:
            step = np.median(np.diff(self.times)) if self.n_times > 1 else np.nan
            extent["vertex_ms"] = len(points) * float(step) * 1000
        return extent

    def own_extent_descriptions(self) -> dict[str, dict[str, Any]]:
        """Return descriptions of the columns of `own_extent`."""
        text = "Area of all places that belong to the cluster at any time; descriptive"
        found = {"area_mm2": {"Description": text, "Units": "mm2"}}
        if self.times is not None:
            text = "Vertices times the milliseconds that each belongs to the cluster; descriptive"
            found["vertex_ms"] = {"Description": text, "Units": "vertex ms"}
        return found

    def own_digest(self) -> tuple[bytes, bytes, str]:
        """Return the vertex numbers as bytes."""
        return self.vertices.astype("<i4").tobytes(), b"", "None"

    def own_arrays(self) -> dict[str, np.ndarray]:
        """Return the names and the arrays of the hemispheres."""
        arrays = {"hemispheres": np.array([each.name for each in self.hemispheres], np.str_)}
        for each in self.hemispheres:
            for name in ("vertices", "white", "inflated", "triangles", "sulc"):
                arrays[f"{each.name}_{name}"] = getattr(each, name)
        return arrays

    @classmethod
    def own_fields(cls, arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Return measure and hemispheres from the arrays of a file."""
        hemispheres = tuple(
            Hemisphere(
                name=str(side),
                vertices=arrays[f"{side}_vertices"],
                white=arrays[f"{side}_white"],
                inflated=arrays[f"{side}_inflated"],
                triangles=arrays[f"{side}_triangles"],
                sulc=arrays[f"{side}_sulc"],
            )
            for side in arrays["hemispheres"]
        )
        return {"measure": arrays["measure"], "hemispheres": hemispheres}


@dataclass(frozen=True, eq=False, kw_only=True)
class Volume(FeatureSpace):
    """The voxels of an image that lie inside a mask.

    Attributes
    ----------
    measure : (s,) float32, mm3 of a voxel.
    affine : (4, 4) float64, voxel to mm.
    grid : (3,) ints, shape of the images.
    voxels : (s, 3) int32, ijk of each place.
    """

    kind = "volume"
    measure_unit = "mm3"
    place_noun = ("voxel", "voxels")
    parts = None
    titles: ClassVar = {"volume_mm3": "Volume (mm³)"}

    measure: np.ndarray
    affine: np.ndarray
    grid: tuple[int, ...]
    voxels: np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "part", np.full(self.n_places, ""))
        if len(self.voxels) != self.n_places:
            raise ValueError(f"voxels has {len(self.voxels)} entries for {self.n_places} places")
        super().__post_init__()

    def place_numbers(self, places: np.ndarray) -> dict[str, tuple[np.ndarray, str]]:
        """Return the voxel indices."""
        ijk = self.voxels[places].T
        return {
            name: (values, f"Voxel index {name}{{}}, from 0")
            for name, values in zip("ijk", ijk, strict=True)
        }

    def own_extent(self, points: np.ndarray) -> dict[str, Any]:
        """Return the volume."""
        return {"volume_mm3": self._total(points)}

    def own_extent_descriptions(self) -> dict[str, dict[str, Any]]:
        """Return descriptions of the columns of `own_extent`."""
        text = "Volume of all places that belong to the cluster; descriptive"
        return {"volume_mm3": {"Description": text, "Units": "mm3"}}

    def own_digest(self) -> tuple[bytes, bytes, str]:
        """Return voxel indices, affine and grid."""
        voxels, affine = self.voxels.astype("<i4").tobytes(), self.affine.astype("<f8").tobytes()
        return voxels, affine, str(self.grid)

    def own_arrays(self) -> dict[str, np.ndarray]:
        """Return affine, grid and voxel indices."""
        return {
            "affine": np.asarray(self.affine),
            "grid": np.asarray(self.grid),
            "voxels": np.asarray(self.voxels),
        }

    @classmethod
    def own_fields(cls, arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Return measure, affine, grid and voxel indices from the arrays of a file."""
        own = {name: arrays[name] for name in ("measure", "affine", "voxels")}
        return own | {"grid": tuple(int(k) for k in arrays["grid"])}


@dataclass(frozen=True, eq=False, kw_only=True)
class Places(FeatureSpace):
    """Named places: sensors, channels, labels of a parcellation, regions of interest.

    Attributes
    ----------
    part : (s,) str, chromophore "hbo" or "hbr" of a channel of fNIRS; "" of others.
    place_name : "channel" or "region": what a place is called, and what its extent counts.
    """

    kind = "channels"
    names_places = True
    titles: ClassVar = {"channels": "Channels", "Chroma": "Chromophore"}

    part: np.ndarray
    place_name: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "measure", np.ones(self.n_places, np.float32))
        super().__post_init__()

    @property
    def measure_unit(self) -> str:
        """Unit of `measure`: the place itself."""
        return self.place_name

    @property
    def place_noun(self) -> tuple[str, str]:
        """What a place is called: singular and plural."""
        return self.place_name, f"{self.place_name}s"

    @property
    def parts(self) -> Parts | None:
        """Chromophores; None where the places have no parts."""
        return CHROMOPHORES if np.any(self.part != "") else None

    def place_words(self, place: int) -> str:
        """Return the name of a place and its part, such as "S1_D1 hbo"."""
        return " ".join(str(word) for word in (self.label[place], self.part[place]) if word)

    def place_numbers(self, places: np.ndarray) -> dict[str, tuple[np.ndarray, str]]:
        """Return nothing: places are identified by their names."""
        return {}

    def own_extent(self, points: np.ndarray) -> dict[str, Any]:
        """Return the number of places."""
        places, _ = self.places_and_times(points)
        return {self.place_noun[1]: len(np.unique(places))}

    def own_extent_descriptions(self) -> dict[str, dict[str, Any]]:
        """Return descriptions of the columns of `own_extent`."""
        plural = self.place_noun[1]
        text = f"Number of {plural} that belong to the cluster at any time; descriptive"
        return {plural: {"Description": text}}

    @classmethod
    def own_fields(cls, arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Return part and noun from the arrays of a file."""
        return {"part": arrays["part"], "place_name": str(arrays["measure_unit"])}
