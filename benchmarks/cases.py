"""Make one measurement in a separate process: python cases.py CASE TOOL prints a line of JSON.

The time is the difference of two runs with different numbers of permutations, so it excludes
start-up, compilation and the observed map of each tool.
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
    """Return milliseconds per permutation, from runs of `few` and `many` permutations."""
    run(few)
    taken = []
    for count in (few, many):
        start = time.perf_counter()
        run(count)
        taken.append(time.perf_counter() - start)
    return 1000 * (taken[1] - taken[0]) / (many - few)


def groupwise(x, design, adjacency, few, many, n_times=1, threads=1, **options) -> float:
    """Time blocks of a prepared effect, as a job of the workflow computes them."""
    from groupwise.permutation.blocks import run_block
    from groupwise.permutation.prepare import prepare

    flat = x.reshape(*x.shape[:2], -1)
    options = {"threshold": {"p": P}} | options
    prepared = prepare(flat, design, adjacency, n_times=n_times, **options)
    return per_permutation(lambda count: run_block(prepared, 0, count, threads=threads), few, many)


def source_onesample_groupwise():
    from groupwise.stats import OneSample

    x, adjacency = arrays.surface_maps(), arrays.surface_adjacency()
    return groupwise(x, OneSample(), adjacency, 200, 4200, n_times=arrays.TIMES)


def source_onesample_mne(**options):
    from mne.stats import spatio_temporal_cluster_1samp_test

    x = arrays.surface_maps()[:, 0].swapaxes(1, 2)  # MNE: subjects, times, vertices
    adjacency = arrays.surface_adjacency().tocoo()

    def run(count):
        spatio_temporal_cluster_1samp_test(
            x,
            **options,
            threshold=PER_SIDE,
            n_permutations=count,
            adjacency=adjacency,
            n_jobs=1,
            seed=0,
            buffer_size=None,
            verbose="error",
        )

    return per_permutation(run, 4, 34)


def source_hat_groupwise():
    from groupwise.stats import OneSample

    x, adjacency = arrays.surface_maps(), arrays.surface_adjacency()
    return groupwise(x, OneSample(), adjacency, 200, 4200, n_times=arrays.TIMES, hat=1e-3)


def source_hat_mne():
    from functools import partial

    from mne.stats import ttest_1samp_no_p

    return source_onesample_mne(stat_fun=partial(ttest_1samp_no_p, sigma=1e-3))


def source_tfce_groupwise():
    from groupwise.stats import OneSample

    x, adjacency = arrays.surface_maps(), arrays.surface_adjacency()
    return groupwise(x, OneSample(), adjacency, 2, 8, n_times=arrays.TIMES, tfce=True)


def source_tfce_wheel():
    """Time one map at a time on the graph of vertices x times; t is a matrix product."""
    from scipy import sparse
    from tfce import tfce

    x = arrays.surface_maps()[:, 0].reshape(arrays.SUBJECTS, -1)
    squares = (x * x).sum(axis=0)
    line = sparse.diags_array([1.0, 1.0], offsets=[-1, 1], shape=(arrays.TIMES,) * 2)
    adjacency = arrays.surface_adjacency().astype(float)
    times, places = sparse.eye_array(arrays.TIMES), sparse.eye_array(adjacency.shape[0])
    graph = sparse.csr_array(sparse.kron(adjacency, times) + sparse.kron(places, line))
    graph.eliminate_zeros()
    rng, n = np.random.default_rng(0), arrays.SUBJECTS

    def run(count):
        for _ in range(count):
            mean = rng.choice([-1, 1], n).astype(np.float32) @ x / n
            t = mean / np.sqrt((squares / n - mean * mean) / (n - 1))
            np.abs(tfce(t, adjacency=graph, two_sided=True)).max()

    return per_permutation(run, 1, 4)


def source_tfce_eelbrain():
    return source_onesample_eelbrain(few=1, many=4, tfce=True)


def source_onesample_eelbrain(few=2, many=12, **options):
    import eelbrain

    options = options or {"pmin": P}
    eelbrain.configure(n_workers=0)
    x, times = arrays.surface_maps()[:, 0], arrays.TIMES
    source = eelbrain.Categorial(
        "source", [f"{k}" for k in range(x.shape[1])], connectivity=arrays.surface_edges()
    )
    y = eelbrain.NDVar(x, (eelbrain.Case, source, eelbrain.UTS(0, 0.01, times)))

    def run(count):
        eelbrain.testnd.TTestOneSample(y, samples=count, **options)

    return per_permutation(run, few, many)


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
    """Return (16, 1, voxels) contrast maps of the subjects."""
    _, contrast, _ = arrays.faces_design()
    maps = arrays.voxel_maps(144).reshape(arrays.SUBJECTS, 9, -1)
    return np.einsum("c,scv->sv", contrast[:9].astype(np.float32), maps)[:, None]


def voxel_adjacency():
    from groupwise.stack.lattice import Lattice

    inside = arrays.brain_mask().get_fdata() > 0
    return Lattice(inside.shape, "faces", mask=inside).adjacency()


def voxel_flips_groupwise(few=500, many=20500, **options):
    from groupwise.stats import OneSample

    adjacency = voxel_adjacency()
    return groupwise(faces_minus_scrambled(), OneSample(), adjacency, few, many, **options)


def voxel_pooled_groupwise():
    from groupwise.stats import GLM

    x, contrast, subject = arrays.faces_design()
    design = GLM(x, contrast, blocks=subject)
    return groupwise(arrays.voxel_maps(144)[:, None], design, voxel_adjacency(), 200, 2200)


def voxel_pooled_nilearn():
    """Time the pooled model with subjects as confounds, as nilearn supports it."""
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

    return per_permutation(run, 2, 42)


voxel_flips_nilearn = voxel_pooled_nilearn


def voxel_tfce_groupwise():
    return voxel_flips_groupwise(20, 220, tfce=True)


def voxel_tfce_nilearn():
    """Time sign flips of the same contrast maps; nilearn uses 100 steps up to the maximum."""
    from nilearn.maskers import NiftiMasker
    from nilearn.mass_univariate import permuted_ols

    y = faces_minus_scrambled()[:, 0]
    masker = NiftiMasker(arrays.brain_mask()).fit()

    def run(count):
        permuted_ols(
            np.ones((len(y), 1)),
            y,
            model_intercept=False,
            n_perm=count,
            two_sided_test=True,
            tfce=True,
            masker=masker,
            n_jobs=1,
            random_state=0,
        )

    return per_permutation(run, 1, 6)


if __name__ == "__main__":
    case, tool = sys.argv[1:]
    milliseconds = globals()[f"{case}_{tool}"]()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"case": case, "tool": tool, "ms": milliseconds, "peak_mb": peak}))
