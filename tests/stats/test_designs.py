"""Every design against refits of its model, enumeration, and other software's statistics."""

from itertools import combinations, permutations, product

import numpy as np
import pytest
from nilearn.glm import OLSModel
from scipy import sparse, stats

from groupwise.errors import InputError
from groupwise.permutation import permutation_test
from groupwise.permutation.blocks import run_block
from groupwise.permutation.prepare import prepare
from groupwise.permutation.prepared import Prepared
from groupwise.permutation.reference import reference_block
from groupwise.permutation.statistic import compute_statistics
from groupwise.stack.lattice import Lattice
from groupwise.stats import (
    GLM,
    Between,
    Mixed,
    OneSample,
    Regression,
    TwoSample,
    Within,
    design_from_dict,
    floor_of,
    pooled_model,
)
from groupwise.stats.linear import pooled_anova

RNG = np.random.default_rng(11)
AGE = RNG.normal(30, 8, 12)
SCORE = AGE * 0.3 + RNG.normal(0, 2, 12)
GROUPS = ["b", "a", "a", "c", "b", "a", "c", "c", "a", "b", "b", "c"]
TWO = ["p", "c", "c", "p", "c", "c", "p", "c", "p", "c", "c"]
POOLED, BLOCKS = pooled_model(5, 4)
UNBALANCED = np.c_[POOLED, np.random.default_rng(5).normal(size=20)]
CELLS = {
    "two-sample": (TwoSample(TWO), 1),
    "two-sample-welch": (TwoSample(TWO, variances="unequal"), 1),
    "two-sample-paired": (TwoSample(TWO, weights=(1, -1)), 2),
    "between": (Between(GROUPS), 1),
    "mixed-group": (Mixed(GROUPS, {"a": 3}, "group"), 3),
    "mixed-within": (Mixed(GROUPS, {"a": 3}, "a"), 3),
    "mixed-interaction": (Mixed(GROUPS, {"a": 2, "b": 3}, "group:b"), 6),
    "regression": (Regression({"age": AGE, "score": SCORE}, "score"), 1),
    "regression-one": (Regression({"age": AGE}, "age"), 1),
    "regression-joint": (Regression({"age": AGE, "score": SCORE}, "age+score"), 1),
    "regression-intercept": (Regression({"age": AGE}, "intercept"), 1),
    "glm-t": (GLM(POOLED, [1, 1, -1, -1] + [0] * 5, blocks=BLOCKS), 1),
    "glm-f": (GLM(POOLED, np.eye(9)[:, :3] - np.eye(9)[:, [3]], blocks=BLOCKS), 1),
    "glm-covariate": (GLM(UNBALANCED, [1, 0, 0, -1] + [0] * 6, blocks=BLOCKS), 1),
}


def maps_of(name, points=40, seed=0):
    design, cells = CELLS[name]
    return design, np.random.default_rng(seed).standard_t(4, (design.n, cells, points)) + 0.2


def refit(design, x, draw):
    """Freedman and Lane by refitting: permute the reduced model's residuals, add the fit, regress.

    In textbook matrices, one permutation and component at a time.
    """
    matrix, contrast, _ = design.model()
    contrast = contrast.reshape(len(matrix[0]), -1)
    # A basis of the parameters that the contrast does not see.
    reduced = matrix @ np.linalg.svd(contrast.T)[2][np.linalg.matrix_rank(contrast) :].T
    hat_z, hat_m = reduced @ np.linalg.pinv(reduced), matrix @ np.linalg.pinv(matrix)
    df1, df2 = design.df(len(matrix))
    explained, error = 0, 0
    for y in design.scores(x).swapaxes(0, 1):
        fitted = hat_z @ y
        moved = fitted + draw @ (y - fitted)
        full = moved - hat_m @ moved
        small = moved - hat_z @ moved
        explained = explained + (small**2).sum(axis=0) - (full**2).sum(axis=0)
        error = error + (full**2).sum(axis=0)
        slope = contrast[:, 0] @ np.linalg.pinv(matrix) @ moved
    f = (explained / df1) / (error / df2)
    return np.sign(slope) * np.sqrt(np.maximum(f, 0)) if design.statistic == "t" else f


def matrices(prepared, stop):
    """The permutation (or flip) matrices of a prepared effect, from its draws."""
    draw = prepared.draw(0, stop)
    if prepared.flips:
        return [np.diag(signs) for signs in draw]
    if prepared.kind == "signs":  # the labels of two groups
        types = np.where(prepared.coefficients[:, 0] > 0, 1, -1)[prepared.types]
        draw, prepared_types = draw, types
    else:
        prepared_types = prepared.types
    found = []
    for row in draw:
        # Place i has the model row of type row[i]: a data row i goes where that model row is.
        moved = np.zeros((len(row), len(row)))
        for block in np.unique(prepared.blocks):
            free = [i for i in range(len(row)) if prepared.blocks[i] == block]
            for i in np.flatnonzero(prepared.blocks == block):
                target = next(k for k in free if prepared_types[k] == row[i])
                free.remove(target)
                moved[target, i] = 1
        found.append(moved)
    return found


@pytest.mark.parametrize("name", [name for name in CELLS if "welch" not in name])
def test_resampled_statistics_are_those_of_refitted_models(name):
    design, x = maps_of(name)
    prepared = prepare(x, design, sparse.csr_array((40, 40)), threshold={"stat": 1}, seed=5)
    stop = min(60, prepared.resampling.distinct)
    ours = compute_statistics(prepared, prepared.draw(0, stop))
    expected = np.array([refit(design, x, moved) for moved in matrices(prepared, stop)])
    np.testing.assert_allclose(ours, expected, rtol=2e-5, atol=2e-6)
    np.testing.assert_allclose(prepared.observed["statistic"], expected[0], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("alternative", ["two-sided", "greater"])
def test_kernels_give_the_bytes_of_the_reference_implementation(name, alternative, tmp_path):
    design, x = maps_of(name, points=700)
    if design.statistic == "F" and alternative != "two-sided":
        return
    x[:, :, 3] = 0
    prepared = prepare(
        x,
        design,
        Lattice((700,)).adjacency(),
        threshold=[{"p": 0.05}, {"p": 0.3}],
        alternative=alternative,
        seed=3,
    )
    stop = min(400, prepared.resampling.distinct)
    plain = reference_block(prepared, 0, stop)
    prepared.save(tmp_path)
    for block in (
        run_block(prepared, 0, stop),
        run_block(Prepared.load(tmp_path), 0, stop, threads=2, batch=150),
    ):
        for array in ("statistic", "mass", "size"):
            assert getattr(block, array).tobytes() == getattr(plain, array).tobytes(), array
    assert (prepared.kind == "welch") == ("welch" in name)


def test_welch_is_that_of_scipy_for_all_splits():
    x = np.random.default_rng(2).gamma(1.0, size=(7, 3)) + np.arange(3)
    groups = np.array(["u", "v", "v", "u", "v", "u", "u"])
    result = permutation_test(
        x, TwoSample(groups, variances="unequal"), threshold={"stat": 2}, permutations=1000
    )
    assert result.exact and result.null.n == 35

    def welch(one, two):
        return stats.ttest_ind(one, two, equal_var=False).statistic

    observed = welch(x[groups == "u"], x[groups == "v"])
    np.testing.assert_allclose(result.statistic, observed, rtol=1e-10)
    every = np.array(
        [welch(x[list(c)], np.delete(x, list(c), 0)) for c in combinations(range(7), 4)]
    )
    largest = np.abs(every).max(axis=1)
    np.testing.assert_allclose(
        np.sort(result.null.statistic.max(axis=1)), np.sort(largest), rtol=1e-6
    )
    p = stats.ttest_ind(x[groups == "u"], x[groups == "v"], equal_var=False).pvalue
    np.testing.assert_allclose(result.maps["p_uncorrected"], p, rtol=1e-8)


def test_two_groups_of_six_enumerated():
    """STATISTICS of a textbook pair of groups: 30 of all 924 splits reach the difference."""
    x = np.array([4, 7, 8, 6, 3, 2, 6, 8, 7, 10, 11, 9.0])
    design = TwoSample(["a"] * 6 + ["b"] * 6)
    result = permutation_test(x[:, None], design, threshold={"stat": 1}, permutations=5000)
    assert result.exact and result.null.n == 924
    assert result.p_max[0] == 30 / 924
    assert result.statistic[0] == pytest.approx(stats.ttest_ind(x[:6], x[6:]).statistic, rel=1e-12)


def test_discrete_ties_count_in_a_regression():
    """All 120 orders of five subjects: exact p of a slope, ties included, by enumeration."""
    x, age = np.array([1.0, 3, 2, 5, 4]), np.array([10.0, 20, 30, 40, 50])
    result = permutation_test(
        x[:, None], Regression({"age": age}, "age"), permutations=500, alpha=1
    )
    slopes = [abs(np.corrcoef(age, x[list(o)])[0, 1]) for o in permutations(range(5))]
    expected = np.mean(np.array(slopes) >= abs(np.corrcoef(age, x)[0, 1]) - 1e-12)
    assert result.exact and result.null.n == 120
    assert result.p_max[0] == pytest.approx(expected)
    fit = stats.linregress(age, x)
    assert result.statistic[0] == pytest.approx(fit.slope / fit.stderr, rel=1e-10)
    assert result.maps["p_uncorrected"][0] == pytest.approx(fit.pvalue, rel=1e-8)


def test_parametric_values_of_regression_and_glm_are_those_of_nilearn():
    design, x = maps_of("regression")
    fit = OLSModel(np.c_[np.ones(12), AGE, SCORE]).fit(x[:, 0]).Tcontrast([0, 0, 1])
    result = permutation_test(x[:, 0], design, permutations=100)
    np.testing.assert_allclose(result.statistic, fit.t.ravel(), rtol=1e-9)
    p = 2 * stats.t.sf(np.abs(fit.t.ravel()), 9)
    np.testing.assert_allclose(result.maps["p_uncorrected"], p, rtol=1e-8)
    design, x = maps_of("glm-f")
    contrast = (np.eye(9)[:, :3] - np.eye(9)[:, [3]]).T
    # Of collinear columns nilearn counts all; without one of them the model is the same.
    fit = OLSModel(POOLED[:, :-1]).fit(x[:, 0]).Fcontrast(contrast[:, :-1])
    result = permutation_test(x[:, 0], design, permutations=100)
    np.testing.assert_allclose(result.statistic, fit.F.ravel(), rtol=1e-9)
    assert design.df(20) == (3, 20 - 8)


def test_mixed_effects_of_a_published_kind_are_those_of_sums_of_squares():
    """Balanced groups: textbook sums of squares of a split-plot design."""
    rng = np.random.default_rng(8)
    x = rng.normal(size=(9, 4, 1)) + rng.normal(size=(9, 1, 1))
    groups = np.repeat(["a", "b", "c"], 3)
    y = x[:, :, 0]
    means = np.array([y[groups == g].mean(axis=0) for g in "abc"])  # group x cell
    grand, subjects = y.mean(), y.mean(axis=1)
    by_group = means.mean(axis=1)
    ss_group = 12 * ((by_group - grand) ** 2).sum()
    ss_subject = 4 * ((subjects - np.repeat(by_group, 3)) ** 2).sum()
    cells = means.mean(axis=0)
    ss_cell = 9 * ((cells - grand) ** 2).sum()
    ss_both = 3 * ((means - by_group[:, None] - cells + grand) ** 2).sum()
    ss_error = ((y - subjects[:, None] - np.repeat(means - by_group[:, None], 3, 0)) ** 2).sum()
    expected = {
        "group": (ss_group / 2) / (ss_subject / 6),
        "a": (ss_cell / 3) / (ss_error / 18),
        "group:a": (ss_both / 6) / (ss_error / 18),
    }
    for effect, f in expected.items():
        design = Mixed(groups, {"a": 4}, effect)
        result = permutation_test(x, design, permutations=50)
        assert result.statistic[0] == pytest.approx(f, rel=1e-10), effect
    assert Mixed(groups, {"a": 4}, "group:a").df(9) == (6, 18)


def test_mixed_of_two_groups_and_two_conditions_is_a_two_sample_test_of_differences():
    design, x = maps_of("two-sample-paired")
    t = permutation_test(x, design, permutations=10**6, threshold={"stat": 2})
    f = permutation_test(
        x, Mixed(TWO, {"a": 2}, "group:a"), permutations=10**6, threshold={"stat": 4}
    )
    assert t.exact and f.exact and t.null.n == f.null.n == 330
    np.testing.assert_allclose(f.statistic, t.statistic**2, rtol=1e-9)
    np.testing.assert_array_equal(f.p_max, t.p_max)


def test_a_between_of_two_groups_is_the_square_of_the_pooled_t():
    x = np.random.default_rng(3).normal(size=(11, 50))
    t = permutation_test(x, TwoSample(TWO), permutations=400)
    f = permutation_test(x, Between(TWO), permutations=400)
    np.testing.assert_allclose(f.statistic, t.statistic**2, rtol=1e-9)
    other = permutation_test(x, TwoSample(TWO, ["p", "c"]), permutations=400)
    np.testing.assert_allclose(other.statistic, -t.statistic, rtol=1e-12)


def test_pooled_permutation_t_is_the_parametric_t_of_its_identity():
    rng = np.random.default_rng(1)
    matrix, blocks = pooled_model(16, 9)
    contrast = np.r_[np.full(6, 1 / 6), np.full(3, -1 / 3), np.zeros(16)]
    design = GLM(matrix, contrast, blocks=blocks, name="faces > scrambled")
    x = rng.normal(size=(144, 30)) + rng.normal(size=(16, 30)).repeat(9, axis=0)
    result = permutation_test(x, design, permutations=20)
    assert design.df(144) == (1, 120)
    fit = OLSModel(matrix[:, :-1]).fit(x).Tcontrast(contrast[:-1])  # without the collinear column
    np.testing.assert_allclose(result.statistic, fit.t.ravel(), rtol=1e-9)


def test_blocks_of_a_glm_never_mix():
    prepared = prepare(
        np.random.default_rng(0).normal(size=(20, 1, 3)),
        CELLS["glm-covariate"][0],
        sparse.csr_array((3, 3)),
        threshold={"stat": 1},
    )
    draw = prepared.draw(0, 500)
    home = prepared.blocks[np.argsort(prepared.types)]  # every row is a type of its own here
    assert (home[draw] == prepared.blocks).all()
    assert (draw[0] == prepared.types).all() and len(np.unique(draw, axis=0)) == 500


@pytest.mark.parametrize("name", CELLS)
def test_dict_forms(name):
    design = CELLS[name][0]
    again = design_from_dict(design.to_dict())
    assert again == design and hash(again) == hash(design)
    assert design.claim


def test_resamplings_are_counted():
    assert floor_of(TwoSample(TWO), 11)[0] == 330
    assert floor_of(Between(GROUPS), 12)[0] == 34650
    assert floor_of(Regression({"age": AGE}, "age"), 12)[0] == 479001600
    assert floor_of(Mixed(GROUPS, {"a": 3}, "a"), 12)[0] == 2**11
    assert floor_of(CELLS["glm-f"][0], 20)[0] == 24**5


@pytest.mark.parametrize("hat", [1e-3, {"absolute": 0.4}, 2.0])
@pytest.mark.parametrize("design", [OneSample(), TwoSample(TWO)])
def test_hat_of_every_permutation(hat, design):
    """The variance of each permuted data set, regularised by its own largest one."""
    rng = np.random.default_rng(6)
    x = rng.normal(size=(11, 300)) * rng.gamma(1.0, size=300) + 0.1
    adjacency = Lattice((300,)).adjacency()
    prepared = prepare(x[:, None], design, adjacency, threshold={"stat": 1.5}, hat=hat, seed=2)
    draw = prepared.draw(0, 200)
    ours = compute_statistics(prepared, draw)
    for signs, found in zip(draw, ours, strict=True):
        if isinstance(design, OneSample):
            moved = x * signs[:, None]
            mean, variance, share = moved.mean(axis=0), moved.var(axis=0, ddof=1), 1 / 11
        else:
            one, two = x[signs > 0], x[signs < 0]
            mean = one.mean(axis=0) - two.mean(axis=0)
            squares = ((one - one.mean(axis=0)) ** 2).sum(axis=0)
            variance = (squares + ((two - two.mean(axis=0)) ** 2).sum(axis=0)) / 9
            share = 1 / len(one) + 1 / len(two)
        more = hat["absolute"] if isinstance(hat, dict) else hat * variance.max()
        np.testing.assert_allclose(
            found, mean / np.sqrt((variance + more) * share), rtol=2e-5, atol=1e-6
        )
    np.testing.assert_allclose(prepared.observed["statistic"], ours[0], rtol=1e-5, atol=1e-6)
    plain, block = reference_block(prepared, 0, 330), run_block(prepared, 0, 330, batch=100)
    for array in ("statistic", "mass", "size"):
        assert getattr(block, array).tobytes() == getattr(plain, array).tobytes(), array


def test_hat_is_that_of_mne():
    from mne.stats import ttest_1samp_no_p, ttest_ind_no_p

    x = np.random.default_rng(1).normal(size=(11, 60)) * np.linspace(0.1, 5, 60)
    for hat, how in ((1e-3, "relative"), (0.3, "absolute")):
        result = permutation_test(x, OneSample(), hat={how: hat}, permutations=50)
        np.testing.assert_allclose(
            result.statistic, ttest_1samp_no_p(x, sigma=hat, method=how), rtol=1e-9
        )
        one = np.array(TWO) == "c"
        result = permutation_test(x, TwoSample(TWO), hat={how: hat}, permutations=50)
        if how == "absolute":
            continue
        np.testing.assert_allclose(
            result.statistic, ttest_ind_no_p(x[one], x[~one], sigma=hat), rtol=1e-9
        )


@pytest.mark.parametrize(
    ("create", "message"),
    [
        (lambda: TwoSample(["a", "b", "c"]), "two groups"),
        (lambda: TwoSample(["a", "a"]), "two or more different"),
        (lambda: TwoSample(["a", "b"], ["a", "d"]), "subject 1 has group 'b'"),
        (lambda: TwoSample(["a", "b", "b"], variances="unequal"), "has one subject"),
        (lambda: TwoSample(TWO).df(12), "11 rows, but the maps have 12"),
        (lambda: Regression({"age": [1, np.nan, 3]}, "age"), "subject 1 has no finite"),
        (lambda: Regression({"age": [1, 2, 3]}, "aeg"), "'aeg' is not a covariate"),
        (lambda: Regression({"age": [1, 2], "b": [1, 2, 3]}, "age"), "different numbers of values"),
        (lambda: Regression({"a": [1, 2, 3, 4], "b": [2, 4, 6, 8]}, "a").df(4), "collinear"),
        (lambda: Regression({"a": [1, 2, 4]}, "a").model() and Regression(
            {"a": [1, 2, 4], "b": [0, 1, 0]}, "a").df(3), "no degree of freedom"),
        (lambda: GLM(POOLED, [1, 0, 0, 0] + [0] * 5, blocks=BLOCKS), "cannot be estimated"),
        (lambda: GLM(POOLED, [1, -1]), "one weight for each column"),
        (lambda: Mixed(GROUPS, {"group": 2}, "group"), "both called"),
        (lambda: Mixed(GROUPS, {"a": 2}, "grup:a"), "did you mean"),
        (lambda: permutation_test(np.ones((4, 3)), OneSample(), hat=-1), "hat relative"),
        (lambda: permutation_test(np.ones((4, 2, 3)), Within({"a": 2}, "a"), hat=1), "pooled"),
    ],
)  # fmt: skip
def test_impossible_designs_are_refused(create, message):
    with pytest.raises(InputError, match=message):
        create()


def test_subjects_that_do_not_vary_are_excluded():
    x = np.random.default_rng(0).normal(size=(11, 4))
    x[:, 1] = 7.0  # the same in all: nothing that groups could differ in
    x[2, 3] = np.nan
    for design in (TwoSample(TWO), Between(TWO), TwoSample(TWO, variances="unequal")):
        result = permutation_test(x, design, permutations=50)
        assert np.isnan(result.p_max).tolist() == [False, True, False, True]
        assert (result.prepared.not_finite, result.prepared.no_variation) == (1, 1)


def test_a_map_without_data_is_refused():
    x = np.random.default_rng(0).normal(size=(6, 2, 30))
    x[2, 1] = 0
    x[4] = 0
    with pytest.raises(InputError) as caught:
        permutation_test(x, Within({"a": 2}, "a"), permutations=10)
    assert [f[:25] for f in caught.value.findings[:3]] == [
        "map 2 of subject 3 (in th", "map 1 of subject 5 (in th", "map 2 of subject 5 (in th",
    ]  # fmt: skip


def test_all_orders_of_blocks_once():
    matrix, blocks = pooled_model(3, 3)
    design = GLM(matrix, [1, -1, 0, 0, 0, 0], blocks=blocks)
    x = np.random.default_rng(4).normal(size=(9, 2))
    result = permutation_test(x, design, permutations=1000, threshold={"stat": 1})
    assert result.exact and result.null.n == 6**3
    largest = []
    for orders in product(list(permutations(range(3))), repeat=3):
        moved = np.zeros((9, 9))
        for block, order in enumerate(orders):
            for k, other in enumerate(order):
                moved[3 * block + k, 3 * block + other] = 1
        largest.append(np.abs(refit(design, x[:, None], moved)).max())
    np.testing.assert_allclose(
        np.sort(result.null.statistic.max(axis=1)), np.sort(largest), rtol=1e-5
    )


def test_pooled_errors_have_the_epsilon_of_the_partitioned_design():
    """Of one factor: errors of the pooled model are those of the repeated-measures design."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((10, 4, 20)) * np.array([1, 1, 1, 4])[:, None]
    adjacency = Lattice((20,)).adjacency()
    pooled = pooled_anova({"a": 4}, "a", 10)
    one = prepare(x.reshape(40, 1, 20), pooled, adjacency, threshold={"p": 0.01})
    other = prepare(x, Within({"a": 4}, "a"), adjacency, threshold={"p": 0.01})
    np.testing.assert_allclose(one.observed["eps_gg"], other.observed["eps_gg"], rtol=1e-12)
    assert one.observed["eps_gg"].max() < 0.6
    two = pooled_anova({"a": 2}, "a", 10)
    plain = prepare(x[:, :2].reshape(20, 1, 20), two, adjacency, threshold={"p": 0.01})
    assert "eps_gg" not in plain.observed, "two conditions are always spherical"
