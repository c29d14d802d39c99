"""The demo study for real, from BIDS recordings to the report, and what a change of it reruns."""

import json
import os
import re
import shutil

import mne
import numpy as np
import pandas as pd
import pytest
import yaml

from groupwise.permutation.merge import Null
from tests.workflow.browser import DESK, read_as_a_reader
from tests.workflow.docs_pages import DOCS, config_of
from tests.workflow.slurm_cluster import on_cluster
from tests.workflow.study_trees import ROOT, Plan, bids_errors, snakemake, undescribed

GROUP = "results/group/modality_by_side"


TUTORIAL = DOCS / "tutorials/meeg.md"


def config(**analysis):
    raw = config_of(TUTORIAL)
    raw["analyses"]["modality_by_side"].update(analysis)
    return raw


def test_the_tutorial_runs_as_written(followed):
    _, said = followed
    assert "8 subjects, 8 complete" in said["groupwise check --configfile study.yaml"]
    assert "apply_inverse" in said["snakemake --configfile study.yaml -n"]
    assert "elapsed" in said["snakemake --configfile study.yaml --cores 2"]
    assert "done" in said["groupwise status --configfile study.yaml"]


def test_the_report_in_a_browser(study, tmp_path):
    """On a desk; that of fMRI on a phone, and that of fNIRS at both widths."""
    read_as_a_reader(study / "results/report.html", tmp_path, (DESK,))


def test_methods_are_those_of_the_study(study):
    text = " ".join((study / "results/methods.md").read_text().split())
    for words in (
        "MEG data from 8 participants were analysed (mean age",
        "102 magnetometers and 204 planar gradiometers",
        "low-pass filtered at 40 Hz (-6 dB at 45 Hz)",
        "above 4000 fT/cm (planar gradiometers), 4000 fT (magnetometers) or 150 µV (EOG)",
        "oct5: 1,026 sources per hemisphere",
        "noise-normalised minimum-norm estimation (dSPM; Dale et al., 2000)",
        "icosahedron grade 4: 2,562 vertices per hemisphere",
        "modality:side, F(1, 7), cluster-forming threshold F > 29.2 (uncorrected p < 0.001), 64 "
        "random sign flips out of 128",
    ):
        assert words in text, words


def test_every_table_is_described_and_bids_has_no_errors(study):
    assert undescribed(study / "results") == {}
    assert bids_errors(study / "results") == []


def test_snakemakes_lint_finds_nothing(study):
    run = snakemake(study, config(), "--lint")
    assert run.returncode == 0 and "Congratulations" in run.text, run.text


def test_snakemakes_own_report(study):
    run = snakemake(study, config(), "--report", "workflow.html")
    assert run.returncode == 0, run.text
    page = (study / "workflow.html").read_text()
    for words in ("modality_by_side", "Quality of the data", "describes its columns"):
        assert words in page, words


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
    assert run.returncode == 0 and "Nothing to be done" in run.text


def test_every_stage_asks_for_more_memory_than_it_takes(study):
    """With 300 MB to spare for the Snakemakes that start it on a cluster."""
    states = Plan(study, config()).states
    assert sum(job.memory is not None for job in states) > 100
    assert {job.rule for job in states if job.memory and job.memory > job.requested - 300} == set()


def change(key, value):
    """The config with one key, given as a dotted path, at another value."""
    raw = config()
    place = raw
    *path, last = key.split(".")
    for part in path:
        place = place[part]
    place[last] = value
    return raw


def documented():
    """Rows of the table in docs/reruns.md: a key with a value, and the stages it reruns."""
    named = {}
    for line in (ROOT / "docs/reruns.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 2 and cells[0].startswith("**"):
            named[cells[0].strip("*")] = stages(cells[1], named)
        elif len(cells) == 2 and cells[0].startswith("`"):
            ((key, value),) = yaml.safe_load(cells[0].strip("`")).items()
            yield pytest.param(key, value, stages(cells[1], named), id=key)


def stages(text, named):
    """Names in backticks, and those that a bold name stands for."""
    found = set(re.findall(r"`(\w+)`", text))
    return found.union(*(named[name] for name in re.findall(r"\*\*(.+?)\*\*", text)))


@pytest.mark.parametrize(("key", "value", "reruns"), documented())
def test_a_change_reruns_what_the_docs_say(study, key, value, reruns):
    run = Plan(study, change(key, value))
    assert not run.refused
    assert set(run.jobs) == reruns
    if key == "meeg.inverse.snr":
        assert run.jobs["apply_inverse"] == run.jobs["morph"] == 8


def test_a_bad_channel_of_one_subject_reruns_that_subject(study):
    run = Plan(study, change("meeg.bad_channels", {"03": ["MEG 0113"]}))
    assert run.jobs["preprocess"] == run.jobs["inverse_operator"] == run.jobs["morph"] == 1


def test_an_edit_of_channels_tsv_reruns_that_subject(study):
    path = study / "demo/bids/sub-03/meg/sub-03_task-audvis_channels.tsv"
    text = path.read_text()
    before = path.stat()
    try:
        path.write_text(text.replace("good", "bad", 1))
        run = Plan(study, config())
    finally:
        path.write_text(text)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert run.jobs["check_inputs"] == run.jobs["preprocess"] == run.jobs["morph"] == 1
    assert "forward" not in run.jobs


@pytest.fixture
def spoilt(study, tmp_path):
    """The demo's recordings in a tree of links, to be spoilt one by one."""
    shutil.copytree(study / "demo/bids", tmp_path / "demo/bids", copy_function=os.link)
    (tmp_path / "demo/subjects").symlink_to(study / "demo/subjects")
    return tmp_path


def refused(folder, raw, *said):
    """A real run that stops at the check of the inputs, with nothing else written."""
    run = snakemake(folder, raw, "--cores", "2")
    assert run.returncode == 1
    for text in said:
        assert text in run.text, run.text
    assert not list((folder / "results").glob("**/*.fif"))
    assert not (folder / "results/check/inputs.tsv").exists()


def test_a_missing_event_name_is_reported_before_any_long_job(spoilt):
    raw = change("meeg.conditions", None)
    raw["meeg"]["conditions"] = {
        "auditory/left": "auditory/left",
        "auditory/right": "auditory/rihgt",
        "visual/left": "visual/left",
        "visual/right": "visual/right",
    }
    refused(
        spoilt,
        raw,
        "sub-01_task-audvis_events.tsv: condition 'auditory/right' has no event",
        "sub-08_task-audvis_events.tsv",
        "Did you mean 'auditory/right'?",
    )


def test_a_corrupt_recording_is_named_with_the_remedy(spoilt):
    path = spoilt / "demo/bids/sub-02/meg/sub-02_task-audvis_meg.fif"
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[: len(content) // 2])
    other = spoilt / "demo/bids/sub-05/meg/sub-05_task-audvis_meg.fif"
    other.unlink()
    other.write_bytes(b"not a recording")
    refused(
        spoilt, config(), path.name, other.name, "Restore the file or list the subject under 'exc"
    )


def test_an_unknown_bad_channel_is_named(spoilt):
    raw = change("meeg.bad_channels", {"03": ["MEG 0114"]})
    refused(
        spoilt, raw, "sub-03_task-audvis_meg.fif: there is no channel 'MEG 0114'", "Did you mean"
    )


def test_sensors_are_tested_on_the_same_responses(study):
    """Another analysis, of the magnetometers: no stage of a subject runs again."""
    raw = config()
    raw["analyses"]["magnetometers"] = raw["analyses"]["modality_by_side"] | {
        "space": "mag", "effects": ["modality"], "cluster": {"threshold": {"p": 0.01}},
    }  # fmt: skip
    figures = "results/group/magnetometers/modality/figures"
    run = snakemake(study, raw, "--cores", "2", figures)
    assert run.returncode == 0, run.text
    assert not set(run.jobs) & {"preprocess", "evoked", "forward", "apply_inverse", "morph"}
    group = study / "results/group/magnetometers"
    stack = np.load(group / "stack/stack.npy")
    rows = pd.read_csv(group / "stack/observations.tsv", sep="\t", dtype=str)
    evoked = mne.read_evokeds(study / rows["path"][0], rows["condition"][0], proj=True)
    evoked.pick("mag", exclude=()).interpolate_bads()
    inside = (evoked.times > -1e-6) & (evoked.times < 0.5 + 1e-6)
    mine = stack[0].reshape(102, -1)
    np.testing.assert_allclose(mine, 1e15 * evoked.data[:, inside], rtol=1e-5, atol=1e-3)
    found = pd.read_csv(group / "modality/infer/clusters.tsv", sep="\t")
    auditory = [s["Peak"] for s in truth(study, "modality") if s["Peak"] < 0.115]
    assert found["p"][0] <= 0.05 and abs(found["center_time"][0] - auditory[0]) < 0.02
    assert {"topography_cluster-1.png", "courses_cluster-1.png", "null.png"} <= {
        path.name for path in (group / "modality/figures").iterdir()
    }


def test_more_permutations_compute_only_new_blocks(study):
    """64 to 128: two of four blocks an effect are new, the old ones keep their bytes."""
    group = study / GROUP
    before = {p: p.read_bytes() for p in sorted(group.glob("*/blocks/*.npz"))}
    null = Null.load(group / "modalityXside/null.npz")
    run = snakemake(study, config(permutations=1024), "--cores", "2", "group")
    assert run.returncode == 0, run.text
    assert run.jobs["permute_block"] == 2 * 3
    assert not {"prepare", "stack_sources", "morph"} & set(run.jobs), run.jobs
    assert all(path.read_bytes() == content for path, content in before.items())
    grown = Null.load(group / "modalityXside/null.npz")
    assert grown.exact and grown.n == 128
    np.testing.assert_array_equal(grown.mass[:64], null.mass)
    # Exact now, and still the interaction is significant.
    assert clusters(study, "modalityXside").iloc[0].p <= 0.05


@pytest.mark.slow  # test_slurm.py compares the bytes of the group stage in the default run
def test_the_cluster_gives_the_same_bytes(cluster, study):
    """A subject's sources and the group stage by the profile for SLURM, one job a subject."""
    local = study / "local"
    results = study / "results"
    (results / "group").rename(local)
    shutil.move(results / "sub-03/meg", study / "sub-03")
    raw = config(effects=["modality:side"], permutations=1024)
    run = on_cluster(cluster, study, raw, "group")
    assert run.returncode == 0, run.text
    assert run.jobs["preprocess"] == run.jobs["morph"] == 1 and run.jobs["permute_block"] == 4
    # The subject's stages are one job; so is what follows the permutations.
    assert len(set(run.submitted)) == len(("subject", "stack", "prepare", "effect")) + 4
    for path in (study / "sub-03").glob("*_space-fsaverage_*.h5"):
        ours = mne.read_source_estimate(results / "sub-03/meg" / path.name, "fsaverage")
        np.testing.assert_array_equal(ours.data, mne.read_source_estimate(path, "fsaverage").data)
    for name in ("stack/stack.npy", "modalityXside/prepared/values.npy", "modalityXside/null.npz"):
        group = results / "group/modality_by_side"
        assert (group / name).read_bytes() == (local / "modality_by_side" / name).read_bytes()
    for name in ("infer/maps.npz", "infer/clusters.tsv"):
        path = f"modality_by_side/modalityXside/{name}"
        assert (results / "group" / path).read_bytes() == (local / path).read_bytes()
