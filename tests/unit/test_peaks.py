"""Peaks of clusters, and the names of their places."""

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from groupwise.errors import InputError
from groupwise.permutation import permutation_test
from groupwise.permutation.peaks import describe_peak_columns, describe_peaks, effect_size
from groupwise.stack.atlas import names_of
from groupwise.stack.volumes import volume_space
from groupwise.stats import OneSample, Regression, TwoSample, Within

SHAPE, AFFINE = (14, 12, 10), np.diag([-3.0, 3.0, 3.0, 1.0])


@pytest.fixture(scope="module")
def space():
    space = volume_space(np.ones(SHAPE, bool), AFFINE, name="MNI")
    return replace(space, label=np.where(space.coordinates[:, 0] < -20, "far", "near"))


def result_of(x, space, design=None):
    return permutation_test(
        x.reshape(*x.shape[: -len(SHAPE)], -1),
        design or OneSample(),
        adjacency=space.adjacency,
        threshold={"p": 0.01},
        permutations=64,
    )


def test_peaks_are_local_maxima_apart(space):
    rng = np.random.default_rng(0)
    x = np.array([gaussian_filter(rng.normal(size=SHAPE), 0.8) for _ in range(12)])
    for place in ((3, 5, 5), (6, 5, 5), (11, 6, 5)):  # two of them in one cluster
        blob = np.zeros(SHAPE)
        blob[place] = 40
        x += gaussian_filter(blob, 0.9)
    result = result_of(x, space)
    peaks = describe_peaks(result, space)
    assert set(peaks["cluster"]) == set(result.clusters["id"])
    statistic = np.abs(result.statistic).reshape(SHAPE)
    for cluster, own in peaks.groupby("cluster"):
        inside = (result.labels == cluster).reshape(SHAPE)
        assert own["statistic"].abs().is_monotonic_decreasing and len(own) <= 4
        assert abs(own["statistic"].iloc[0]) == statistic[inside].max()
        for i, j, k in own[["i", "j", "k"]].to_numpy():
            around = [
                (i + a, j + b, k + c)
                for a, b, c in np.vstack([np.eye(3, dtype=int), -np.eye(3, dtype=int)])
                if all(0 <= v < s for v, s in zip((i + a, j + b, k + c), SHAPE, strict=True))
            ]
            here = [statistic[p] for p in around if inside[p]]
            assert statistic[i, j, k] >= max(here, default=0)
        places = own[["x", "y", "z"]].to_numpy()
        apart = np.linalg.norm(places[:, None] - places, axis=2)[np.triu_indices(len(own), 1)]
        assert (apart >= 8).all()
    first = result.clusters["id"].iloc[0]
    assert (peaks["cluster"] == first).sum() >= 2
    assert set(describe_peak_columns(result, space)) >= set(peaks)


def test_effect_sizes_are_those_of_the_design(space):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(16, *SHAPE))
    flat = x.reshape(16, -1)
    one = result_of(x, space)
    point = 7
    t = float(one.statistic[point])
    d = flat[:, point].mean() / flat[:, point].std(ddof=1)
    assert effect_size(one, t)[0] == pytest.approx(d)
    two = result_of(x, space, TwoSample(["a"] * 6 + ["b"] * 10))
    a, b = flat[:6, point], flat[6:, point]
    pooled = np.sqrt((5 * a.var(ddof=1) + 9 * b.var(ddof=1)) / 14)
    size = effect_size(two, float(two.statistic[point]))
    assert size[0] == pytest.approx((a.mean() - b.mean()) / pooled)
    slope = np.arange(16.0)
    regression = result_of(x, space, Regression({"age": slope}, "age"))
    size = effect_size(regression, float(regression.statistic[point]))
    assert size[0] == pytest.approx(np.corrcoef(slope, flat[:, point])[0, 1])
    assert size[1] < size[0] < size[2]
    within = result_of(rng.normal(size=(8, 3, *SHAPE)), space, Within({"a": 3}, "a"))
    f = float(within.statistic[point])
    assert effect_size(within, f)[0] == pytest.approx(f * 2 / (f * 2 + 14))


def test_names_come_from_the_atlas_or_the_nearest_coordinate(tmp_path):
    values = np.zeros((4, 4, 4), np.int16)
    values[1, 1, 1] = 7
    nib.save(nib.Nifti1Image(values, np.diag([10.0, 10, 10, 1])), tmp_path / "atlas.nii.gz")
    (tmp_path / "labels.tsv").write_text("index\tname\n7\tHippocampus\n9\tOther\n")
    places = np.array([[10.0, 10, 10], [14, 8, 12], [20, 20, 20], [-90, 0, 0]])
    own, told = names_of(places, image=tmp_path / "atlas.nii.gz", labels=tmp_path / "labels.tsv")
    assert own.tolist() == ["Hippocampus", "Hippocampus", "", ""] and "atlas.nii.gz" in told
    names, told = names_of(np.array([[36.0, -60, -8], [-36, -60, -8], [200, 0, 0]]))
    assert "Dosenbach" in told and names[2] == ""
    assert names[0].startswith("right ") and names[1].startswith("left ")
    nib.save(nib.Nifti1Image(values + np.float32(0.5), np.eye(4)), tmp_path / "half.nii.gz")
    with pytest.raises(InputError, match="not all values are integers"):
        names_of(places, image=tmp_path / "half.nii.gz", labels=tmp_path / "labels.tsv")
    with pytest.raises(InputError, match="no atlas"):
        names_of(places, image=tmp_path / "absent.nii.gz", labels=tmp_path / "labels.tsv")
