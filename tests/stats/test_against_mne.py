"""Observed clusters and exhaustive null distributions equal to those of MNE on the same arrays."""

import numpy as np
import pytest
from mne.stats import (
    f_mway_rm,
    permutation_cluster_1samp_test,
    spatio_temporal_cluster_1samp_test,
)
from mne.stats.cluster_level import _find_clusters, _setup_adjacency
from scipy.sparse import coo_matrix, csr_array
from scipy.spatial import Delaunay

from groupwise.permutation import permutation_test
from groupwise.stack.lattice import Lattice
from groupwise.stats import OneSample, Paired, Within, effects_of

PLACES, TIMES = 60, 9


@pytest.fixture(scope="module")
def mesh():
    """Adjacency of a triangulated plane of points."""
    place = np.random.default_rng(0).uniform(size=(PLACES, 2))
    edges = np.concatenate(
        [Delaunay(place).simplices[:, pair] for pair in ([0, 1], [1, 2], [2, 0])]
    )
    half = csr_array((np.ones(len(edges)), edges.T), shape=(PLACES, PLACES))
    return csr_array((half + half.T) > 0)


def smooth(shape, mesh, seed):
    """Noise (..., places, times) that neighbours share, so that clusters form."""
    x = np.random.default_rng(seed).standard_normal((*shape, PLACES, TIMES))
    weights = mesh.toarray() + 2 * np.eye(PLACES)
    x = np.einsum("pq,...qt->...pt", weights / weights.sum(axis=1, keepdims=True), x)
    return x + np.roll(x, 1, axis=-1)


def clusters_of_mne(values, mesh, threshold, tail):
    """MNE's clusters (as sets of our point numbers) and masses of a map (places, times)."""
    adjacency = _setup_adjacency(coo_matrix(mesh), values.size, TIMES)
    clusters, masses = _find_clusters(
        values.T.ravel(), threshold, tail=tail, adjacency=adjacency, max_step=1
    )
    points = [np.asarray(c).nonzero()[0] if np.asarray(c).dtype == bool else c for c in clusters]
    return {
        frozenset(p % PLACES * TIMES + p // PLACES): m for p, m in zip(points, masses, strict=True)
    }


def clusters_of(result):
    labels = result.labels.ravel()
    return {
        frozenset(np.flatnonzero(labels == row.id)): row.mass
        for row in result.clusters.itertuples()
    }


def assert_same_clusters(ours, theirs):
    assert ours.keys() == theirs.keys()
    assert len(ours) > 1
    for points, mass in ours.items():
        # int32 at a scale of 2^30 is good for 1e-7 of a statistic.
        assert mass == pytest.approx(theirs[points], rel=1e-6)


@pytest.mark.parametrize("levels", [(2, 2), (3,), (2, 3)])
def test_observed_clusters_of_an_anova(levels, mesh):
    factors = {chr(ord("A") + k): level for k, level in enumerate(levels)}
    x = smooth((10, int(np.prod(levels))), mesh, 1)
    for effect in effects_of(factors):
        f, _ = f_mway_rm(x.reshape(*x.shape[:2], -1), list(levels), effects=effect)
        f = f.reshape(PLACES, TIMES)
        result = permutation_test(
            x,
            Within(factors, effect),
            adjacency=mesh,
            threshold={"stat": 2.5},
            permutations=20,
        )
        np.testing.assert_allclose(result.statistic, f, rtol=1e-10)
        assert_same_clusters(clusters_of(result), clusters_of_mne(f, mesh, 2.5, 1))


def test_sides_are_never_joined(mesh):
    x = smooth((10, 2), mesh, 2)
    result = permutation_test(x, Paired(), adjacency=mesh, threshold={"stat": 0.5}, permutations=20)
    theirs = clusters_of_mne(result.statistic, mesh, 0.5, 0)
    assert_same_clusters(clusters_of(result), theirs)
    assert set(result.clusters["sign"]) == {1, -1}
    for row in result.clusters.itertuples():
        inside = result.statistic[result.labels == row.id]
        assert (np.sign(inside) == row.sign).all()


@pytest.mark.parametrize(("tail", "alternative"), [(0, "two-sided"), (1, "greater"), (-1, "less")])
def test_exhaustive_null(tail, alternative, mesh):
    x = smooth((8,), mesh, 3)
    t, _, p, null = spatio_temporal_cluster_1samp_test(
        x.transpose(0, 2, 1),
        threshold=-1.5 if tail < 0 else 1.5,
        tail=tail,
        adjacency=coo_matrix(mesh),
        n_permutations=2**10,
        t_power=1,
        out_type="indices",
        rng=0,
        verbose="error",
    )
    result = permutation_test(
        x,
        OneSample(),
        adjacency=mesh,
        threshold={"stat": 1.5},
        alternative=alternative,
        permutations=2**10,
    )
    assert result.exact and result.null.n == len(null) == (128 if tail == 0 else 256)
    np.testing.assert_allclose(result.statistic, t.T, rtol=1e-10)
    null = np.abs(null)  # MNE keeps the sign of the largest mass
    ours = result.null.mass.max(axis=1)
    if tail == 0:
        np.testing.assert_allclose(np.sort(result.clusters["p"]), np.sort(p))
    else:
        # MNE 1.13 enumerates the identity twice where the test has one side, and leaves out the
        # flip of everyone.
        everyone = (result.prepared.draw(0, 256) == -1).all(axis=1)
        assert everyone.sum() == 1
        ours = np.where(everyone, ours[0], ours)
    np.testing.assert_allclose(np.sort(ours), np.sort(null), rtol=1e-5)


def test_exhaustive_null_on_a_lattice():
    x = np.random.default_rng(4).standard_normal((8, 6, 7))
    x += np.roll(x, 1, axis=1) + np.roll(x, 1, axis=2)
    _, _, p, null = permutation_cluster_1samp_test(
        x,
        threshold=1.2,
        n_permutations=2**10,
        adjacency=None,
        t_power=1,
        rng=0,
        verbose="error",
    )
    result = permutation_test(
        x, OneSample(), adjacency=Lattice((6, 7)), threshold={"stat": 1.2}, permutations=128
    )
    np.testing.assert_allclose(
        np.sort(result.null.mass.max(axis=1)), np.sort(np.abs(null)), rtol=1e-5
    )
    np.testing.assert_allclose(np.sort(result.clusters["p"]), np.sort(p))


def test_maximum_statistic_by_brute_force(mesh):
    x = smooth((7, 3), mesh, 5)
    design = Within({"level": 3}, "level")
    result = permutation_test(x, design, adjacency=mesh, threshold={"p": 0.05}, permutations=64)
    y = design.scores(x)
    maxima = []
    for code in range(64):
        signs = np.array([1.0 - 2 * (code >> k & 1) for k in range(6)] + [1.0])
        flipped = signs[:, None, None, None] * y
        mean = flipped.mean(axis=0)
        error = ((flipped - mean) ** 2).sum(axis=(0, 1)) / 12
        maxima.append((7 * (mean**2).sum(axis=0) / 2 / error).max())
    np.testing.assert_allclose(np.sort(result.null.statistic[:, 0]), np.sort(maxima), rtol=1e-6)
    expected = (np.array(maxima)[:, None, None] >= result.statistic - 1e-9).mean(axis=0)
    np.testing.assert_allclose(result.p_max, expected)
