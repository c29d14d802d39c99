"""The house itself: pins in step, rules and scripts in pairs, no script with logic of its own."""

import os
import re
import subprocess
import tomllib
import venv
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "workflow/rules").glob("*.smk"))
SCRIPTS = {path.stem for path in (ROOT / "scripts").glob("*.py")}
#: Where conda names a package otherwise than PyPI does.
CONDA_NAMES = {"snakemake-minimal": "snakemake", "matplotlib-base": "matplotlib", "mne-base": "mne"}


def rule_blocks():
    """Text of each rule by name."""
    blocks = {}
    for path in RULES:
        for text in re.split(r"^ *(?=rule \w+:)", path.read_text(), flags=re.M)[1:]:
            blocks[re.match(r"rule (\w+):", text)[1]] = text
    return blocks


def locked():
    text = (ROOT / "requirements.txt").read_text()
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, flags=re.M))


def declared(*extras):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = project["dependencies"] + [
        line for extra in extras for line in project["optional-dependencies"][extra]
    ]
    return {re.match(r"[a-z0-9-]+", line)[0] for line in lines}


def test_every_dependency_is_locked():
    assert declared("dev", "slurm") <= set(locked())


@pytest.mark.parametrize(("env", "extras"), [("groupwise", ()), ("slurm", ("slurm",))])
def test_conda_environments_hold_the_same_pins(env, extras):
    content = yaml.safe_load((ROOT / f"envs/{env}.yaml").read_text())
    pairs = [line.split(" =") for line in content["dependencies"] if " =" in line]
    pins = {CONDA_NAMES.get(name, name): version for name, version in pairs}
    pins.pop("python", None)
    assert set(pins) == declared(*extras) - (declared() if extras else set())
    assert pins == {name: locked()[name] for name in pins}


def test_every_rule_has_one_script_of_its_name_and_every_script_its_rule():
    named = {
        name: re.search(r'"\.\./\.\./scripts/(\w+)\.py"', text)[1]
        for name, text in rule_blocks().items()
    }
    assert named == {name: name for name in named}
    assert set(named) == SCRIPTS


def test_every_rule_has_the_same_anatomy():
    for name, text in rule_blocks().items():
        assert re.search(r':\n\s+"""', text), f"{name} has no docstring"
        for part in ("output:", "log:", "benchmark:", "params:", "version=", "conda:"):
            assert part in text, f"{name} lacks {part}"
        assert not re.search(r"^\s+(run|shell):", text, flags=re.M), f"{name} is no script rule"


def test_scripts_are_short_and_compute_nothing():
    for name in SCRIPTS:
        text = (ROOT / f"scripts/{name}.py").read_text()
        lines = text.splitlines()
        assert len(lines) <= 60, f"{name}.py has {len(lines)} lines"
        assert "def " not in text and "class " not in text, f"{name}.py defines things"


def test_no_rule_reads_the_raw_config():
    for path in [*RULES, ROOT / "Snakefile"]:
        assert not re.search(r"\bconfig(\[|\.get)", path.read_text()), path.name


def test_functions_of_the_workflow_are_short():
    """Logic belongs to groupwise.plan, which is typed and tested without Snakemake."""
    for path in sorted((ROOT / "workflow").rglob("*.smk")):
        for text in re.split(r"^(?=def )", path.read_text(), flags=re.M)[1:]:
            body = re.split(r"^(?=[^\s)])", text.split("\n", 1)[1], flags=re.M)[0]
            code = re.sub(r'""".*?"""', "", body, flags=re.S)
            lines = [line for line in code.splitlines() if line.strip()]
            assert len(lines) <= 15, f"{path.name}: {text.splitlines()[0]}"


def test_the_library_gets_into_an_environment_of_conda(tmp_path):
    """What Snakemake runs in an environment that it made of envs/groupwise.yaml, in a plain one."""
    venv.create(tmp_path / "made", with_pip=True)
    place = f"{tmp_path / 'made/bin'}{os.pathsep}{os.environ['PATH']}"
    script = ["bash", ROOT / "envs/groupwise.post-deploy.sh"]
    bare = {"PATH": place, "HOME": str(tmp_path)}
    refused = subprocess.run(script, env=bare, capture_output=True, text=True)
    assert refused.returncode != 0 and "GROUPWISE_SOURCE" in refused.stderr
    subprocess.run(script, env=os.environ | bare | {"GROUPWISE_SOURCE": str(ROOT)}, check=True)
    asked = [tmp_path / "made/bin/python", "-c", "import groupwise.errors"]
    subprocess.run(asked, check=True, cwd=tmp_path)
