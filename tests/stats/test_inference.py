"""Inference beside the plain cluster p: step-down, across effects, tail fit, further axes."""

import errno
import subprocess
import sys

import numpy as np
import pytest
from scipy import sparse, stats

from groupwise.errors import InputError
from groupwise.files import write_whole
from groupwise.permutation import permutation_test
from groupwise.permutation.across import correct_across, smallest_p
from groupwise.stack.lattice import Lattice
from groupwise.stats import Between, OneSample, Within
from groupwise.stats.corrections import tail_p


def test_step_down_is_that_of_its_definition():
    """All 256 flips of 9 subjects: remove what is found, compare the rest among themselves."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(9, 60)) + np.r_[np.full(40, 5.0), np.full(12, 1.2), np.zeros(8)]
    result = permutation_test(x, OneSample(), threshold={"stat": 3}, step_down=True)
    signs = 1 - 2 * ((np.arange(256)[:, None] >> np.arange(9)) & 1)
    t = np.array([stats.ttest_1samp(x * s[:, None], 0).statistic for s in signs])
    left, p = np.ones(60, bool), np.empty(60)
    while True:
        largest = np.abs(t[:, left]).max(axis=1)
        found = np.array([np.mean(largest >= abs(v) * (1 - 1e-9)) for v in t[0, left]])
        p[left] = found
        if not (found <= 0.05).any() or left.sum() == (found <= 0.05).sum():
            break
        left[np.flatnonzero(left)[found <= 0.05]] = False
    np.testing.assert_allclose(result.maps["p_step_down"], p)
    assert (result.maps["p_step_down"] <= result.p_max).all()
    assert (p <= 0.05).sum() > (result.p_max <= 0.05).sum()  # it did step
    with pytest.raises(InputError, match="relative hat"):
        permutation_test(x + np.arange(60), OneSample(), hat=0.1, step_down=True)


def test_correction_across_effects_is_tippetts():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(9, 6, 400))
    x[:, 3:, 50:60] += 1.5
    factors = {"a": 2, "b": 3}
    line = Lattice((400,))
    results = {
        effect: permutation_test(
            x, Within(factors, effect), adjacency=line, threshold={"p": 0.05}, permutations=256
        )
        for effect in ("a", "b", "a:b")
    }
    nulls = [result.null for result in results.values()]
    ranks = np.array([stats.rankdata(-n.mass.max(axis=1), "max") for n in nulls]) / 256
    np.testing.assert_allclose(smallest_p(nulls, "mass"), ranks.min(axis=0))
    for effect, result in results.items():
        corrected = correct_across(result, nulls)
        p, own = corrected.clusters["p_across"].to_numpy(), result.clusters["p"].to_numpy()
        expected = [np.mean(ranks.min(axis=0) <= value) for value in own]
        np.testing.assert_allclose(p, expected)
        assert (p >= own).all() and (p <= np.minimum(3 * own + 1e-12, 1)).all(), effect
        assert (corrected.maps["p_max_across"] >= result.p_max).all()
    other = permutation_test(x[:, 0], Between(list("aaabbbccc")), permutations=256)
    with pytest.raises(InputError, match="corrected together"):
        correct_across(results["a"], [*nulls, other.null])
    with pytest.raises(InputError, match="not one of those"):
        correct_across(results["a"], nulls[1:])


def test_tail_of_known_distributions():
    rng = np.random.default_rng(4)
    for law in (stats.expon(), stats.gumbel_r(), stats.norm()):
        maxima = law.rvs(20_000, random_state=rng)
        values = law.isf([0.3, 1e-2, 1e-3, 1e-5])
        found = tail_p(maxima, values)
        assert found[0] == np.mean(maxima >= values[0])  # the bulk: a count
        assert found[1] == pytest.approx(1e-2, rel=0.25)
        assert 5e-4 < found[2] < 2e-3
        assert np.isnan(found[3]) or 1e-7 < found[3] < 1e-3
    assert np.isnan(tail_p(np.arange(100.0), np.array([200.0]))).all()  # a tail of ten
    assert np.isnan(tail_p(np.zeros(10_000), np.array([1.0]))).all()  # no variation
    # The observed map, index 0, has no say in the fit.
    maxima = stats.expon().rvs(5000, random_state=rng)
    far = np.r_[1e9, maxima[1:]]
    assert tail_p(far, np.array([12.0])) == tail_p(maxima, np.array([12.0]))


def test_channels_frequencies_times_are_a_product_of_their_axes():
    """Channels on a line: the same clusters as on a 3-D lattice."""
    x = np.random.default_rng(5).normal(size=(10, 5, 6, 7)) + 0.4
    line = sparse.diags_array([1.0, 1.0], offsets=[-1, 1], shape=(5, 5))
    options = {"threshold": {"p": 0.05}, "permutations": 512}
    ours = permutation_test(x, OneSample(), adjacency=line, **options)
    other = permutation_test(x, OneSample(), adjacency=Lattice((5, 6, 7)), **options)
    np.testing.assert_array_equal(ours.labels, other.labels)
    np.testing.assert_array_equal(ours.null.mass, other.null.mass)
    assert len(ours.clusters["peak"][0]) == 3


def test_several_thresholds_are_those_of_single_runs():
    x = np.random.default_rng(6).normal(size=(9, 300)) + 0.3
    options = {"adjacency": Lattice((300,)), "permutations": 256}
    asked = [{"p": 0.01}, {"stat": 1.5}, {"p": 0.2}]
    together = permutation_test(x, OneSample(), threshold=asked, **options)
    for threshold, result in zip(asked, together, strict=True):
        alone = permutation_test(x, OneSample(), threshold=threshold, **options)
        assert result.clusters.equals(alone.clusters)
        np.testing.assert_array_equal(result.null.mass, alone.null.mass)
        np.testing.assert_array_equal(result.p_max, alone.p_max)
        assert result.summary()["Threshold"] == alone.summary()["Threshold"]


def test_a_full_disk_is_an_input_error_and_leaves_no_file(tmp_path):
    """A real limit of the size of files, as a quota sets it, in a process of its own."""
    (tmp_path / "values.npy").write_bytes(b"what was there")
    code = f"""
import resource
import numpy as np
from groupwise.errors import InputError
from groupwise.files import write_whole
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
for write in (np.save, np.savez):
    try:
        with write_whole({str(tmp_path / "values.npy")!r}) as part, part.open("wb") as handle:
            write(handle, np.ones(100_000))
    except InputError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.count("values.npy: could not be written") == 2, done.stdout + done.stderr
    assert "free space" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["values.npy"]
    assert (tmp_path / "values.npy").read_bytes() == b"what was there"


def test_other_errors_of_a_writer_stay_what_they_are(tmp_path):
    with pytest.raises(FileNotFoundError) as caught, write_whole(tmp_path / "a.txt"):
        (tmp_path / "absent.txt").read_text()
    assert caught.value.errno == errno.ENOENT
