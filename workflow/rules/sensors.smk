"""Stack of evoked responses at the sensors."""


rule stack_sensors:
    """Stack the evoked responses of all subjects at the sensors of one type."""
    input:
        evoked=lambda wildcards: source_of(wildcards).files(wildcards.analysis),
    output:
        **STACKED,
    log:
        PATHS.log("stack_sensors", "analysis"),
    benchmark:
        PATHS.benchmark("stack_sensors", "analysis")
    wildcard_constraints:
        analysis=one_of(PLAN.analyses_in("sensors")),
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(600, 3),
        runtime=minutes(20),
    params:
        rows=lambda wildcards: source_of(wildcards).rows(wildcards.analysis),
        kind=lambda wildcards: analysis_of(wildcards).space,
        crop=lambda wildcards: analysis_of(wildcards).crop,
        average=lambda wildcards: analysis_of(wildcards).average,
        given=given,
        version=2,
    script:
        "../../scripts/stack_sensors.py"
