"""Effect sizes and their intervals, against published numbers and by coverage."""

import numpy as np
import pytest
import scipy.stats

from groupwise.stats.effect_sizes import cohens_d, partial_eta_squared


def test_d_is_that_of_r_effectsize():
    """t_to_d(4, 68) in the test-suite of R's effectsize: 0.970 [0.464, 1.469]."""
    size = cohens_d(4, 68, 2 / np.sqrt(68))
    np.testing.assert_allclose(size, (0.970, 0.464, 1.469), atol=6e-4)
    np.testing.assert_allclose(cohens_d(-4, 68, 1.0), -np.array(cohens_d(4, 68, 1.0))[[0, 2, 1]])


@pytest.mark.parametrize(
    ("eta", "df1", "df2", "low", "high"),
    [(0.15, 2, 57, 0.0102, 0.3008), (0.241, 3, 116, 0.1040229, 0.3493431)],
)
def test_eta_squared_is_that_of_r_statpsych(eta, df1, df2, low, high):
    """The examples of ci.etasqr in R's statpsych (Bonett 2021)."""
    f = eta / (1 - eta) * df2 / df1
    np.testing.assert_allclose(partial_eta_squared(f, df1, df2), (eta, low, high), atol=2e-4)


def test_noncentralities_at_90_percent_are_those_of_r_effectsize():
    """F_to_eta2(4, 3, 123) in its test-suite: 0.089 [0.014, 0.163]; it divides by df2, not by N."""
    size, *ends = partial_eta_squared(4, 3, 123, level=0.9)
    noncentral = np.array(ends) / (1 - np.array(ends)) * 127
    found = [size, *(noncentral / (noncentral + 123))]
    np.testing.assert_allclose(found, (0.089, 0.014, 0.163), atol=6e-4)


def test_small_statistics_have_a_lower_end_of_zero():
    assert partial_eta_squared(0.5, 2, 30)[1] == 0
    assert partial_eta_squared(1e-4, 2, 30)[1:] == (0, 0)
    low, high = cohens_d(0, 11, 12**-0.5)[1:]
    assert low == pytest.approx(-high) and high > 0


def test_interval_of_d_covers_the_truth():
    rng, n, true, covered = np.random.default_rng(0), 12, 0.8, 0
    for _ in range(1000):
        t = scipy.stats.ttest_1samp(rng.normal(true, 1, n), 0).statistic
        _, low, high = cohens_d(t, n - 1, n**-0.5)
        covered += low <= true <= high
    assert abs(covered - 950) <= 3 * np.sqrt(1000 * 0.95 * 0.05)
