"""Family-wise error of each design in simulated null data: the calibration behind validation.md.

Slow by its nature (`make test-slow`): 2,000 data sets a row. `GROUPWISE_CALIBRATION=file.tsv` adds
each row to a file, from which the table of docs/validation.md is made.
"""

import os
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from scipy.ndimage import gaussian_filter1d

from groupwise.permutation.blocks import run_block
from groupwise.permutation.prepare import prepare
from groupwise.stack.lattice import Lattice
from groupwise.stats import (
    GLM,
    Between,
    Mixed,
    OneSample,
    Paired,
    Regression,
    TwoSample,
    Within,
    pooled_model,
)

DATA_SETS, PERMUTATIONS, ALPHA = 2000, 200, 0.05
POINTS = 120
SUBJECTS = 12

ERRORS = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "Laplace": lambda rng, shape: rng.laplace(size=shape),
    "t3": lambda rng, shape: rng.standard_t(3, size=shape),
}
SMOOTHNESS = {"rough": 0.0, "smooth": 4.0}
BUMP = 3 * np.exp(-0.5 * ((np.arange(POINTS) - 60) / 10) ** 2)
AGE = np.linspace(-1.5, 1.5, SUBJECTS)
SCORE = 0.6 * AGE + np.resize([1, -1, 0.5, 0.2, -0.7], SUBJECTS)
HALVES = ["a"] * 5 + ["b"] * 7
CROSSED = np.repeat(["a", "b"], SUBJECTS // 2)
ROWS, BLOCKS = pooled_model(6, 4)


def subject_effects(rng, x):
    """Each subject's own level, the same in all conditions."""
    return x + 3 * rng.standard_normal((len(x), 1, 1))


def main_effects(rng, x):
    """Large main effects and subject effects, none of them the interaction that is tested."""
    x[:, : x.shape[1] // 2] += BUMP
    x[:, ::2] -= np.roll(BUMP, 30)
    return subject_effects(rng, x)


def group_and_condition(rng, x):
    """A difference of the groups and one of the conditions, but no interaction."""
    x[CROSSED == "a"] += BUMP
    x[:, 0] -= np.roll(BUMP, 30)
    return subject_effects(rng, x)


def group_alone(rng, x):
    """A difference of the groups, the same in all conditions."""
    x[CROSSED == "a"] += BUMP
    return subject_effects(rng, x)


def age_effect(rng, x):
    """An effect of the nuisance covariate, which goes along with the tested one."""
    return x + AGE[:, None, None] * BUMP


def rows_of_subjects(rng, x):
    """Maps of six subjects with levels of their own."""
    return x + 3 * rng.standard_normal((6, 1, 1))[BLOCKS]


def wider_group(rng, x):
    """The smaller group varies twice as much: what Welch's t is for."""
    x[np.array(HALVES) == "a"] *= 2
    return x


#: Design, rows and cells of the maps, and what is in them beside errors.
DESIGNS = {
    "one-sample": (OneSample(), SUBJECTS, 1, None),
    "paired": (Paired(), SUBJECTS, 2, subject_effects),
    "within, interaction of 2 x 2": (Within({"a": 2, "b": 2}, "a:b"), SUBJECTS, 4, main_effects),
    "within, 3 levels (d = 2)": (Within({"a": 3}, "a"), SUBJECTS, 3, subject_effects),
    "two groups, pooled variance": (TwoSample(HALVES), SUBJECTS, 1, None),
    "two groups, Welch": (TwoSample(HALVES, variances="unequal"), SUBJECTS, 1, None),
    "three groups": (Between(list("abc") * 4), SUBJECTS, 1, None),
    "mixed, group x condition": (
        Mixed(CROSSED, {"c": 3}, "group:c"), SUBJECTS, 3, group_and_condition,
    ),
    "mixed, condition": (Mixed(CROSSED, {"c": 2}, "c"), SUBJECTS, 2, group_alone),
    "regression with nuisance": (
        Regression({"age": AGE, "score": SCORE}, "score"), SUBJECTS, 1, age_effect,
    ),
    "pooled-error GLM, F": (
        GLM(ROWS, np.eye(10)[:, :3] - np.eye(10)[:, [3]], BLOCKS), 24, 1, rows_of_subjects,
    ),
}  # fmt: skip


def rejections(design, maps, data_sets, seed):
    """How often each kind of maximum of the observed map is among the largest 5%."""
    rng = np.random.default_rng(seed)
    adjacency = Lattice((POINTS,)).adjacency()
    rejected = dict.fromkeys(("mass", "size", "maximum", "tfce"), 0)
    for k in range(data_sets):
        prepared = prepare(maps(rng), design, adjacency, threshold={"p": 0.05}, tfce=True, seed=k)
        block = run_block(prepared, 0, PERMUTATIONS)
        for kind, maxima in zip(
            rejected, (block.mass[:, 0], block.size[:, 0], block.statistic, block.tfce), strict=True
        ):
            largest = maxima.max(axis=1)
            # Index 0 is the observed map. Ties count.
            p = np.mean(largest >= largest[0] * (1 - 1e-9))
            rejected[kind] += bool(largest[0] > 0 and p <= ALPHA)
    return {kind: count / data_sets for kind, count in rejected.items()}


def simulated(shape, smooth, error, others):
    """A function that draws null maps of unit variance, with other effects in them."""

    def maps(rng):
        x = ERRORS[error](rng, shape)
        if SMOOTHNESS[smooth]:
            x = gaussian_filter1d(x, SMOOTHNESS[smooth], axis=-1, mode="wrap")
        x = x / x.std()
        return others(rng, x) if others else x

    return maps


@pytest.mark.slow
@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("smooth", SMOOTHNESS)
@pytest.mark.parametrize("name", DESIGNS)
def test_family_wise_error_is_within_its_binomial_interval(name, smooth, error):
    """Rejections at alpha = .05 among null data sets, by mass, size, maximum and TFCE.

    The binomial 99.9% interval of 2,000 at .05. Cluster size may be conservative, since ties of
    small sizes count against rejection; the others must not be.
    """
    design, rows, cells, others = DESIGNS[name]
    seed = [list(DESIGNS).index(name), list(SMOOTHNESS).index(smooth), list(ERRORS).index(error)]
    maps = simulated((rows, cells, POINTS), smooth, error, others)
    rates = rejections(design, maps, DATA_SETS, seed)
    target = os.environ.get("GROUPWISE_CALIBRATION")
    if target:
        row = [name, smooth, error, *(f"{rates[kind]:.4f}" for kind in rates)]
        with Path(target).open("a", encoding="utf-8") as handle:
            handle.write("\t".join(row) + "\n")
    low, high = stats.binom.ppf([0.0005, 0.9995], DATA_SETS, ALPHA) / DATA_SETS
    assert all(rate <= high for rate in rates.values()), rates
    assert min(rates["mass"], rates["maximum"], rates["tfce"]) >= low, rates


@pytest.mark.parametrize("name", DESIGNS)
def test_family_wise_error_of_every_design_in_short(name):
    """100 data sets: far too high a rate would show."""
    design, rows, cells, others = DESIGNS[name]
    rates = rejections(design, simulated((rows, cells, POINTS), "smooth", "normal", others), 100, 1)
    assert all(rate <= stats.binom.ppf(0.9999, 100, ALPHA) / 100 for rate in rates.values()), rates


def planted(seed):
    """Ten subjects' maps with a bump of moderate size."""
    rng = np.random.default_rng(seed)
    x = gaussian_filter1d(rng.standard_normal((10, POINTS)), 3.0, axis=-1, mode="wrap")
    return x / x.std() + 0.25 * BUMP


@pytest.mark.slow
def test_power_is_that_of_mne():
    """The same planted effects, all 512 flips: the same p, so the same power.

    MNE leaves one flip out (511), hence the tolerance.
    """
    from mne.stats import permutation_cluster_1samp_test

    threshold = float(stats.t.isf(0.025, 9))
    found = []
    for seed in range(200):
        x = planted(seed)
        prepared = prepare(
            x[:, None], OneSample(), Lattice((POINTS,)).adjacency(), threshold={"p": 0.05}
        )
        largest = run_block(prepared, 0, 512).mass.max(axis=(1, 2))
        ours = np.mean(largest >= largest[0] * (1 - 1e-9)) if largest[0] else 1.0
        _, _, p, _ = permutation_cluster_1samp_test(
            x, threshold=threshold, n_permutations="all", adjacency=None, verbose="error"
        )
        found.append((ours, min(p, default=1.0)))
    ours, theirs = np.array(found).T
    np.testing.assert_allclose(ours, theirs, atol=2 / 511)
    power = (ours <= ALPHA).mean()
    assert power >= (theirs <= ALPHA).mean()
    assert 0.2 < power < 0.95  # the effect is neither absent nor overwhelming
    print(f"power {power:.3f}, MNE {(theirs <= ALPHA).mean():.3f}")
