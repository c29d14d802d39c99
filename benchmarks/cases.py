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


def groupwise(x, design, adjacency, few, many, n_times=1, **options) -> float:
    """Blocks of a prepared effect: what a job of the workflow computes."""
    from groupwise.permutation.blocks import run_block
    from groupwise.permutation.prepare import prepare

    flat = x.reshape(*x.shape[:2], -1)
    prepared = prepare(flat, design, adjacency, n_times=n_times, threshold={"p": P}, **options)
    return per_permutation(lambda count: run_block(prepared, 0, count), few, many)


def source_onesample_groupwise(hat=0.0):
    from groupwise.stats import OneSample

    x, adjacency = arrays.surface_maps(), arrays.surface_adjacency()
    options = {"hat": hat} if hat else {}
    return groupwise(x, OneSample(), adjacency, 200, 4200, n_times=arrays.TIMES, **options)


def source_onesample_mne(**stat):
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
            **stat,
        )

    return per_permutation(run, 4, 14)


def source_onesample_eelbrain(tfce=False):
    import eelbrain

    eelbrain.configure(n_workers=0)
    x, times = arrays.surface_maps()[:, 0], arrays.TIMES
    source = eelbrain.Categorial(
        "source", [f"{k}" for k in range(x.shape[1])], connectivity=arrays.surface_edges()
    )
    y = eelbrain.NDVar(x, (eelbrain.Case, source, eelbrain.UTS(0, 0.01, times)))
    threshold = {"tfce": True} if tfce else {"pmin": P}

    def run(count):
        eelbrain.testnd.TTestOneSample(y, samples=count, **threshold)

    return per_permutation(run, 2, 4 if tfce else 12)


def source_hat_mne():
    from functools import partial

    from mne.stats import ttest_1samp_no_p

    return source_onesample_mne(stat_fun=partial(ttest_1samp_no_p, sigma=1e-3, method="relative"))


def source_hat_groupwise():
    return source_onesample_groupwise(hat=1e-3)


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


def voxel_glm_groupwise():
    from groupwise.stack.lattice import Lattice
    from groupwise.stats import GLM

    x, contrast, subject = arrays.faces_design()
    inside = arrays.brain_mask().get_fdata() > 0
    adjacency = Lattice(inside.shape, "faces", mask=inside).adjacency()
    maps = arrays.voxel_maps(144)[None]
    return groupwise(maps, GLM(x, contrast, blocks=subject), adjacency, 64, 576)


def voxel_flips_nilearn():
    return voxel_glm_nilearn()


def faces_minus_scrambled() -> np.ndarray:
    """(16, 1, voxels): each subject's contrast map."""
    _, contrast, _ = arrays.faces_design()
    maps = arrays.voxel_maps(144).reshape(arrays.SUBJECTS, 9, -1)
    return np.einsum("c,scv->sv", contrast[:9].astype(np.float32), maps)[:, None]


def voxel_flips_groupwise(few=500, many=20500, **options):
    from groupwise.stack.lattice import Lattice
    from groupwise.stats import OneSample

    inside = arrays.brain_mask().get_fdata() > 0
    adjacency = Lattice(inside.shape, "faces", mask=inside).adjacency()
    return groupwise(faces_minus_scrambled(), OneSample(), adjacency, few, many, **options)


def voxel_glm_nilearn(tfce=False):
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
            threshold=None if tfce else P,
            tfce=tfce,
            masker=masker,
            n_jobs=1,
            random_state=0,
        )

    return per_permutation(run, 2, 8 if tfce else 22)


def voxel_tfce_nilearn():
    return voxel_glm_nilearn(tfce=True)


def voxel_tfce_groupwise():
    return voxel_flips_groupwise(50, 1050, tfce=True)


def source_tfce_groupwise():
    from groupwise.stats import OneSample

    x, adjacency = arrays.surface_maps(), arrays.surface_adjacency()
    return groupwise(x, OneSample(), adjacency, 4, 44, n_times=arrays.TIMES, tfce=True)


def source_tfce_wheel():
    """A t map at a time, as the wheel takes them; the t map itself is not timed."""
    import tfce
    from scipy import sparse

    mesh = arrays.surface_adjacency()
    line = sparse.diags_array([1.0], offsets=[1], shape=(arrays.TIMES,) * 2)
    same = sparse.eye_array
    both = sparse.kron(mesh, same(arrays.TIMES)) + sparse.kron(same(mesh.shape[0]), line + line.T)
    adjacency = sparse.csr_array(both)
    x = arrays.surface_maps()[:, 0].reshape(arrays.SUBJECTS, -1)
    t = (x.mean(0) / x.std(0, ddof=1) * np.sqrt(len(x))).astype(np.float32)

    def run(count):
        for _ in range(count):
            tfce.tfce(t, adjacency=adjacency, two_sided=True)

    return per_permutation(run, 1, 3)


def source_tfce_eelbrain():
    return source_onesample_eelbrain(tfce=True)


if __name__ == "__main__":
    case, tool = sys.argv[1:]
    milliseconds = globals()[f"{case}_{tool}"]()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"case": case, "tool": tool, "ms": milliseconds, "peak_mb": peak}))
