"""Thresholds, corrections and intervals against SciPy."""

import numpy as np
import pytest
from scipy import stats

from groupwise.errors import InputError
from groupwise.stats import (
    OneSample,
    Paired,
    Within,
    bonferroni,
    clopper_pearson,
    cluster_threshold,
    fdr,
    p_of,
)

EFFECT = Within({"a": 3, "b": 2}, "a")


@pytest.mark.parametrize("p", [0.05, 0.001, 1e-6, 1e-12])
def test_threshold_of_a_p(p):
    two, one = (
        cluster_threshold(Paired(), 16, {"p": p}, side) for side in ("two-sided", "greater")
    )
    assert two == pytest.approx(stats.t.isf(p / 2, 15), rel=1e-9)
    assert one == pytest.approx(stats.t.isf(p, 15), rel=1e-9)
    value = cluster_threshold(EFFECT, 16, {"p": p}, "two-sided")
    assert stats.f.sf(value, 2, 30) == pytest.approx(p, rel=1e-9)


def test_p_of_statistics():
    t = np.array([-3.0, 0.0, 2.5, 40.0, np.nan])
    np.testing.assert_allclose(p_of(OneSample(), t, 16, "two-sided"), 2 * stats.t.sf(abs(t), 15))
    np.testing.assert_allclose(p_of(OneSample(), t, 16, "less"), stats.t.cdf(t, 15))
    f = np.array([0.0, 3.0, 50.0, np.nan])
    np.testing.assert_allclose(p_of(EFFECT, f, 16, "two-sided"), stats.f.sf(f, 2, 30))


@pytest.mark.parametrize(
    "threshold", [{}, {"p": 0.1, "stat": 2}, {"p": 0}, {"p": 1.5}, {"stat": -1}, {"z": 3}]
)
def test_unusable_thresholds(threshold):
    with pytest.raises(InputError, match="cluster threshold"):
        cluster_threshold(OneSample(), 10, threshold, "two-sided")


def test_an_f_has_no_side():
    with pytest.raises(InputError, match="no direction"):
        cluster_threshold(EFFECT, 10, {"p": 0.01}, "greater")
    with pytest.raises(InputError, match="unknown"):
        cluster_threshold(EFFECT, 10, {"p": 0.01}, "both")


def test_fdr_is_that_of_scipy():
    p = np.random.default_rng(0).uniform(size=(20, 10)) ** 3
    np.testing.assert_allclose(
        fdr(p), stats.false_discovery_control(p.ravel(), method="bh").reshape(p.shape)
    )
    p[3] = np.nan
    assert np.isnan(fdr(p)[3]).all()
    kept = p[~np.isnan(p)]
    np.testing.assert_allclose(fdr(p)[~np.isnan(p)], stats.false_discovery_control(kept))
    np.testing.assert_allclose(bonferroni(p)[~np.isnan(p)], np.minimum(kept * 190, 1))


def test_interval_is_that_of_scipy():
    for count in (0, 1, 7, 99, 100):
        exact = stats.binomtest(count, 100).proportion_ci(0.95, "exact")
        np.testing.assert_allclose(clopper_pearson(count, 100), exact, atol=1e-12)
