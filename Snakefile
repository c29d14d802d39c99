"""Groupwise: from recordings of subjects to group-level maps with corrected p-values."""

from snakemake.utils import min_version

min_version("9.10")

# With --configfile, the shipped config must not fill in missing keys.
if not workflow.overwrite_configfiles:

    configfile: "config/config.yaml"


include: "workflow/functions/common.smk"
include: "workflow/functions/jobs.smk"
include: "workflow/functions/resources.smk"
include: "workflow/rules/meeg.smk"
include: "workflow/rules/surfaces.smk"
include: "workflow/rules/sensors.smk"


# The first level of each other kind of data with recordings.
for data in PLAN.recorded_kinds():
    if data != "meeg":

        include: f"workflow/rules/{data}.smk"


include: "workflow/rules/volumes.smk"
include: "workflow/rules/grids.smk"
include: "workflow/rules/channels.smk"
include: "workflow/rules/permutation.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/sharing.smk"


rule all:
    """The report and everything it needs."""
    default_target: True
    input:
        rules.report.output,
        PLAN.expand_effects(f"{EFFECT}/maps"),
        rules.dataset_description.output,


rule check:
    """Tables of the input checks."""
    input:
        PLAN.check_targets(),


rule first_level:
    """First level of each subject, up to maps that can be compared across subjects."""
    input:
        PLAN.first_level_targets(),


rule group:
    """All group analyses, without figures."""
    input:
        PLAN.group_targets(),
