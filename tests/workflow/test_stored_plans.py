"""Plans of the demo study, the tutorials and other kinds of study are those that were stored.

A stored plan holds every job as Snakemake records it: its input files, its output files and the
values of its parameters. Where they stay the same, a finished study stays finished, and
`snakemake -n` schedules nothing. A change of a plan makes studies stale that users have finished.
It needs a raised `version` in the rule (unless its parameters changed anyway) and a line in
CHANGELOG.md. To store the plans anew: `python -m tests.workflow.test_stored_plans`.

`plans/STUDY.json` has the jobs by rule. Jobs of one rule that differ in the values of wildcards
alone are one entry, with the wildcards in braces.
"""

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests.modalities import all_cases
from tests.modalities.fmri import make_fmri
from tests.modalities.fnirs import make_fnirs
from tests.modalities.meeg import make_meeg
from tests.workflow.study_trees import ROOT, demo_config, planned, touch, write_config

STORED = Path(__file__).with_name("plans")


def make_demo(folder: Path) -> dict:
    for make in (make_meeg, make_fmri, make_fnirs):
        make(folder)
    return yaml.safe_load((ROOT / "config/config.yaml").read_text())


def make_runs(folder: Path) -> dict:
    """First-level contrasts, scrubbing and a mask in fMRI; regions and components in fNIRS."""
    make_fmri(folder)
    make_fnirs(folder)
    touch(folder / "mask.nii.gz")
    config = demo_config("fmri")
    config["fmri"] |= {
        "contrasts": {"faces": "famous + unfamiliar - 2 scrambled"},
        "confounds": {"strategy": ["motion", "high_pass", "scrub"], "motion": "full"},
        "mask": "mask.nii.gz",
        "noise": "ols",
    }
    config["fnirs"] = demo_config("fnirs")["fnirs"] | {
        "short_channels": {"regressors": "components"},
        "bad_channels": {"01": ["S1_D1"]},
    }
    one = {"test": "one-sample", "permutations": 100}
    config["analyses"] = {
        "faces": one | {"data": "fmri", "conditions": ["faces"], "covariates": ["age"]},
        "groups": one | {"data": "fmri", "conditions": ["faces"], "between": {"group": ["a", "b"]}},
        "regions": one
        | {"data": "fnirs", "conditions": ["leftMinusRight"], "space": "rois", "chroma": ["hbo"]},
    }
    return config


STUDIES = {
    "demo": make_demo,
    "runs": make_runs,
    **{name: make for case in all_cases() for name, make in case.studies.items()},
}


@contextmanager
def at(folder: Path):
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def plan_of(study: str, folder: Path) -> dict[str, list[dict]]:
    """The plan of a study on a tree of empty files, which is made in `folder`."""
    path = write_config(folder, STUDIES[study](folder))
    for given in folder.rglob("*"):  # The date of an input is a parameter of the jobs.
        os.utime(given, (1e9, 1e9))
    rules: dict[str, list[dict]] = {}
    with at(folder), planned(str(ROOT / "Snakefile"), str(path), str(folder)) as workflow:
        order = {rule.name: k for k, rule in enumerate(workflow.rules)}
        jobs = sorted(workflow.dag.jobs, key=lambda job: (order[job.rule.name], *job.wildcards))
        for job in jobs:
            wildcards = dict(job.wildcards_dict)
            entry = {
                "input": together(workflow.persistence._input(job)),
                "output": together(map(str, job.output)),
                "params": [*workflow.persistence._params(job)],
            }
            entry = {
                key: [shortened(in_braces(text, wildcards)) for text in texts]
                for key, texts in entry.items()
            }
            alike = rules.setdefault(job.rule.name, [])
            same = [each for each in alike if {**each, "wildcards": 0} == {**entry, "wildcards": 0}]
            if not same:
                alike.append({"wildcards": []} | entry)
            (same or alike[-1:])[0]["wildcards"].append(" ".join(wildcards.values()))
    return rules


def in_braces(text: str, wildcards: dict[str, str]) -> str:
    """A path or a value with the names of wildcards in place of their values."""
    for name, value in wildcards.items():
        if name == "subject":
            text = text.replace(f"sub-{value}", "sub-{subject}")
        elif name in ("anatomy", "session"):
            text = text.replace(value, f"{{{name}}}")
        elif name in ("analysis", "effect", "model"):
            text = text.replace(f"/{value}/", f"/{{{name}}}/")
    return text


def together(paths: Iterable[str]) -> list[str]:
    """Paths that differ in the subject alone as one, with all its subjects."""
    subjects: dict[str, list[str]] = {}
    for path in paths:
        found = re.search(r"sub-(\w+?)(?=[/_])", path)
        one = path.replace(found[0], "sub-*") if found else path
        subjects.setdefault(one, []).extend([found[1]] if found else [])
    return [
        f"{one} ({', '.join(own)})" if len(own) > 1 else one.replace("*", "".join(own))
        for one, own in subjects.items()
    ]


def shortened(text: str) -> str:
    """A value with a digest in place of its end, if it is long."""
    if len(text) < 1000:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return f"{text[:300]} ... {len(text)} characters, {digest}"


@pytest.mark.parametrize("study", STUDIES)
def test_the_plan_is_the_stored_one(study, tmp_path):
    stored = json.loads((STORED / f"{study}.json").read_text())
    now = json.loads(json.dumps(plan_of(study, tmp_path)))
    assert list(now) == list(stored)
    for rule, jobs in now.items():
        assert jobs == stored[rule], f"jobs of {rule}: see the rule at the top of this file"


def test_every_rule_is_in_a_stored_plan():
    rules = {
        name
        for path in (ROOT / "workflow/rules").glob("*.smk")
        for name in re.findall(r"^ *rule (\w+):", path.read_text(), re.MULTILINE)
    }
    stored = [json.loads(path.read_text()) for path in STORED.glob("*.json")]
    assert {path.stem for path in STORED.glob("*.json")} == set(STUDIES)
    assert rules - {rule for plan in stored for rule in plan} == set()


if __name__ == "__main__":
    STORED.mkdir(exist_ok=True)
    for study in STUDIES:
        with tempfile.TemporaryDirectory() as folder:
            text = json.dumps(plan_of(study, Path(folder).resolve()), indent=1, ensure_ascii=False)
            (STORED / f"{study}.json").write_text(text + "\n")
