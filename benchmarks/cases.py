"""One measurement in a process of its own: python cases.py CASE TOOL -> a line of JSON.

Each tool is timed by the difference of two runs of a different number of permutations, so that its
start, its observed map and its compilation are left out, Groupwise's too.
"""

import json
import resource
import sys
import time

import arrays
import numpy as np
from scipy import stats

P = 0.001
PER_SIDE = float(stats.t.isf(P / 2, arrays.SUBJECTS - 1))


def per_permutation(run, few: int, many: int) -> float:
    """Milliseconds a permutation, from runs of `few` and `many`."""
    run(few)
    taken = []
    for count in (few, many):
        start = time.perf_counter()
        run(count)
        taken.append(time.perf_counter() - start)
    return 1000 * (taken[1] - taken[0]) / (many - few)


def groupwise(x, design, adjacency, few, many, n_times=1) -> float:
    """Blocks of a prepared effect: what a job of the workflow computes."""
    from groupwise.permutation.blocks import run_block
    from groupwise.permutation.prepare import prepare

    flat = x.reshape(*x.shape[:2], -1)
    prepared = prepare(flat, design, adjacency, n_times=n_times, threshold={"p": P})
    return per_permutation(lambda count: run_block(prepared, 0, count), few, many)


def source_onesample_groupwise():
    from groupwise.stats import OneSample

    x, adjacency = arrays.surface_maps(), arrays.surface_adjacency()
    return groupwise(x, OneSample(), adjacency, 200, 4200, n_times=arrays.TIMES)


def source_onesample_mne():
    from mne.stats import spatio_temporal_cluster_1samp_test

    x = arrays.surface_maps()[:, 0].swapaxes(1, 2)  # MNE: subjects, times, vertices
    adjacency = arrays.surface_adjacency().tocoo()

    def run(count):
        spatio_temporal_cluster_1samp_test(
            x,
            threshold=PER_SIDE,
            n_permutations=count,
            adjacency=adjacency,
            n_jobs=1,
            seed=0,
            buffer_size=None,
            verbose="error",
        )

    return per_permutation(run, 4, 14)


def source_onesample_eelbrain():
    import eelbrain

    eelbrain.configure(n_workers=0)
    x, times = arrays.surface_maps()[:, 0], arrays.TIMES
    source = eelbrain.Categorial(
        "source", [f"{k}" for k in range(x.shape[1])], connectivity=arrays.surface_edges()
    )
    y = eelbrain.NDVar(x, (eelbrain.Case, source, eelbrain.UTS(0, 0.01, times)))

    def run(count):
        eelbrain.testnd.TTestOneSample(y, samples=count, pmin=P)

    return per_permutation(run, 2, 12)


def source_within3_groupwise():
    from groupwise.stats import Within

    x, adjacency = arrays.surface_maps(cells=3), arrays.surface_adjacency()
    design = Within({"level": 3}, effect="level")
    return groupwise(x, design, adjacency, 200, 2200, n_times=arrays.TIMES)


def source_within3_mne():
    from mne.stats import f_mway_rm, f_threshold_mway_rm, spatio_temporal_cluster_test

    x = arrays.surface_maps(cells=3)
    cells = [x[:, k].swapaxes(1, 2) for k in range(3)]

    def statistic(*data):
        return f_mway_rm(np.swapaxes(np.stack(data), 0, 1), [3], effects="A", return_pvals=False)[0]

    def run(count):
        spatio_temporal_cluster_test(
            cells,
            stat_fun=statistic,
            threshold=f_threshold_mway_rm(arrays.SUBJECTS, [3], "A", P),
            tail=1,
            n_permutations=count,
            adjacency=arrays.surface_adjacency().tocoo(),
            n_jobs=1,
            seed=0,
            buffer_size=None,
            verbose="error",
        )

    return per_permutation(run, 2, 8)


def faces_minus_scrambled() -> np.ndarray:
    """(16, 1, voxels): each subject's contrast map."""
    _, contrast, _ = arrays.faces_design()
    maps = arrays.voxel_maps(144).reshape(arrays.SUBJECTS, 9, -1)
    return np.einsum("c,scv->sv", contrast[:9].astype(np.float32), maps)[:, None]


def voxel_flips_groupwise():
    from groupwise.stack.lattice import Lattice
    from groupwise.stats import OneSample

    inside = arrays.brain_mask().get_fdata() > 0
    adjacency = Lattice(inside.shape, "faces", mask=inside).adjacency()
    return groupwise(faces_minus_scrambled(), OneSample(), adjacency, 500, 20500)


def voxel_flips_nilearn():
    """The pooled model with the subjects as confounds, which is what nilearn offers."""
    from nilearn.maskers import NiftiMasker
    from nilearn.mass_univariate import permuted_ols

    x, contrast, _ = arrays.faces_design()
    y = arrays.voxel_maps(144)
    tested = x @ contrast
    confounds = x[:, 9:]  # the subjects
    masker = NiftiMasker(arrays.brain_mask()).fit()

    def run(count):
        permuted_ols(
            tested,
            y,
            confounds,
            model_intercept=False,
            n_perm=count,
            two_sided_test=True,
            threshold=P,
            masker=masker,
            n_jobs=1,
            random_state=0,
        )

    return per_permutation(run, 2, 22)


if __name__ == "__main__":
    case, tool = sys.argv[1:]
    milliseconds = globals()[f"{case}_{tool}"]()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"case": case, "tool": tool, "ms": milliseconds, "peak_mb": peak}))
