"""Valid p: exact enumerations, uniform p under the null, family-wise error, power, ties."""

import numpy as np
import pytest
from scipy import stats

from groupwise.permutation import permutation_test
from groupwise.stack.lattice import Lattice
from groupwise.stats import OneSample, Paired, Within


def test_paired_enumeration():
    # Two-sided flips, 6 of 64: a classical example; here 3 of the 32 that are distinct.
    a, b = np.array([4, 7, 8, 6, 3, 2]), np.array([6, 8, 7, 10, 11, 9])
    result = permutation_test(
        np.stack([a, b], axis=1)[:, :, None], Paired(), threshold={"stat": 1}, permutations=10**6
    )
    assert result.statistic[0] == pytest.approx(-2.44451, abs=1e-5)
    assert result.exact and result.null.n == 32
    assert result.p_max[0] == 6 / 64
    row = result.clusters.iloc[0]
    assert (row.p, row.p_low, row.p_high) == (6 / 64, 6 / 64, 6 / 64)
    assert "exact" in result.sentence


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
def test_univariate_p_is_that_of_scipy(alternative):
    x = np.random.default_rng(1).standard_normal(9) + 0.4
    result = permutation_test(
        x[:, None], OneSample(), threshold={"stat": 1}, alternative=alternative, permutations=512
    )
    other = stats.permutation_test(
        (x,),
        lambda v, axis: stats.ttest_1samp(v, 0, axis=axis).statistic,
        permutation_type="samples",
        alternative=alternative,
        n_resamples=np.inf,
        vectorized=True,
    )
    assert result.p_max[0] == pytest.approx(other.pvalue)


def test_ties_of_discrete_data_count():
    """Sums that are equal in the data differ by rounding in fixed point; they are ties all the
    same, for the maximum statistic and for the mass of a cluster."""
    x = np.random.default_rng(2).integers(-3, 5, (9, 4)).astype(float)
    result = permutation_test(x, OneSample(), adjacency=Lattice((4,)), threshold={"stat": 0.05})
    signs = np.array([[1 - 2 * (c >> k & 1) for k in range(8)] + [1] for c in range(256)])
    flipped = signs[:, :, None] * x
    t = np.abs(stats.ttest_1samp(flipped, 0, axis=1).statistic)
    maxima = np.max(t, axis=1)
    expected = [(maxima >= value - 1e-9).mean() for value in t[0]]
    np.testing.assert_allclose(result.p_max, expected)


def test_no_cluster_counts_and_its_null_is_computed():
    x = np.random.default_rng(3).standard_normal((8, 20))
    result = permutation_test(x, OneSample(), adjacency=Lattice((20,)), threshold={"stat": 8})
    assert len(result.clusters) == 0
    assert result.null.n == 128 and (result.null.mass >= 0).all() and result.null.mass[0].max() == 0
    assert "no cluster formed" in result.sentence
    assert not result.maps["significant"].any() and (result.maps["p_cluster"] == 1).all()


def test_p_is_never_zero_and_the_interval_holds_it():
    x = np.random.default_rng(4).standard_normal((20, 30)) + 3
    result = permutation_test(
        x, OneSample(), adjacency=Lattice((30,)), threshold={"p": 0.01}, permutations=200
    )
    row = result.clusters.iloc[0]
    assert row.p == 1 / 200 and not result.exact
    assert row.p_low < row.p < row.p_high
    assert "The mean differs from zero" in result.sentence and "200 of" in result.sentence


def null_data(random, n, cells, points, heavy):
    """Smooth maps without the tested effect, subjects differing a lot."""
    x = (
        random.standard_t(3, (n, cells, points))
        if heavy
        else random.normal(size=(n, cells, points))
    )
    for _ in range(3):
        x = x + np.roll(x, 1, axis=-1)
    return x + 3 * random.standard_normal((n, 1, 1))


@pytest.mark.parametrize("heavy", [False, True])
@pytest.mark.parametrize(
    ("design", "cells"), [(OneSample(), 1), (Within({"a": 3}, "a"), 3)], ids=["t", "F"]
)
def test_family_wise_error(design, cells, heavy):
    random = np.random.default_rng(7)
    runs, false = 200, np.zeros(3)
    for run in range(runs):
        x = null_data(random, 10, cells + (cells == 1), 40, heavy)
        x = x[:, 0] - x[:, 1] if cells == 1 else x
        result = permutation_test(
            x,
            design,
            adjacency=Lattice((40,)),
            threshold={"p": 0.05},
            permutations=100,
            seed=run,
        )
        clusters = result.clusters
        false += [
            len(clusters) > 0 and clusters["p"].min() <= 0.05,
            len(clusters) > 0 and clusters["p_size"].min() <= 0.05,
            result.p_max.min() <= 0.05,
        ]
    # Inside the interval that a rate of .05 has with 200 runs; size is coarse, so it may be low.
    highest = stats.binom.ppf(0.999, runs, 0.05)
    lowest = stats.binom.ppf(0.001, runs, 0.05)
    assert (false <= highest).all()
    assert false[0] >= lowest and false[2] >= lowest


def test_p_is_uniform_under_the_null():
    random = np.random.default_rng(8)
    p = [
        permutation_test(
            random.laplace(size=(12, 8)), OneSample(), permutations=200, seed=k
        ).p_max.min()
        for k in range(300)
    ]
    assert stats.kstest(p, "uniform").pvalue > 0.001


def test_an_interaction_is_found_and_nothing_else():
    """Large main effects do not leak into the interaction's test, nor the other way round."""
    random = np.random.default_rng(9)
    x = null_data(random, 16, 4, 100, False)
    x[:, 2:] += 4  # the first factor, everywhere
    x[:, 3, 40:60] += 6  # second level of both: an interaction there
    factors = {"a": 2, "b": 2}
    found = permutation_test(
        x,
        Within(factors, "a:b"),
        adjacency=Lattice((100,)),
        threshold={"p": 0.01},
        permutations=500,
    )
    assert found.clusters.iloc[0].p <= 0.01
    assert 40 <= found.clusters.iloc[0].peak < 60
    outside = found.maps["significant"].copy()
    outside[36:64] = False
    assert not outside.any()
    assert found.sentence.startswith("The conditions differ in the effect a:b")
