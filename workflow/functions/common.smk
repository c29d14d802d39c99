"""The plan of the study, and what Snakemake does with its findings."""

import os
from pathlib import Path

from snakemake.exceptions import WorkflowError

from groupwise.config.read import read_study
from groupwise.errors import InputError
from groupwise.outputs import check_cache, lock_outputs, clean_outputs
from groupwise.plan.build import Plan
from groupwise.plan.paths import surfaces
from groupwise.plan.tables import within_levels

# For envs/groupwise.post-deploy.sh, which puts the library into an environment of conda.
HERE = workflow.current_basedir.get_path_or_uri(secret_free=True)
os.environ.update(GROUPWISE_SOURCE=str(Path(HERE).resolve().parents[1]))


def or_workflow_error(function, *arguments):
    """Call a function; end the workflow with the findings of an `InputError`."""
    try:
        return function(*arguments)
    except InputError as error:
        lines = "\n  ".join(error.findings)
        raise WorkflowError(f"Groupwise cannot go on:\n  {lines}") from None


def own_prefix() -> str:
    """Return the folder that a workflow which includes this one by `module` gives for its outputs.

    Snakemake would put it before every relative path, that of a recording too, and a second time
    before each path that is made of another rule's; here it goes before the output folder alone.
    """
    modifier = workflow.modifier.path_modifier
    if modifier.prefix:
        modifier.kept_prefix, modifier.prefix = modifier.prefix, None
    return getattr(modifier, "kept_prefix", "")


STUDY = or_workflow_error(read_study, config)
PLAN = Plan(STUDY, os.path.join(own_prefix(), STUDY.output))
or_workflow_error(PLAN.raise_findings)
OUT, PATHS = PLAN.out, PLAN.paths
STACKED, EFFECT = PATHS.stacked, PATHS.effect


# Contents of files are checked before the first job, and not as an input of the first stages: a
# change of what is checked would rerun them all, and behind `ancient` Snakemake overlooks other
# reasons to rerun.
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
