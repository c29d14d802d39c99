"""The repeated-measures ANOVA against published tables and against MNE."""

import numpy as np
import pytest
from mne.stats import f_mway_rm
from scipy import stats

from groupwise.errors import InputError
from groupwise.stats import (
    OneSample,
    Paired,
    Within,
    design_from_dict,
    effects_of,
    f_of_scores,
    floor_of,
    rm_anova,
    t_of_scores,
)
from groupwise.stats.contrasts import effect_contrasts

# Maxwell and Delaney, Designing Experiments and Analyzing Data, Table 12.1; columns: noise absent
# at 0, 4, 8 degrees, noise present at 0, 4, 8 degrees. F, p and the Greenhouse-Geisser epsilon are
# the book's; Huynh-Feldt's follow from them.
MAXWELL_DELANEY = np.array(
    [
        [420, 420, 480, 480, 600, 780],
        [420, 480, 480, 360, 480, 600],
        [480, 480, 540, 660, 780, 780],
        [420, 540, 540, 480, 780, 900],
        [540, 660, 540, 480, 660, 720],
        [360, 420, 360, 360, 480, 540],
        [480, 480, 600, 540, 720, 840],
        [480, 600, 660, 540, 720, 900],
        [540, 600, 540, 480, 720, 780],
        [480, 420, 540, 540, 660, 780],
    ],
    dtype=float,
)

# R's ezANOVA as quoted by the test-suite of statsmodels (test_anova_rm.py): 8 subjects; the
# factors A (2 levels), B (3), D (2), D varying slowest, then A, then B.
EZ = np.array(
    [
        [7, 3, 6, 6, 5, 8, 6, 7],
        [7, 11, 9, 11, 10, 10, 11, 11],
        [8, 14, 10, 11, 12, 10, 11, 12],
        [16, 7, 11, 9, 10, 11, 8, 8],
        [16, 10, 13, 10, 10, 14, 11, 12],
        [24, 29, 10, 22, 25, 28, 22, 24],
        [1, 3, 5, 8, 3, 5, 6, 8],
        [9, 18, 19, 1, 12, 15, 2, 3],
        [3, 4, 13, 21, 2, 11, 18, 2],
        [12, 7, 12, 3, 19, 1, 4, 13],
        [13, 14, 3, 4, 8, 19, 21, 2],
        [4, 9, 12, 2, 5, 8, 2, 4],
    ],
    dtype=float,
).T


def test_maxwell_and_delaney():
    table = rm_anova(MAXWELL_DELANEY, {"noise": 2, "angle": 3})
    assert table.index.tolist() == ["noise", "angle", "noise:angle"]
    np.testing.assert_allclose(table["F"], [33.766, 40.719, 45.310], rtol=2e-5)
    assert table[["df1", "df2"]].to_numpy().tolist() == [[1, 9], [2, 18], [2, 18]]
    np.testing.assert_allclose(table["p"], [2.560e-4, 2.087e-7, 9.424e-8], rtol=2e-4)
    np.testing.assert_allclose(table["eps_gg"], [1, 0.96164, 0.90398], rtol=1e-5)
    np.testing.assert_allclose(table["eps_hf"][1:], [1.217564, 1.117870], rtol=1e-5)
    np.testing.assert_allclose(table["p_gg"][1:], [3.402e-7, 3.454e-7], rtol=2e-4)
    np.testing.assert_allclose(table["p_hf"], table["p"])  # epsilon above 1 corrects nothing


def test_spss():
    # SPSS, quoted by the test-suite of MNE-Python (tests/test_parametric.py).
    x = np.random.RandomState(42).standard_normal(120).reshape(20, 6)
    table = rm_anova(x, {"A": 2, "B": 3})
    np.testing.assert_allclose(table["F"], [2.567619, 0.24006, 1.756380], rtol=1e-4)
    np.testing.assert_allclose(table["p"], [0.12557, 0.78776, 0.1864], rtol=3e-4)


def test_ezanova_one_factor():
    table = rm_anova(EZ[:, :2], {"B": 2})
    np.testing.assert_allclose(table.loc["B", ["F", "p"]].astype(float), [22.4, 0.002125452])


def test_ezanova_two_factors():
    table = rm_anova(EZ[:, :6], {"A": 2, "B": 3})
    np.testing.assert_allclose(table["F"], [40.14159, 29.21739, 17.10545], rtol=1e-6)
    np.testing.assert_allclose(table["p"], [3.905263e-4, 1.007549e-5, 1.741322e-4], rtol=1e-6)
    np.testing.assert_allclose(table["eps_gg"][1:], [0.56778, 0.61626], rtol=1e-5)


def test_ezanova_three_factors():
    table = rm_anova(EZ, {"D": 2, "A": 2, "B": 3})
    order = ["A", "B", "D", "A:B", "D:A", "D:B", "D:A:B"]
    np.testing.assert_allclose(
        table.loc[order, "F"],
        [8.7650709, 8.4985785, 20.5076546, 0.8457797, 21.7593382, 6.2416695, 5.4253359],
        rtol=1e-7,
    )
    np.testing.assert_allclose(
        table.loc[order, "p"],
        [0.021087505, 0.003833921, 0.002704428, 0.450021759, 0.002301792, 0.011536846, 0.018010647],
        rtol=1e-6,
    )


@pytest.mark.parametrize("levels", [(2,), (3,), (5,), (2, 2), (2, 3), (4, 3), (2, 2, 2), (3, 2, 4)])
@pytest.mark.parametrize("n", [5, 12])
def test_equal_to_mne(levels, n):
    random = np.random.default_rng(len(levels) * n)
    x = random.standard_normal((n, int(np.prod(levels)), 40))
    factors = {chr(ord("A") + k): level for k, level in enumerate(levels)}
    table = rm_anova(x, factors)
    for effect in effects_of(factors):
        f, p = f_mway_rm(x, list(levels), effects=effect)
        np.testing.assert_allclose(table.loc[effect, "F"], f, rtol=1e-10)
        np.testing.assert_allclose(table.loc[effect, "p"], p, rtol=1e-9)
    # MNE's corrected p are no reference: its epsilon comes from scores that are not centred.


def test_t_is_that_of_scipy():
    x = np.random.default_rng(1).standard_normal((9, 2, 30))
    np.testing.assert_allclose(
        t_of_scores(OneSample().scores(x[:, :1])), stats.ttest_1samp(x[:, 0], 0).statistic
    )
    np.testing.assert_allclose(
        t_of_scores(Paired().scores(x)), stats.ttest_rel(x[:, 0], x[:, 1]).statistic
    )
    two = Within({"side": 2}, "side")
    np.testing.assert_allclose(f_of_scores(two.scores(x)), t_of_scores(Paired().scores(x)) ** 2)


def test_points_that_can_not_be_tested_are_nan():
    x = np.random.default_rng(2).standard_normal((6, 4, 3))
    x[:, :, 1] = 0.1
    x[2, 3, 2] = np.inf
    table = rm_anova(x, {"a": 2, "b": 2})
    for name in ("F", "p", "eps_gg", "p_gg"):
        assert np.isnan(table.loc["a:b", name]).tolist() == [False, True, True]


def test_contrasts_are_orthonormal_and_complete():
    factors = {"a": 3, "b": 2, "c": 4}
    every = np.hstack([effect_contrasts(factors, effect) for effect in effects_of(factors)])
    assert every.shape == (24, 23)
    np.testing.assert_allclose(every.T @ every, np.eye(23), atol=1e-12)
    np.testing.assert_allclose(every.sum(axis=0), 0, atol=1e-12)


def test_designs_are_comparable_and_have_a_dict_form():
    design = Within({"modality": 2, "side": 2}, "side:modality")
    assert design.effect == "modality:side"
    assert design == Within({"modality": 2, "side": 2}, "modality:side")
    assert design != Within({"side": 2, "modality": 2}, "modality:side")  # other cells
    for one in (design, OneSample(), Paired()):
        assert design_from_dict(one.to_dict()) == one
        assert len({one, design_from_dict(one.to_dict())}) == 1


def test_wrong_designs_are_refused():
    with pytest.raises(InputError, match="did you mean 'modality:side'"):
        Within({"modality": 2, "side": 2}, "modalty:side")
    with pytest.raises(InputError, match="fewer than two"):
        Within({"side": 1}, "side")
    with pytest.raises(InputError, match="4 cells"):
        Within({"a": 2, "b": 2}, "a").scores(np.zeros((5, 3, 2)))
    with pytest.raises(InputError, match="unknown"):
        design_from_dict({"design": "Without"})


def test_smallest_p_is_known_before_any_work():
    assert floor_of(Within({"a": 2, "b": 2}, "a:b"), 8) == (128, 1 / 128)
    assert floor_of(OneSample(), 4) == (8, 1 / 8)
    assert floor_of(OneSample(), 4, "greater") == (16, 1 / 16)
