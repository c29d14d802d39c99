"""Evoked responses at the sensors of a type as one array."""


rule stack_sensors:
    """One array of all subjects' evoked responses at the sensors of a type."""
    input:
        evoked=lambda wildcards: list(
            dict.fromkeys(row["path"] for row in sensor_rows(wildcards.analysis))
        ),
    output:
        **STACKED,
    log:
        log_of("stack_sensors", "analysis"),
    benchmark:
        benchmark_of("stack_sensors", "analysis")
    wildcard_constraints:
        analysis=one_of(ON_SENSORS),
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(600, 3),
        runtime=minutes(20),
    params:
        rows=lambda wildcards: sensor_rows(wildcards.analysis),
        kind=lambda wildcards: STUDY.analyses[wildcards.analysis].space,
        crop=lambda wildcards: STUDY.analyses[wildcards.analysis].crop,
        average=lambda wildcards: STUDY.analyses[wildcards.analysis].average,
        given=given,
        version=2,
    script:
        "../../scripts/stack_sensors.py"
