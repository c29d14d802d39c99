"""The docs build without a warning, and no command in them is left untried."""

import subprocess
import sys

import pytest
import yaml

from groupwise.config.study import Study
from tests.workflow.docs_pages import DOCS, blocks_of, commands_of
from tests.workflow.study_trees import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
#: Tutorials, each with the test file that follows it word by word.
FOLLOWED = {
    "meeg.md": "test_demo_study.py",
    "fmri.md": "test_faces_study.py",
    "fnirs.md": "test_tapping_study.py",
    "maps.md": "test_docs.py",
}
#: Commands of other pages, by how they begin, and where they are run.
TRIED = {
    "git clone": "what a continuous integration begins with",
    "make test": "the continuous integration itself",
    "make demo": "test_make_targets_are_there; the workflow's tests run its parts",
    "make env": "what make test begins with",
    "make ": "test_make_targets_are_there",
    "source .venv/bin/activate": "tests run in this environment",
    "apt-get install": "the continuous integration, for the same packages",
    "conda env": "test_house.py holds the pins of these files to the lock",
    "conda activate": "see conda env",
    "pip install --no-deps .": "see conda env",
    "cp config/config.yaml": "test_demo_study.py, a config of the same keys",
    "$EDITOR": "an editor",
    "groupwise check": "test_command.py, and every tutorial",
    "groupwise status": "test_command.py, and every tutorial",
    "snakemake --configfile my_study.yaml --workflow-profile workflow/profiles/slurm": "test_slurm",
    "snakemake --configfile my_study.yaml -n": "every tutorial",
    "snakemake --configfile my_study.yaml --cores 8": "every tutorial",
    "snakemake --unlock": "test_slurm.py",
    "snakemake --configfile my_study.yaml --report": "test_demo_study.py",
    "export SNAKEMAKE_OUTPUT_CACHE": "test_sharing.py",
    "snakemake --configfile my_study.yaml --cache": "test_sharing.py",
    "python -m groupwise.demo": "test_demo.py, and every tutorial",
    "python benchmarks/": "by hand, on a quiet machine: docs/benchmarks.md has their results",
    "pytest": "the continuous integration itself",
    "git ": "a contributor's own",
    "cd ": "a shell",
    "tmux": "a terminal",
}


TUTORIAL = DOCS / "tutorials/maps.md"


def test_the_tutorial_of_ready_made_maps(followed):
    folder, said = followed
    assert "12 subjects, 12 complete" in said["groupwise check --configfile study.yaml"]
    assert "permute_block" in said["snakemake --configfile study.yaml -n"]
    assert "done" in said["groupwise status --configfile study.yaml"]
    methods = (folder / "results/methods.md").read_text()
    assert "all 2,048 sign flips (exact test)" in methods
    clusters = (folder / "results/group/reward/oneSample/infer/clusters.tsv").read_text()
    assert len(clusters.splitlines()) > 1


def test_the_library_by_itself(tmp_path):
    (code,) = (text for kind, text, _ in blocks_of(DOCS / "api.md") if kind == "python")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "The conditions differ in the effect modality:side" in done.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_is_tried(page):
    if page.name in FOLLOWED:
        follower = (ROOT / "tests/workflow" / FOLLOWED[page.name]).read_text()
        assert f"tutorials/{page.name}" in follower
        return
    untried = [
        each
        for command in commands_of(page)
        for each in command.split(" && ")
        if not each.startswith(tuple(TRIED))
    ]
    assert untried == [], f"{page.name}: run these in a test, or in a page that is followed"


#: What parts of configs in the docs are parts of.
WHOLE = {
    "study": "a",
    "bids_root": "b",
    "meeg": {
        "task": "t",
        "subjects_dir": "s",
        "conditions": {
            f"{m}/{s}": f"{m}{s}" for m in ("auditory", "visual") for s in ("left", "right")
        },
    },
    "fmri": {
        "derivatives": "d",
        "task": "t",
        "conditions": {"faces": "f", "scrambled": "s"},
    },
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_config_is_right(page):
    for kind, text, _ in blocks_of(page):
        if kind == "yaml":
            part = yaml.safe_load(text)
            raw = part if "analyses" in part else {"analyses": part}
            whole = {k: v for k, v in WHOLE.items() if k in ("study", "bids_root")}
            if not set(raw) & {"meeg", "fmri", "fnirs", "maps", "estimates", "values", "evokeds"}:
                whole = WHOLE
            Study.model_validate(whole | raw)


def test_make_targets_are_there():
    """Each `make ...` of the docs is a target of the Makefile."""
    wanted = {
        command.split()[1]
        for page in PAGES
        for command in commands_of(page)
        if command.startswith("make ")
    }
    for target in sorted(wanted):
        done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_they_build_without_a_warning(tmp_path):
    build = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    done = subprocess.run([*build, str(DOCS), str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "tutorials/meeg.html").stat().st_size > 10_000


def test_every_page_is_in_the_contents():
    listed = (DOCS / "index.md").read_text()
    for page in DOCS.rglob("*.md"):
        name = page.relative_to(DOCS).with_suffix("").as_posix()
        assert name == "index" or f"\n{name}\n" in listed, name
