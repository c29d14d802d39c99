"""Groups and covariates for real: from maps and a participants.tsv to tables and the report."""

import json

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import scipy.stats

from groupwise.permutation.stored import read_maps
from tests.workflow.study_trees import Plan, snakemake

SHAPE, AFFINE = (9, 8, 7), np.diag([-4.0, 4.0, 4.0, 1.0])
N = 14
GROUP = np.array(["patient", "control"] * 6 + ["control", "patient"])
AGE = np.linspace(20, 60, N)


def write_study(folder):
    """Two maps a subject: patients have more in a corner, their difference grows with age."""
    rng = np.random.default_rng(3)
    rows = []
    x = rng.normal(size=(N, 2, *SHAPE)).astype(np.float32)
    x += rng.normal(size=(N, 1, 1, 1, 1)).astype(np.float32)
    x[GROUP == "patient", :, 1:4, 1:4, 1:4] += 3
    x[GROUP == "patient", 0, 5:8, 4:7, 3:6] += 3
    x[:, 0, 1:4, 4:7, 3:6] += 0.25 * (AGE - 40)[:, None, None, None]
    for subject in range(N):
        for k, condition in enumerate(("go", "stop")):
            path = f"sub-{subject:02d}_{condition}.nii.gz"
            nib.save(nib.Nifti1Image(x[subject, k], AFFINE), folder / path)
            rows.append({"subject": f"{subject:02d}", "condition": condition, "path": path})
    pd.DataFrame(rows).to_csv(folder / "maps.tsv", sep="\t", index=False)
    people = {"participant_id": [f"sub-{k:02d}" for k in range(N)], "group": GROUP, "age": AGE}
    people["score"] = np.round(AGE * 0.1 + rng.normal(size=N), 3)
    # Not in the order of the maps: subjects are matched by name.
    table = pd.DataFrame(people).sample(frac=1, random_state=1)
    table.to_csv(folder / "participants.tsv", sep="\t", index=False)
    return x


def config(folder, **changes):
    common = {"data": "maps", "cluster": {"threshold": {"p": 0.01}}, "permutations": 300}
    group = {"group": ["patient", "control"]}
    conditions = {"condition": ["go", "stop"]}
    return {
        "study": "groups",
        "output": str(folder / "results"),
        "participants": str(folder / "participants.tsv"),
        "maps": {"table": str(folder / "maps.tsv")},
        "analyses": {
            "two": {
                **common, "test": "one-sample", "conditions": ["stop"], "between": group,
                "tfce": True,
            },
            "welch": {
                **common, "test": "paired", "conditions": ["go", "stop"], "between": group,
                "variances": "unequal",
            },
            "mixed": {
                **common, "within": conditions, "between": group,
                "effects": ["group", "group:condition"], "across_effects": True,
            },
            "slope": {
                **common, "test": "paired", "conditions": ["go", "stop"],
                "covariates": ["age", "score"], "effects": ["age", "mean", "age+score"],
            },
            "pooled": {**common, "within": conditions, "error": "pooled"},
        },
        **changes,
    }  # fmt: skip


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("groups")
    x = write_study(folder)
    run = snakemake(folder, config(folder), "--cores", "2", "group")
    assert run.returncode == 0, run.text
    return folder, x.reshape(N, 2, -1).astype(float)


def outcome(folder, effect):
    place = folder / "results/group" / effect / "infer"
    clusters = pd.read_csv(place / "clusters.tsv", sep="\t", na_values="n/a")
    told = json.loads((place / "result.json").read_text())
    return read_maps(place / "maps.npz"), clusters, told


def near(found, corner):
    """Whether the largest significant cluster's centre is the planted cube's."""
    first = found.iloc[0]
    center = AFFINE @ [*np.add(corner, 1), 1]
    distance = np.linalg.norm(first[["center_x", "center_y", "center_z"]] - center[:3])
    return first.p <= 0.05 and distance < 5


def test_two_groups(study):
    folder, x = study
    maps, clusters, told = outcome(folder, "two/group")
    patient = GROUP == "patient"
    expected = scipy.stats.ttest_ind(x[patient, 1], x[~patient, 1])
    np.testing.assert_allclose(maps["statistic"], expected.statistic, rtol=1e-6)
    np.testing.assert_allclose(maps["p_uncorrected"], expected.pvalue, rtol=1e-5)
    assert near(clusters, (1, 1, 1)) and clusters.sign[0] == 1
    assert told["Groups"] == {"patient": 7, "control": 7} and told["DegreesOfFreedom"] == [12]
    assert told["DistinctResamplings"] == 3432
    assert told["TFCE"] == {"E": 0.5, "H": 2.0}
    cube = np.zeros(SHAPE, bool)
    cube[1:4, 1:4, 1:4] = True
    found = maps["p_tfce"] <= 0.05
    assert (found & cube.ravel()).sum() >= 14 and (found & ~cube.ravel()).sum() <= 5
    assert "orders of the subjects" in told["Sentence"]


def test_welch_of_differences(study):
    folder, x = study
    maps, clusters, _ = outcome(folder, "welch/group")
    patient, d = GROUP == "patient", x[:, 0] - x[:, 1]
    expected = scipy.stats.ttest_ind(d[patient], d[~patient], equal_var=False)
    np.testing.assert_allclose(maps["statistic"], expected.statistic, rtol=1e-6)
    np.testing.assert_allclose(maps["p_uncorrected"], expected.pvalue, rtol=1e-5)
    assert near(clusters, (5, 4, 3))


def test_mixed_interaction_is_the_groups_difference_of_differences(study):
    folder, x = study
    maps, clusters, told = outcome(folder, "mixed/groupXcondition")
    patient, d = GROUP == "patient", x[:, 0] - x[:, 1]
    t = scipy.stats.ttest_ind(d[patient], d[~patient]).statistic
    np.testing.assert_allclose(maps["statistic"], t**2, rtol=1e-5)
    assert near(clusters, (5, 4, 3)) and told["Effect"] == "group:condition"
    assert (clusters.p_across >= clusters.p).all() and clusters.p_across[0] <= 0.05
    _, clusters, _ = outcome(folder, "mixed/group")
    assert near(clusters, (1, 1, 1))


def test_slope_with_nuisance(study):
    folder, x = study
    maps, clusters, told = outcome(folder, "slope/age")
    people = pd.read_csv(folder / "participants.tsv", sep="\t").sort_values("participant_id")
    design = np.c_[np.ones(N), people.age, people.score]
    d = x[:, 0] - x[:, 1]
    beta, rss = np.linalg.lstsq(design, d, rcond=None)[:2]
    error = np.sqrt(rss / (N - 3) * np.linalg.inv(design.T @ design)[1, 1])
    np.testing.assert_allclose(maps["statistic"], beta[1] / error, rtol=1e-6)
    assert near(clusters, (1, 4, 3)) and told["DegreesOfFreedom"] == [11]
    _, _, told = outcome(folder, "slope/ageScore")
    assert told["Statistic"] == "F" and told["DegreesOfFreedom"] == [2, 11]
    _, _, told = outcome(folder, "slope/mean")
    assert "sign flips" in told["Sentence"] and "mean" in told["Sentence"]


def test_pooled_error_of_two_conditions_is_the_partitioned_one(study):
    folder, x = study
    maps, _, told = outcome(folder, "pooled/condition")
    t = scipy.stats.ttest_rel(x[:, 0], x[:, 1]).statistic
    np.testing.assert_allclose(maps["statistic"], t**2, rtol=1e-4)
    assert told["Subjects"] == N and told["DegreesOfFreedom"] == [1, N - 1]
    assert "within blocks" in told["Sentence"]


def test_report_names_groups_and_covariates(study):
    """Of an effect a kind of design: figures take most of the time."""
    folder, _ = study
    fewer = config(folder)
    del fewer["analyses"]["mixed"], fewer["analyses"]["welch"]
    fewer["analyses"]["slope"]["effects"] = ["age"]
    run = snakemake(folder, fewer, "--cores", "2", str(folder / "results/report.html"))
    assert run.returncode == 0 and "infer" not in run.jobs, run.text
    text = (folder / "results/report.html").read_text()
    for words in (
        "patient (n = 7), control (n = 7)",
        "given score",
        "Pooled-error model",
        "patient against control",
    ):
        assert words in text, words


def test_an_edited_covariate_reruns_its_analysis_alone(study):
    folder, _ = study
    table = (folder / "participants.tsv").read_text()
    changed = table.replace("\t60.0\t", "\t61.0\t")
    assert changed != table
    (folder / "participants.tsv").write_text(changed)
    run = Plan(folder, config(folder))
    (folder / "participants.tsv").write_text(table)
    assert not run.refused
    ran = {"prepare": 3, "permute_block": 3, "merge": 3, "infer": 3}
    assert {rule: run.jobs.get(rule) for rule in ran} == ran
    assert "stack_volumes" not in run.jobs


def test_all_that_is_wrong_with_participants_is_reported_at_once(tmp_path):
    write_study(tmp_path)
    path = tmp_path / "participants.tsv"
    table = pd.read_csv(path, sep="\t", dtype=str).set_index("participant_id")
    table.loc["sub-03", "age"] = "old"
    table.loc["sub-05", "group"] = "n/a"
    table.loc["sub-06", "group"] = "other"
    table.drop(index="sub-08").to_csv(path, sep="\t")
    run = Plan(tmp_path, config(tmp_path))
    for words in (
        "subject 03: age 'old' is not a number",
        "subject 05 has no group",
        "subject 06 has group other, which is not one of patient, control",
        "subject 08 has no age",
        "list the subject under exclude",
    ):
        assert words in run.refused, words
    changed = config(tmp_path)
    changed["analyses"]["slope"]["covariates"] = ["age", "weight"]
    changed["analyses"]["slope"]["effects"] = "all"
    run = Plan(tmp_path, changed)
    assert "has no column weight" in run.refused
