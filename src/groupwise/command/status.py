"""`groupwise status`: the state of each job of a study."""

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

#: States of a job, and their marks in the table. `stopped`: the job or the machine was killed.
STATES = {
    "done": "+",
    "running": ">",
    "stale": "~",
    "pending": ".",
    "stopped": "x",
    "failed": "!",
}
#: The reason of most stale jobs.
INPUT_STALE = "its input is computed again"


@dataclass(frozen=True)
class JobState:
    """State of one job of a study.

    Attributes
    ----------
    rule : name of the rule.
    wildcards : values of the wildcards by name, such as subject and session.
    state : one of `STATES`.
    why : what changed, for a stale job.
    log : path of the log; "" if there is none.
    seconds : run time; for a job that must run, the mean of the finished jobs of its rule; None if
        unknown.
    memory : peak memory in MB; None if unknown.
    requested : requested memory in MB.
    threads : number of cores.
    """

    rule: str
    wildcards: dict[str, str]
    state: str
    why: str
    log: str
    seconds: float | None
    memory: float | None
    requested: int
    threads: int


def read_status(snakefile: str, configfile: str | None, directory: str = ".") -> list[JobState]:
    """Return the state of every job of a study, in the order of the rules. Nothing is written.

    Parameters
    ----------
    snakefile : Snakefile of the workflow.
    configfile : config of the study; None: the default config of the workflow.
    directory : working directory of the workflow.

    Raises
    ------
    InputError : the plan of the study has findings.
    """
    with planned(snakefile, configfile, directory) as workflow:
        return _list_states(workflow)


@contextlib.contextmanager
def planned(snakefile: str, configfile: str | None, directory: str = ".") -> "Iterator[Workflow]":
    """Yield the Snakemake workflow with its DAG; arguments and errors as in `read_status`."""
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
            # As in a dry run. Unfinished outputs rerun, as with the shipped profiles.
            workflow._prepare_dag(forceall=False, ignore_incomplete=False, lock_warn_only=True)
            workflow._build_dag()
            yield workflow
    except WorkflowError as error:
        lines = [line.strip() for line in str(error).splitlines()[1:]]
        raise InputError(lines or str(error)) from None
    except PermissionError as error:
        raise InputError(
            f"{error.filename}: is not readable, because Snakemake writes its records for their "
            f"owner only. Let the owner run: chmod -R a+rX {directory}/.snakemake"
        ) from None
    finally:
        os.chdir(before)


@contextlib.contextmanager
def _workplace(directory: Path) -> Iterator[Path]:
    """Yield a working directory for the plan, and remove the folders that Snakemake creates there.

    If the directory is not writable, a temporary folder of links to its content is used instead.
    There, paths with `..` that lead out of the directory are not found.
    """
    records = directory / ".snakemake"
    if os.access(directory, os.W_OK) and (not records.exists() or os.access(records, os.W_OK)):
        existed = records.exists()
        yield directory
        if not existed:
            shutil.rmtree(records, ignore_errors=True)
        return
    with tempfile.TemporaryDirectory() as links:
        for source, target in ((directory, Path(links)), (records, Path(links) / ".snakemake")):
            target.mkdir(exist_ok=True)
            for path in source.iterdir() if source.is_dir() else ():
                if path.name not in (".snakemake", "locks"):
                    (target / path.name).symlink_to(path)
        yield Path(links)


def _list_states(workflow: "Workflow") -> list[JobState]:
    dag = workflow.dag
    jobs = [job for job in dag.jobs if job.output]  # named targets have no output
    locked = is_locked(workflow.globals["PLAN"].out)
    measured = {job: _read_usage(job) for job in jobs}
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
            why = "" if reason.missing_output else _explain(reason)
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
                requested=int(job.resources.get("mem_mb", 0)),
                threads=int(job.threads),
            )
        )
    return sorted(states, key=lambda each: (places[each.rule], [*each.wildcards.values()]))


def _read_usage(job: "Job") -> tuple[float | None, float | None]:
    """Return the run time (s) and peak memory (MB) of a finished job, from benchmark and log.

    The benchmark samples the memory at intervals; the last line of the log has the exact peak.
    """
    log = Path(job.log[0]) if job.log else None
    seconds, peak = read_usage(log) if log and log.exists() else (None, None)
    try:
        head, *lines = Path(job.benchmark or "").read_text().splitlines()
        last = dict(zip(head.split("\t"), lines[-1].split("\t"), strict=True))
        return float(last["s"]), max(float(last["max_rss"]), peak or 0.0)
    except (OSError, ValueError, IndexError, KeyError):
        return seconds, peak


def _explain(reason: "Reason") -> str:
    """Return the reason why a job is stale, as text."""
    newer = sorted(reason.updated_input - reason.updated_input_run)
    texts = [f"newer: {', '.join(newer[:3])}{' ...' if len(newer) > 3 else ''}"] if newer else []
    texts += [INPUT_STALE] * bool(reason.updated_input_run)
    if reason.params_changed:
        texts.append(
            _describe_change(reason.params_changed.only_old, reason.params_changed.only_new)
        )
    texts += ["the set of input files changed"] * bool(reason.input_changed)
    texts += ["not finished"] * bool(reason.incomplete_output)
    return "; ".join(texts) or str(reason)


def _describe_change(before: set[str], now: set[str]) -> str:
    """Return the parameters that differ, with their keys if they have one."""
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
    texts = [f"{key} {then.get(key, 'none')} -> {here.get(key, 'none')}" for key in keys]
    plain = [
        ", ".join(str(each) for each in values if not isinstance(each, dict)) or "none"
        for values in (old, new)
    ]
    texts += [" -> ".join(plain)] * (plain != ["none", "none"])
    return f"changed: {', '.join(each[:80] for each in texts[:3])}{' ...' if texts[3:] else ''}"


def _value(text: str):
    """Return the value of a parameter from the text that Snakemake stores."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _leaves(key: str, value) -> Iterator[tuple[str, object]]:
    """Yield the values in nested dicts with their dotted keys."""
    if not isinstance(value, dict):
        yield key, value
        return
    for name, inner in value.items():
        yield from _leaves(f"{key}.{name}" if key else str(name), inner)


def of_subject(job: JobState) -> str:
    """Return the subject (and session) of a job; "" if it has no subject."""
    name = job.wildcards.get("subject") or job.wildcards.get("anatomy", "").removeprefix("sub-")
    return f"{name} ses-{job.wildcards['session']}" if "session" in job.wildcards else name


def of_effect(job: JobState) -> str:
    """Return the analysis and effect of a job, or its model; "" if it has neither."""
    facts = (job.wildcards.get(name) for name in ("analysis", "effect", "model"))
    return " ".join(filter(None, facts))


def summary_of(jobs: Sequence[JobState], cores: int) -> list[str]:
    """Return the number of jobs in each state and the remaining time, in sentences."""
    count = Counter(job.state for job in jobs)
    counts = [f"{count[state]} {state}" for state in STATES if count[state]]
    lines = [f"{len(jobs)} jobs: {', '.join(counts)}."]
    left = [job for job in jobs if job.state != "done"]
    known = [job.seconds * job.threads for job in left if job.seconds is not None]
    if not left:
        return [*lines, "All jobs are done."]
    if known:
        lines.append(
            f"Remaining: about {duration(sum(known))} of computing, {duration(sum(known) / cores)} "
            f"on {cores} cores, estimated from finished jobs of the same stages."
        )
    if unknown := Counter(job.rule for job in left if job.seconds is None):
        listed = ", ".join(f"{rule} x {n}" for rule, n in unknown.items())
        lines.append(f"Not in the estimate, because no job of the stage is finished: {listed}.")
    return lines


def status_page(jobs: Sequence[JobState], cores: int, study: str = "a study") -> Page:
    """Return the state of a study as a page of tables."""
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
    if noted := _list_unexpected(jobs):
        tables.insert(0, Table("Not as expected", ["state", "stage", "of", "why", "log"], noted))
    marks = ", ".join(f"{mark} {state}" for state, mark in STATES.items())
    return Page(f"Status of {study}", [*summary_of(jobs, cores), f"Marks: {marks}."], tables)


def _list_unexpected(jobs: Sequence[JobState]) -> list[list[Cell]]:
    """Return rows of jobs that are neither done nor pending, similar jobs in one row.

    Jobs that are stale only because of stale inputs are omitted, so that the cause is visible.
    """
    alike: dict[tuple[str, ...], list[JobState]] = defaultdict(list)
    for job in jobs:
        if job.state not in ("done", "pending") and job.why != INPUT_STALE:
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
    """Return header and rows of a table with one cell per stage; equal rows are merged."""
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
    """Return the mark of one job, or the number of done jobs with the worst state of several."""
    if not jobs:
        return Cell("")
    worst = max((job.state for job in jobs), key=list(STATES).index)
    if len(jobs) == 1:
        return Cell(STATES[worst], worst)
    done = sum(job.state == "done" for job in jobs)
    mark = "" if worst in ("done", "pending") else f" {STATES[worst]}"
    return Cell(f"{done}/{len(jobs)}{mark}", worst)


def status_rows(jobs: Sequence[JobState]) -> list[dict[str, object]]:
    """Return one row per job, for a TSV file."""
    return [
        {
            "stage": job.rule,
            "of": _of(job),
            "state": job.state,
            "why": job.why,
            "log": job.log,
            "seconds": "" if job.seconds is None else f"{job.seconds:.1f}",
            "memory_mb": "" if job.memory is None else f"{job.memory:.0f}",
            "asked_mb": job.requested,
        }
        for job in jobs
    ]
