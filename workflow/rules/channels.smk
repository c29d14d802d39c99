"""Values of channels and regions at the group: as one array for the engine, and in models."""

CHANNELS = [*analyses_of("fnirs"), *analyses_of("values")]
VALUES = STUDY.values


if VALUES:
    import pandas as pd

    from groupwise.stack.channels import read_values
    from groupwise.stack.selection import select_maps

    value_table = told(read_values, VALUES.table, VALUES.place, VALUES.value)

for name in CHANNELS:
    MAP_ROWS[name] = told(channel_rows, name)


rule stack_channels:
    """One array of all participants' values, with the table of its rows and its channels."""
    input:
        table=lambda wildcards: table_of_analysis(wildcards.analysis),
        signal=lambda wildcards: (
            rules.haemoglobin.output.signals[0].format(subject=OPTODES.names[0])
            if STUDY.analyses[wildcards.analysis].data == "fnirs"
            else []
        ),
    output:
        **STACKED,
        coverage=f"{STACK}/coverage.tsv",
        coverage_columns=f"{STACK}/coverage.json",
    log:
        log_of("stack_channels", "analysis"),
    benchmark:
        benchmark_of("stack_channels", "analysis")
    wildcard_constraints:
        analysis=one_of(CHANNELS),
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(500, 10),
        runtime=minutes(10),
    params:
        rows=lambda wildcards: MAP_ROWS[wildcards.analysis],
        facts=lambda wildcards: stack_facts(wildcards.analysis),
        given=given,
        version=2,
    script:
        "../../scripts/stack_channels.py"


rule fit_model:
    """Mixed model of all participants' values, each fit with its verdict."""
    input:
        table=lambda wildcards: table_of(
            STUDY.models[wildcards.model].data, STUDY.models[wildcards.model].data
        ),
        participants=participants_of_models(),
    output:
        table=f"{OUT}/group/models/{{model}}/coefficients.tsv",
        columns=f"{OUT}/group/models/{{model}}/coefficients.json",
    log:
        log_of("fit_model", "model"),
    benchmark:
        benchmark_of("fit_model", "model")
    wildcard_constraints:
        model=one_of(list(STUDY.models)),
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(500, 10),
        runtime=minutes(30),
    params:
        spec=lambda wildcards: STUDY.models[wildcards.model].model_dump(
            mode="json", exclude={"data"}
        ),
        units=lambda wildcards: (
            VALUES.units
            if STUDY.models[wildcards.model].data == "values"
            else "umol/l"
        ),
        given=given,
        version=1,
    script:
        "../../scripts/fit_model.py"


rule figures_model:
    """Pictures of a model's coefficients with their intervals, and on the head."""
    input:
        table=rules.fit_model.output.table,
        columns=rules.fit_model.output.columns,
        signal=(
            rules.haemoglobin.output.signals[0].format(subject=OPTODES.names[0])
            if FNIRS
            else []
        ),
    output:
        folder=pictures(
            f"{OUT}/group/models/{{model}}/figures", "model", "Models", "{model}"
        ),
    log:
        log_of("figures_model", "model"),
    benchmark:
        benchmark_of("figures_model", "model")
    wildcard_constraints:
        model=one_of(list(STUDY.models)),
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(600, 10),
        runtime=minutes(10),
    params:
        alpha=lambda wildcards: STUDY.models[wildcards.model].alpha,
        version=2,
    script:
        "../../scripts/figures_model.py"
