"""Compiled blocks have the bytes of the reference, for any block, batch and thread."""

import time
from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage, sparse
from scipy.sparse.csgraph import connected_components

from groupwise.permutation import scan
from groupwise.permutation.blocks import run_block
from groupwise.permutation.clusters import Neighbours
from groupwise.permutation.components import largest_clusters
from groupwise.permutation.kernels import split_subjects
from groupwise.permutation.prepare import prepare
from groupwise.permutation.reference import reference_block
from groupwise.stack.lattice import Lattice
from groupwise.stats import OneSample, Paired, Regression, TwoSample, Within

ARRAYS = ("statistic", "mass", "size")


def random_graph(rng, places, degree):
    rows, columns = rng.integers(0, places, (2, places * degree // 2))
    rows, columns = rows[rows != columns], columns[rows != columns]
    both = (np.r_[rows, columns], np.r_[columns, rows])
    graph = sparse.csr_array((np.ones(len(both[0])), both), shape=(places, places))
    graph.sum_duplicates()
    return graph


def assert_same_bytes(one, other):
    for name in ARRAYS:
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name


DESIGNS = [
    (OneSample(), 1, "two-sided"),
    (OneSample(), 1, "greater"),
    (Paired(), 2, "less"),
    (Within({"a": 2, "b": 2}, effect="a:b"), 4, "two-sided"),
    (Within({"a": 3}, effect="a"), 3, "two-sided"),
    (Within({"a": 3, "b": 3}, effect="a:b"), 9, "two-sided"),
]


@pytest.mark.parametrize(("design", "cells", "alternative"), DESIGNS)
@pytest.mark.parametrize("n", [2, 3, 8, 17, 31, 70])
@pytest.mark.parametrize(("mass", "p"), [("sum", 0.2), ("excess", 0.002)])
def test_kernels_give_the_bytes_of_the_reference(design, cells, alternative, n, mass, p):
    """Low and high thresholds: sums are screened in 16 or in 8 bits."""
    rng = np.random.default_rng([n, cells])
    places, times = 97, 7
    x = rng.standard_t(3, size=(n, cells, places, times)) + 0.3
    x[:, :, 5] = 0  # excluded, so that tested points and points differ
    prepared = prepare(
        x.reshape(n, cells, -1),
        design,
        random_graph(rng, places, 4),
        n_times=times,
        threshold={"p": p},
        alternative=alternative,
        mass=mass,
        seed=n,
    )
    stop = min(150, prepared.resampling.distinct)
    expected = reference_block(prepared, 0, stop)
    assert_same_bytes(run_block(prepared, 0, stop), expected)
    assert_same_bytes(run_block(prepared, 0, stop, threads=2, batch=37), expected)


@pytest.mark.parametrize(
    ("design", "cells"),
    [
        (OneSample(), 1),
        (Within({"a": 3}, "a"), 3),
        (TwoSample([*"abbab" * 2], variances="unequal"), 1),
        (Regression({"age": range(10)}, "age"), 1),
    ],
)
def test_a_kind_without_compiled_loops_is_computed_in_numpy(design, cells, monkeypatch):
    """So that a new statistic needs no kernel. Also where many points are hits, and none is."""
    x = np.random.default_rng(6).standard_normal((10, cells, 400))
    for threshold in ({"p": 0.5}, {"p": 0.01}, {"stat": 1e4}):
        prepared = prepare(x, design, Lattice((400,)).adjacency(), threshold=threshold, seed=3)
        compiled = run_block(prepared, 0, 150, threads=2)
        monkeypatch.setattr(scan, "SEARCHES", {})
        assert_same_bytes(run_block(prepared, 0, 150, threads=2), compiled)
        monkeypatch.undo()


@pytest.mark.parametrize("threshold", [1e-6, 1e6])
@pytest.mark.parametrize(("design", "cells"), [(OneSample(), 1), (Within({"a": 3}, "a"), 3)])
def test_thresholds_that_everything_or_nothing_passes(design, cells, threshold, monkeypatch):
    """Also where the hits exceed what a batch may hold, so that it is split."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal((10, cells, 1500))
    prepared = prepare(
        x, design, Lattice((1500,)).adjacency(), threshold={"stat": threshold}, seed=1
    )
    expected = reference_block(prepared, 0, 100)
    assert_same_bytes(run_block(prepared, 0, 100), expected)
    monkeypatch.setattr("groupwise.permutation.scan.MAX_HITS", 9000)
    assert_same_bytes(run_block(prepared, 0, 100, threads=2), expected)


def test_no_thread_gets_the_buffers_of_one_that_still_searches(monkeypatch):
    """One thread has too many hits and a smaller batch begins, while the other is still busy."""
    prepared = prepare(
        np.random.default_rng(3).standard_normal((10, 1, 1500)),
        OneSample(),
        Lattice((1500,)).adjacency(),
        threshold={"stat": 1.0},
        seed=1,
    )
    search, failed, busy, shared = scan._scan_signs, [], set(), []

    def slow_search(prepared, draw, level, begin, end, buffers, thread):
        if len(draw) == 100 and thread == 0 and not failed:
            failed.append(True)
            raise scan.TooManyHitsError
        shared.append(thread in busy)
        busy.add(thread)
        time.sleep(0.2 if len(draw) == 100 else 0.0)
        found = search(prepared, draw, level, begin, end, buffers, thread)
        busy.discard(thread)
        return found

    monkeypatch.setitem(scan.SEARCHES, "signs", slow_search)
    block = run_block(prepared, 0, 100, threads=2, batch=100)
    assert failed and not any(shared)
    assert_same_bytes(block, reference_block(prepared, 0, 100))


@pytest.mark.parametrize("count", [1, 2, 7, 64])
def test_blocks_join_to_the_same_bytes(count):
    x = np.random.default_rng(0).standard_normal((12, 1, 600))
    prepared = prepare(x, OneSample(), Lattice((600,)).adjacency(), threshold={"p": 0.05})
    bounds = np.linspace(0, 256, count + 1).astype(int)
    whole = run_block(prepared, 0, 256)
    parts = [run_block(prepared, a, b) for a, b in pairwise(bounds)]
    for name in ARRAYS:
        joined = np.concatenate([getattr(part, name) for part in parts])
        assert joined.tobytes() == getattr(whole, name).tobytes()


def clusters_of(points, values, neighbours):
    """Sizes of the largest clusters through the compiled search."""
    statistic, mass = np.full((1, 2), -np.inf), np.zeros((1, 2))
    size = np.zeros((1, 2), np.int64)
    offsets = np.array([0, len(points)])
    kept = np.arange(int(points.max()) + 1 if len(points) else 1)
    largest_clusters(
        *(offsets, points.astype(np.int32), values.astype(np.float64), kept),
        *(neighbours.indptr, neighbours.indices, neighbours.n_times, True, True),
        *(1.0, 0.0, statistic, mass, size),
    )
    return size[0]


def check_random_graphs(count, seed):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        places, times = int(rng.integers(2, 60)), int(rng.integers(1, 6))
        graph = random_graph(rng, places, int(rng.integers(1, 7)))
        points = np.flatnonzero(rng.random(places * times) < rng.uniform(0.05, 0.9))
        if not len(points):
            continue
        sums = rng.choice([-5, 5], len(points))
        line = sparse.diags_array([1.0], offsets=[1], shape=(times, times))
        full = sparse.kron(graph, sparse.eye_array(times)) + sparse.kron(
            sparse.eye_array(places), line + line.T
        )
        full = sparse.csr_array(full)
        full.eliminate_zeros()  # kron stores blocks whole, and csgraph takes stored zeros as edges
        expected = np.zeros(2, int)
        for side, sign in enumerate((1, -1)):
            mine = points[sums * sign > 0]
            if len(mine):
                _, labels = connected_components(full[mine][:, mine], directed=False)
                expected[side] = np.bincount(labels).max()
        found = clusters_of(points, sums, Neighbours.of(graph, times))
        np.testing.assert_array_equal(found, expected)


def test_clusters_are_the_components_of_random_graphs():
    check_random_graphs(500, seed=1)


@pytest.mark.slow
def test_clusters_are_the_components_of_ten_thousand_random_graphs():
    check_random_graphs(10_000, seed=2)


@pytest.mark.parametrize(("connectivity", "rank"), [("faces", 1), ("edges", 2), ("corners", 3)])
def test_clusters_of_a_lattice_are_those_of_ndimage(connectivity, rank):
    rng = np.random.default_rng(rank)
    shape = (9, 8, 7)
    neighbours = Neighbours.of(Lattice(shape, connectivity).adjacency())
    for density in (0.1, 0.3, 0.5):
        inside = rng.random(shape) < density
        labels, _ = ndimage.label(inside, ndimage.generate_binary_structure(3, rank))
        points = np.flatnonzero(inside)
        found = clusters_of(points, np.full(len(points), 2.0), neighbours)
        assert found[0] == np.bincount(labels[inside]).max()


@pytest.mark.parametrize("n", [1, 2, 9, 16, 17, 64, 100])
def test_subjects_are_split_into_groups_of_eight_at_most(n):
    for permutations in (1, 100, 5000):
        sizes = split_subjects(n, permutations)
        assert sizes.sum() == n and sizes.max() <= 8 and sizes.min() >= 1
