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
    Surface,
    cell_rows,
    read_stack,
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
