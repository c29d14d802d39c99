"""Trees of empty files, and the workflow run on them as a user runs it."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import yaml

from groupwise.command.status import planned, read_status
from groupwise.errors import InputError
from groupwise.inputs.acquisition import sidecars_of

ROOT = Path(__file__).parents[2]
CLUSTER = {"threshold": {"p": 0.01}}


def touch(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


SUBJECTS = ("01", "02", "03", "04", "05", "06", "07")


def make_tree(folder: Path, subjects=SUBJECTS, runs=(), session=None):
    """A BIDS tree and a subjects_dir of empty files."""
    for name in ["fsaverage", *(f"sub-{s}" for s in subjects)]:
        for hemi in ("lh", "rh"):
            for surface in ("white", "pial", "sphere", "sphere.reg", "inflated", "sulc", "curv"):
                touch(folder / "subjects" / name / "surf" / f"{hemi}.{surface}")
        touch(folder / "subjects" / name / "bem" / "inner_skull.surf")
    for subject in subjects:
        entities = f"sub-{subject}" + (f"_ses-{session}" if session else "")
        base = folder / "bids" / f"sub-{subject}"
        base = base / f"ses-{session}" if session else base
        for run in [f"_run-{r}" for r in runs] or [""]:
            stem = base / "meg" / f"{entities}_task-audvis{run}"
            touch(Path(f"{stem}_meg.fif"))
            touch(Path(f"{stem}_events.tsv"), "onset\tduration\ttrial_type\tvalue\n")
            touch(Path(f"{stem}_meg.json"), "{}")
        touch(base / "anat" / f"{entities}_T1w.json")
    return folder


def write_participants(bids: Path, subjects: list[str]) -> None:
    """A group and an age for everyone."""
    rows = [f"sub-{s}\t{'ab'[int(s) % 2]}\t{20 + 3 * int(s)}" for s in subjects]
    touch(bids / "participants.tsv", "\n".join(["participant_id\tgroup\tage", *rows]) + "\n")


def demo_config(data: str, **changes) -> dict:
    """One of the demo studies of the shipped config: that with `meeg`, `fmri` or `fnirs`."""
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    for other in {"meeg", "fmri", "fnirs"} - {data}:
        del config[other]
    if data != "fnirs":
        del config["models"]
    analyses = config["analyses"].items()
    config["analyses"] = {name: spec for name, spec in analyses if spec["data"] == data}
    return config | changes


def make_config(folder: Path, **changes) -> dict:
    """The demo's config on a tree in `folder`; dotted keys change single values."""
    config = demo_config("meeg", block_size=32)
    config["bids_root"] = str(folder / "bids")
    config["meeg"]["subjects_dir"] = str(folder / "subjects")
    config["output"] = str(folder / "results")
    for key, value in changes.items():
        place = config
        *path, last = key.split("__")
        for part in path:
            place = place[part]
        place[last] = value
    return config


class Run:
    """What a call of snakemake said."""

    def __init__(self, done: subprocess.CompletedProcess) -> None:
        self.returncode, self.text = done.returncode, done.stdout + done.stderr

    @property
    def jobs(self) -> dict[str, int]:
        """Jobs by rule, from the table that Snakemake prints before it runs."""
        counts, reading = {}, False
        for line in self.text.splitlines():
            parts = line.split()
            if parts[:2] == ["job", "count"]:
                reading, counts = True, {}
            elif reading and len(parts) == 2 and parts[1].isdigit():
                counts[parts[0]] = int(parts[1])
            elif reading and not parts:
                reading = False
        counts.pop("total", None)
        return counts


def write_config(folder: Path, config: dict) -> Path:
    """The config as a file."""
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path


class Plan:
    """What a run on a config would compute, told by the library: ten times as fast as `-n`.

    Attributes
    ----------
    states : of every job, as `groupwise status` has them.
    jobs : number by rule of those that a run would compute.
    refused : what is wrong with the study; "" where it can run.
    """

    def __init__(self, folder: Path, config: dict) -> None:
        path = write_config(folder, config)
        self.states, self.refused = [], ""
        try:
            self.states = read_status(str(ROOT / "Snakefile"), str(path), str(folder))
        except InputError as error:
            self.refused = "\n".join(error.findings)
        self.jobs = Counter(job.rule for job in self.states if job.state != "done")


def without_stamps(folder: Path, config: dict) -> set[str]:
    """Rules that read a file which no rule makes, and would not notice that it was replaced."""
    path = write_config(folder, config)
    with planned(str(ROOT / "Snakefile"), str(path), str(folder)) as workflow:
        found = set()
        for job in workflow.dag.jobs:
            made = {str(file) for made in workflow.dag.dependencies[job].values() for file in made}
            given = {str(file) for file in job.input} - made
            if given and not given <= set(job.params.get("given", {})):
                found.add(job.rule.name)
        return found


def snakemake(folder: Path, config: dict, *arguments: str) -> Run:
    """Call snakemake on a config, in `folder`."""
    path = write_config(folder, config)
    command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile"]
    command += ["--configfile", path, "--directory", folder, "--nocolor", *arguments]
    return Run(subprocess.run(command, capture_output=True, text=True, timeout=1200))


def undescribed(results: Path) -> dict[str, list[str]]:
    """Columns of tables that no JSON sidecar describes, by the tables' paths."""
    found = {}
    for table in sorted(results.rglob("*.tsv")):
        path = table.relative_to(results)
        if path.parts[0] in ("benchmarks", "logs"):  # Snakemake's, no data
            continue
        told = {}
        for sidecar in sidecars_of(str(table), str(results)):
            told |= json.loads(Path(sidecar).read_text(encoding="utf-8"))
        with table.open(encoding="utf-8") as handle:
            names = handle.readline().rstrip("\n").split("\t")
        missing = [n for n in names if not (isinstance(told.get(n), dict) and told[n])]
        if missing:
            found[str(path)] = missing
    return found


def bids_errors(results: Path) -> list[str]:
    """What the BIDS validator calls an error."""
    validator = Path(sys.executable).parent / "bids-validator-deno"
    done = subprocess.run([validator, results, "--json"], capture_output=True, text=True)
    issues = json.loads(done.stdout)["issues"]["issues"]
    return [f"{i['code']} {i.get('location')}" for i in issues if i["severity"] == "error"]
