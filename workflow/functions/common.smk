"""The typed study, what was found of it, and the functions that rules share."""

import os
from functools import cache, partial
from importlib import import_module
from pathlib import Path

from snakemake.exceptions import WorkflowError

from groupwise.config.read import read_study
from groupwise.config.analysis import cells_of, conditions_with
from groupwise.errors import InputError
from groupwise.inputs.checked import is_checked, settled, stamp_of
from groupwise.inputs.recordings import find_recordings
from groupwise.outputs import check_cache, lock_outputs, sweep_outputs

# For envs/groupwise.post-deploy.sh, which puts the library into an environment of conda.
HERE = workflow.current_basedir.get_path_or_uri(secret_free=True)
os.environ.update(GROUPWISE_SOURCE=str(Path(HERE).resolve().parents[1]))


def told(function, *arguments):
    """Call a function; what it finds wrong ends the planning in its own words."""
    try:
        return function(*arguments)
    except InputError as error:
        raise WorkflowError(
            "Groupwise cannot go on:\n  " + "\n  ".join(error.findings)
        ) from None


def refuse(findings: list[str]) -> None:
    """Raise the findings, if there are any."""
    if findings:
        raise InputError(findings)


STUDY = told(read_study, config)


def own_prefix() -> str:
    """The folder that a workflow which includes this one by `module` gives for its outputs.

    Snakemake would put it before every relative path, that of a recording too, and a second time
    before each path that is made of another rule's; here it goes before the output folder alone.
    """
    modifier = workflow.modifier.path_modifier
    if modifier.prefix:
        modifier.kept_prefix, modifier.prefix = modifier.prefix, None
    return getattr(modifier, "kept_prefix", "")


OUT = os.path.join(own_prefix(), STUDY.output)
RECORDINGS = told(find_recordings, STUDY) if STUDY.meeg else None


PARTICIPANTS = STUDY.participants or (
    f"{STUDY.bids_root}/participants.tsv" if STUDY.bids_root else None
)


def analyses_of(data: str) -> list[str]:
    """Names of the analyses of one kind of data."""
    return [name for name, analysis in STUDY.analyses.items() if analysis.data == data]


def within_of(analysis: str) -> dict[str, list[str]]:
    """Columns and levels that tell the cells of an analysis apart, first factor slowest."""
    spec = STUDY.analyses[analysis]
    if spec.within is not None:
        return spec.within
    return {"condition": spec.conditions} if spec.conditions else {}


def one_of(names: list[str]) -> str:
    """A wildcard constraint that lets these names pass and, where there are none, nothing."""
    return "|".join(names) if names else "(?!)"


def given(wildcards, **made) -> dict[str, list[int]]:
    """Size and date of a job's input files that the study is given.

    Snakemake reruns where an input is newer than what was made of it. One that was replaced by an
    older file, or edited while the clock was wrong, is noticed as a changed parameter. (A function
    with an argument named `input` would not be looked at for changes.)
    """
    paths = [path for path in made["input"] if not path.startswith(f"{OUT}/")]
    return {path: stamp_of(path) for path in paths}


@cache
def recorded_mb(subject: str) -> float:
    """Size of a subject's recordings."""
    files = [
        *(
            path
            for own in (RECORDINGS.subjects if MEEG else [])
            for path in own.raw
            if own.name == subject
        ),
        *(
            run["bold"]
            for run in (RUNS.of(subject) if FMRI and subject in RUNS.names else [])
        ),
        *(OPTODES.files_of(subject) if FNIRS and subject in OPTODES.names else []),
    ]
    return sum(Path(path).stat().st_size for path in files) / 2**20


def input_mb(wildcards, input) -> float:
    """Size of a job's input.

    Where a part of it is made within the same job of a cluster, and is not there yet, the subject's
    recordings stand for that. (Snakemake's own `input.size_mb` would leave the stage out of what
    such a job asks for.)
    """
    sizes = [stamp_of(path)[:1] for path in input]
    known = sum(size for found in sizes for size in found) / 2**20
    subject = wildcards.get("subject")
    return known + (recorded_mb(subject) if subject and [] in sizes else 0)


#: Memory of the two Snakemakes that start a job on a cluster, in MB.
STARTERS = 300


def megabytes(base: int, times: float):
    """Memory of a job: what it needs itself, plus a multiple of its input files, in MB.

    A retry asks for half as much again each time.
    """
    return lambda wildcards, input, attempt: int(
        STARTERS
        + (base + times * input_mb(wildcards, input)) * (1 + 0.5 * (attempt - 1))
    )


def minutes(base: int, per_gigabyte: float = 5):
    """Time of a job: twice of it at the second try, three times at the third."""
    return lambda wildcards, input, attempt: int(
        (base + per_gigabyte * input_mb(wildcards, input) / 1024) * attempt
    )


# What looks into the files of a study. Before the first job, and not as an input of the first
# stages: a change of what is checked would rerun them all, and behind `ancient` Snakemake overlooks
# other reasons to rerun.
# Each: table, parameters, files, and the module, which is imported late since it takes a second.
CHECKS = []


def check_now(table, parameters, files, module) -> None:
    """Look into a study's files, unless that was done under the same config."""
    if not is_checked(table.replace(".tsv", ".json"), parameters, files):
        told(lambda: settled(import_module(module).look_into(**parameters)))


onstart:
    told(lock_outputs, OUT)
    told(sweep_outputs, OUT)
    if cache_folder := os.environ.get("SNAKEMAKE_OUTPUT_CACHE"):
        told(check_cache, cache_folder)
    for each in CHECKS:
        check_now(*each)


wildcard_constraints:
    subject="[A-Za-z0-9]+",
    session="[A-Za-z0-9]+",
    anatomy=r"[A-Za-z0-9_.-]+",
    analysis="[A-Za-z0-9_]+",
    effect="[A-Za-z0-9]+",
    start=r"\d+",
    size=r"\d+",


localrules:
    all,
    check,
    first_level,
    group,
    dataset_description,
