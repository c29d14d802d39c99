"""Stages before the group, shared between studies and users by Snakemake's cache."""

import json
import os
from pathlib import Path

import pytest

from groupwise.demo.faces import make_faces
from groupwise.demo.study import make_demo
from groupwise.demo.tapping import make_tapping
from groupwise.outputs import SOFTWARE
from tests.workflow.study_trees import demo_config, snakemake


def config(data, folder):
    """The first subject of a demo study, without its group."""
    raw = demo_config(data, subjects=["01"], analyses={})
    raw.pop("models", None)
    text = json.dumps(raw).replace('"demo', f'"{folder}/demo')
    return json.loads(text)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recordings")
    quiet = {"jobs": 2, "tell": lambda _: None}
    make_demo(folder / "demo", subjects=1, **quiet)
    make_faces(folder / "demo/faces", subjects=1, **quiet)
    make_tapping(folder / "demo/tapping", subjects=1, **quiet)
    (folder / "cache").mkdir()
    return folder


@pytest.fixture
def cache(recordings, monkeypatch):
    monkeypatch.setenv("SNAKEMAKE_OUTPUT_CACHE", str(recordings / "cache"))


def computed(folder):
    """Jobs that ran: of the others Snakemake leaves an empty log."""
    logs = (folder / "results/logs").glob("*.log")
    return {path.stem for path in logs if path.stat().st_size}


@pytest.mark.parametrize("data", ["fmri", pytest.param("meeg", marks=pytest.mark.slow)])
def test_another_study_takes_the_stages_of_the_first(recordings, cache, data, tmp_path):
    first, second = tmp_path / "one", tmp_path / "two"
    for folder in (first, second):
        folder.mkdir()
    raw = config(data, recordings)
    run = snakemake(first, raw, "--cores", "2", "--cache", "--", "first_level")
    assert run.returncode == 0, run.text
    other = raw | {"study": "other"}
    again = snakemake(second, other, "--cores", "2", "--cache", "--", "first_level")
    assert again.returncode == 0 and again.jobs == run.jobs, again.text
    assert {"apply_inverse_01", "fit_runs_01"} & computed(first) and not computed(second)
    own = [path for path in second.glob("results/sub-01/**/*") if path.is_file()]
    assert own and all(path.is_symlink() for path in own)
    for path in own:
        assert path.read_bytes() == (first / path.relative_to(second)).read_bytes()
    pending = snakemake(second, other, "-n", "--cache", "--", "first_level")
    assert "Nothing to be done" in pending.text


def test_only_what_a_changed_setting_touches_is_computed(recordings, cache, tmp_path):
    raw = config("fnirs", recordings)
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        run = snakemake(folder, raw, "--cores", "2", "--cache", "--", "first_level")
        assert run.returncode == 0, run.text
        raw["fnirs"]["contrasts"] = {}
    assert computed(tmp_path / "one") == {"haemoglobin_01", "fit_channels_01", "channel_table"}
    assert computed(tmp_path / "two") == {"fit_channels_01", "channel_table"}


def test_a_cache_of_other_versions_is_refused(recordings, cache, tmp_path):
    path = Path(os.environ["SNAKEMAKE_OUTPUT_CACHE"]) / SOFTWARE
    stored = path.read_text() if path.exists() else None
    try:
        path.write_text(json.dumps({"mne": "0.1"}))
        raw = config("fnirs", recordings)
        run = snakemake(tmp_path, raw, "--cores", "2", "--cache", "--", "first_level")
    finally:
        path.unlink()
        if stored is not None:
            path.write_text(stored)
    assert run.returncode == 1 and "mne 0.1, here" in run.text, run.text
    assert "use a separate folder for each environment" in " ".join(run.text.split())
