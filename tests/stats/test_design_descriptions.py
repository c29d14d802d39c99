"""What designs say of themselves: dict forms, rows, effect sizes, assumptions and wording."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from groupwise.errors import InputError
from groupwise.stats import (
    GLM,
    Between,
    Contrast,
    Design,
    Mixed,
    OneSample,
    Paired,
    Regression,
    StudyNames,
    TwoSample,
    Within,
    design_from_dict,
    design_of_result,
    floor_of,
)
from groupwise.stats.designs import weighted
from groupwise.stats.linear import pooled_anova, pooled_contrast
from groupwise.stats.names import join_words

ROOT = Path(__file__).parents[2]
NAMES = StudyNames(levels={"noise": ["absent", "present"], "angle": ["0", "4", "8"]})
PAIR = StudyNames(conditions=["faces", "scrambled"])
FACES = StudyNames(conditions=["faces"])
ONE_SUM = StudyNames(sums=["a + b - 2 c"])
TWO_SUMS = StudyNames(sums=["a - b", "b - c"])
FACTORS = {"noise": 2, "angle": 3}
GROUPS = ["p", "c", "c", "p", "c", "p"]
THREE = ["a", "b", "c", "a", "b", "c", "a"]
AGE, IQ = [20.0, 31, 42, 25, 33, 50], [100.0, 97, 120, 99, 101, 88]
SUM, SUMS = [1.0, 1, -2], [[1.0, 0], [-1, 1], [0, -1]]


def mixed(effect):
    return Mixed(GROUPS, FACTORS, effect, levels=["p", "c"], group="sex")


def regression(effect, weights=None):
    return Regression({"age": AGE, "iq": IQ}, effect, weights)


#: Every design, and its dict form as the version before designs described themselves wrote it: it
#: is in parameters of rules, in files and in digests of null distributions.
DICTS = [
    (OneSample(), '{"design": "OneSample"}'),
    (Paired(), '{"design": "Paired"}'),
    (
        Contrast(np.array([1, 1, -2]), "faces"),
        '{"design": "Contrast", "weights": [1.0, 1.0, -2.0], "name": "faces"}',
    ),
    (
        Contrast(SUMS, "any"),
        '{"design": "Contrast", "weights": [[1.0, 0.0], [-1.0, 1.0], [0.0, -1.0]], "name": "any"}',
    ),
    (
        Within({"noise": np.int64(2), "angle": 3}, "angle:noise"),
        '{"design": "Within", "factors": {"noise": 2, "angle": 3}, "effect": "noise:angle"}',
    ),
    (
        TwoSample(np.array(GROUPS)),
        '{"design": "TwoSample", "groups": ["p", "c", "c", "p", "c", "p"], "levels": ["c", "p"], '
        '"variances": "equal", "weights": null}',
    ),
    (
        TwoSample([1, 2, 2, 1], [2, 1], "unequal", (1, -1)),
        '{"design": "TwoSample", "groups": [1, 2, 2, 1], "levels": [2, 1], '
        '"variances": "unequal", "weights": [1.0, -1.0]}',
    ),
    (
        Between(THREE, weights=(1, -1)),
        '{"design": "Between", "groups": ["a", "b", "c", "a", "b", "c", "a"], '
        '"levels": ["a", "b", "c"], "weights": [1.0, -1.0]}',
    ),
    (
        mixed("noise:sex"),
        '{"design": "Mixed", "groups": ["p", "c", "c", "p", "c", "p"], "levels": ["p", "c"], '
        '"group": "sex", "factors": {"noise": 2, "angle": 3}, "effect": "sex:noise"}',
    ),
    (
        regression("age + iq"),
        '{"design": "Regression", "covariates": {"age": [20.0, 31.0, 42.0, 25.0, 33.0, 50.0], '
        '"iq": [100.0, 97.0, 120.0, 99.0, 101.0, 88.0]}, "effect": "age+iq", "weights": null}',
    ),
    (
        Regression({"age": np.arange(4)}, "intercept", [1, -1]),
        '{"design": "Regression", "covariates": {"age": [0.0, 1.0, 2.0, 3.0]}, '
        '"effect": "intercept", "weights": [1.0, -1.0]}',
    ),
    (
        GLM([[1, 0], [1, 1], [1, 2]], np.array([0, 1])),
        '{"design": "GLM", "matrix": [[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]], '
        '"contrast": [0.0, 1.0], "blocks": null, "name": "contrast"}',
    ),
    (
        pooled_anova({"a": 2}, "a", 2),
        '{"design": "GLM", "matrix": [[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 1.0, 0.0], '
        '[1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 0.0, 1.0]], "contrast": [[0.7071067811865475], '
        '[-0.7071067811865475], [0.0], [0.0]], "blocks": [0, 0, 1, 1], "name": "a"}',
    ),
]


@pytest.mark.parametrize(("design", "text"), DICTS)
def test_dict_forms_keep_their_bytes(design, text):
    assert json.dumps(design.to_dict()) == text
    again = design_from_dict(json.loads(text))
    assert again == design and hash(again) == hash(design)
    assert design_of_result({"Design": json.loads(text)}) == design


def test_pooled_dict_forms_become_linear_models():
    of_factors = {"design": "Pooled", "factors": FACTORS, "effect": "angle", "subjects": 4}
    assert design_from_dict(of_factors) == pooled_anova(FACTORS, "angle", 4)
    of_weights = {"design": "Pooled", "weights": SUM, "name": "faces", "subjects": 4}
    assert design_from_dict(of_weights) == pooled_contrast(SUM, 4, "faces")
    for wrong in ({"design": "Pooled", "weights": SUM}, {"design": "Within", "effect": "a"}):
        with pytest.raises(InputError, match=f"design {wrong['design']} with"):
            design_from_dict(wrong)


def test_a_new_design_needs_a_class_alone():
    """The base class gives dict form, df, scores, effect size and the weights for figures."""

    @dataclass(frozen=True)
    class Mean(Design):
        cells: int
        tags: tuple[str, ...] = ()
        statistic: ClassVar[str] = "t"
        effect: ClassVar[str] = "mean of all"
        claim: ClassVar[str] = "the mean of the conditions differs from zero"

        @property
        def n_cells(self):
            return self.cells

        @property
        def cell_weights(self):
            return np.full((self.cells, 1), 1 / self.cells)

    design = Mean(4, ("a", "b"))
    assert design.to_dict() == {"design": "Mean", "cells": 4, "tags": ["a", "b"]}
    assert (design.label, design.d, design.df(9)) == ("mean of all", 1, (1, 8))
    assert design.scores(np.ones((9, 4, 2))).tolist() == np.ones((9, 1, 2)).tolist()
    assert design.effect_size(3.0, 9)[0] == 1
    assert design.tested_sums()["mean of all"].tolist() == [0.25] * 4
    assert floor_of(design, 9) == (256, 1 / 256)


@pytest.mark.parametrize(
    ("design", "rows"),
    [
        (OneSample(), 6),
        (Within(FACTORS, "noise"), 6),
        (mixed("sex"), 6),
        (regression("age"), 6),
        (pooled_anova(FACTORS, "noise", 6), 36),
        (GLM(np.c_[np.ones(6), AGE], [0, 1]), 6),
    ],
)
def test_rows_of_the_model(design, rows):
    """Rows of a stack as `cell_rows` gives them, (subjects, cells), become rows of the model."""
    per_subject = 6 if rows == 36 else design.n_cells
    stacked = np.arange(6 * per_subject).reshape(6, per_subject)
    arranged = design.arrange_rows(stacked)
    assert design.n_rows(6) == rows == len(arranged)
    assert arranged.shape[1] == design.n_cells
    assert arranged.ravel().tolist() == list(range(stacked.size))
    assert design.df(design.n_rows(6))
    assert floor_of(design, design.n_rows(6))[0] > 1


def test_maps_of_a_design_have_an_axis_of_cells():
    without = [OneSample(), TwoSample(GROUPS), regression("age"), pooled_anova({"a": 2}, "a", 3)]
    assert not any(design.has_cell_axis for design in without)
    having = [
        Paired(),
        Contrast([1.0]),
        Within({"a": 2}, "a"),
        mixed("sex"),
        regression("age", [2]),
    ]
    assert all(design.has_cell_axis for design in having)


@pytest.mark.parametrize(
    ("design", "name", "n", "expected"),
    [
        (OneSample(), "Cohen's d", 9, 2 / 3),
        (Paired(), "Cohen's d", 9, 2 / 3),
        (Contrast(SUM), "Cohen's d", 9, 2 / 3),
        (Contrast(SUMS), "Partial eta squared", 9, 4 / 20),
        (Within(FACTORS, "angle"), "Partial eta squared", 9, 4 / 20),
        (TwoSample(GROUPS), "Cohen's d", 6, 2 * (2 / 3) ** 0.5),
        (TwoSample(GROUPS, variances="unequal"), "Cohen's d", 6, 2 * (2 / 3) ** 0.5),
        (Between(THREE), "Partial eta squared", 7, 4 / 8),
        (mixed("sex"), "Partial eta squared", 6, 2 / 6),
        (mixed("noise"), "Partial eta squared", 6, 2 / 6),
        (regression("age"), "Partial correlation", 6, 2 / 7**0.5),
        (regression("age+iq"), "Partial eta squared", 6, 4 / 7),
        (regression("intercept"), "Cohen's d", 6, 2 / 6**0.5),
        (pooled_contrast(SUM, 4), "Partial correlation", 12, 2 / 10**0.5),
        (pooled_anova({"a": 3}, "a", 4), "Partial eta squared", 12, 4 / 10),
    ],
)
def test_effect_sizes(design, name, n, expected):
    """Of a statistic of 2, by textbook formulas."""
    size, low, high = design.effect_size(2.0, n)
    assert design.effect_size_name == name
    assert size == pytest.approx(expected) and low <= size < high


SIGNS = (
    "under the null hypothesis the subjects' {} are independent and distributed symmetrically "
    "about zero; neither normality nor sphericity is assumed"
)
RESIDUALS = SIGNS.replace("the subjects' {}", "the errors of the subjects' {}, given {},")
EXCHANGED = "under the null hypothesis subjects are exchangeable between the groups ({})"
PERMUTED = (
    "under the null hypothesis the errors of {} are exchangeable (Freedman and Lane's permutation "
    "of residuals)"
)


@pytest.mark.parametrize(
    ("design", "expected"),
    [
        (OneSample(), SIGNS.format("values")),
        (Paired(), SIGNS.format("differences")),
        (Contrast(SUMS), SIGNS.format("contrast scores")),
        (Within(FACTORS, "angle"), SIGNS.format("contrast scores")),
        (mixed("angle"), RESIDUALS.format("contrast scores", "the means of the groups")),
        (regression("intercept"), RESIDUALS.format("values", "the covariates")),
        (regression("intercept", [1, -1]), RESIDUALS.format("differences", "the covariates")),
        (TwoSample(GROUPS), EXCHANGED.format("equal variances")),
        (Between(THREE), EXCHANGED.format("equal variances")),
        (mixed("sex"), EXCHANGED.format("equal variances")),
        (mixed("sex:angle"), EXCHANGED.format("equal variances and covariances")),
        (
            TwoSample(GROUPS, variances="unequal"),
            "under the null hypothesis subjects are exchangeable between the groups; with Welch's "
            "t the test is also valid in large samples whose variances differ",
        ),
        (regression("age"), PERMUTED.format("the subjects, given the other covariates,")),
        (regression("age+iq"), PERMUTED.format("the subjects")),
        (Regression({"age": AGE}, "age"), PERMUTED.format("the subjects")),
        (
            pooled_contrast(SUM, 4),
            "under the null hypothesis the errors of a subject's maps are exchangeable among the "
            "conditions (equal variances and covariances, which implies sphericity)",
        ),
        (GLM(np.c_[np.ones(6), AGE], [0, 1]), PERMUTED.format("the rows")),
        (
            GLM(np.c_[np.ones(6), AGE], [0, 1], list("aaabbb")),
            PERMUTED.format("the rows within a block"),
        ),
    ],
)
def test_assumptions(design, expected):
    assert design.assumption == expected
    assert design.assumes_sphericity == (design.to_dict().get("blocks") is not None)


@pytest.mark.parametrize(
    ("design", "names", "label", "expected"),
    [
        (
            OneSample(), FACES, "one sample",
            "One sample: one map of each subject (faces), against zero, two-sided.",
        ),
        (
            OneSample(), StudyNames(), "one sample",
            "One sample: one map of each subject, against zero, two-sided.",
        ),
        (
            Paired(), PAIR, "paired",
            "Paired: faces minus scrambled of each subject, against zero, two-sided.",
        ),
        (
            Paired(), StudyNames(), "paired",
            "Paired: first minus second condition of each subject, against zero, two-sided.",
        ),
        (
            Contrast(SUM, "faces"), ONE_SUM, "faces",
            "Contrast of 3 conditions of each subject (a + b - 2 c), against zero, with its own "
            "error term.",
        ),
        (
            Contrast(SUMS, "any"), TWO_SUMS, "any",
            "Contrast of 3 conditions of each subject (a - b; b - c), against zero, with its own "
            "error term.",
        ),
        (
            Within(FACTORS, "angle"), NAMES, "angle",
            "Repeated measures, 2 × 3: noise (absent, present) × angle (0, 4, 8). Tested: main "
            "effect of angle, with its own error term.",
        ),
        (
            Within(FACTORS, "angle:noise"), StudyNames(), "noise:angle",
            "Repeated measures, 2 × 3: noise (2 levels) × angle (3 levels). Tested: interaction "
            "noise:angle, with its own error term.",
        ),
        (
            TwoSample(GROUPS, ["p", "c"]), FACES, "p against c",
            "Groups of subjects: p (n = 3), c (n = 3); one map of each subject, t.",
        ),
        (
            TwoSample(GROUPS, variances="unequal", weights=[1, -1]), PAIR, "c against p",
            "Groups of subjects: c (n = 3), p (n = 3); faces minus scrambled of each subject, "
            "Welch's t.",
        ),
        (
            Between(THREE, weights=[1, 1, -2]), StudyNames(), "a against b against c",
            "Groups of subjects: a (n = 3), b (n = 2), c (n = 2); a weighted sum of 3 maps of each "
            "subject, F.",
        ),
        (
            mixed("sex"), NAMES, "sex",
            "Groups p (n = 3), c (n = 3) × repeated measures noise (absent, present) × angle (0, "
            "4, 8). Tested: main effect of sex.",
        ),
        (
            mixed("sex:noise"), StudyNames(), "sex:noise",
            "Groups p (n = 3), c (n = 3) × repeated measures noise (2 levels) × angle (3 levels). "
            "Tested: interaction sex:noise.",
        ),
        (
            regression("age"), FACES, "age",
            "Regression: one map of each subject on age, given iq.",
        ),
        (
            regression("age+iq"), FACES, "age+iq",
            "Regression: one map of each subject on age and iq.",
        ),
        (
            regression("intercept", [1, -1]), PAIR, "mean",
            "Regression: faces minus scrambled of each subject on age and iq. Tested: the mean at "
            "average covariates.",
        ),
        (
            pooled_contrast(SUM, 4, "faces"), ONE_SUM, "faces",
            "Pooled-error model with a regressor for each subject. Tested: faces (a + b - 2 c); "
            "errors are taken as exchangeable over conditions (sphericity).",
        ),
        (
            pooled_anova(FACTORS, "angle:noise", 4), NAMES, "noise:angle",
            "Pooled-error model with a regressor for each subject. Tested: noise:angle; errors are "
            "taken as exchangeable over conditions (sphericity).",
        ),
        (
            GLM(np.c_[np.ones(6), AGE], [0, 1], name="slope"), StudyNames(), "slope",
            "Linear model of 6 maps with 2 regressors. Tested: slope.",
        ),
    ],
)  # fmt: skip
def test_wording(design, names, label, expected):
    assert design.describe(names) == expected
    assert design.label == label
    assert design.claim
    sentence = design.describe_model(names)
    assert re.fullmatch(r"[A-Z].+\.", sentence) and "None" not in sentence
    assert design.resampled.endswith(("flipped", "between participants", "within participants",
                                      "between rows"))  # fmt: skip


@pytest.mark.parametrize(
    "design",
    [
        OneSample(), Paired(), Contrast(SUM), TwoSample(GROUPS), regression("age"),
        regression("intercept"), pooled_contrast(SUM, 4),
    ],
)  # fmt: skip
def test_one_sided_tests_state_their_side(design):
    assert "one-sided, greater" in design.describe(alternative="greater")
    assert "one-sided, less" in design.describe(alternative="less")
    assert "one-sided" not in design.describe()


def test_effects_of_an_analysis_share_the_sentence_of_a_methods_section():
    """It says what all effects have in common, so that it is written once."""
    for designs in (
        [Within(FACTORS, effect) for effect in ("noise", "angle", "noise:angle")],
        [mixed(effect) for effect in ("sex", "noise", "sex:angle")],
        [regression(effect) for effect in ("age", "iq", "age+iq", "intercept")],
        [pooled_anova(FACTORS, effect, 4) for effect in ("noise", "angle")],
    ):
        assert len({design.describe_model(NAMES) for design in designs}) == 1
    assert Within({"noise": 2}, "noise").describe_model(NAMES) == (
        "The design was a one-way repeated-measures ANOVA of the within-participant factor noise "
        "(absent, present); each effect was tested with its own error term."
    )
    assert mixed("sex").describe_model(NAMES) == (
        "The design was a mixed ANOVA of the groups p (n = 3) and c (n = 3) and the "
        "within-participant factors noise (absent, present) and angle (0, 4, 8); each effect was "
        "tested with its own error term."
    )
    assert TwoSample(GROUPS).describe_model() == (
        "The groups c (n = 3) and p (n = 3) were compared by Student's t test; the value of each "
        "participant was one map."
    )


def test_pooled_error_is_recognised_from_the_matrix():
    """A result.json holds the matrix, not how it was made."""
    design = pooled_anova({"a": 3}, "a", 4)
    assert design.pooled_shape == (4, 3)
    assert design.column_names(["x", "y", "z"])[:4] == ["x", "y", "z", "subject 1"]
    assert design.column_names()[:3] == ["condition 1", "condition 2", "condition 3"]
    covariate = GLM(np.c_[design.matrix, np.arange(12) % 5], [*[1, -1, 0], *[0] * 5], design.blocks)
    mixed_up = GLM(design.matrix, design.contrast, np.roll(design.blocks, 1).tolist())
    few = GLM(np.c_[np.ones(5), np.arange(5)], [0, 1], list("aabbb"))
    for other in (covariate, mixed_up, few, GLM(design.matrix, design.contrast)):
        assert other.pooled_shape is None
        columns = [f"column {k + 1}" for k in range(len(other.matrix[0]))]
        assert other.column_names(["x", "y", "z"]) == columns


def test_columns_of_group_and_covariate_models():
    assert mixed("sex").column_names() == ["p", "c"]
    assert regression("age").column_names() == ["mean", "age", "iq"]
    assert OneSample().column_names() == []


def test_tested_sums_are_as_given_or_the_components():
    assert {k: v.tolist() for k, v in Contrast(SUMS, "any").tested_sums().items()} == {
        "sum 1": [1, -1, 0],
        "sum 2": [0, 1, -1],
    }
    assert list(Within({"a": 3}, "a").tested_sums()) == ["component 1", "component 2"]
    (weights,) = Contrast(SUM, "faces").tested_sums().values()
    np.testing.assert_array_equal(weights, SUM)
    x = np.random.default_rng(0).normal(size=(5, 2, 3))
    (weights,) = Paired().tested_sums().values()
    np.testing.assert_array_equal(weighted(x, weights[:, None]), Paired().scores(x))


def test_designs_that_compare_conditions():
    comparing = [Paired(), Contrast(SUM), Within(FACTORS, "angle"), mixed("sex:angle"),
                 regression("age", [1, -1]), pooled_contrast(SUM, 4)]  # fmt: skip
    assert all(design.compares_conditions for design in comparing)
    others = [OneSample(), TwoSample(GROUPS), Between(THREE), mixed("sex"), regression("age")]
    assert not any(design.compares_conditions for design in others)


def test_groups_are_counted_in_the_order_of_their_levels():
    assert TwoSample(GROUPS, ["p", "c"]).group_sizes == {"p": 3, "c": 3}
    assert Between([3, 1, 1, 2, 3]).group_sizes == {"1": 2, "2": 1, "3": 2}
    assert regression("age").group_sizes == OneSample().group_sizes == {}


def test_words_are_joined():
    assert [join_words(list("abc")[:k]) for k in (1, 2, 3)] == ["a", "a and b", "a, b and c"]


#: Files that name dict forms because they make them from the config.
MAKERS = {"src/groupwise/plan/design.py"}
#: To be emptied: code that still asks a result or a parameter which design it has.
REMAINING: set[str] = set()


def test_no_code_outside_of_stats_asks_which_design_it_has():
    kinds = "OneSample|Paired|Contrast|Within|TwoSample|Between|Mixed|Regression|GLM|Pooled"
    asks = re.compile(rf"""\["design"\] *(=|!|in|not)|isinstance\(.*({kinds})|["']({kinds})["']""")
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in ("src", "scripts", "workflow")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".smk") and asks.search(path.read_text(encoding="utf-8"))
    }
    found = {name for name in found if not name.startswith("src/groupwise/stats/")}
    assert found - MAKERS <= REMAINING
