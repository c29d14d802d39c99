"""Stack of M/EEG source estimates on a volume grid."""


rule template_grid:
    """Define a regular grid in the brain of the template."""
    input:
        skull=lambda wildcards: (
            f"{MEEG.section.subjects_dir}/{wildcards.template}/bem/inner_skull.surf"
        ),
    output:
        **shareable(
            source_space=PATHS.template_grid("{template}", "{grid}"),
            sidecar=PATHS.template_grid("{template}", "{grid}", "src.json"),
        ),
    log:
        PATHS.log("template_grid", "template", "grid"),
    benchmark:
        PATHS.benchmark("template_grid", "template", "grid")
    wildcard_constraints:
        grid=r"[0-9.]+",
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(1500, 0),
        runtime=minutes(15),
    params:
        template=lambda wildcards: wildcards.template,
        subjects_dir=lambda wildcards: MEEG.section.subjects_dir,
        spacing=lambda wildcards: float(wildcards.grid),
        mindist=lambda wildcards: MEEG.section.source_space.mindist,
        given=given,
        version=1,
    script:
        "../../scripts/template_grid.py"


rule stack_grid:
    """Stack the estimates of all subjects, with the table of rows and the feature space."""
    input:
        estimates=lambda wildcards: source_of(wildcards).files(wildcards.analysis),
        template=lambda wildcards: source_of(wildcards).template(wildcards.analysis),
    output:
        **STACKED,
    log:
        PATHS.log("stack_grid", "analysis"),
    benchmark:
        PATHS.benchmark("stack_grid", "analysis")
    wildcard_constraints:
        analysis=one_of(PLAN.analyses_in("grid")),
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(800, 1),
        runtime=minutes(20),
    params:
        rows=lambda wildcards: source_of(wildcards).rows(wildcards.analysis),
        crop=lambda wildcards: analysis_of(wildcards).crop,
        average=lambda wildcards: analysis_of(wildcards).average,
        volume=lambda wildcards: {
            "connectivity": analysis_of(wildcards).cluster.connectivity,
            "atlas": recorded_keys(STUDY.atlas),
        },
        units=lambda wildcards: source_of(wildcards).units(wildcards.analysis),
        subjects_dir=lambda wildcards: source_of(wildcards).section.subjects_dir,
        given=given,
        version=2,
    script:
        "../../scripts/stack_grid.py"
