"""Build the plan of the study, and end the workflow if it has findings."""

import os
from pathlib import Path

from snakemake.exceptions import WorkflowError

from groupwise.config.read import read_study
from groupwise.config.recorded import recorded_config, recorded_keys
from groupwise.errors import InputError
from groupwise.outputs import check_cache, lock_outputs, clean_outputs
from groupwise.plan.build import Plan
from groupwise.plan.paths import surfaces
from groupwise.plan.tables import within_levels

# For envs/groupwise.post-deploy.sh, which installs the library in a conda environment.
HERE = workflow.current_basedir.get_path_or_uri(secret_free=True)
os.environ.update(GROUPWISE_SOURCE=str(Path(HERE).resolve().parents[1]))


def or_workflow_error(function, *arguments):
    """Call a function. Raise `WorkflowError` with the findings of an `InputError`."""
    try:
        return function(*arguments)
    except InputError as error:
        lines = "\n  ".join(error.findings)
        raise WorkflowError(f"Groupwise cannot go on:\n  {lines}") from None


def own_prefix() -> str:
    """Return the prefix of a workflow that includes this one with `module`.

    Snakemake would add the prefix to every relative path, also to those of recordings, and twice to
    paths derived from outputs of other rules. Here it applies to the output folder only.
    """
    modifier = workflow.modifier.path_modifier
    if modifier.prefix:
        modifier.kept_prefix, modifier.prefix = modifier.prefix, None
    return getattr(modifier, "kept_prefix", "")


STUDY = or_workflow_error(read_study, config, "config", workflow.configfiles)
PLAN = Plan(STUDY, os.path.join(own_prefix(), STUDY.output))
or_workflow_error(PLAN.raise_findings)
OUT, PATHS = PLAN.out, PLAN.paths
STACKED, EFFECT = PATHS.stacked, PATHS.effect


# The contents of files are checked before the first job. The check is not an input of the first
# stages, because a change of the check would rerun them all; with `ancient`, Snakemake would ignore
# other reasons to rerun.
onstart:
    or_workflow_error(lock_outputs, OUT)
    or_workflow_error(clean_outputs, OUT)
    if cache_folder := os.environ.get("SNAKEMAKE_OUTPUT_CACHE"):
        or_workflow_error(check_cache, cache_folder)
    or_workflow_error(PLAN.check_contents)


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
