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

from groupwise.permutation import Lattice, permutation_test
from groupwise.stats import OneSample, Paired, Within

DATA_SETS, PERMUTATIONS, ALPHA = 2000, 200, 0.05
POINTS = 120
SUBJECTS = 12

ERRORS = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "Laplace": lambda rng, shape: rng.laplace(size=shape),
    "t3": lambda rng, shape: rng.standard_t(3, size=shape),
}
SMOOTHNESS = {"rough": 0.0, "smooth": 4.0}


def other_effects(rng, x):
    """Large main effects and subject effects, none of them the interaction that is tested."""
    bump = np.exp(-0.5 * ((np.arange(POINTS) - 60) / 10) ** 2)
    x[:, :2] += 3 * bump
    x[:, [0, 2]] -= 2 * np.roll(bump, 30)
    return x + 3 * rng.standard_normal((len(x), 1, 1))


DESIGNS = {
    "one-sample": (OneSample(), 1, None),
    "paired": (Paired(), 2, None),
    "within, interaction of 2 x 2": (
        Within({"a": 2, "b": 2}, effect="a:b"),
        4,
        other_effects,
    ),
    "within, 3 levels (d = 2)": (Within({"a": 3}, effect="a"), 3, None),
}


@pytest.mark.slow
@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("smooth", SMOOTHNESS)
@pytest.mark.parametrize("name", DESIGNS)
def test_family_wise_error_is_within_its_binomial_interval(name, smooth, error):
    """Rejections at alpha = .05 among null data sets, by mass, size and maximum.

    Upper bound: the binomial 99.9% quantile of 2,000 at .05. Cluster size may be conservative,
    since ties of small sizes count against rejection; mass and maximum must not be.
    """
    design, cells, others = DESIGNS[name]
    seed = [list(DESIGNS).index(name), list(SMOOTHNESS).index(smooth), list(ERRORS).index(error)]
    rng = np.random.default_rng(seed)
    line = Lattice((POINTS,))
    rejected = dict.fromkeys(("mass", "size", "maximum"), 0)
    for k in range(DATA_SETS):
        x = ERRORS[error](rng, (SUBJECTS, cells, POINTS))
        if SMOOTHNESS[smooth]:
            x = gaussian_filter1d(x, SMOOTHNESS[smooth], axis=-1, mode="wrap")
            x /= x.std()
        if others:
            x = others(rng, x)
        result = permutation_test(
            x[:, 0] if cells == 1 else x,
            design,
            adjacency=line,
            threshold={"p": 0.05},
            permutations=PERMUTATIONS,
            seed=k,
        )
        found = result.clusters
        rejected["mass"] += bool(len(found)) and found["p"].min() <= ALPHA
        rejected["size"] += bool(len(found)) and found["p_size"].min() <= ALPHA
        rejected["maximum"] += np.nanmin(result.p_max) <= ALPHA
    rates = {kind: count / DATA_SETS for kind, count in rejected.items()}
    target = os.environ.get("GROUPWISE_CALIBRATION")
    if target:
        row = [name, smooth, error, *(f"{rates[kind]:.4f}" for kind in rates)]
        with Path(target).open("a", encoding="utf-8") as handle:
            handle.write("\t".join(row) + "\n")
    low, high = stats.binom.ppf([0.0005, 0.9995], DATA_SETS, ALPHA) / DATA_SETS
    assert all(rate <= high for rate in rates.values()), rates
    assert rates["mass"] >= low and rates["maximum"] >= low, rates
