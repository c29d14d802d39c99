"""Contrasts of conditions: partitioned error against scipy, pooled error against nilearn."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from nilearn.glm import Contrast as NilearnContrast
from nilearn.glm import compute_contrast
from nilearn.glm.first_level import run_glm

from groupwise.errors import InputError
from groupwise.permutation import permutation_test
from groupwise.stats import Contrast, Paired, Within, design_from_dict
from groupwise.stats.linear import pooled_contrast

N, CELLS, POINTS = 12, 9, 40
THREE = np.array([[1, 1, 1, 0, 0, 0, -1, -1, -1], [0, 0, 0, 1, 1, 1, -1, -1, -1]]).T / 3


@pytest.fixture
def x():
    rng = np.random.default_rng(3)
    return rng.normal(size=(N, CELLS, POINTS)) + rng.normal(size=(N, 1, POINTS))


def statistic_of(x, design):
    return permutation_test(x, design, threshold={"p": 0.05}, permutations=20).statistic


def test_t_of_a_contrast_is_scipys(x):
    weights = THREE[:, 0]
    mine = statistic_of(x, Contrast(weights, "famous"))
    expected = scipy.stats.ttest_1samp(np.einsum("c,scp->sp", weights, x), 0).statistic
    np.testing.assert_allclose(mine, expected, rtol=1e-12)
    two = x[:, :2]
    np.testing.assert_array_equal(statistic_of(two, Contrast([1, -1])), statistic_of(two, Paired()))


def test_f_of_a_factor_is_its_anova(x):
    mine = statistic_of(x, Contrast(THREE, "stimulus"))
    expected = statistic_of(x, Within({"stimulus": 3, "seen": 3}, "stimulus"))
    np.testing.assert_allclose(mine, expected, rtol=1e-12)
    mixed = THREE @ [[2.0, 1.0], [0.5, -3.0]]  # the same null hypothesis in other columns
    np.testing.assert_allclose(statistic_of(x, Contrast(mixed)), mine, rtol=1e-12)


@pytest.mark.parametrize("weights", [THREE[:, 0], THREE])
def test_pooled_error_is_nilearns_second_level(x, weights):
    """nilearn's GLM with subjects as regressors, coded so that no column follows from others."""
    mine = statistic_of(x.reshape(N * CELLS, POINTS), pooled_contrast(weights, N))
    condition, subject = np.tile(np.arange(CELLS), N), np.repeat(np.arange(N), CELLS)
    coded = np.eye(N)[:, 1:] - np.eye(N)[:, :1]
    design = pd.DataFrame(np.hstack([np.eye(CELLS)[condition], coded[subject]]))
    labels, estimates = run_glm(x.reshape(N * CELLS, POINTS), design.to_numpy(), "ols")
    padded = np.concatenate([weights, np.zeros((N - 1, *weights.shape[1:]))]).T
    kind = "F" if weights.ndim == 2 else "t"
    theirs = compute_contrast(labels, estimates, padded, stat_type=kind)
    assert isinstance(theirs, NilearnContrast)
    np.testing.assert_allclose(mine, theirs.stat(), rtol=1e-6)


def test_dict_form_and_refusals():
    for weights in (THREE, THREE[:, 0]):
        design = Contrast(weights, "faces")
        assert design_from_dict(design.to_dict()) == design
    for wrong in (np.zeros(3), np.column_stack([THREE, THREE[:, 0]]), [np.nan, 1]):
        with pytest.raises(InputError, match="contrast faces"):
            Contrast(wrong, "faces")
