"""The demo study for real, from BIDS recordings to the report, and what a change of it reruns."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml
from study_trees import ROOT, snakemake

from groupwise.demo.study import make_demo
from groupwise.permutation.merge import Null

GROUP = "results/group/modality_by_side"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The demo made and run as `make demo` does it, with 64 of the 128 permutations."""
    folder = tmp_path_factory.mktemp("study")
    make_demo(folder / "demo", jobs=2)
    run = snakemake(folder, config(), "--cores", "2")
    assert run.returncode == 0, run.text
    return folder


def config(**analysis):
    raw = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    raw["analyses"]["modality_by_side"].update({"permutations": 64, **analysis})
    return raw


def clusters(study, effect):
    return pd.read_csv(study / GROUP / effect / "infer/clusters.tsv", sep="\t")


def truth(study, effect):
    sources = json.loads((study / "demo/truth.json").read_text())["Sources"]
    return [source for source in sources if effect in source["Effects"]]


def test_interaction_is_found_where_and_when_it_was_put(study):
    """By the centre of the largest cluster: the largest F of all points may lie anywhere in it."""
    top = clusters(study, "modalityXside").iloc[0]
    (source,) = truth(study, "modality:side")
    assert top.p <= 0.05
    assert top.hemisphere == source["Hemisphere"]
    center = [top.center_x, top.center_y, top.center_z]
    assert np.linalg.norm(np.subtract(center, source["Place"])) < 20
    assert abs(top.center_time - source["Peak"]) < 0.060


@pytest.mark.parametrize("effect", ["modality", "side"])
def test_main_effects_are_where_they_were_put(study, effect):
    """At each true place and time, a significant cluster of the effect passes within 20 mm."""
    maps = np.load(study / GROUP / effect / "infer/maps.npz")
    space = np.load(study / GROUP / "stack/space.npz")
    for source in truth(study, effect):
        near = np.linalg.norm(space["coordinates"] - source["Place"], axis=1) < 20
        near &= space["part"] == source["Hemisphere"]
        when = np.abs(space["times"] - source["Peak"]) < 0.060
        assert maps["significant"][np.ix_(near, when)].any(), source["Name"]


def test_every_output_stands_there(study):
    infer = study / GROUP / "modalityXside"
    result = json.loads((infer / "infer/result.json").read_text())
    assert result["Permutations"] == 64 and result["DistinctResamplings"] == 128
    assert result["Subjects"] == 8 and not result["Exact"]
    assert "conditions differ" in result["Sentence"]
    endings = {"".join(path.suffixes[-2:]) for path in (infer / "maps").iterdir()}
    assert {".h5", ".gii"} <= {e[e.rfind(".") :] for e in endings}
    report = (study / "results/report.html").read_text()
    assert result["Sentence"] in report
    assert (study / "results/dataset_description.json").exists()


def test_nothing_is_pending_after_a_run(study):
    run = snakemake(study, config(), "-n")
    assert run.returncode == 0 and run.jobs == {}, run.text
    assert "Nothing to be done" in run.text


def test_a_change_of_snr_reruns_only_what_depends_on_it(study):
    changed = config()
    changed["meeg"]["inverse"]["snr"] = 2
    jobs = snakemake(study, changed, "-n").jobs
    assert jobs["apply_inverse"] == jobs["morph"] == 8
    assert jobs["stack_sources"] == 1
    upstream = {
        *("check_inputs", "preprocess", "evoked", "noise_covariance", "bem", "source_space"),
        *("coregistration", "forward", "inverse_operator", "template_source_space"),
        "quality_meeg",
    }
    assert not upstream & set(jobs), jobs


def test_more_permutations_compute_only_new_blocks(study):
    """64 to 128: two of four blocks an effect are new, the old ones keep their bytes."""
    group = study / GROUP
    before = {p: p.read_bytes() for p in sorted(group.glob("*/blocks/*.npz"))}
    null = Null.load(group / "modalityXside/null.npz")
    run = snakemake(study, config(permutations=1024), "--cores", "2")
    assert run.returncode == 0, run.text
    assert run.jobs["permute_block"] == 2 * 3
    assert not {"prepare", "stack_sources", "morph"} & set(run.jobs), run.jobs
    assert all(path.read_bytes() == content for path, content in before.items())
    grown = Null.load(group / "modalityXside/null.npz")
    assert grown.exact and grown.n == 128
    np.testing.assert_array_equal(grown.mass[:64], null.mass)
    # Exact now, and still the interaction is significant.
    assert clusters(study, "modalityXside").iloc[0].p <= 0.05
