"""Ready-made source estimates, in every format, through the workflow."""

import json
import shutil

import mne
import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import scipy.stats

from groupwise.demo.freesurfer import write_subject
from groupwise.demo.template import load_template
from groupwise.permutation import permutation_test
from groupwise.stats import Paired
from tests.workflow.study_trees import Plan, snakemake

SUBJECTS, GRADE, VERTICES, TIMES = 8, 3, 642, 4
CONDITIONS = ("faces", "scrambled")


def values_of(subject, condition):
    """Magnitudes with an effect around vertex 100 of the right hemisphere."""
    rng = np.random.default_rng([subject, CONDITIONS.index(condition)])
    x = 5 + rng.normal(size=(2 * VERTICES, TIMES))
    if condition == "faces":
        x[VERTICES + 95 : VERTICES + 120] += 4
    return x.astype(np.float32)


def write_estimate(stem, x, kind):
    """In one of the formats; returns the path for the table."""
    if kind == "gii":
        for k, side in enumerate("LR"):
            own = x[k * VERTICES : (k + 1) * VERTICES]
            arrays = [nib.gifti.GiftiDataArray(v.astype(np.float32)) for v in own.T]
            image = nib.gifti.GiftiImage(darrays=arrays)
            image.meta["TimeStep"] = "10.0"
            nib.save(image, f"{stem}_hemi-{side}.func.gii")
        return f"{stem.name}_hemi-L.func.gii"
    estimate = mne.SourceEstimate(x, [np.arange(VERTICES)] * 2, 0.0, 0.01)
    estimate.save(stem if kind == "stc" else f"{stem}-stc.h5", ftype=kind, overwrite=True)
    return f"{stem.name}-lh.stc" if kind == "stc" else f"{stem.name}-stc.h5"


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """A table of estimates, a template."""
    folder = tmp_path_factory.mktemp("estimates")
    write_subject(folder / "subjects/fsaverage", load_template())
    rows = []
    for subject in range(SUBJECTS):
        for condition in CONDITIONS:
            kind = ("h5", "stc", "gii")[subject % 3]
            name = write_estimate(
                folder / f"s{subject}_{condition}", values_of(subject, condition), kind
            )
            rows.append({"subject": f"{subject:02d}", "condition": condition, "path": name})
    pd.DataFrame(rows).to_csv(folder / "estimates.tsv", sep="\t", index=False)
    return folder


def config_of(folder, **changes):
    return {
        "study": "faces",
        "output": "results",
        "estimates": {
            "table": str(folder / "estimates.tsv"),
            "subjects_dir": str(folder / "subjects"),
            "spacing": GRADE,
            "units": "dSPM",
        },
        "analyses": {
            "faces": {
                "data": "estimates",
                "test": "paired",
                "conditions": list(CONDITIONS),
                "hat": 0.001,
                "cluster": {"threshold": {"p": 0.01}},
                "permutations": 1024,
            }
        },
    } | changes


@pytest.fixture(scope="module")
def study(given):
    run = snakemake(given, config_of(given), "--cores", "2")
    assert run.returncode == 0, run.text
    return given / "results/group/faces"


def test_every_format_gives_its_values(study):
    stack = np.load(study / "stack/stack.npy")
    rows = pd.read_csv(study / "stack/observations.tsv", sep="\t")
    assert stack.shape == (2 * SUBJECTS, 2 * VERTICES * TIMES)
    for row in rows.itertuples():
        expected = values_of(int(row.subject), row.condition).ravel()
        np.testing.assert_array_equal(stack[row.row], expected)
    facts = json.loads((study / "stack/stack.json").read_text())
    assert facts["Units"] == "dSPM" and facts["Space"] == "fsaverage"


def test_the_test_is_the_engines_and_scipys(study):
    x = np.array([[values_of(s, c) for c in CONDITIONS] for s in range(SUBJECTS)])
    maps = np.load(study / "paired/infer/maps.npz")
    plain = scipy.stats.ttest_rel(x[:, 0], x[:, 1]).statistic
    assert (
        np.nanmax(np.abs(maps["statistic"])) < np.abs(plain).max()
    )  # the hat tames small variance
    space = np.load(study / "stack/space.npz")
    adjacency = (
        np.ones(len(space["adjacency_indices"]), bool),
        space["adjacency_indices"],
        space["adjacency_indptr"],
    )
    from scipy.sparse import csr_array

    test = permutation_test(
        x, Paired(), adjacency=csr_array(adjacency, shape=(2 * VERTICES,) * 2),
        threshold={"p": 0.01}, hat=0.001, permutations=1024,
    )  # fmt: skip
    np.testing.assert_array_equal(maps["statistic"], test.statistic)
    np.testing.assert_array_equal(maps["p_max"], test.p_max)
    clusters = pd.read_csv(study / "paired/infer/clusters.tsv", sep="\t")
    np.testing.assert_allclose(clusters["mass"], test.clusters["mass"], rtol=1e-8)
    np.testing.assert_array_equal(clusters["p"], test.clusters["p"])
    assert clusters["p"][0] == 1 / 128 and clusters["hemisphere"][0] == "rh"
    assert bool(clusters["exact"][0])


def test_maps_and_report_are_made(study):
    assert list((study / "paired/maps").glob("*_hemi-R_stat-t*.gii"))
    assert "The conditions differ" in (study.parents[1] / "report.html").read_text()


@pytest.mark.parametrize(
    "breaks, words",
    [
        (lambda f: (f / "s1_faces-rh.stc").unlink(), "s1_faces-rh.stc does not exist"),
        (lambda f: shutil.rmtree(f / "subjects/fsaverage"), "estimates.template"),
        (lambda f: (f / "estimates.tsv").unlink(), "estimates.tsv: is not a readable table"),
    ],
)
def test_what_is_missing_is_reported(given, tmp_path, breaks, words):
    folder = tmp_path / "copy"
    shutil.copytree(given, folder, ignore=shutil.ignore_patterns("results", ".snakemake"))
    breaks(folder)
    run = Plan(folder, config_of(folder))
    assert words in run.refused, run.refused


def test_another_grade_is_reported(given, tmp_path):
    config = config_of(given)
    config["estimates"]["spacing"] = 4
    run = snakemake(tmp_path, config, "--cores", "1", "--until", "stack_sources")
    assert run.returncode != 0
    assert "its vertices are not those of the template source space" in run.text
