"""Maps in volumes as one array: those of the first level, or ready-made ones."""

VOLUMES = [*analyses_of("fmri"), *analyses_of("maps")]


rule stack_volumes:
    """One array of all subjects' maps, with the table of its rows and its voxels."""
    input:
        maps=lambda wildcards: map_files(wildcards.analysis),
        mask=mask_of,
        target=lambda wildcards: getattr(
            section_of(wildcards.analysis), "resample_to", None
        )
        or [],
    output:
        **STACKED,
        coverage=f"{STACK}/stat-n_statmap.nii.gz",
    log:
        log_of("stack_volumes", "analysis"),
    benchmark:
        benchmark_of("stack_volumes", "analysis")
    wildcard_constraints:
        analysis=one_of(VOLUMES),
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(500, 2),
        runtime=minutes(20),
    params:
        rows=lambda wildcards: MAP_ROWS[wildcards.analysis],
        told=lambda wildcards: told_of(wildcards.analysis),
        given=given,
        version=3,
    script:
        "../../scripts/stack_volumes.py"
