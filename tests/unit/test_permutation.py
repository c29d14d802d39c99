"""The engine's files and blocks: the same bytes however the work is split; nothing wrong merges."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage
from scipy.sparse import csr_array

from groupwise.errors import InputError
from groupwise.permutation import permutation_test
from groupwise.permutation.blocks import run_block
from groupwise.permutation.clusters import Neighbours
from groupwise.permutation.fixedpoint import (
    SCALE,
    f_of_units,
    t_of_units,
    to_fixed,
    units_of_f,
    units_of_t,
)
from groupwise.permutation.infer import infer
from groupwise.permutation.merge import Null, merge
from groupwise.permutation.prepare import prepare
from groupwise.permutation.prepared import Prepared
from groupwise.permutation.stored import Block, read_maps
from groupwise.permutation.table import describe_clusters, describe_columns, write_table
from groupwise.stack import Hemisphere, Surface
from groupwise.stack.lattice import Lattice
from groupwise.stats import OneSample, Paired, Within, f_of_scores, t_of_scores

ADJACENCY = Lattice((10,)).adjacency()
FACTORS = {"a": 3, "b": 2}


def prepared_of(effect="a", seed=0, **more):
    x = np.random.default_rng(1).standard_normal((9, 6, 10, 7))
    settings = {"threshold": {"p": 0.05}, "n_times": 7, "seed": seed} | more
    return prepare(x, Within(FACTORS, effect), ADJACENCY, **settings)


def blocks_of(prepared, edges):
    return [run_block(prepared, a, b) for a, b in pairwise(edges)]


def saved(null, path):
    null.save(path)
    return path.read_bytes()


@pytest.mark.parametrize("effect", ["a", "b"])
def test_any_split_gives_the_same_bytes(effect, tmp_path):
    prepared = prepared_of(effect)
    one = saved(merge(blocks_of(prepared, [0, 200]), 200), tmp_path / "one.npz")
    three = blocks_of(prepared, [0, 90, 180, 256])
    assert saved(merge(three[::-1], 200), tmp_path / "three.npz") == one
    seven = blocks_of(prepared, [0, 1, 2, 31, 64, 65, 150, 200])
    mixed = [seven[k] for k in (3, 0, 6, 2, 5, 1, 4)]
    assert saved(merge(mixed, 200), tmp_path / "seven.npz") == one
    small = [run_block(prepared, 0, 200, batch=b) for b in (1, 7, 200)]
    for block in small:
        assert saved(merge([block], 200), tmp_path / "small.npz") == one


def test_index_zero_is_the_observed_map():
    prepared = prepared_of()
    result = infer(prepared, merge([run_block(prepared, 0, 100)], 100))
    assert result.null.mass[0, 0] == result.clusters["mass"].max()
    assert result.null.size[0, 0] == result.clusters["size"].max()
    assert result.null.statistic[0, 0] == pytest.approx(np.nanmax(result.statistic), rel=1e-6)
    assert result.p_max.min() >= 1 / 100


def test_merge_refuses_what_is_not_whole():
    prepared = prepared_of()
    a, b, c = blocks_of(prepared, [0, 10, 20, 30])
    with pytest.raises(InputError, match="10 to 19 are in no block"):
        merge([a, c], 30)
    with pytest.raises(InputError, match="also in another block"):
        merge([a, b, b, c], 30)
    with pytest.raises(InputError, match="also in another block"):
        merge([a, run_block(prepared, 5, 20), c], 30)
    with pytest.raises(InputError, match="30 to 39 are in no block"):
        merge([a, b, c], 40)
    with pytest.raises(InputError, match="0 to 9 are in no block"):
        merge([b, c], 30)
    with pytest.raises(InputError, match="not of one analysis"):
        merge([a, replace(b, digest="0" * 64), c], 30)
    with pytest.raises(InputError, match="nothing to merge"):
        merge([], 30)
    assert merge([a, b, c], 25).n == 25


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"mass": "excess"},
        {"threshold": {"p": 0.04}},
        {"effect": "b"},
        {"n_times": 1},
    ],
)
def test_blocks_of_other_settings_do_not_merge(change):
    one = prepared_of()
    if change == {"n_times": 1}:
        x = np.random.default_rng(1).standard_normal((9, 6, 70))
        other = prepare(x, one.design, Lattice((70,)).adjacency(), threshold={"p": 0.05}, seed=0)
    else:
        other = prepared_of(**change)
    assert one.digest != other.digest
    with pytest.raises(InputError, match="not of one analysis"):
        merge([run_block(one, 0, 5), run_block(other, 5, 10)], 10)


def test_null_of_another_effect_is_refused():
    null = merge([run_block(prepared_of("b"), 0, 20)], 20)
    with pytest.raises(InputError, match="another analysis"):
        infer(prepared_of("a"), null)


def test_all_resamplings_and_no_more():
    x = np.random.default_rng(2).standard_normal((5, 2, 12))
    prepared = prepare(x, Paired(), csr_array((12, 12), dtype=bool), threshold={"p": 0.1})
    null = merge([run_block(prepared, 0, 12), run_block(prepared, 12, 100)], 10_000)
    assert null.n == null.distinct == 16 and null.exact
    with pytest.raises(InputError, match="16 distinct"):
        run_block(prepared, 16, 20)


def test_files_round_trip(tmp_path):
    prepared = prepared_of()
    prepared.save(tmp_path)
    loaded = Prepared.load(tmp_path, maps=True)
    assert loaded.digest == prepared.digest
    assert isinstance(loaded.values, np.memmap) and loaded.values.dtype == np.int32
    block = run_block(Prepared.load(tmp_path), 0, 50)
    block.save(tmp_path / "block.npz")
    null = merge([Block.load(tmp_path / "block.npz")], 50)
    null.save(tmp_path / "null.npz")
    result = infer(loaded, Null.load(tmp_path / "null.npz"))
    again = infer(prepared, merge([run_block(prepared, 0, 50)], 50))
    for name, values in again.maps.items():
        np.testing.assert_array_equal(result.maps[name], values)
    result.save_maps(tmp_path / "maps.npz")
    back = read_maps(tmp_path / "maps.npz")
    assert back.keys() == result.maps.keys() and back["statistic"].shape == (10, 7)
    assert {"eps_gg", "eps_hf", "p_gg", "p_hf"} <= back.keys()


@pytest.mark.parametrize("name", ["values.npy", "observed.npz", "meta.npz"])
def test_damaged_files_are_named(name, tmp_path):
    prepared_of().save(tmp_path)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=name):
        Prepared.load(tmp_path, maps=True)
    prepared_of(seed=5, effect="b").save(tmp_path / "other")
    (tmp_path / name).write_bytes((tmp_path / "other" / name).read_bytes())
    with pytest.raises(InputError, match=r"values\.npy|observed\.npz"):
        Prepared.load(tmp_path, maps=True)


def test_truncated_and_foreign_blocks_are_named(tmp_path):
    path = tmp_path / "block.npz"
    block = run_block(prepared_of(), 0, 20)
    block.save(path)
    whole = path.read_bytes()
    for size in (0, 50, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(InputError, match=r"block\.npz"):
            Block.load(path)
    replace(block, stop=21).save(path)
    with pytest.raises(InputError, match="its arrays"):
        Block.load(path)
    np.savez(path, a=1)
    with pytest.raises(InputError, match=r"block\.npz"):
        Block.load(path)
    with pytest.raises(InputError, match=r"block\.npz"):
        Null.load(path)
    with pytest.raises(InputError, match=r"absent\.npz"):
        read_maps(tmp_path / "absent.npz")


def test_fixed_point_is_the_statistic():
    random = np.random.default_rng(3)
    for n, d in ((5, 1), (16, 1), (16, 3), (40, 6)):
        y = random.standard_normal((n, d, 500)) * 1e-12 + 4e-13
        z, power = to_fixed(y, np.sqrt(n))
        np.testing.assert_allclose(power, (y * y).sum(axis=(0, 1)), rtol=1e-12)
        sums = z.astype(np.int64).sum(axis=0)
        assert (np.abs(z.astype(np.int64)).sum(axis=0) <= SCALE + n / 2).all()
        np.testing.assert_allclose(
            f_of_units((sums**2).sum(axis=0), n - 1), f_of_scores(y), rtol=2e-5
        )
        if d == 1:
            np.testing.assert_allclose(
                t_of_units(sums[0], n - 1), t_of_scores(y), rtol=1e-6, atol=1e-6
            )


def test_float64_sums_of_fixed_point_are_exact():
    """A matrix product may add in any order: every partial sum is an integer below 2^53."""
    random = np.random.default_rng(4)
    z = random.integers(-(2**30), 2**30, (60, 3000))
    signs = random.choice([-1.0, 1.0], (50, 60))
    product = signs @ z.astype(np.float64)
    np.testing.assert_array_equal(product, signs.astype(np.int64) @ z)
    order = random.permutation(60)
    np.testing.assert_array_equal(product, signs[:, order] @ z[order].astype(np.float64))


@pytest.mark.parametrize("value", [1e-6, 0.5, 3.0, 4.14, 80.0, 1e5, 1e9])
def test_thresholds_in_units(value):
    """What is at or below the units does not pass, and little above them does not either."""
    for units_of, of_units, room in ((units_of_t, t_of_units, 16), (units_of_f, f_of_units, 2**35)):
        units = units_of(value, 15)
        largest = of_units(np.array(2**62), 15)
        assert of_units(np.array(units), 15) <= value
        above = of_units(np.array(units + room), 15)
        assert above > min(value, largest * 0.9)


def test_components_are_those_of_a_labelled_image():
    """Places on a line with times are a plane, and a lattice is a volume: scipy.ndimage agrees."""
    random = np.random.default_rng(5)
    for shape, neighbours in (
        ((12, 15), Neighbours.of(Lattice((12,)).adjacency(), 15)),
        ((6, 5, 7), Neighbours.of(Lattice((6, 5, 7)).adjacency())),
    ):
        for _ in range(50):
            values = random.standard_normal(shape)
            above = np.abs(values) > random.uniform(0, 1.5)
            points = np.flatnonzero(above)
            count, labels = neighbours.components(points, values.ravel()[points] > 0)
            expected = np.zeros(shape, int)
            positive, a = ndimage.label(above & (values > 0))
            negative, b = ndimage.label(above & (values < 0))
            expected = np.where(positive > 0, positive, np.where(negative > 0, negative + a, 0))
            assert count == a + b
            pairs = set(zip(labels.tolist(), expected.ravel()[points].tolist(), strict=True))
            assert len(pairs) == count


def test_excess_mass_and_permissive_threshold():
    x = np.random.default_rng(6).standard_normal((10, 50)) + 0.5
    settings = {"adjacency": Lattice((50,)), "threshold": {"stat": 1.0}, "permutations": 30}
    whole = permutation_test(x, OneSample(), **settings)
    excess = permutation_test(x, OneSample(), mass="excess", **settings)
    both = whole.clusters.merge(excess.clusters, on=["peak", "size", "sign"])
    assert len(both) == len(whole.clusters) > 1
    np.testing.assert_allclose(both["mass_x"] - both["sign"] * both["size"], both["mass_y"])
    everything = permutation_test(
        np.abs(x) + 1, OneSample(), **(settings | {"threshold": {"stat": 1e-6}})
    )
    assert everything.clusters["size"].tolist() == [50]


def test_points_left_out_are_counted_and_drop_their_edges():
    x = np.random.default_rng(7).standard_normal((8, 12)) * 0.1 + 3
    x[:, 3] = 2.5  # the same in all
    x[:, 6] = 0
    x[2, 9] = np.nan
    result = permutation_test(x, OneSample(), adjacency=Lattice((12,)), threshold={"stat": 2})
    assert np.flatnonzero(result.maps["excluded"]).tolist() == [3, 6, 9]
    assert result.clusters["size"].tolist().count(2) == 3 and len(result.clusters) == 4
    assert result.summary()["PointsExcluded"] == {"not finite": 1, "no variation": 2}
    for name in ("statistic", "p_uncorrected", "p_max", "q_fdr", "p_bonferroni", "p_cluster"):
        assert np.isnan(result.maps[name]).tolist() == result.maps["excluded"].tolist()
    with pytest.raises(InputError, match="no point"):
        permutation_test(np.ones((8, 4)), OneSample())


def test_wrong_arguments_are_reported():
    x = np.random.default_rng(8).standard_normal((8, 2, 10))
    one_way = csr_array((np.ones(1), ([0], [1])), shape=(10, 10))
    for settings, why in (
        ({"adjacency": one_way}, "not symmetric"),
        ({"adjacency": csr_array((9, 9))}, "9 x 9"),
        ({"adjacency": Lattice((11,))}, "the lattice"),
        ({"mass": "median"}, "mass"),
        ({"alternative": "larger"}, "alternative"),
        ({"permutations": 0}, "permutations"),
    ):
        with pytest.raises(InputError, match=why):
            permutation_test(x, Paired(), **settings)
    with pytest.raises(InputError, match="2 cells"):
        permutation_test(x[:, :1], Paired())
    with pytest.raises(InputError, match="at least two subjects"):
        permutation_test(x[:1], Paired())
    with pytest.warns(UserWarning, match="as small as alpha"):
        permutation_test(x[:4], Paired())


def test_diagonal_and_stored_zeros_change_nothing():
    prepared = prepared_of()
    untidy = csr_array(ADJACENCY.astype(float) + csr_array(np.eye(10)))
    x = np.random.default_rng(1).standard_normal((9, 6, 10, 7))
    other = prepare(x, Within(FACTORS, "a"), untidy, threshold={"p": 0.05}, n_times=7, seed=0)
    assert other.digest == prepared.digest


def test_a_stack_is_read_by_rows():
    x = np.random.default_rng(1).standard_normal((9, 6, 70))
    rows = np.random.default_rng(2).permutation(54).reshape(9, 6)
    stack = np.empty((54, 70))
    stack[rows.ravel()] = x.reshape(54, 70)
    one = prepare(
        stack,
        Within(FACTORS, "a"),
        ADJACENCY,
        threshold={"p": 0.05},
        n_times=7,
        rows=rows,
        shape=(10, 7),
    )
    assert one.digest == prepared_of().digest and one.shape == (10, 7)


@pytest.fixture
def line():
    """A line of ten vertices in the left hemisphere, with two labels and seven times."""
    n = 10
    place = np.stack([np.arange(n), np.zeros(n), np.zeros(n)], axis=1).astype(np.float32)
    surface = Hemisphere(
        "lh", np.arange(100, 110, dtype=np.int32), place, place, np.zeros((0, 3)), 0
    )
    return Surface(
        name="fsaverage",
        coordinates=place,
        measure=np.full(n, 1.5, np.float32),
        label=np.array(["front"] * 4 + ["back"] * 6),
        adjacency=ADJACENCY,
        times=np.arange(7) * 0.02,
        hemispheres=(surface,),
    )


def test_cluster_table_of_a_surface(line, tmp_path):
    x = 0.1 * np.random.default_rng(9).standard_normal((12, 10, 7))
    x[:, 2:5, 3:6] += 1
    x[:, 4, 4] += 1
    result = permutation_test(
        x, OneSample(), adjacency=ADJACENCY, threshold={"stat": 8}, permutations=100
    )
    assert result.clusters["peak"][0] == (4, 4)
    table = describe_clusters(result, line)
    row = table.iloc[0]
    assert row["size"] == 9 and row["vertex_ms"] == pytest.approx(180)
    assert row["area_mm2"] == pytest.approx(4.5)
    assert (row["t_start"], row["t_stop"]) == pytest.approx((0.06, 0.10))
    assert (row["peak"], row["peak_vertex"], row["hemisphere"]) == (4 * 7 + 4, 104, "lh")
    assert (row["x"], row["peak_time"]) == pytest.approx((4, 0.08))
    assert row["label"] == "back" and row["labels"] == "front 67%; back 33%"
    columns = describe_columns(table, line)
    assert list(columns) == list(table.columns)
    assert "MNI305" in columns["x"]["Description"]
    write_table(tmp_path / "clusters.tsv", table)
    header, first = (tmp_path / "clusters.tsv").read_text().splitlines()[:2]
    assert header.split("\t") == list(table.columns)
    assert "false" in first.split("\t")


def test_cluster_table_without_clusters(line, tmp_path):
    x = np.random.default_rng(10).standard_normal((12, 10, 7))
    result = permutation_test(
        x, OneSample(), adjacency=ADJACENCY, threshold={"stat": 50}, permutations=40
    )
    table = describe_clusters(result, line)
    assert len(table) == 0 and {"area_mm2", "t_start", "peak_vertex"} <= set(table.columns)
    write_table(tmp_path / "clusters.tsv", table)
    assert len((tmp_path / "clusters.tsv").read_text().splitlines()) == 1


def test_summary_is_complete():
    prepared = prepared_of()
    summary = infer(prepared, merge([run_block(prepared, 0, 100)], 100)).summary()
    assert summary["DegreesOfFreedom"] == [2, 16] and summary["Effect"] == "a"
    assert summary["Permutations"] == 100 and summary["DistinctResamplings"] == 256
    assert summary["Exact"] is False and summary["Subjects"] == 9
    assert summary["Threshold"]["asked"] == {"p": 0.05}
    largest = summary["MaximumStatistic"]
    assert largest["p_low"] <= largest["p"] <= largest["p_high"]
