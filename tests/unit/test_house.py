"""The house itself: pins in step, rules and scripts in pairs, no script with logic of its own."""

import ast
import importlib
import os
import re
import subprocess
import sys
import tomllib
import venv
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
import yaml

from groupwise.plan.build import SOURCES

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "workflow/rules").glob("*.smk"))
SCRIPTS = {path.stem for path in (ROOT / "scripts").glob("*.py")}
#: Modules of the library by name.
MODULES = {
    ".".join(path.relative_to(ROOT / "src").with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "src/groupwise").rglob("*.py"))
}
#: Longer than 500 lines, because it is one thing; and until it is split.
LONG = {"groupwise.meeg.recordings", "groupwise.report.methods"}
#: Packages whose import takes long.
HEAVY = {"numpy", "scipy", "numba", "pandas", "mne", "nilearn", "nibabel", "matplotlib", "sklearn"}
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


def imported_modules(path):
    """Modules of the library that a module imports anywhere, also in functions and for types."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else node.module for name in names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & set(MODULES)


def test_no_modules_import_each_other_in_a_circle():
    graph = {name: imported_modules(path) for name, path in MODULES.items()}
    assert graph["groupwise.permutation.blocks"], "the imports are found"
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"import circle: {' imports '.join(reversed(error.args[1]))}")


def test_packages_of_modalities_import_no_other_modality_and_are_imported_by_none_below():
    """They stand between `plan`, which uses them, and `report`, so a new one needs no setting."""
    packages = {f"groupwise.{each.data}" for each in SOURCES} & set(MODULES)
    above = {"groupwise.plan", "groupwise.demo", "groupwise.command"}
    assert packages >= {"groupwise.meeg", "groupwise.fmri", "groupwise.fnirs"}
    for name, path in MODULES.items():
        own = ".".join(name.split(".")[:2])
        imported = {".".join(each.split(".")[:2]) for each in imported_modules(path)} - {own}
        if own in packages:
            assert not imported & (packages | above), name
        elif own not in above:
            assert not imported & packages, name


def test_modules_have_at_most_500_lines():
    lines = {name: len(path.read_text().splitlines()) for name, path in MODULES.items()}
    assert {name for name, count in lines.items() if count > 500} <= LONG


def heavy_imports(statement):
    """Packages of HEAVY that a statement imports in a new process."""
    code = f"import sys\n{statement}\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return HEAVY & set(done.stdout.split())


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("import groupwise.permutation", set()),
        ("from groupwise.permutation import Block, Null", {"numpy"}),
        # What the script of the rule permute_block imports.
        (
            "from groupwise.permutation.blocks import run_block\n"
            "from groupwise.permutation.prepare import Prepared",
            {"numpy", "scipy", "numba"},
        ),
    ],
)
def test_jobs_import_only_what_they_use(statement, expected):
    assert heavy_imports(statement) == expected


@pytest.mark.parametrize("package", ["permutation", "stats", "stack"])
def test_public_names_can_be_imported_from_their_package(package):
    module = importlib.import_module(f"groupwise.{package}")
    assert set(module.__all__) <= set(dir(module))
    for name in module.__all__:
        value = getattr(module, name)
        assert value.__name__ == name and value.__doc__, name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = module.nothing


def test_old_paths_of_the_library_work():
    """Paths that the documentation of the library has named before."""
    old = importlib.import_module("groupwise.permutation.test")
    assert old.permutation_test is importlib.import_module("groupwise.permutation").permutation_test
    prepare = importlib.import_module("groupwise.permutation.prepare")
    assert prepare.Prepared is importlib.import_module("groupwise.permutation").Prepared


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
