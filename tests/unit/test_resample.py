"""Permutation i is a function of its index alone."""

import numpy as np
import pytest

from groupwise.permutation.resample import SignFlips, bijection

KEY = np.array([1, 2**63 + 5, 77], np.uint64)


@pytest.mark.parametrize("size", [1, 2, 3, 8, 100, 128, 462, 4096, 5041])
def test_bijection(size):
    image = bijection(np.arange(size, dtype=np.uint64), size, KEY)
    assert sorted(image.tolist()) == list(range(size))


def test_bijection_is_one_to_one_in_a_large_domain():
    indices = np.arange(2**62, 2**62 + 50_000, dtype=np.uint64)
    image = bijection(indices, 2**63, KEY)
    assert len(np.unique(image)) == len(indices) and image.max() < 2**63
    # Bits are even: of 50,000 each stands within 5 standard deviations of a half.
    bits = (image[:, None] >> np.arange(63, dtype=np.uint64)) & np.uint64(1)
    assert np.abs(bits.mean(axis=0) - 0.5).max() < 5 * 0.5 / np.sqrt(len(image))


def test_keys_differ():
    indices = np.arange(1000, dtype=np.uint64)
    assert (bijection(indices, 1000, KEY) != bijection(indices, 1000, KEY + np.uint64(1))).any()


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("n", [2, 3, 7, 10])
def test_each_flip_once(n, symmetric):
    flips = SignFlips(n, symmetric, seed=4)
    signs = flips.signs(0, flips.distinct)
    assert flips.distinct == 2 ** (n - symmetric)
    assert len(np.unique(signs, axis=0)) == flips.distinct
    assert (signs[0] == 1).all()
    assert set(np.unique(signs)) == {-1, 1}
    assert not symmetric or (signs[:, -1] == 1).all()


@pytest.mark.parametrize("n", [12, 60, 70, 150])
def test_any_range_gives_the_same_signs(n):
    flips = SignFlips(n, True, seed=9)
    whole = flips.signs(0, 40)
    pieces = [flips.signs(a, b) for a, b in ((0, 1), (1, 17), (17, 40))]
    np.testing.assert_array_equal(whole, np.concatenate(pieces))
    assert (whole[0] == 1).all() and len(np.unique(whole, axis=0)) == 40
    assert (SignFlips(n, True, seed=10).signs(0, 40) != whole).any()


@pytest.mark.parametrize("n", [20, 64, 65, 200])
def test_signs_are_even_and_unrelated(n):
    signs = SignFlips(n, False, seed=1).signs(1, 4001)
    assert np.abs(signs.mean(axis=0)).max() < 5 / np.sqrt(4000)
    correlation = signs.T @ signs / 4000 - np.eye(n)
    assert np.abs(correlation).max() < 6 / np.sqrt(4000)


def test_stored_flips():
    """The flips of a seed are part of a published result: they may never change."""
    few = SignFlips(20, True, 0).signs(0, 4) < 0
    assert (few @ 2 ** np.arange(20)).tolist() == [0, 110753, 492081, 162004]
    many = SignFlips(150, True, 0).signs(0, 4) < 0
    assert many.sum(axis=1).tolist() == [0, 79, 86, 75]
