"""Exact TFCE: by hand, against its definition, and the fast maximum against the whole map."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage, sparse
from scipy.sparse.csgraph import connected_components
from scipy.stats import ttest_1samp

from groupwise.errors import InputError
from groupwise.permutation import permutation_test
from groupwise.permutation.blocks import run_block
from groupwise.permutation.prepare import prepare
from groupwise.permutation.reference import reference_block
from groupwise.permutation.tfce import Workspace, largest_values, tfce_map
from groupwise.stack.lattice import Lattice
from groupwise.stats import Between, OneSample, TwoSample, Within

USUAL = (0.5, 2.0)


def csr(adjacency):
    adjacency = sparse.csr_array(adjacency)
    return adjacency.indptr.astype(np.int32), adjacency.indices.astype(np.int32)


def full_adjacency(adjacency, times):
    line = sparse.diags_array([1.0], offsets=[1], shape=(times, times))
    full = sparse.kron(adjacency, sparse.eye_array(times)) + sparse.kron(
        sparse.eye_array(adjacency.shape[0]), line + line.T
    )
    full = sparse.csr_array(full)
    full.eliminate_zeros()
    return full


def by_definition(heights, adjacency, e, h):
    """The integral, level by level, every component labelled anew."""
    value = np.zeros(len(heights))
    levels = np.unique(np.r_[0, heights[heights > 0]]).astype(float)
    for low, high in pairwise(levels):
        inside = np.flatnonzero(heights >= high)
        _, label = connected_components(adjacency[inside][:, inside], directed=False)
        extent = np.bincount(label)[label].astype(float)
        value[inside] += extent**e * (high ** (h + 1) - low ** (h + 1)) / (h + 1)
    return value


def random_graph(rng, places):
    rows, columns = rng.integers(0, places, (2, places * 2))
    keep = rows != columns
    both = (np.r_[rows[keep], columns[keep]], np.r_[columns[keep], rows[keep]])
    graph = sparse.csr_array((np.ones(len(both[0])), both), shape=(places, places))
    graph.sum_duplicates()
    return graph


@pytest.mark.parametrize("exponents", [USUAL, (1.0, 2.0), (0.5, 1.0), (0.7, 1.3), (0.0, 0.0)])
@pytest.mark.parametrize("ties", [False, True])
def test_map_and_maximum_are_those_of_the_definition(exponents, ties):
    rng = np.random.default_rng([ties, int(10 * exponents[0])])
    for _ in range(40):
        places, times = int(rng.integers(1, 30)), int(rng.integers(1, 6))
        graph = random_graph(rng, places)
        statistic = rng.standard_normal(places * times).astype(np.float32)
        if ties:
            statistic = np.round(statistic * 2) / 2
        statistic[rng.random(len(statistic)) < 0.1] = 0  # excluded
        work = Workspace(len(statistic), times)
        for sign in (1, -1):
            common = (*csr(graph), times, exponents)
            expected = by_definition(
                np.maximum(statistic * sign, 0), full_adjacency(graph, times), *exponents
            )
            every = tfce_map(statistic, sign, *common)
            np.testing.assert_allclose(every, expected, rtol=1e-10, atol=1e-12)
            most = largest_values(statistic, *common, work)[(1 - sign) // 2]
            assert most == pytest.approx(expected.max(initial=0.0), rel=1e-12)
            assert largest_values(-statistic, *common, work)[(1 + sign) // 2] == most


def test_two_peaks_of_a_line_by_hand():
    """Heights 1 3 2 4: above 2 two peaks, from 2 down to 1 three points, below 1 all four."""
    line = csr(Lattice((4,)).adjacency())
    shared = 3**0.5 * (8 - 1) / 3 + 4**0.5 * 1 / 3
    values = tfce_map(np.array([1, 3, 2, 4], np.float32), 1, *line, 1, USUAL)
    expected = [2 / 3, shared + (27 - 8) / 3, shared, shared + (64 - 8) / 3]
    np.testing.assert_allclose(values, expected)
    work = Workspace(4, 1)
    found = largest_values(np.array([1, 3, 2, 4], np.float32), *line, 1, USUAL, work)
    assert found == (pytest.approx(expected[3]), 0)
    assert largest_values(np.zeros(4, np.float32), *line, 1, USUAL, work) == (0, 0)
    found = largest_values(np.array([-1, 2, 0, -3], np.float32), *line, 1, USUAL, work)
    np.testing.assert_allclose(found, (8 / 3, 27 / 3))


def test_more_neighbours_than_bits():
    """A place with 50 neighbours, where the fast comparison has room for 30."""
    rng = np.random.default_rng(9)
    star = sparse.lil_array((51, 51))
    star[0, 1:] = star[1:, 0] = 1
    statistic = np.abs(rng.standard_normal(51 * 4)).astype(np.float32)
    statistic[:4] *= 0.1
    found = largest_values(statistic, *csr(star), 4, USUAL, Workspace(len(statistic), 4))
    expected = by_definition(statistic, full_adjacency(star.tocsr(), 4), *USUAL)
    assert found[0] == pytest.approx(expected.max(), rel=1e-12)


def test_scaling_and_numbering():
    """TFCE of c times a map is c^(H+1) times its TFCE, and numbering is of no importance."""
    rng = np.random.default_rng(1)
    lattice = Lattice((12, 11, 10)).adjacency()
    statistic = rng.standard_normal(lattice.shape[0]).astype(np.float32)
    whole = tfce_map(statistic, 1, *csr(lattice), 1, USUAL)
    four = tfce_map(statistic * 4, 1, *csr(lattice), 1, USUAL)
    np.testing.assert_allclose(four, 64 * whole, rtol=1e-12)
    order = rng.permutation(len(statistic))
    moved = tfce_map(statistic[order], 1, *csr(lattice[order][:, order]), 1, USUAL)
    np.testing.assert_allclose(moved, whole[order], rtol=1e-10)


def test_sums_over_steps_converge_to_it():
    """The usual step-wise sum, which others compute, comes closer as its steps shrink."""
    rng = np.random.default_rng(2)
    adjacency = Lattice((9, 9)).adjacency()
    heights = np.maximum(rng.standard_normal(81), 0).astype(np.float32)
    exact = tfce_map(heights, 1, *csr(adjacency), 1, USUAL)
    errors = []
    for step in (0.1, 0.01, 0.001):
        value = np.zeros(81)
        for level in np.arange(step, heights.max(), step):
            inside = np.flatnonzero(heights >= level)
            _, label = connected_components(adjacency[inside][:, inside], directed=False)
            value[inside] += np.bincount(label)[label] ** 0.5 * level**2 * step
        errors.append(np.abs(value - exact).max())
    assert errors[1] < errors[0] / 4 and errors[2] < errors[1] / 4 and errors[2] < 0.02


def test_volume_with_a_mask_and_hemispheres():
    """A part that nothing joins does not count towards the other's extent."""
    rng = np.random.default_rng(3)
    one = rng.standard_normal(60).astype(np.float32)
    line = Lattice((60,)).adjacency()
    both = sparse.block_diag([line, line], format="csr")
    joined = tfce_map(np.r_[one, -one], 1, *csr(both), 1, USUAL)
    np.testing.assert_array_equal(joined[:60], tfce_map(one, 1, *csr(line), 1, USUAL))
    np.testing.assert_array_equal(joined[60:], tfce_map(one, -1, *csr(line), 1, USUAL))


@pytest.mark.parametrize(
    ("design", "cells", "alternative"),
    [
        (OneSample(), 1, "two-sided"),
        (OneSample(), 1, "less"),
        (Within({"a": 3}, "a"), 3, "two-sided"),
        (Between(list("aabbccaabb")), 1, "two-sided"),
        (TwoSample(list("aabbbbaabb"), variances="unequal"), 1, "greater"),
    ],
)
def test_blocks_hold_the_maxima_of_every_map(design, cells, alternative):
    """Compiled maxima against whole maps of the reference implementation, some points excluded."""
    x = np.random.default_rng(7).standard_normal((10, cells, 20, 6)) + 0.2
    x[:, :, 4] = 0
    prepared = prepare(
        x.reshape(10, cells, -1),
        design,
        Lattice((5, 4)).adjacency(),
        n_times=6,
        threshold={"p": 0.05},
        alternative=alternative,
        tfce=True,
        seed=1,
    )
    stop = min(60, prepared.resampling.distinct)
    plain, block = reference_block(prepared, 0, stop), run_block(prepared, 0, stop)
    np.testing.assert_allclose(block.tfce, plain.tfce, rtol=1e-11)
    assert block.tfce.shape == block.statistic.shape and (block.tfce >= 0).all()
    again = run_block(prepared, 0, stop, threads=2, batch=17)
    assert again.tfce.tobytes() == block.tfce.tobytes()


def test_p_of_enhanced_points():
    """All 128 flips, p by counting; the observed map reaches itself."""
    x = np.random.default_rng(8).standard_normal((8, 40)) + np.r_[np.zeros(30), np.ones(10)]
    line = Lattice((40,))
    result = permutation_test(x, OneSample(), adjacency=line, tfce=True)
    signs = 1 - 2 * ((np.arange(256)[:, None] >> np.arange(8)) & 1)
    t = np.array([ttest_1samp(x * s[:, None], 0).statistic for s in signs]).astype(np.float32)
    near = csr(line.adjacency())
    every = [[tfce_map(row, side, *near, 1, USUAL) for side in (1, -1)] for row in t]
    largest_of = np.array([max(a.max(), b.max()) for a, b in every])
    observed = every[0][0] + every[0][1]
    np.testing.assert_allclose(np.abs(result.maps["tfce"]), observed, rtol=1e-5)
    expected = [(largest_of >= value * (1 - 1e-5)).mean() for value in observed]
    np.testing.assert_allclose(result.p_tfce, expected)
    assert result.p_tfce.min() >= 1 / 128 and result.summary()["TFCE"] == {"E": 0.5, "H": 2.0}
    with pytest.raises(InputError, match="tfce=True"):
        _ = permutation_test(x, OneSample()).p_tfce
    with pytest.raises(InputError, match="exponents"):
        permutation_test(x, OneSample(), tfce={"e": 1})


@pytest.mark.parametrize("exponents", [USUAL, (1.0, 2.0)])
def test_the_wheel_tfce_finds_the_same(exponents):
    """Another exact implementation (max-tree, float32), on a volume and on a mesh."""
    from tfce import tfce

    rng = np.random.default_rng(10)
    volume = ndimage.gaussian_filter(rng.standard_normal((14, 13, 12)), 1).astype(np.float32)
    e, h = exponents
    theirs = tfce(volume, connectivity=26, E=e, H=h, two_sided=True)
    near = csr(Lattice(volume.shape, "corners").adjacency())
    ours = [tfce_map(volume.ravel(), side, *near, 1, exponents) for side in (1, -1)]
    np.testing.assert_allclose((ours[0] - ours[1]).reshape(volume.shape), theirs, rtol=1e-5)
    found = largest_values(volume.ravel(), *near, 1, exponents, Workspace(volume.size, 1))
    assert max(found) == pytest.approx(np.abs(theirs).max(), rel=1e-5)
    graph = random_graph(rng, 500)
    values = rng.standard_normal(500).astype(np.float32)
    theirs = tfce(values, adjacency=graph, E=e, H=h, two_sided=True)
    ours = [tfce_map(values, side, *csr(graph), 1, exponents) for side in (1, -1)]
    np.testing.assert_allclose(ours[0] - ours[1], theirs, rtol=1e-5)
