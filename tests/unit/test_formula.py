"""Contrasts by name: sums of conditions and tags."""

import numpy as np
import pytest

from groupwise.config.formula import weights_of
from groupwise.errors import InputError

NINE = [
    f"{stimulus}/{seen}"
    for stimulus in ("famous", "unfamiliar", "scrambled")
    for seen in ("initial", "immediate", "delayed")
]


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("famous - scrambled", np.repeat([1 / 3, 0, -1 / 3], 3)),
        ("0.5*famous + .5 unfamiliar - scrambled", np.repeat([1 / 6, 1 / 6, -1 / 3], 3)),
        ("-initial + 1/2 * delayed", np.tile([-1 / 3, 0, 1 / 6], 3)),
        ("famous/initial", np.eye(9)[0]),
        ("initial/famous-famous/delayed", np.eye(9)[0] - np.eye(9)[2]),
        ("famous/initial + famous/initial", 2 * np.eye(9)[0]),
    ],
)
def test_weights(formula, expected):
    np.testing.assert_allclose(weights_of(formula, NINE), expected, atol=1e-15)


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("faces - scrambled", "faces is not a condition"),
        ("famos - scrambled", "did you mean famous?"),
        ("famous scrambled", "'scrambled' is not a term"),
        ("famous > scrambled", "'> scrambled' is not a term"),
        ("2 - 1", "is not a term"),
        ("1/0 famous", "divided by 0"),
        ("famous - famous", "all weights are 0"),
        ("", "all weights are 0"),
    ],
)
def test_what_is_no_contrast(formula, said):
    with pytest.raises(InputError, match="contrast") as error:
        weights_of(formula, NINE)
    assert said in str(error.value)
