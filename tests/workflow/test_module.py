"""Another workflow includes this one by `module`, with its own config and a prefix."""

import subprocess
import sys

import pytest
import yaml

from tests.workflow import map_study as maps
from tests.workflow.study_trees import ROOT, make_config, make_tree

OUTER = f"""
configfile: "outer.yaml"


module groupwise:
    snakefile:
        "{ROOT}/Snakefile"
    config:
        config["groupwise"]
    prefix:
        "group_maps"


use rule * from groupwise as groupwise_*


onstart:
    groupwise.onstart()


rule summary:
    default_target: True
    input:
        "group_maps/results/group/reward/oneSample/infer/clusters.tsv",
    output:
        "summary.txt",
    shell:
        "head -1 {{input}} > {{output}}"
"""


def outer(folder, config, *arguments, text=OUTER):
    (folder / "Snakefile").write_text(text)
    (folder / "outer.yaml").write_text(yaml.safe_dump({"groupwise": config, "mine": 1}))
    command = [sys.executable, "-m", "snakemake", "--nocolor", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)


@pytest.fixture
def relative(tmp_path):
    """A study whose paths are relative to where the outer workflow runs."""
    maps.write_maps(tmp_path)
    raw = maps.config(tmp_path, output="results")
    raw["maps"]["table"] = "maps.tsv"
    return raw


def test_outputs_stand_below_the_prefix_and_feed_the_outer_rule(relative, tmp_path):
    run = outer(tmp_path, relative, "--cores", "2")
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "summary.txt").read_text().startswith("id\tsign\tmass")
    assert not (tmp_path / "results").exists()
    results = tmp_path / "group_maps/results"
    assert (results / ".lock").exists() and list(results.glob("logs/*.log"))
    again = outer(tmp_path, relative, "-n")
    assert "Nothing to be done" in again.stdout + again.stderr
    # The report reads the config that the outer workflow gives the module.
    made = outer(tmp_path, relative, "--cores", "2", "group_maps/results/methods.md")
    assert made.returncode == 0, made.stderr
    assert "Analysis reward tested precomputed maps of 9" in (results / "methods.md").read_text()
    relative["analyses"]["reward"]["alpha"] = 0.04
    changed = outer(tmp_path, relative, "-n")
    assert "groupwise_infer" in changed.stdout and "groupwise_prepare" not in changed.stdout


def test_every_path_of_an_meg_study_has_the_prefix_once(tmp_path):
    make_tree(tmp_path)
    raw = make_config(tmp_path) | {"output": "results"}
    text = OUTER.replace(
        "reward/oneSample/infer/clusters.tsv", "modality_by_side/side/infer/result.json"
    )
    text = text.replace('.json",\n', '.json",\n        "group_maps/results/report.html",\n')
    run = outer(tmp_path, raw, "-n", text=text)
    said = run.stdout + run.stderr
    assert run.returncode == 0, said
    assert "group_maps/results/sub-01/meg/sub-01_task-audvis_fwd.fif" in said
    assert "group_maps/group_maps" not in said
    assert " results/" not in said and '"results/' not in said


def test_what_is_wrong_is_reported_from_the_outer_workflow_too(relative, tmp_path):
    relative["analyses"]["reward"]["permutatons"] = 3
    run = outer(tmp_path, relative, "-n")
    assert run.returncode == 1 and "did you mean permutations?" in run.stdout + run.stderr
