"""Null distributions of small studies of each design keep the bytes that were stored.

`nulls.json` holds a digest of `null.npz` for each. A change makes p of finished studies differ: it
needs a raised `version` of `prepare` or `permute_block` and a line in CHANGELOG.md. To store the
digests anew: `python tests/unit/test_stored_nulls.py`.
"""

import hashlib
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest

from groupwise.permutation.test import permutation_test
from groupwise.stack.lattice import Lattice
from groupwise.stats.between import Between, Mixed, TwoSample
from groupwise.stats.designs import Contrast, OneSample, Paired, Within
from groupwise.stats.linear import GLM, Regression, pooled_anova, pooled_contrast

STORED = Path(__file__).with_name("nulls.json")
FACTORS = {"modality": 2, "stimulus": 3}
GROUPS = ["a", "b", "b", "a", "c", "c", "a", "b", "c", "a", "b", "c"]
TWO = [group.replace("c", "a") for group in GROUPS]
AGE = [21, 34, 28, 55, 43, 61, 38, 25, 47, 52, 30, 44]
SCORE = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8]
LINE = Lattice((12,)).adjacency()
#: A design, the shape of its maps, and settings of the test.
CASES = {
    "one_sample": (OneSample(), (12, 12, 9), {"adjacency": LINE}),
    "one_sample_exact": (OneSample(), (7, 12, 9), {"adjacency": LINE}),
    "one_sample_tfce": (OneSample(), (12, 12, 9), {"adjacency": LINE, "tfce": True}),
    "one_sample_volume": (OneSample(), (20, 6, 5, 7), {"adjacency": Lattice((6, 5, 7))}),
    "one_sample_channels": (OneSample(), (12, 40), {}),
    "paired_greater": (Paired(), (12, 2, 12, 9), {"adjacency": LINE, "alternative": "greater"}),
    "paired_excess": (Paired(), (12, 2, 12, 9), {"adjacency": LINE, "mass": "excess"}),
    "paired_hat": (Paired(), (12, 2, 12, 9), {"adjacency": LINE, "hat": 0.01}),
    "contrast_t": (Contrast([2, -1, -1]), (12, 3, 12, 9), {"adjacency": LINE}),
    "contrast_f": (Contrast([[1, 0], [-1, 1], [0, -1]]), (12, 3, 12, 9), {"adjacency": LINE}),
    "within": (Within(FACTORS, "modality:stimulus"), (12, 6, 12, 9), {"adjacency": LINE}),
    "two_sample": (TwoSample(TWO), (12, 12, 9), {"adjacency": LINE}),
    "welch": (TwoSample(TWO, variances="unequal"), (12, 12, 9), {"adjacency": LINE}),
    "two_sample_weights": (TwoSample(TWO, weights=[1, -1]), (12, 2, 12, 9), {"adjacency": LINE}),
    "between": (Between(GROUPS), (12, 12, 9), {"adjacency": LINE}),
    "mixed_group": (Mixed(TWO, FACTORS, "group"), (12, 6, 12, 9), {"adjacency": LINE}),
    "mixed_both": (Mixed(GROUPS, FACTORS, "group:stimulus"), (12, 6, 12, 9), {"adjacency": LINE}),
    "regression": (Regression({"age": AGE}, "age"), (12, 12, 9), {"adjacency": LINE}),
    "regression_f": (
        Regression({"age": AGE, "score": SCORE}, "age+score"),
        (12, 12, 9),
        {"adjacency": LINE},
    ),
    "regression_intercept": (
        Regression({"age": AGE, "score": SCORE}, "intercept"),
        (12, 12, 9),
        {"adjacency": LINE},
    ),
    "pooled_anova": (pooled_anova(FACTORS, "stimulus", 6), (36, 12, 9), {"adjacency": LINE}),
    "pooled_contrast": (pooled_contrast([1, -1], 8), (16, 12, 9), {"adjacency": LINE}),
    "glm": (GLM(np.c_[np.ones(12), AGE], [0, 1]), (12, 12, 9), {"adjacency": LINE}),
}


def digest_of(case: str, folder: Path) -> str:
    """Digest of the null distribution's file."""
    design, shape, settings = CASES[case]
    x = np.random.default_rng(len(shape)).standard_normal(shape)
    test = permutation_test(x, design, threshold={"p": 0.05}, permutations=200, seed=7, **settings)
    test.null.save(folder / "null.npz")
    return hashlib.sha256((folder / "null.npz").read_bytes()).hexdigest()[:16]


@pytest.mark.parametrize("case", CASES)
def test_the_null_keeps_its_bytes(case, tmp_path):
    assert digest_of(case, tmp_path) == json.loads(STORED.read_text())[case]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        digests = {case: digest_of(case, Path(place)) for case in CASES}
    STORED.write_text(json.dumps(digests, indent=2) + "\n")
