"""Stack of maps in volumes, from the first level or ready-made."""


rule stack_volumes:
    """Stack the maps of all subjects, with the table of rows and the feature space."""
    input:
        maps=lambda wildcards: source_of(wildcards).files(wildcards.analysis),
        mask=lambda wildcards: source_of(wildcards).mask_file,
        target=lambda wildcards: source_of(wildcards).target_file,
    output:
        **STACKED,
        coverage=f"{PATHS.stack}/stat-n_statmap.nii.gz",
    log:
        PATHS.log("stack_volumes", "analysis"),
    benchmark:
        PATHS.benchmark("stack_volumes", "analysis")
    wildcard_constraints:
        analysis=one_of(PLAN.analyses_in("volume")),
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(500, 2),
        runtime=minutes(20),
    params:
        rows=lambda wildcards: source_of(wildcards).rows(wildcards.analysis),
        volume=lambda wildcards: {
            "space": source_of(wildcards).section.space,
            "units": source_of(wildcards).units(wildcards.analysis),
            "connectivity": analysis_of(wildcards).cluster.connectivity,
            "atlas": recorded_keys(STUDY.atlas),
        },
        given=given,
        version=3,
    script:
        "../../scripts/stack_volumes.py"
