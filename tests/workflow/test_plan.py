"""The plan of the workflow over trees of empty files: its jobs and its findings."""

import shutil

import pytest

from groupwise.command.status import planned
from groupwise.config.read import read_study
from groupwise.inputs.recordings import find_recordings
from tests.workflow.study_trees import (
    ROOT,
    Plan,
    make_config,
    make_tree,
    snakemake,
    touch,
    without_stamps,
    write_config,
)

PER_SUBJECT = (
    *("coregistration", "preprocess", "evoked", "noise_covariance", "bem", "source_space"),
    *("forward", "inverse_operator", "apply_inverse", "morph", "quality_meeg"),
)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return make_tree(tmp_path_factory.mktemp("tree"))


def plan(folder, config):
    planned = Plan(folder, config)
    assert not planned.refused
    return planned.jobs


def test_every_stage_is_planned_once_a_subject_and_once_an_effect(tree):
    jobs = plan(tree, make_config(tree))
    assert {jobs[rule] for rule in PER_SUBJECT} == {7}
    once = ("check_inputs", "template_source_space", "stack_sources", "figures_meeg", "report")
    assert {jobs[rule] for rule in once} == {1}
    effects = ("prepare", "merge", "infer", "export_surface", "figures_surface", "views_surface")
    assert {jobs[rule] for rule in effects} == {3}
    # 7 subjects have 2^6 = 64 two-sided flips: two blocks of 32 for each of three effects.
    assert jobs["permute_block"] == 6


@pytest.mark.parametrize(
    ("changes", "rule", "count"),
    [
        ({"analyses__modality_by_side__effects": ["modality:side"]}, "infer", 1),
        ({"subjects": ["01", "03", "04", "05", "06", "07"]}, "morph", 6),
        ({"exclude": {"02": "moved"}}, "morph", 6),
        ({"block_size": 10}, "permute_block", 21),
        ({"block_size": 10, "analyses__modality_by_side__permutations": 21}, "permute_block", 9),
        ({"analyses": {}}, "morph", None),
    ],
)
def test_plan_follows_the_config(tree, changes, rule, count):
    assert plan(tree, make_config(tree, **changes)).get(rule) == count


@pytest.mark.parametrize(
    ("target", "absent"), [("check", "preprocess"), ("first_level", "prepare"), ("group", "report")]
)
def test_targets_by_name(tree, target, absent):
    run = snakemake(tree, make_config(tree), "-n", target)
    assert run.returncode == 0 and run.jobs and absent not in run.jobs, run.text


def test_runs_and_session(tmp_path):
    make_tree(tmp_path, runs=("01", "02", "10"), session="a")
    config = make_config(tmp_path, meeg__session="a")
    run = snakemake(tmp_path, config, "-n", "--printshellcmds")
    assert run.returncode == 0, run.text
    assert run.jobs["preprocess"] == 7
    order = [
        run.text.index(f"sub-01_ses-a_task-audvis_run-{r}_meg.fif") for r in ("01", "02", "10")
    ]
    assert order == sorted(order)


def test_trans_files_instead_of_landmarks(tmp_path):
    make_tree(tmp_path)
    for path in tmp_path.glob("bids/sub-*/anat"):
        shutil.rmtree(path)
    pattern = str(tmp_path / "trans" / "sub-{subject}_trans.fif")
    config = make_config(tmp_path, meeg__coregistration={"trans": pattern})
    refused = Plan(tmp_path, config)
    assert f"sub-01: no head-to-MRI transform: {tmp_path}/trans/sub-01_trans.fif" in refused.refused
    for subject in range(1, 8):
        touch(tmp_path / "trans" / f"sub-{subject:02d}_trans.fif")
    assert plan(tmp_path, config)["coregistration"] == 7


def test_empty_room_by_sidecar_or_the_only_one(tmp_path):
    make_tree(tmp_path)
    config = make_config(tmp_path, meeg__covariance={"source": "empty_room"})
    refused = Plan(tmp_path, config)
    assert "no empty-room recording" in refused.refused
    room = "sub-emptyroom/ses-20260101/meg/sub-emptyroom_ses-20260101_task-noise_meg.fif"
    touch(tmp_path / "bids" / room)
    assert plan(tmp_path, config)["noise_covariance"] == 7


def test_events_and_empty_room_are_inherited(tmp_path):
    """One events.tsv in the root, and one sidecar that names one of two empty rooms."""
    make_tree(tmp_path)
    bids = tmp_path / "bids"
    for path in bids.glob("sub-*/meg/*_events.tsv"):
        path.unlink()
    touch(bids / "task-audvis_events.tsv", "onset\tduration\ttrial_type\tvalue\n")
    for day in (1, 2):
        touch(bids / f"sub-emptyroom/ses-{day}/meg/sub-emptyroom_ses-{day}_task-noise_meg.fif")
    room = "sub-emptyroom/ses-2/meg/sub-emptyroom_ses-2_task-noise_meg.fif"
    touch(bids / "task-audvis_meg.json", f'{{"AssociatedEmptyRoom": ["bids::{room}"]}}')
    study = read_study(make_config(tmp_path, meeg__covariance={"source": "empty_room"}))
    found = find_recordings(study)
    assert not found.findings
    assert {own.events for own in found.subjects} == {(str(bids / "task-audvis_events.tsv"),)}
    assert {own.empty_room for own in found.subjects} == {str(bids / room)}


def test_all_missing_files_are_reported_at_once(tmp_path):
    make_tree(tmp_path)
    (tmp_path / "bids/sub-02/meg/sub-02_task-audvis_meg.fif").unlink()
    (tmp_path / "bids/sub-03/anat/sub-03_T1w.json").unlink()
    shutil.rmtree(tmp_path / "subjects/sub-04")
    (tmp_path / "bids/sub-05/meg/sub-05_task-audvis_events.tsv").unlink()
    run = Plan(tmp_path, make_config(tmp_path))
    for said in (
        "sub-02: no recording",
        "sub-03: no head-to-MRI transform",
        "sub-04: " + str(tmp_path / "subjects/sub-04") + " is not there; run recon-all",
        "sub-05_task-audvis_events.tsv is missing",
        "set missing: drop",
    ):
        assert said in run.refused
    dropped = make_config(tmp_path, missing="drop", analyses={})
    assert snakemake(tmp_path, dropped, "-n", "first_level").jobs["morph"] == 3


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"bids_root": "/nowhere"}, "bids_root: /nowhere is not a folder; check the path"),
        ({"meeg__subjects_dir": "/nowhere"}, "meeg.subjects_dir: /nowhere is not a folder"),
        ({"meeg__morph": {"to": "nobody"}}, "copy or link FreeSurfer's nobody into"),
        ({"subjects": ["01", "77"]}, "subject 77 is not in"),
        ({"meeg__task": "rest"}, "check meeg.task and meeg.session"),
        ({"meeg__invrse": {}}, "meeg.invrse: unknown key; did you mean inverse?"),
        ({"subjects": ["01", "02"]}, "no p can be below 0.5, and alpha is 0.05; add subjects"),
        ({"analyses__modality_by_side__permutations": 10}, "add subjects or permutations"),
    ],
)
def test_mistakes_are_refused_before_any_job(tree, changes, finding):
    run = Plan(tree, make_config(tree, **changes))
    assert finding in run.refused


def test_a_study_without_its_name_is_not_filled_up_with_the_demo(tmp_path):
    """Where Snakemake finds the shipped config too, as in the repository's own folder."""
    make_tree(tmp_path)
    shutil.copytree(ROOT / "config", tmp_path / "config")
    raw = make_config(tmp_path)
    del raw["study"]
    run = Plan(tmp_path, raw)
    assert "config: study: is missing; add it" in run.refused


def test_every_stage_detects_replaced_inputs(tree):
    """A file that is replaced by an older one must be detected."""
    assert without_stamps(tree, make_config(tree)) == set()


def test_the_recording_of_a_maxwell_filter_is_one_path(tmp_path):
    make_tree(tmp_path)
    touch(tmp_path / "bids/sub-emptyroom/meg/sub-emptyroom_task-noise_meg.fif")
    raw = make_config(tmp_path, meeg__maxwell={}, meeg__covariance={"source": "empty_room"})
    path = write_config(tmp_path, raw)
    with planned(str(ROOT / "Snakefile"), str(path), str(tmp_path)) as workflow:
        jobs = [job for job in workflow.dag.jobs if job.rule.name == "noise_covariance"]
        # Snakemake passes a list of one path on as a list, and the script reads one recording.
        assert len(jobs) == 7 and all(isinstance(job.input.raw, str) for job in jobs)
