"""Evoked responses at the sensors of a type as one array."""


def sensor_rows(analysis: str) -> list[dict]:
    """Rows of an analysis of sensors: subject, condition, factors and file of each response."""
    if STUDY.analyses[analysis].data == "evokeds":
        return MAP_ROWS[analysis]
    return [
        {
            "subject": own.name,
            "session": own.session or MEEG.session or "n/a",
            **cell["factors"],
            "condition": condition,
            "path": rules.evoked.output.evoked.format(**own.visit),
        }
        for own in RECORDINGS.subjects
        for cell in cells_of(STUDY.analyses[analysis])
        if cell["factors"].get("session", own.session) == own.session
        for condition in conditions_with(cell["tags"], list(MEEG.conditions))
    ]


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
