"""Group level of channels and regions: the stack, and models of tables."""


rule stack_channels:
    """Stack the values of all participants, with the table of rows and the feature space."""
    input:
        table=lambda wildcards: source_of(wildcards).files(wildcards.analysis),
        signal=lambda wildcards: source_of(wildcards).montage,
    output:
        **STACKED,
        coverage=f"{PATHS.stack}/coverage.tsv",
        coverage_columns=f"{PATHS.stack}/coverage.json",
    log:
        PATHS.log("stack_channels", "analysis"),
    benchmark:
        PATHS.benchmark("stack_channels", "analysis")
    wildcard_constraints:
        analysis=one_of(PLAN.analyses_in("channels")),
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(500, 10),
        runtime=minutes(10),
    params:
        rows=lambda wildcards: source_of(wildcards).rows(wildcards.analysis),
        facts=lambda wildcards: source_of(wildcards).facts(wildcards.analysis),
        given=given,
        version=2,
    script:
        "../../scripts/stack_channels.py"


rule fit_model:
    """Fit a model to the values of all participants, and state whether each fit is valid."""
    input:
        table=lambda wildcards: PLAN.model_table(wildcards.model),
        participants=PLAN.model_participants(),
    output:
        table=PATHS.model("coefficients.tsv"),
        columns=PATHS.model("coefficients.json"),
    log:
        PATHS.log("fit_model", "model"),
    benchmark:
        PATHS.benchmark("fit_model", "model")
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
        units=lambda wildcards: PLAN.model_units(wildcards.model),
        given=given,
        version=1,
    script:
        "../../scripts/fit_model.py"


rule figures_model:
    """Figures of the coefficients of a model with their intervals, and on the head."""
    input:
        table=rules.fit_model.output.table,
        columns=rules.fit_model.output.columns,
        signal=FNIRS.montage if FNIRS else [],
    output:
        folder=reported_figures(PATHS.model("figures"), "model", "Models", "{model}"),
    log:
        PATHS.log("figures_model", "model"),
    benchmark:
        PATHS.benchmark("figures_model", "model")
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
