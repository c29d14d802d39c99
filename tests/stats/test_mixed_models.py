"""Mixed models of tables: published coefficients, statsmodels, and the checks of fits."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from groupwise.errors import InputError
from groupwise.stats.mixed_models import (
    add_participant_columns,
    describe_model_columns,
    family_of,
    fit_mixed,
    fit_robust,
    levels_of,
    model_cautions,
    model_table,
)
from tests.stats.tapping import tapping

#: The tutorial's coefficients of these cells, as printed.
PUBLISHED = [-0.281, -0.783, 1.960, 9.629, 9.264, 3.497]
FORMULA = "theta ~ -1 + ROI:Condition:Chroma"
WHOLE = {
    "formula": FORMULA,
    "where": {},
    "by": [],
    "estimator": "mixed",
    "groups": "ID",
    "random": "1",
    "optimizers": ["lbfgs", "bfgs", "cg", "powell", "nm"],
    "alpha": 0.05,
}


def simulated(seed=0, people=12, spread=1.0, rows=8) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "ID": np.repeat([f"{k:02d}" for k in range(people)], rows),
            "x": rng.normal(size=people * rows),
            "Chroma": np.tile(["hbo", "hbr"], people * rows // 2),
        }
    )
    own = np.repeat(rng.normal(0, spread, people), rows) if spread else 0.0
    return table.assign(theta=0.5 * table["x"] + own + rng.normal(size=len(table)))


@pytest.mark.parametrize("estimator", ["mixed", "gee"])
def test_published_coefficients(estimator):
    found = model_table(tapping(), **WHOLE | {"estimator": estimator})
    order = found.sort_values(["Condition", "ROI"])
    np.testing.assert_allclose(order["estimate"].round(3), PUBLISHED, atol=1e-9)
    assert set(order["verdict"]) == {"converged"}
    assert list(order["participants"]) == [5] * 6


def test_inside_all_numbers_are_those_of_statsmodels():
    table = simulated()
    fit = fit_mixed(table, "theta ~ x + Chroma", "ID")
    theirs = smf.mixedlm("theta ~ x + Chroma", table, groups=table["ID"]).fit()
    assert fit.verdict == "converged"
    names = list(fit.estimate)
    np.testing.assert_allclose(list(fit.estimate.values()), theirs.fe_params[names], rtol=1e-5)
    np.testing.assert_allclose(list(fit.error.values()), theirs.bse_fe[names], rtol=1e-3)
    np.testing.assert_allclose(fit.log_likelihood, theirs.llf, rtol=1e-8)
    np.testing.assert_allclose(fit.scale, theirs.scale, rtol=1e-4)
    np.testing.assert_allclose(fit.group_variance, theirs.cov_re.iloc[0, 0], rtol=1e-3)


def test_random_slopes_are_those_of_statsmodels():
    rng = np.random.default_rng(3)
    table = simulated(seed=3, people=20, rows=12)
    table["theta"] += np.repeat(rng.normal(0, 0.8, 20), 12) * table["x"]
    fit = fit_mixed(table, "theta ~ x", "ID", random="1 + x")
    theirs = smf.mixedlm("theta ~ x", table, groups=table["ID"], re_formula="~1 + x").fit()
    assert fit.verdict == "converged"
    np.testing.assert_allclose(list(fit.estimate.values()), theirs.fe_params, rtol=1e-4)
    np.testing.assert_allclose(list(fit.error.values()), theirs.bse_fe, rtol=1e-3)


def test_without_variance_between_participants_it_is_least_squares():
    """Participants whose means are equal: the best variance is 0. statsmodels' own coefficients
    are wrong there with some of its optimizers, and its likelihood is infinite."""
    table = simulated(seed=1, spread=0)
    table["theta"] -= table.groupby("ID")["theta"].transform("mean")
    table["x"] -= table.groupby("ID")["x"].transform("mean")
    plain = smf.ols("theta ~ x", table).fit()
    for optimizer in WHOLE["optimizers"]:
        fit = fit_mixed(table, "theta ~ x", "ID", optimizers=[optimizer])
        if fit.verdict == "failed":
            continue
        assert fit.verdict == "boundary"
        np.testing.assert_allclose(list(fit.estimate.values()), plain.params, atol=1e-6)
        np.testing.assert_allclose(list(fit.error.values()), plain.bse, rtol=1e-3)
        assert np.isfinite(fit.log_likelihood)
    found = model_table(table, **WHOLE | {"formula": "theta ~ x"})
    assert set(found["verdict"]) == {"boundary"}
    assert any("estimated as 0" in caution for caution in model_cautions(found, "mixed"))


def test_a_failed_fit_has_no_numbers(monkeypatch):
    from statsmodels.regression.mixed_linear_model import MixedLM

    def broken(self, **options):
        raise np.linalg.LinAlgError("Singular matrix")

    monkeypatch.setattr(MixedLM, "fit", broken)
    found = model_table(simulated(), **WHOLE | {"formula": "theta ~ x"})
    assert set(found["verdict"]) == {"failed"}
    assert found[["estimate", "se", "z", "p", "low", "q_fdr", "p_bonferroni"]].isna().all(axis=None)
    assert any("no optimizer" in caution for caution in model_cautions(found, "mixed"))


def test_the_next_optimizer_is_tried(monkeypatch):
    from statsmodels.regression.mixed_linear_model import MixedLM

    real, tried = MixedLM.fit, []

    def first_fails(self, method, **options):
        tried.append(method[0])
        if method == ["lbfgs"]:
            raise np.linalg.LinAlgError("Singular matrix")
        return real(self, method=method, **options)

    monkeypatch.setattr(MixedLM, "fit", first_fails)
    fit = fit_mixed(simulated(), "theta ~ x", "ID")
    assert tried == ["lbfgs", "bfgs"] and fit.optimizer == "bfgs" and fit.verdict == "converged"


def test_robust_alternatives():
    table = simulated(seed=5, people=30)
    table.loc[3, "theta"] += 500
    plain = fit_mixed(table, "theta ~ x", "ID").estimate["x"]
    rlm = fit_robust(table, "theta ~ x", "ID", "rlm").estimate["x"]
    assert abs(rlm - 0.5) < 0.3 < abs(plain - 0.5)
    gee = fit_robust(simulated(seed=5), "theta ~ x", "ID", "gee")
    assert abs(gee.estimate["x"] - 0.5) < 4 * gee.error["x"]


def test_gee_errors_hold_where_rows_of_a_participant_belong_together():
    """Rows of a participant are equal: errors are those of participants, s / sqrt(n - 1) after
    Mancl and DeRouen, not those of rows."""
    rng = np.random.default_rng(7)
    means = rng.normal(size=15)
    table = pd.DataFrame({"ID": np.repeat(np.arange(15).astype(str), 6),
                          "theta": np.repeat(means, 6)})  # fmt: skip
    fit = fit_robust(table, "theta ~ 1", "ID", "gee")
    np.testing.assert_allclose(fit.error["Intercept"], means.std(ddof=1) / 14**0.5, rtol=1e-6)


def test_corrections_are_over_a_kind_of_term_and_all_models():
    found = model_table(simulated(), **WHOLE | {"formula": "theta ~ x", "by": ["Chroma"]})
    own = found[found["term"] == "x"]
    assert len(own) == 2
    np.testing.assert_allclose(own["p_bonferroni"], np.minimum(2 * own["p"], 1))
    whole = model_table(tapping(), **WHOLE)
    np.testing.assert_allclose(whole["p_bonferroni"], np.minimum(6 * whole["p"], 1))


def test_terms():
    assert levels_of("ROI[Left_Hemisphere]:Condition[Tapping/Left]:Chroma[hbo]") == {
        "ROI": "Left_Hemisphere", "Condition": "Tapping/Left", "Chroma": "hbo",
    }  # fmt: skip
    assert levels_of("C(group)[T.patient]") == {"group": "patient"}
    assert levels_of("Intercept") == {} == levels_of("age")
    assert family_of("ROI[a]:Chroma[hbo]") == "ROI:Chroma" and family_of("age") == "age"


def test_participants_columns_enter_by_the_formula():
    people = {f"{k:02d}": {"age": str(20 + k), "group": "ab"[k % 2]} for k in range(12)}
    table = add_participant_columns(simulated(), people, "theta ~ group + age")
    assert table["age"].dtype.kind in "if" and set(table["group"]) == {"a", "b"}
    found = model_table(table, **WHOLE | {"formula": "theta ~ group + age"})
    assert list(found["term"]) == ["Intercept", "group[T.b]", "age"]
    assert list(found["group"].dropna()) == ["b"]
    people["03"]["age"] = "n/a"
    with pytest.raises(InputError, match="03 has no age"):
        add_participant_columns(simulated(), people, "theta ~ age")


@pytest.mark.parametrize(
    "change, words",
    [
        ({"formula": "theta ~ nothing"}, "nothing.*columns of the table are ID"),
        ({"formula": "theta ~ -1 + (ROI"}, "formula"),
        ({"where": {"ROI": ["Middle"]}}, "no row has Middle"),
        ({"where": {"nowhere": ["a"]}}, "no column nowhere"),
        ({"by": ["ROI", "Condition"], "formula": "theta ~ 1"}, "each participant has one row"),
        ({"where": {"ID": ["01"]}}, "1 participant"),
    ],
)
def test_wrong_input_is_refused(change, words):
    with pytest.raises(InputError, match=words):
        model_table(tapping(), **WHOLE | change)


def test_every_column_is_described():
    found = model_table(tapping(), **WHOLE)
    assert list(describe_model_columns(found, "uM")) == list(found)
