"""`groupwise check` and `groupwise status`: their output, and that they only read."""

import csv
import io
import os
import shutil
import subprocess
import sys

import pytest

from groupwise.command.check import check_study
from groupwise.command.main import main
from groupwise.config.read import read_study
from groupwise.demo.study import make_demo
from tests.workflow import map_study as maps
from tests.workflow.study_trees import (
    ROOT,
    Plan,
    demo_config,
    make_config,
    make_tree,
    snakemake,
    write_config,
)


def groupwise(capsys, *arguments):
    code = main([str(each) for each in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def table(text):
    return list(csv.DictReader(io.StringIO(text), delimiter="\t"))


def files(folder):
    """Return every file with its date."""
    return {
        path: path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file() and ".snakemake" not in path.parts
    }


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    make_demo(folder / "demo", subjects=2, jobs=2)
    return folder


@pytest.fixture
def there(demo, monkeypatch):
    """Work in the folder of the demo, with the config of its MEG study, without analyses."""
    monkeypatch.chdir(demo)
    return write_config(demo, demo_config("meeg", analyses={}))


def test_check_shows_subjects_by_conditions(there, demo, capsys):
    before = files(demo)
    code, out, _ = groupwise(capsys, "check", "--configfile", there)
    assert code == 0 and "meeg, 2 subjects, 2 complete" in out and "Nothing is missing" in out
    head = next(line for line in out.splitlines() if line.startswith("subject"))
    assert "auditory/left" in head and "state" in head
    code, out, _ = groupwise(capsys, "check", "--configfile", there, "--format", "tsv")
    rows = table(out)
    assert len(rows) == 2 * 4
    assert {row["condition"] for row in rows} == set(demo_config("meeg")["meeg"]["conditions"])
    assert all(int(row["events"]) > 10 and row["missing"] == "n/a" for row in rows)
    code, out, _ = groupwise(capsys, "check", "--configfile", there, "--format", "html")
    assert out.startswith("<!doctype html>") and 'class="found"' in out and "http" not in out
    assert files(demo) == before


def test_check_shows_what_is_missing_and_still_the_rest(there, demo, capsys):
    events = demo / "demo/bids/sub-02/meg/sub-02_task-audvis_events.tsv"
    away = events.rename(demo / "events.tsv")
    try:
        code, out, _ = groupwise(capsys, "check", "--configfile", there)
        rows = table(groupwise(capsys, "check", "--configfile", there, "--format", "tsv")[1])
    finally:
        away.rename(events)
    assert code == 1 and "2 subjects, 1 complete" in out
    assert "sub-02_task-audvis_events.tsv is missing" in out
    assert len([row for row in rows if row["subject"] == "01"]) == 4
    (lacking,) = [row for row in rows if row["subject"] == "02"]
    assert "events.tsv is missing" in lacking["missing"]


def test_check_names_a_wrong_event_and_a_corrupt_recording(there, demo, capsys):
    raw = demo_config("meeg")
    raw["meeg"]["conditions"] = {"auditory/left": 1, "auditory/right": 77, "visual/left": 3}
    raw["meeg"]["conditions"]["visual/right"] = 4
    code, out, _ = groupwise(capsys, "check", "--configfile", write_config(demo, raw))
    assert code == 1 and "77" in out and "0 complete" in out


def test_check_of_maps_and_of_a_config_with_a_misspelt_key(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    maps.write_maps(tmp_path)
    raw = maps.config(tmp_path)
    code, out, _ = groupwise(capsys, "check", "--configfile", write_config(tmp_path, raw))
    assert code == 0 and "maps, 9 subjects, 9 complete" in out
    raw["mapz"] = raw.pop("maps")
    code, _, err = groupwise(capsys, "check", "--configfile", write_config(tmp_path, raw))
    assert code == 1 and "did you mean maps?" in err


@pytest.mark.parametrize(
    ("changes", "people", "finding"),
    [
        ({"permutations": 10}, "", "add subjects or permutations"),
        ({"covariates": ["age"]}, "participant_id\tiq\n01\t3\n", "has no column age"),
        ({"covariates": ["age"]}, "participant_id\tage\n01\told\n", "age 'old' is not a number"),
        ({"covariates": ["age"]}, "participant_id\tage\n01\t3\n", "subject 02 has no age"),
        ({"between": {"group": ["a", "b"]}}, "participant_id\tgroup\n01\tc\n", "has group c"),
        ({"covariates": ["age"]}, "", "participants.tsv: cannot be read"),
    ],
)
def test_check_run_and_status_agree(tmp_path, capsys, monkeypatch, changes, people, finding):
    """All three report the same findings, missing files too."""
    monkeypatch.chdir(tmp_path)
    make_tree(tmp_path)
    (tmp_path / "bids/sub-05/meg/sub-05_task-audvis_events.tsv").unlink()
    if people:
        (tmp_path / "bids/participants.tsv").write_text(people)
    analysis = {"data": "meeg", "test": "one-sample", "conditions": ["auditory/left"]} | changes
    raw = make_config(tmp_path, analyses={"own": analysis})
    refused = Plan(tmp_path, raw).refused.splitlines()
    assert any(finding in line for line in refused)
    assert any("sub-05_task-audvis_events.tsv is missing" in line for line in refused)
    _, findings = check_study(read_study(raw))
    assert findings[: len(refused)] == refused
    code, _, err = status(capsys, tmp_path)
    assert code == 1 and [line.strip() for line in err.splitlines()[1:]] == refused
    run = snakemake(tmp_path, raw, "-n")
    assert run.returncode == 1 and all(line in run.text for line in refused)


def test_check_refuses_one_subject(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_tree(tmp_path)
    raw = make_config(tmp_path, subjects=["01"])
    code, out, _ = groupwise(capsys, "check", "--configfile", write_config(tmp_path, raw))
    assert code == 1 and "no p can be below 1" in out and "Nothing is missing" not in out


def status(capsys, folder, *more):
    arguments = ("--configfile", folder / "study.yaml", "--directory", folder)
    return groupwise(capsys, "status", *arguments, "--snakefile", ROOT / "Snakefile", *more)


def test_status_before_a_run(tmp_path, capsys):
    make_tree(tmp_path)
    write_config(tmp_path, make_config(tmp_path))
    code, out, _ = status(capsys, tmp_path)
    assert code == 0 and "0 done" not in out and " pending." in out
    line = next(line for line in out.splitlines() if line.startswith("01, 02, 03"))
    assert set(line.removeprefix("01, 02, 03, 04, 05, 06, 07").split()) == {"."}
    assert not (tmp_path / "results").exists() and not (tmp_path / ".snakemake").exists()


def test_status_of_a_study_that_failed_was_killed_and_changed(tmp_path, capsys):
    """Done, pending, stale with the changed value, failed with its log, stopped."""
    maps.write_maps(tmp_path)
    raw = maps.config(tmp_path)
    assert snakemake(tmp_path, raw, "--cores", "2", "group").returncode == 0
    rows = {row["stage"]: row for row in table(status(capsys, tmp_path, "--format", "tsv")[1])}
    assert rows["infer"]["state"] == "done" and float(rows["infer"]["seconds"]) > 0
    assert rows["report"]["state"] == "pending"

    raw["analyses"]["reward"]["cluster"]["threshold"]["p"] = 0.02
    write_config(tmp_path, raw)
    _, out, _ = status(capsys, tmp_path)
    assert "changed: threshold.p 0.01 -> 0.02" in out
    rows = {row["stage"]: row for row in table(status(capsys, tmp_path, "--format", "tsv")[1])}
    assert rows["prepare"]["state"] == "stale" and rows["stack_volumes"]["state"] == "done"
    assert rows["infer"]["why"] == "its input is computed again"
    assert "of computing" in out
    raw["analyses"]["reward"]["cluster"]["threshold"]["p"] = 0.01
    write_config(tmp_path, raw)

    # A job that failed, by itself; one that was killed leaves a log without an end.
    effect = tmp_path / "results/group/reward/oneSample"
    block = effect / "blocks/block-00000100_size-100.npz"
    block.write_bytes(b"not a block")
    (effect / "null.npz").unlink()
    assert snakemake(tmp_path, raw, "--cores", "2", str(effect / "null.npz")).returncode == 1
    (effect / "blocks/block-00000000_size-100.npz").unlink()
    log = tmp_path / "results/logs/permute_block_reward_oneSample_00000000_100.log"
    log.write_text("permutations: 10 of 100\n")
    before = files(tmp_path)
    _, out, _ = status(capsys, tmp_path)
    assert "merge_reward_oneSample.log" in out and "1 failed" in out and "1 stopped" in out
    _, page, _ = status(capsys, tmp_path, "--format", "html")
    assert 'class="failed"' in page and 'class="stopped"' in page and "<script" not in page
    assert files(tmp_path) == before


def test_missing_files_are_named_with_the_option(tmp_path, capsys):
    code, _, err = status(capsys, tmp_path)
    assert code == 1 and "study.yaml: does not exist; name the config with --configfile" in err
    code, _, err = groupwise(capsys, "check", "--configfile", tmp_path / "none.yaml")
    assert code == 1 and "cannot be read" in err


def test_status_lists_the_findings_of_the_plan(tmp_path, capsys):
    make_tree(tmp_path)
    (tmp_path / "bids/sub-02/meg/sub-02_task-audvis_meg.fif").unlink()
    write_config(tmp_path, make_config(tmp_path))
    code, _, err = status(capsys, tmp_path)
    assert code == 1 and "sub-02: no recording" in err and "Traceback" not in err


#: The command as another user. Root has called it before, so that its modules are loaded: that user
#: may not read them, nor the interpreter, where they lie in root's home.
AS_NOBODY = """
import contextlib, io, os, sys
from groupwise.command.main import main

os.umask(0)
with contextlib.redirect_stdout(io.StringIO()):
    main(sys.argv[1:])
if os.fork() == 0:
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)
sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become a user who may not write")
def test_status_of_a_folder_without_write_permission(demo):
    """In the study of another user, an unreadable file is named with a remedy."""
    write_config(demo, demo_config("meeg", analyses={}))
    trans = "results/sub-01/meg/sub-01_task-audvis_trans.fif"
    assert snakemake(demo, demo_config("meeg", analyses={}), "--cores", "2", trans).returncode == 0
    for parent in [demo, *demo.parents]:
        if parent.stat().st_mode & 0o005 != 0o005:
            parent.chmod(0o755)
    # The clone may lie where that user may not read, such as in root's home.
    clone = demo / "clone"
    for name in ("workflow", "scripts", "envs"):
        shutil.copytree(ROOT / name, clone / name)
    shutil.copy(ROOT / "Snakefile", clone)
    home = demo / "home"
    home.mkdir()
    home.chmod(0o777)
    command = [sys.executable, "-c", AS_NOBODY, "status", "--configfile", demo / "study.yaml"]
    command += ["--snakefile", clone / "Snakefile", "--directory", demo]
    told = {"capture_output": True, "text": True, "env": os.environ | {"HOME": str(home)}}
    refused = subprocess.run(command, cwd="/", **told)
    assert refused.returncode == 1 and "Let the owner run: chmod" in refused.stderr, refused.stderr
    subprocess.run(["chmod", "-R", "a+rX", demo / ".snakemake"], check=True)
    run = subprocess.run(command, cwd="/", **told)
    assert run.returncode == 0 and " done" in run.stdout, run.stderr
    assert " stale" not in run.stdout.splitlines()[0]
