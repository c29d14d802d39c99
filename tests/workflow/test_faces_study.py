"""fMRI for real: preprocessed BOLD runs of twelve subjects to contrasts where they were put."""

import json

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import scipy.stats
from nilearn.glm.second_level import SecondLevelModel

from groupwise.config.formula import weights_of
from groupwise.demo.faces import CONDITIONS, SPACE
from groupwise.permutation import permutation_test
from groupwise.stats.linear import pooled_contrast
from tests.workflow.browser import PHONE, read_as_a_reader
from tests.workflow.docs_pages import DOCS, config_of
from tests.workflow.study_trees import Plan, bids_errors, undescribed, without_stamps

GROUP = "results/group/faces"
#: Effect to the regions that carry it, as truth.json says.
PUT = {
    "facesOverScrambled": "faces > scrambled",
    "famousOverUnfamiliar": "famous > unfamiliar",
    "stimulusByImmediate": "stimulus x immediate repetition",
}


TUTORIAL = DOCS / "tutorials/fmri.md"


def test_the_tutorial_runs_as_written(followed):
    _, said = followed
    assert "12 subjects, 12 complete" in said["groupwise check --configfile study.yaml"]
    assert "fit_runs" in said["snakemake --configfile study.yaml -n"]
    assert "done" in said["groupwise status --configfile study.yaml"]


def test_the_report_in_a_browser(study, tmp_path):
    """On a phone; the report of M/EEG is opened on a desk, and that of fNIRS at both widths."""
    read_as_a_reader(study / "results/report.html", tmp_path, (PHONE,))


def test_every_table_is_described_and_bids_has_no_errors(study):
    assert undescribed(study / "results") == {}
    assert bids_errors(study / "results") == []


def table(study, effect, name="clusters"):
    return pd.read_csv(study / GROUP / effect / f"infer/{name}.tsv", sep="\t")


def maps_of(study, effect, stat):
    (path,) = (study / GROUP / effect / "maps").glob(f"*_stat-{stat}_statmap.nii.gz")
    return nib.load(path)


@pytest.mark.parametrize("effect", PUT)
def test_contrasts_are_found_where_they_were_put(study, effect):
    """A significant cluster has its centre within 12 mm (two voxels) of each region's place."""
    regions = json.loads((study / "demo/faces/truth.json").read_text())["Regions"]
    found = table(study, effect)
    found = found[found["p"] <= 0.05]
    centers = found[["center_x", "center_y", "center_z"]].to_numpy()
    for region in regions:
        if region["Effect"] == PUT[effect]:
            distance = np.linalg.norm(centers - region["Place"], axis=1)
            assert distance.min(initial=np.inf) < 12, region["Name"]


def test_t_is_scipys_on_the_first_level_maps(study):
    weights = weights_of("famous + unfamiliar - 2 scrambled", list(CONDITIONS))
    observations = pd.read_csv(study / GROUP / "stack/observations.tsv", sep="\t", dtype=str)
    scores = []
    for _, rows in observations.groupby("subject"):
        paths = rows.set_index("condition")["path"]
        images = [nib.load(study / paths[name]).get_fdata() for name in CONDITIONS]
        scores.append(np.tensordot(weights, images, 1))
    mine = maps_of(study, "facesOverScrambled", "t").get_fdata()
    inside = np.isfinite(mine)
    expected = scipy.stats.ttest_1samp(np.array(scores)[:, inside], 0).statistic
    np.testing.assert_allclose(mine[inside], expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["partitioned", pytest.param("pooled", marks=pytest.mark.slow)])
def test_t_is_that_of_nilearns_second_level(study, kind):
    """On one subject's contrast maps, and on all maps with subjects as regressors."""
    weights = weights_of("famous + unfamiliar - 2 scrambled", list(CONDITIONS))
    observations = pd.read_csv(study / GROUP / "stack/observations.tsv", sep="\t", dtype=str)
    paths = observations.set_index(["subject", "condition"])["path"]
    subjects = sorted(set(observations["subject"]))
    images = [[nib.load(study / paths[s, c]) for c in CONDITIONS] for s in subjects]
    mask = nib.load(
        study / f"demo/faces/derivatives/fmriprep/sub-01/func/sub-01_task-faces_run-1_space-{SPACE}"
        "_desc-brain_mask.nii.gz"
    )
    inside = mask.get_fdata() > 0
    x = np.array([[image.get_fdata()[inside] for image in own] for own in images])
    model = SecondLevelModel(mask_img=mask, minimize_memory=False)
    if kind == "partitioned":
        scores = np.einsum("c,scv->sv", weights, x)
        maps = []
        for score in scores:
            volume = np.zeros(inside.shape, np.float32)
            volume[inside] = score
            maps.append(nib.Nifti1Image(volume, mask.affine))
        model.fit(maps, design_matrix=pd.DataFrame({"mean": np.ones(len(maps))}))
        contrast, mine = [1.0], maps_of(study, "facesOverScrambled", "t").get_fdata()[inside]
    else:
        n = len(subjects)
        coded = (np.eye(n)[:, 1:] - np.eye(n)[:, :1])[np.repeat(np.arange(n), 9)]
        design = pd.DataFrame(np.hstack([np.tile(np.eye(9), (n, 1)), coded]))
        design.columns = [f"column{k}" for k in design.columns]
        model.fit([image for own in images for image in own], design_matrix=design)
        contrast = [*weights, *np.zeros(n - 1)]
        mine = permutation_test(
            x.reshape(n * 9, -1), pooled_contrast(weights, n), threshold={"p": 0.01}, permutations=5
        ).statistic
    theirs = model.compute_contrast(contrast, second_level_stat_type="t", output_type="stat")
    np.testing.assert_allclose(mine, theirs.get_fdata()[inside], rtol=1e-5, atol=1e-5)


def test_first_level_maps_have_bids_names_and_sidecars(study):
    func = study / "results/sub-03/func"
    stem = f"sub-03_task-faces_space-{SPACE}_cond-famousInitial"
    for stat in ("effect", "variance", "t", "z"):
        assert (func / f"{stem}_stat-{stat}_statmap.nii.gz").exists()
    sidecar = json.loads((func / f"{stem}_statmap.json").read_text())
    assert sidecar["Runs"] == 2 and sidecar["Weights"] == {"famous/initial": 1.0}
    model = json.loads((func / "sub-03_task-faces_design.json").read_text())
    assert set(model["VarianceInflation"][0]) == set(CONDITIONS)
    effect, variance, t = (
        nib.load(func / f"{stem}_stat-{stat}_statmap.nii.gz").get_fdata()
        for stat in ("effect", "variance", "t")
    )
    inside = variance > 0
    np.testing.assert_allclose(t[inside], (effect / np.sqrt(variance))[inside], rtol=1e-4)


def test_peaks_have_names_and_effect_sizes(study):
    peaks = table(study, "facesOverScrambled", "peaks")
    first = peaks[peaks["rank"] == 1].iloc[0]
    assert first["effect_size"] == pytest.approx(first["statistic"] / np.sqrt(12))
    assert first["effect_low"] < first["effect_size"] < first["effect_high"]
    assert "fusiform" in first["label"] or "occipital" in first["label"]
    for _, own in peaks.groupby("cluster"):
        places = own[["x", "y", "z"]].to_numpy()
        apart = np.linalg.norm(places[:, None] - places, axis=2)[np.triu_indices(len(own), 1)]
        assert len(own) <= 4 and (apart >= 8).all()


def test_report_and_views(study):
    report = (study / "results/report.html").read_text()
    for said in (
        "faces_over_scrambled",
        "Effects of interest, all subjects",
        "Peaks: up to four local maxima",
    ):
        assert said in report
    for page in ("volume", "surface"):
        view = study / GROUP / f"facesOverScrambled/views/{page}.html"
        assert f"Move through the map: {page}" in report
        assert "<html" in view.read_text()[:2000].lower()


def test_a_rerun_has_nothing_to_do_and_a_new_smoothing_reruns_the_first_level(study):
    assert not Plan(study, config_of(TUTORIAL)).jobs
    changed = config_of(TUTORIAL)
    changed["fmri"]["smoothing"] = 6
    jobs = Plan(study, changed).jobs
    assert jobs["fit_runs"] == 12 and jobs["prepare"] == 3
    assert "check_runs" not in jobs


def test_other_designs_on_the_same_runs(study):
    """A first-level contrast by age, groups, the ANOVA and pooled error, in one plan."""
    changed = config_of(TUTORIAL)
    changed["fmri"]["contrasts"] = {"facesVsScrambled": "famous + unfamiliar - 2 scrambled"}
    people = pd.read_csv(study / "demo/faces/bids/participants.tsv", sep="\t")
    people["hand"] = ["left", "right"] * 6
    people.to_csv(study / "people.tsv", sep="\t", index=False)
    within = changed["analyses"]["faces"]["within"]
    one = {"data": "fmri", "test": "one-sample", "conditions": ["facesVsScrambled"]}
    changed["analyses"] = {
        "by_age": {**one, "covariates": ["age"], "effects": ["age", "mean"]},
        "by_hand": {**one, "between": {"hand": ["left", "right"]}},
        "anova": {"data": "fmri", "within": within, "effects": ["stimulus:presentation"]},
        "pooled": {
            "data": "fmri", "within": within, "error": "pooled",
            "contrasts": {"faces": "famous + unfamiliar - 2 scrambled"},
        },
    }  # fmt: skip
    changed["participants"] = str(study / "people.tsv")
    jobs = Plan(study, changed).jobs
    assert jobs["fit_runs"] == 12 and jobs["infer"] == 5 and jobs["stack_volumes"] == 4
    changed["analyses"]["by_age"]["covariates"] = ["score"]
    changed["analyses"]["by_age"]["effects"] = "all"
    assert "has no column score" in Plan(study, changed).refused


def test_every_stage_looks_at_what_it_is_given(study):
    assert without_stamps(study, config_of(TUTORIAL)) == set()
