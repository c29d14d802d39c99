"""The neutral middle: feature spaces, the stack's files, rows by subject and factor."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from groupwise.errors import InputError
from groupwise.stack import (
    FeatureSpace,
    Hemisphere,
    Lattice,
    Places,
    Surface,
    Volume,
    cell_rows,
    read_stack,
    stack_maps,
    write_stack,
)


def ring(n):
    """Adjacency of a ring of n places."""
    here = np.arange(n)
    edges = csr_array((np.ones(n, bool), (here, (here + 1) % n)), shape=(n, n))
    return csr_array(edges + edges.T)


@pytest.fixture
def surface_space():
    n = 6
    random = np.random.default_rng(3)
    place = random.standard_normal((n, 3)).astype(np.float32)
    half = Hemisphere(
        name="lh",
        vertices=np.array([3, 10, 11, 40, 41, 77], np.int32),
        white=place,
        inflated=2 * place,
        triangles=np.array([[0, 1, 2], [3, 4, 5]], np.int32),
        sulc=np.arange(n, dtype=np.float32),
    )
    return Surface(
        name="fsaverage",
        coordinates=place,
        measure=np.full(n, 2.5, np.float32),
        label=np.array(["cuneus", "cuneus", "", "lingual", "", "lingual"]),
        adjacency=ring(n),
        times=np.array([0.0, 0.02, 0.04]),
        hemispheres=(half,),
    )


@pytest.fixture
def observations():
    rows = [
        {"subject": s, "modality": m, "side": d, "path": f"{s}-{m}-{d}"}
        for s in ("02", "01")
        for d in ("left", "right")
        for m in ("visual", "auditory")
    ]
    return pd.DataFrame(rows)


def test_space_survives_its_file(surface_space, tmp_path):
    surface_space.save(tmp_path / "space.npz")
    back = FeatureSpace.load(tmp_path / "space.npz")
    assert back.digest == surface_space.digest
    assert back.shape == (6, 3) and back.n_points == 18
    np.testing.assert_array_equal(back.vertices, surface_space.vertices)
    np.testing.assert_array_equal(
        back.hemispheres[0].triangles, surface_space.hemispheres[0].triangles
    )
    assert (back.adjacency != surface_space.adjacency).nnz == 0
    surface_space.save(tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "space.npz").read_bytes()


def test_digest_follows_what_decides_a_statistic(surface_space):
    from dataclasses import replace

    assert replace(surface_space, times=None).digest != surface_space.digest
    assert replace(surface_space, adjacency=csr_array((6, 6), dtype=bool)).digest != (
        surface_space.digest
    )
    assert replace(surface_space, label=np.full(6, "a")).digest != surface_space.digest


def test_space_refuses_a_wrong_adjacency(surface_space):
    from dataclasses import replace

    one_way = csr_array((np.ones(1, bool), ([0], [1])), shape=(6, 6))
    with pytest.raises(InputError, match="not symmetric"):
        replace(surface_space, adjacency=one_way)
    with pytest.raises(InputError, match="7 x 7"):
        replace(surface_space, adjacency=ring(7))


@pytest.fixture
def volume():
    voxels = np.array([[0, 0, 0], [0, 0, 1], [0, 1, 1]], np.int32)
    return Volume(
        name="MNI152",
        coordinates=(3 * voxels).astype(np.float32),
        measure=np.full(3, 27, np.float32),
        label=np.array(["", "left pole", ""]),
        adjacency=csr_array(np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], bool)),
        affine=np.diag([3.0, 3, 3, 1]),
        grid=(1, 2, 2),
        voxels=voxels,
    )


@pytest.fixture
def channels():
    return Places(
        name="head",
        coordinates=np.zeros((4, 3), np.float32),
        part=np.array(["hbo", "hbo", "hbr", "hbr"]),
        label=np.array(["S1_D1", "S2_D1"] * 2),
        place_name="channel",
        adjacency=csr_array((4, 4), dtype=bool),
    )


@pytest.fixture
def regions():
    return Places(
        name="fsaverage",
        coordinates=np.zeros((2, 3), np.float32),
        part=np.array(["", ""]),
        label=np.array(["cuneus-lh", "pole-rh"]),
        place_name="region",
        adjacency=csr_array((2, 2), dtype=bool),
        times=np.arange(5) * 0.01,
    )


KINDS = ("surface_space", "volume", "channels", "regions")


@pytest.fixture(params=KINDS)
def space(request):
    return request.getfixturevalue(request.param)


#: Digests by the version in which one class with a string `kind` stood for all kinds of spaces.
DIGESTS = {
    "surface_space": "4a9f57e6c2b3e997db94135a5438aa56ec7ea1f69838c08aab738cf71163d02c",
    "volume": "322c229b3dd6027706b4f156ca386d19777356a5ed7a6996359e2924a01f9e21",
    "channels": "8d87b53f29694f90f215ebae3e00efc13d17802472524dce857e99c7253fa323",
    "regions": "ef35eb33eb9a9d9f08facf3c3c675e6b4b87ab57314bb42daee368fc72730a1a",
}
STORED = ["kind", "name", "coordinates", "measure", "measure_unit", "part", "label",
          "adjacency_indptr", "adjacency_indices", "hemispheres"]  # fmt: skip
OWN = {
    "surface_space": [
        f"lh_{own}" for own in ("vertices", "white", "inflated", "triangles", "sulc")
    ],
    "volume": ["affine", "grid", "voxels"],
    "channels": [],
    "regions": [],
}


@pytest.mark.parametrize("kind", KINDS)
def test_file_format_and_digest_stay(kind, request, tmp_path):
    """Stored spaces are read by later versions, and a stack is found by its space's digest."""
    space = request.getfixturevalue(kind)
    assert space.digest == DIGESTS[kind]
    space.save(tmp_path / "space.npz")
    with np.load(tmp_path / "space.npz") as stored:
        names = [*STORED, *(["times"] if space.times is not None else []), *OWN[kind]]
        assert stored.files == names
        assert str(stored["kind"]) == type(space).kind
        assert str(stored["measure_unit"]) == space.measure_unit
    back = FeatureSpace.load(tmp_path / "space.npz")
    assert type(back) is type(space) and back.digest == space.digest


def test_points_neighbours_and_axes_agree(space):
    assert space.axes == (("place",) if space.times is None else ("place", "time"))
    assert np.prod(space.shape) == space.n_points
    points = np.arange(space.n_points)
    places, times = space.places_and_times(points)
    np.testing.assert_array_equal(space.points_of(np.arange(space.n_places)).ravel(), points)
    np.testing.assert_array_equal(space.by_place(points)[places, times], points)
    edges = space.adjacency.toarray()
    for point in points:
        near = np.zeros(space.n_points, bool)
        near[space.neighbours(point)] = True
        expected = edges[places[point], places] & (times == times[point])
        expected |= (places == places[point]) & (np.abs(times - times[point]) == 1)
        np.testing.assert_array_equal(near, expected)
    assert space.has_neighbours == any(space.neighbours(point) for point in points)


def test_every_column_of_a_space_is_described_in_order(space):
    points = np.arange(min(3, space.n_points))
    for prefix in ("", "peak_"):
        columns, described = space.point_columns(points, prefix), space.point_descriptions(prefix)
        assert list(columns) == list(described)
        assert all(len(values) == len(points) for values in columns.values())
    extent = space.extent(points, np.ones(len(points)))
    assert list(extent) == list(space.extent_descriptions())
    for about in (described | space.extent_descriptions()).values():
        assert about["Description"] and "{" not in about["Description"]


def test_words_of_a_space(surface_space, volume, channels, regions):
    assert "cuneus, left hemisphere, fsaverage)" in surface_space.place_words(0)
    assert volume.place_words(1) == "(0, 0, 3) mm (left pole, MNI152)"
    assert volume.place_words(0) == "(0, 0, 0) mm (MNI152)"
    assert channels.place_words(3) == "S2_D1 hbr"
    assert regions.place_words(1) == "pole-rh"
    assert [each.place_noun[1] for each in (surface_space, volume, channels, regions)] == [
        "vertices", "voxels", "channels", "regions",
    ]  # fmt: skip
    assert surface_space.frame == "fsaverage (MNI305)" and channels.frame == "head"
    assert volume.is_mni and not surface_space.is_mni
    assert surface_space.parts.column == "hemisphere" and channels.parts.column == "chroma"
    assert volume.parts is None and regions.parts is None


def test_extent_is_in_the_measure_of_the_space(surface_space, volume, channels, regions):
    points = np.array([0, 1, 3])  # two places of the surface, at one and at two times
    extent = surface_space.extent(points, np.array([1.0, 1, 2]))
    assert extent["area_mm2"] == 5 and extent["vertex_ms"] == pytest.approx(60)
    assert (extent["t_start"], extent["t_stop"]) == (0, 0.02)
    assert extent["center_time"] == pytest.approx(0.005) and extent["labels"] == "cuneus 100%"
    assert volume.extent(np.array([1, 2]), np.ones(2))["volume_mm3"] == 54
    assert channels.extent(np.array([1, 2]), np.ones(2))["channels"] == 2
    extent = regions.extent(np.array([5, 6]), np.ones(2))
    assert extent["regions"] == 1 and "labels" not in extent


def test_a_new_kind_of_space_is_a_class(tmp_path):
    """Its file, its columns and its headings need no other code."""
    from dataclasses import dataclass
    from typing import ClassVar

    @dataclass(frozen=True, eq=False, kw_only=True)
    class Edges(FeatureSpace):
        kind = "edges"
        measure_unit = "edge"
        place_noun = ("edge", "edges")
        parts = None
        titles: ClassVar = {"edges": "Edges"}
        ends: np.ndarray

        def __post_init__(self):
            object.__setattr__(self, "measure", np.ones(self.n_places, np.float32))
            object.__setattr__(self, "part", np.full(self.n_places, ""))
            super().__post_init__()

        def place_numbers(self, places):
            return {"from": (self.ends[places, 0], "First region{}"),
                    "to": (self.ends[places, 1], "Second region{}")}  # fmt: skip

        def own_extent(self, points):
            return {"edges": len(points)}

        def own_extent_descriptions(self):
            return {"edges": {"Description": "Number of edges"}}

        def own_arrays(self):
            return {"ends": self.ends}

        @classmethod
        def own_fields(cls, arrays):
            return {"ends": arrays["ends"]}

    space = Edges(
        name="atlas",
        coordinates=np.zeros((3, 3), np.float32),
        label=np.full(3, ""),
        adjacency=csr_array((3, 3), dtype=bool),
        ends=np.array([[0, 1], [0, 2], [1, 2]]),
    )
    space.save(tmp_path / "space.npz")
    back = FeatureSpace.load(tmp_path / "space.npz")
    assert isinstance(back, Edges) and FeatureSpace.all_titles()["edges"] == "Edges"
    assert list(back.point_columns(np.array([2]), "peak_")) == [
        "peak_from", "peak_to", "x", "y", "z",
    ]  # fmt: skip
    assert back.point_descriptions("peak_")["peak_to"]["Description"] == (
        "Second region of the peak"
    )
    assert back.extent(np.array([0, 2]), np.ones(2))["edges"] == 2


def test_unknown_kind_is_named(volume, tmp_path):
    volume.save(tmp_path / "space.npz")
    with np.load(tmp_path / "space.npz") as stored:
        arrays = dict(stored) | {"kind": np.array("graph")}
    np.savez(tmp_path / "space.npz", **arrays)
    with pytest.raises(InputError, match=r"space\.npz.*'graph'"):
        FeatureSpace.load(tmp_path / "space.npz")


def test_stack_of_a_rule_is_averaged_over_times_where_asked(surface_space, tmp_path):
    values = np.random.default_rng(1).standard_normal((2, 18)).astype(np.float32)
    rows = [{"subject": s, "side": "left", "keys": {"ch": "A"}, "path": s} for s in ("1", "2")]
    source = tmp_path / "source.txt"
    source.write_text("a")
    about = {"units": "1", "description": "test", "facts": {"Grid": 3}}
    for average in (False, True):
        data = tmp_path / str(average) / "stack.npy"
        params = {"rows": rows, "average": average, "given": "today"}
        stack_maps(data, iter(values), surface_space, params, [source], **about)
        stack = read_stack(data.parent)
        assert list(stack.observations) == [
            "row", "subject", "session", "condition", "side", "path",
        ]  # fmt: skip
        assert stack.meta["Grid"] == 3 and list(stack.meta["SourceDigests"]) == [str(source)]
        assert stack.meta["Parameters"] == {"rows": rows, "average": average}
        if average:
            np.testing.assert_allclose(stack.data, values.reshape(2, 6, 3).mean(2), rtol=1e-6)
            assert stack.space.axes == ("place",) and stack.meta["Window"] == [0.0, 0.04]
        else:
            np.testing.assert_array_equal(stack.data, values)
            assert stack.space.axes == ("place", "time") and "Window" not in stack.meta


def test_broken_space_is_named(surface_space, tmp_path):
    path = tmp_path / "space.npz"
    surface_space.save(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=r"space\.npz"):
        FeatureSpace.load(path)


def test_points_are_spatial_major(surface_space):
    place, time = surface_space.places_and_times(np.array([0, 2, 3, 17]))
    assert place.tolist() == [0, 0, 1, 5] and time.tolist() == [0, 2, 0, 2]


def test_stack_round_trip(surface_space, observations, tmp_path):
    values = np.random.default_rng(0).standard_normal((8, 18))
    write_stack(
        tmp_path,
        iter(values),
        observations,
        surface_space,
        units="1",
        description="test",
        provenance={"Parameters": {}},
    )
    stack = read_stack(tmp_path)
    np.testing.assert_array_equal(stack.data, values.astype(np.float32))
    assert isinstance(stack.data, np.memmap) and not stack.data.flags.writeable
    assert stack.observations["subject"].tolist() == observations["subject"].tolist()
    assert stack.observations["session"].tolist() == [""] * 8
    assert "n/a" in (tmp_path / "observations.tsv").read_text()
    assert stack.meta["SpaceDigest"] == surface_space.digest


@pytest.mark.parametrize("name", ["stack.npy", "observations.tsv", "space.npz"])
def test_a_changed_file_is_named(name, surface_space, observations, tmp_path):
    write_stack(
        tmp_path,
        np.zeros((8, 18)),
        observations,
        surface_space,
        units="1",
        description="test",
        provenance={},
    )
    raw = bytearray((tmp_path / name).read_bytes())
    raw[-1] ^= 1
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(InputError, match=name):
        read_stack(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match="absent"):
        read_stack(tmp_path)


@pytest.mark.parametrize(("rows", "points"), [(8, 17), (7, 18), (9, 18)])
def test_wrong_maps_leave_nothing(rows, points, surface_space, observations, tmp_path):
    folder = tmp_path / "stack"
    with pytest.raises(InputError):
        write_stack(
            folder,
            np.zeros((rows, points)),
            observations,
            surface_space,
            units="1",
            description="test",
            provenance={},
        )
    assert list(folder.iterdir()) == []


def test_cells_are_found_by_name_not_by_position(observations):
    levels = {"modality": ["auditory", "visual"], "side": ["left", "right"]}
    table = observations.assign(row=range(8))
    subjects, rows = cell_rows(table, levels)
    assert subjects == ["01", "02"]
    mixed = table.sample(frac=1, random_state=5)
    assert cell_rows(mixed, levels)[0] == subjects
    np.testing.assert_array_equal(cell_rows(mixed, levels)[1], rows)
    paths = [
        f"01-{m}-{s}" for m in ("auditory", "visual") for s in ("left", "right")
    ]  # first factor slowest
    assert table["path"][rows[0]].tolist() == paths


def test_all_missing_and_double_cells_are_listed(observations):
    table = observations.assign(row=range(8))
    levels = {"modality": ["auditory", "visual"], "side": ["left", "right"]}
    with pytest.raises(InputError) as caught:
        cell_rows(table.iloc[2:], levels)
    assert len(caught.value.findings) == 2
    assert "subject 02, modality=auditory, side=left" in str(caught.value)
    with pytest.raises(InputError, match="2 maps"):
        cell_rows(table, {"side": ["left", "right"]})
    with pytest.raises(InputError, match="'group'"):
        cell_rows(table, {"group": ["a", "b"]})


@pytest.mark.parametrize(("connectivity", "most"), [("faces", 6), ("edges", 18), ("corners", 26)])
def test_lattice_has_the_neighbours_of_its_name(connectivity, most):
    adjacency = Lattice((3, 4, 5), connectivity).adjacency()
    assert np.diff(adjacency.indptr).max() == most
    place = np.indices((3, 4, 5)).reshape(3, -1).T
    distance = np.abs(place[:, None] - place[None])
    near = (distance.max(axis=2) == 1) & (
        distance.sum(axis=2) <= {"faces": 1, "edges": 2, "corners": 3}[connectivity]
    )
    np.testing.assert_array_equal(adjacency.toarray(), near)


def test_mask_drops_edges_with_points():
    mask = np.ones(5, bool)
    mask[2] = False
    adjacency = Lattice((5,), mask=mask).adjacency().toarray()
    np.testing.assert_array_equal(np.argwhere(np.triu(adjacency)), [[0, 1], [2, 3]])
    with pytest.raises(InputError, match="connectivity"):
        Lattice((5,), "diagonal")
    with pytest.raises(InputError, match="mask"):
        Lattice((4,), mask=mask)
