"""The second door for real: ready-made volume maps, from their table to the report."""

import os

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import scipy.stats
import yaml

from groupwise.permutation.merge import Null
from tests.workflow.map_study import AFFINE, EFFECT, SHAPE, config, write_maps
from tests.workflow.study_trees import Plan, snakemake


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("maps")
    write_maps(folder)
    for path in folder.iterdir():
        os.utime(path, (1e9, 1e9))
    run = snakemake(folder, config(folder), "--cores", "2")
    assert run.returncode == 0, run.text
    return folder


def test_t_map_is_scipys_on_the_voxels_that_all_share(study):
    table = pd.read_csv(study / "maps.tsv", sep="\t", dtype=str)
    maps = np.stack([np.squeeze(nib.load(study / p).get_fdata()) for p in table["path"]])
    shared = (np.isfinite(maps) & (maps != 0)).all(axis=0)
    folder = study / "results" / EFFECT / "maps"
    image = nib.load(folder / "space-MNI_effect-oneSample_stat-t_statmap.nii.gz")
    expected = scipy.stats.ttest_1samp(maps[:, shared], 0).statistic
    np.testing.assert_allclose(image.get_fdata()[shared], expected, rtol=1e-6)
    first = nib.load(study / table["path"][0])
    np.testing.assert_allclose(image.affine, first.affine)


def test_planted_cluster_is_found_with_its_place(study):
    clusters = pd.read_csv(study / "results" / EFFECT / "infer/clusters.tsv", sep="\t")
    top = clusters.iloc[0]
    assert top.p <= 0.05 and top.sign == 1
    center = AFFINE @ [5.5, 6.5, 5.5, 1] + [26, -30, -22, 0]
    assert np.linalg.norm(np.subtract([top.center_x, top.center_y, top.center_z], center[:3])) < 6


def test_report_states_what_was_found(study):
    text = (study / "results/report.html").read_text()
    assert "cluster-based permutation test" in text


def test_null_is_the_same_bytes_for_any_block_size(study, tmp_path):
    """Block files of 100 and of 37 resamplings, merged to the first 200 of them."""
    changed = config(study, block_size=37, output=str(tmp_path / "results"))
    target = f"{tmp_path}/results/{EFFECT}/null.npz"
    run = snakemake(study, changed, "--cores", "2", target)
    assert run.returncode == 0, run.text
    assert run.jobs["permute_block"] == 6
    one, other = (Null.load(p) for p in (study / "results" / EFFECT / "null.npz", target))
    for name in ("statistic", "mass", "size"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes()


def test_newer_scripts_rerun_nothing(study):
    """Results that are older than the scripts, as after a clone or an installation."""
    results = [path for path in (study / "results").rglob("*") if path.is_file()]
    for path in results:
        os.utime(path, ns=(0, path.stat().st_mtime_ns - 15 * 10**9 * 365 * 86400))
    assert Plan(study, config(study)).jobs == {}
    planned = snakemake(study, config(study), "-n")
    assert planned.returncode == 0 and planned.jobs == {}, planned.text
    assert snakemake(study, config(study), "-n", "--rerun-triggers", "code").jobs


def test_a_damaged_map_is_named_and_leaves_no_stack(tmp_path):
    write_maps(tmp_path)
    damaged = tmp_path / "con_03.img"
    damaged.write_bytes(damaged.read_bytes()[:1000])
    run = snakemake(tmp_path, config(tmp_path), "--cores", "2")
    assert run.returncode == 1
    assert "con_03.img" in run.text and "damaged or truncated" in run.text
    assert not (tmp_path / "results/group/reward/stack/stack.npy").exists()


def test_mistakes_in_the_table_are_all_reported_before_any_job(tmp_path):
    rows = write_maps(tmp_path)
    rows[2]["path"] = "absent.nii"
    rows[5]["subject"] = rows[4]["subject"]
    pd.DataFrame(rows).to_csv(tmp_path / "maps.tsv", sep="\t", index=False)
    run = Plan(tmp_path, config(tmp_path))
    assert "absent.nii does not exist" in run.refused and "is repeated" in run.refused


def test_mistakes_of_all_analyses_are_reported_with_their_place(tmp_path):
    write_maps(tmp_path)
    raw = config(tmp_path)
    one = next(iter(raw["analyses"].values()))
    raw["analyses"] = {
        "first": {**one, "conditions": ["nobody"]},
        "second": {**one, "test": None, "within": {"load": ["low", "high"]}},
    }
    raw["maps"]["mask"] = "absent_mask.nii"
    run = Plan(tmp_path, raw)
    for said in ("maps.mask: absent_mask.nii does not exist", "analyses.first: ", "column load"):
        assert said in run.refused, run.refused


def test_effects_of_factors_in_the_table(tmp_path):
    """A table with a column a factor takes the same rules through a factorial design."""
    rng = np.random.default_rng(1)
    rows = []
    for subject in range(7):
        for face in ("famous", "new"):
            path = tmp_path / f"{subject}_{face}.nii"
            values = rng.normal(size=SHAPE).astype(np.float32)
            nib.save(nib.Nifti1Image(values, AFFINE), path)
            rows.append({"subject": f"{subject}", "face": face, "path": path.name})
    pd.DataFrame(rows).to_csv(tmp_path / "maps.tsv", sep="\t", index=False)
    raw = config(tmp_path)
    raw["analyses"]["reward"] = {
        "data": "maps",
        "within": {"face": ["famous", "new"]},
        "permutations": 64,
    }
    target = f"{tmp_path}/results/group/reward/face/infer/result.json"
    run = snakemake(tmp_path, raw, "--cores", "2", target)
    assert run.returncode == 0, run.text
    result = yaml.safe_load((tmp_path / "results/group/reward/face/infer/result.json").read_text())
    assert result["Exact"] and result["DegreesOfFreedom"] == [1, 6]
