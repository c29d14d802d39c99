"""How far a study's run has come: each job done, stale, pending, running, stopped or failed."""

import ast
import contextlib
import io
import os
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from groupwise.command.page import Cell, Page, Table
from groupwise.errors import InputError
from groupwise.job import read_ending, read_usage
from groupwise.outputs import is_locked
from groupwise.progress import duration

if TYPE_CHECKING:
    from snakemake.jobs import Job, Reason
    from snakemake.workflow import Workflow

#: How a job stands, and its mark in the table. `stopped`: killed, or the machine went down.
STATES = {
    "done": "+",
    "running": ">",
    "stale": "~",
    "pending": ".",
    "stopped": "x",
    "failed": "!",
}
#: Why most stale jobs are stale.
AGAIN = "its input is computed again"


@dataclass(frozen=True)
class JobState:
    """One job of a study.

    Attributes
    ----------
    rule : the stage.
    wildcards : what it is of: subject and session, or analysis and effect, by name.
    state : one of `STATES`.
    why : of a stale job, what changed.
    log : path, "" where there is none yet.
    seconds : what it took; of one that is to run, what those of its rule took here, or None.
    memory : the most it took, in MB, or None.
    asked : what it asks a cluster for, in MB.
    threads : cores that it takes.
    """

    rule: str
    wildcards: dict[str, str]
    state: str
    why: str
    log: str
    seconds: float | None
    memory: float | None
    asked: int
    threads: int


def read_status(snakefile: str, configfile: str | None, directory: str = ".") -> list[JobState]:
    """State of every job of a study, in the order in which they are computed. Nothing is written.

    Parameters
    ----------
    snakefile : the workflow's.
    configfile : the study's; None takes the workflow's own.
    directory : where the workflow runs.

    Raises
    ------
    InputError : the study cannot be planned; the findings are those of the plan.
    """
    with planned(snakefile, configfile, directory) as workflow:
        return _states(workflow)


@contextlib.contextmanager
def planned(snakefile: str, configfile: str | None, directory: str = ".") -> "Iterator[Workflow]":
    """Snakemake's workflow with its plan, `dag`; arguments and errors as of `read_status`."""
    from snakemake.api import SnakemakeApi
    from snakemake.exceptions import WorkflowError
    from snakemake.settings.types import (
        ConfigSettings,
        DAGSettings,
        OutputSettings,
        Quietness,
        RerunTrigger,
        ResourceSettings,
    )

    config = [Path(configfile).absolute()] if configfile else []
    before = Path.cwd()
    try:
        with (
            _workplace(Path(directory).absolute()) as workplace,
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
            SnakemakeApi(OutputSettings(quiet={Quietness.ALL}, dryrun=True)) as api,
        ):
            opened = api.workflow(
                resource_settings=ResourceSettings(cores=1),
                config_settings=ConfigSettings(configfiles=config),
                snakefile=Path(snakefile).absolute(),
                workdir=workplace,
            )
            # As in the shipped profiles: an edited or freshly installed script is no reason.
            triggers = frozenset(RerunTrigger.all()) - {RerunTrigger.CODE}
            opened.dag(DAGSettings(force_incomplete=True, rerun_triggers=triggers))
            workflow = opened._workflow
            # As a dry run does it; of what a killed job left, as a run with the shipped profiles.
            workflow._prepare_dag(forceall=False, ignore_incomplete=False, lock_warn_only=True)
            workflow._build_dag()
            yield workflow
    except WorkflowError as error:
        lines = [line.strip() for line in str(error).splitlines()[1:]]
        raise InputError(lines or str(error)) from None
    except PermissionError as error:
        raise InputError(
            f"{error.filename}: may not be read; Snakemake keeps its records for their owner. "
            f"Let the owner run: chmod -R a+rX {directory}/.snakemake"
        ) from None
    finally:
        os.chdir(before)


@contextlib.contextmanager
def _workplace(directory: Path) -> Iterator[Path]:
    """The folder to plan in, as it was afterwards: Snakemake makes folders of its own there.

    For one that may not be written to a folder of links stands in. Paths that lead out of it
    by `..` are not found from there.
    """
    own = directory / ".snakemake"
    if os.access(directory, os.W_OK) and (not own.exists() or os.access(own, os.W_OK)):
        there = own.exists()
        yield directory
        if not there:
            shutil.rmtree(own, ignore_errors=True)
        return
    with tempfile.TemporaryDirectory() as links:
        for source, place in ((directory, Path(links)), (own, Path(links) / ".snakemake")):
            place.mkdir(exist_ok=True)
            for path in source.iterdir() if source.is_dir() else ():
                if path.name not in (".snakemake", "locks"):
                    (place / path.name).symlink_to(path)
        yield Path(links)


def _states(workflow: "Workflow") -> list[JobState]:
    dag = workflow.dag
    jobs = [job for job in dag.jobs if job.output]  # targets by name make nothing
    locked = is_locked(workflow.globals["PLAN"].out)
    measured = {job: _measured(job) for job in jobs}
    took: dict[str, list[float]] = defaultdict(list)
    for job, (seconds, _) in measured.items():
        if seconds is not None:
            took[job.rule.name].append(seconds)
    places = {rule.name: place for place, rule in enumerate(workflow.rules)}
    states = []
    for job in jobs:
        log = str(job.log[0]) if job.log and Path(job.log[0]).exists() else ""
        state, why = "done", ""
        if dag.needrun(job):
            reason = dag.reason(job)
            state = "pending" if reason.missing_output else "stale"
            why = "" if reason.missing_output else _why(reason)
            ending = read_ending(Path(log)) if log else "done"
            if ending == "failed":
                state = "failed"
            elif ending == "" or reason.forced:
                state, why = ("running" if locked else "stopped"), ""
        seconds, memory = measured[job]
        if state != "done":
            known = took[job.rule.name]
            seconds = sum(known) / len(known) if known else None
        states.append(
            JobState(
                rule=job.rule.name,
                wildcards=dict(job.wildcards_dict),
                state=state,
                why=why,
                log=log,
                seconds=seconds,
                memory=memory,
                asked=int(job.resources.get("mem_mb", 0)),
                threads=int(job.threads),
            )
        )
    return sorted(states, key=lambda each: (places[each.rule], [*each.wildcards.values()]))


def _measured(job: "Job") -> tuple[float | None, float | None]:
    """Seconds and MB that a finished job took, by its benchmark and by the end of its log.

    The benchmark looks at the memory now and then, the log knows its peak.
    """
    log = Path(job.log[0]) if job.log else None
    seconds, peak = read_usage(log) if log and log.exists() else (None, None)
    try:
        head, *lines = Path(job.benchmark or "").read_text().splitlines()
        last = dict(zip(head.split("\t"), lines[-1].split("\t"), strict=True))
        return float(last["s"]), max(float(last["max_rss"]), peak or 0.0)
    except (OSError, ValueError, IndexError, KeyError):
        return seconds, peak


def _why(reason: "Reason") -> str:
    """Why an output is out of date, in words."""
    own = sorted(reason.updated_input - reason.updated_input_run)
    told = [f"newer: {', '.join(own[:3])}{' ...' if len(own) > 3 else ''}"] if own else []
    told += [AGAIN] * bool(reason.updated_input_run)
    if reason.params_changed:
        told.append(_changed(reason.params_changed.only_old, reason.params_changed.only_new))
    told += ["another set of input files"] * bool(reason.input_changed)
    told += ["not finished"] * bool(reason.incomplete_output)
    return "; ".join(told) or str(reason)


def _changed(before: set[str], now: set[str]) -> str:
    """Which values differ, by their keys in the parameters of a rule where they have one."""
    old, new = ([*map(_value, sorted(texts))] for texts in (before, now))
    then, here = (
        {
            key: value
            for each in values
            if isinstance(each, dict)
            for key, value in _leaves("", each)
        }
        for values in (old, new)
    )
    keys = [key for key in {**here, **then} if then.get(key) != here.get(key)]
    files = [key for key in keys if Path(key).is_absolute() or Path(key).exists()]
    if files:
        return f"replaced: {', '.join(files[:3])}{' ...' if len(files) > 3 else ''}"
    told = [f"{key} {then.get(key, 'none')} -> {here.get(key, 'none')}" for key in keys]
    plain = [
        ", ".join(str(each) for each in values if not isinstance(each, dict)) or "none"
        for values in (old, new)
    ]
    told += [" -> ".join(plain)] * (plain != ["none", "none"])
    return f"changed: {', '.join(each[:80] for each in told[:3])}{' ...' if told[3:] else ''}"


def _value(text: str):
    """A parameter as Snakemake stores it."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _leaves(key: str, value) -> Iterator[tuple[str, object]]:
    """The values in nested dicts, by their dotted keys."""
    if not isinstance(value, dict):
        yield key, value
        return
    for name, inner in value.items():
        yield from _leaves(f"{key}.{name}" if key else str(name), inner)


def of_subject(job: JobState) -> str:
    """Subject, and session where there are several, of a job; "" of one that has none."""
    name = job.wildcards.get("subject") or job.wildcards.get("anatomy", "").removeprefix("sub-")
    return f"{name} ses-{job.wildcards['session']}" if "session" in job.wildcards else name


def of_effect(job: JobState) -> str:
    """Analysis and effect of a job, or its model."""
    facts = (job.wildcards.get(name) for name in ("analysis", "effect", "model"))
    return " ".join(filter(None, facts))


def summary_of(jobs: Sequence[JobState], cores: int) -> list[str]:
    """The whole in a sentence or two."""
    count = Counter(job.state for job in jobs)
    told = [f"{count[state]} {state}" for state in STATES if count[state]]
    lines = [f"{len(jobs)} jobs: {', '.join(told)}."]
    left = [job for job in jobs if job.state != "done"]
    known = [job.seconds * job.threads for job in left if job.seconds is not None]
    if not left:
        return [*lines, "Nothing is to be done."]
    if known:
        lines.append(
            f"About {duration(sum(known))} of computing are left, {duration(sum(known) / cores)} "
            f"on {cores} cores, by what such jobs took here."
        )
    if unknown := Counter(job.rule for job in left if job.seconds is None):
        listed = ", ".join(f"{rule} x {n}" for rule, n in unknown.items())
        lines.append(f"No job like these has ended here yet: {listed}.")
    return lines


def status_page(jobs: Sequence[JobState], cores: int, study: str = "a study") -> Page:
    """The state of a study as a page of tables."""
    stages = list(dict.fromkeys(job.rule for job in jobs))
    by_subject = [job for job in jobs if of_subject(job)]
    by_effect = [job for job in jobs if not of_subject(job) and of_effect(job)]
    others = [job for job in jobs if not of_subject(job) and not of_effect(job)]
    tables = [
        Table(f"{title} x stage", *_matrix(own, of, stages))
        for title, own, of in (
            ("Subject", by_subject, of_subject),
            ("Analysis", by_effect, of_effect),
        )
        if own
    ]
    if others:
        rows = [[Cell(job.rule), _cell([job])] for job in others]
        tables.append(Table("Study", ["stage", "state"], rows))
    if noted := _noted(jobs):
        tables.insert(0, Table("To look at", ["state", "stage", "of", "why", "log"], noted))
    marks = ", ".join(f"{mark} {state}" for state, mark in STATES.items())
    return Page(f"Status of {study}", [*summary_of(jobs, cores), f"Marks: {marks}."], tables)


def _noted(jobs: Sequence[JobState]) -> list[list[Cell]]:
    """Jobs that are neither done nor only waiting; alike ones in one row.

    What is stale since something before it is, is left to the tables: it would hide the cause.
    """
    alike: dict[tuple[str, ...], list[JobState]] = defaultdict(list)
    for job in jobs:
        if job.state not in ("done", "pending") and job.why != AGAIN:
            log = job.log if job.state in ("failed", "stopped") else ""
            alike[job.state, job.rule, job.why, log].append(job)
    return [
        [
            *(Cell(state, state), Cell(rule), Cell(_listed([_of(job) for job in own]))),
            *(Cell(why), Cell(log)),
        ]
        for (state, rule, why, log), own in alike.items()
    ]


def _of(job: JobState) -> str:
    return " ".join(job.wildcards.values())


def _matrix(
    jobs: Iterable[JobState], of: Callable[[JobState], str], stages: Sequence[str]
) -> tuple[list[str], list[list[Cell]]]:
    """Header and rows: what alike rows are of, and a cell a stage."""
    cells: dict[str, dict[str, list[JobState]]] = defaultdict(lambda: defaultdict(list))
    for job in jobs:
        cells[of(job)][job.rule].append(job)
    used = [stage for stage in stages if any(stage in row for row in cells.values())]
    alike: dict[tuple[Cell, ...], list[str]] = defaultdict(list)
    for name, row in sorted(cells.items()):
        alike[tuple(_cell(row[stage]) for stage in used)].append(name)
    names = [(_listed(names), row) for row, names in alike.items()]
    return ["of", *used], [[Cell(name), *row] for name, row in names]


def _listed(names: list[str]) -> str:
    every = ", ".join(names)
    return every if len(every) < 40 else f"{names[0]} ... {names[-1]} ({len(names)})"


def _cell(jobs: list[JobState]) -> Cell:
    """The mark of one job; of several, how many are done, in the colour of the worst."""
    if not jobs:
        return Cell("")
    worst = max((job.state for job in jobs), key=list(STATES).index)
    if len(jobs) == 1:
        return Cell(STATES[worst], worst)
    done = sum(job.state == "done" for job in jobs)
    mark = "" if worst in ("done", "pending") else f" {STATES[worst]}"
    return Cell(f"{done}/{len(jobs)}{mark}", worst)


def status_rows(jobs: Sequence[JobState]) -> list[dict[str, object]]:
    """One row a job, for a table."""
    return [
        {
            "stage": job.rule,
            "of": _of(job),
            "state": job.state,
            "why": job.why,
            "log": job.log,
            "seconds": "" if job.seconds is None else f"{job.seconds:.1f}",
            "memory_mb": "" if job.memory is None else f"{job.memory:.0f}",
            "asked_mb": job.asked,
        }
        for job in jobs
    ]
