"""Exported maps, figures and the report."""


rule export_surface:
    """Export the maps of a surface as STC, HDF5 and GIFTI."""
    input:
        maps=rules.infer.output.maps,
        space=STACKED["space"],
        result=rules.infer.output.result,
    output:
        folder=directory(f"{EFFECT}/maps"),
    log:
        PATHS.log("export_surface", "analysis", "effect"),
    benchmark:
        PATHS.benchmark("export_surface", "analysis", "effect")
    wildcard_constraints:
        analysis=one_of(PLAN.analyses_in("surface")),
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(600, 10),
        runtime=minutes(10),
    params:
        version=2,
    script:
        "../../scripts/export_surface.py"


rule export_volume:
    """Export the maps of a volume as NIfTI."""
    input:
        maps=rules.infer.output.maps,
        space=STACKED["space"],
        result=rules.infer.output.result,
    output:
        folder=directory(f"{EFFECT}/maps"),
    log:
        PATHS.log("export_volume", "analysis", "effect"),
    benchmark:
        PATHS.benchmark("export_volume", "analysis", "effect")
    wildcard_constraints:
        analysis=one_of(PLAN.analyses_in("volume", "grid")),
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(600, 10),
        runtime=minutes(10),
    params:
        version=2,
    script:
        "../../scripts/export_volume.py"


rule export_channels:
    """Export the statistic and all p-values of each place as a table."""
    input:
        maps=rules.infer.output.maps,
        space=STACKED["space"],
        result=rules.infer.output.result,
    output:
        folder=directory(f"{EFFECT}/maps"),
    log:
        PATHS.log("export_channels", "analysis", "effect"),
    benchmark:
        PATHS.benchmark("export_channels", "analysis", "effect")
    wildcard_constraints:
        analysis=one_of(PLAN.analyses_in("channels", "sensors", "labels")),
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(300, 10),
        runtime=minutes(10),
    params:
        version=1,
    script:
        "../../scripts/export_channels.py"


rule dataset_description:
    """Write dataset_description.json, README and .bidsignore of the output folder."""
    output:
        description=f"{OUT}/dataset_description.json",
        readme=f"{OUT}/README.md",
        ignored=f"{OUT}/.bidsignore",
    log:
        PATHS.log("dataset_description"),
    benchmark:
        PATHS.benchmark("dataset_description")
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(200, 0),
        runtime=minutes(5),
    params:
        study=STUDY.study,
        source=STUDY.bids_root,
        # With an argument named input, Snakemake does not compare the parameter.
        not_bids=lambda wildcards, input: PLAN.not_bids(),
        version=2,
    script:
        "../../scripts/dataset_description.py"


#: Inputs of the figures of an effect.
TESTED = {
    "maps": rules.infer.output.maps,
    "clusters": rules.infer.output.clusters,
    "result": rules.infer.output.result,
    "null": rules.merge.output.null,
    "data": STACKED["data"],
    "observations": STACKED["observations"],
    "space": STACKED["space"],
    "stack": STACKED["sidecar"],
}


rule figures_surface:
    """Figures of an effect on the cortex."""
    input:
        **TESTED,
    output:
        folder=reported_figures(f"{EFFECT}/figures", "effect", "{analysis}", "{effect}"),
    log:
        PATHS.log("figures_surface", "analysis", "effect"),
    benchmark:
        PATHS.benchmark("figures_surface", "analysis", "effect")
    wildcard_constraints:
        analysis=one_of(PLAN.analyses_in("surface")),
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(800, 10),
        runtime=minutes(10),
    params:
        within=lambda wildcards: within_levels(analysis_of(wildcards)),
        version=3,
    script:
        "../../scripts/figures_surface.py"


rule figures_volume:
    """Figures of an effect on slices and in a glass brain."""
    input:
        **TESTED,
    output:
        folder=reported_figures(f"{EFFECT}/figures", "effect", "{analysis}", "{effect}"),
    log:
        PATHS.log("figures_volume", "analysis", "effect"),
    benchmark:
        PATHS.benchmark("figures_volume", "analysis", "effect")
    wildcard_constraints:
        analysis=one_of(PLAN.analyses_in("volume", "grid")),
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(800, 10),
        runtime=minutes(10),
    params:
        within=lambda wildcards: within_levels(analysis_of(wildcards)),
        version=3,
    script:
        "../../scripts/figures_volume.py"


rule figures_channels:
    """Figures of an effect for channels or regions, and on the head."""
    input:
        **TESTED,
        signal=lambda wildcards: PLAN.montage(wildcards.analysis),
    output:
        folder=reported_figures(f"{EFFECT}/figures", "effect", "{analysis}", "{effect}"),
    log:
        PATHS.log("figures_channels", "analysis", "effect"),
    benchmark:
        PATHS.benchmark("figures_channels", "analysis", "effect")
    wildcard_constraints:
        analysis=one_of(PLAN.analyses_in("channels")),
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(600, 10),
        runtime=minutes(10),
    params:
        within=lambda wildcards: within_levels(analysis_of(wildcards)),
        version=2,
    script:
        "../../scripts/figures_channels.py"


rule figures_sensors:
    """Figures of an effect at the sensors: topographies, time courses, null distribution."""
    input:
        **TESTED,
        evoked=lambda wildcards: source_of(wildcards).files(wildcards.analysis)[0],
    output:
        folder=reported_figures(f"{EFFECT}/figures", "effect", "{analysis}", "{effect}"),
    log:
        PATHS.log("figures_sensors", "analysis", "effect"),
    benchmark:
        PATHS.benchmark("figures_sensors", "analysis", "effect")
    wildcard_constraints:
        analysis=one_of(PLAN.analyses_in("sensors")),
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(600, 10),
        runtime=minutes(10),
    params:
        within=lambda wildcards: within_levels(analysis_of(wildcards)),
        kind=lambda wildcards: analysis_of(wildcards).space,
        version=2,
    script:
        "../../scripts/figures_sensors.py"


rule figures_labels:
    """Figures of an effect on labels: statistic over time, time courses, null distribution."""
    input:
        **TESTED,
    output:
        folder=reported_figures(f"{EFFECT}/figures", "effect", "{analysis}", "{effect}"),
    log:
        PATHS.log("figures_labels", "analysis", "effect"),
    benchmark:
        PATHS.benchmark("figures_labels", "analysis", "effect")
    wildcard_constraints:
        analysis=one_of(PLAN.analyses_in("labels")),
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(600, 10),
        runtime=minutes(10),
    params:
        within=lambda wildcards: within_levels(analysis_of(wildcards)),
        version=2,
    script:
        "../../scripts/figures_labels.py"


rule views_volume:
    """Interactive views of an effect, in slices and on the cortex."""
    input:
        **TESTED,
    output:
        volume=f"{EFFECT}/views/volume.html",
        surface=f"{EFFECT}/views/surface.html",
    log:
        PATHS.log("views_volume", "analysis", "effect"),
    benchmark:
        PATHS.benchmark("views_volume", "analysis", "effect")
    wildcard_constraints:
        analysis=one_of(PLAN.analyses_in("volume", "grid")),
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(800, 10, "maps", "space"),
        runtime=minutes(10),
    params:
        within=lambda wildcards: within_levels(analysis_of(wildcards)),
        version=1,
    script:
        "../../scripts/views_volume.py"


rule views_surface:
    """Interactive view of an effect on the cortex."""
    input:
        **TESTED,
    output:
        surface=f"{EFFECT}/views/surface.html",
    log:
        PATHS.log("views_surface", "analysis", "effect"),
    benchmark:
        PATHS.benchmark("views_surface", "analysis", "effect")
    wildcard_constraints:
        analysis=one_of(PLAN.analyses_in("surface")),
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(800, 10, "maps", "space"),
        runtime=minutes(10),
    params:
        within=lambda wildcards: within_levels(analysis_of(wildcards)),
        version=1,
    script:
        "../../scripts/views_surface.py"


rule report:
    """The report of the study: one HTML file with results, figures, quality and provenance."""
    input:
        **PLAN.report_inputs(),
        results=PLAN.expand_effects(rules.infer.output.result),
        clusters=PLAN.expand_effects(rules.infer.output.clusters),
        peaks=PLAN.expand_effects(rules.infer.output.peaks),
        figures=PLAN.expand_effects(f"{EFFECT}/figures"),
        maps=PLAN.expand_effects(f"{EFFECT}/maps"),
        observations=PLAN.ready_made_observations(),
        models=PLAN.expand_models(rules.fit_model.output.table),
        model_facts=PLAN.expand_models(rules.fit_model.output.columns),
        model_figures=PLAN.expand_models(rules.figures_model.output.folder),
        views=PLAN.views(),
        participants=PLAN.participants_file(),
    output:
        report=report(
            f"{OUT}/report.html",
            caption="../report/study.rst",
            category="Study",
            labels={"page": "report"},
        ),
        methods=f"{OUT}/methods.md",
    log:
        PATHS.log("report"),
    benchmark:
        PATHS.benchmark("report")
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(800, 10),
        runtime=minutes(10),
    params:
        study=STUDY.study,
        config=recorded_config(STUDY),
        analyses=[
            {"analysis": analysis, "effect": effect}
            for analysis, effect in PLAN.effects
        ],
        modalities=PLAN.report_facts(),
        command=own_command(),
        given=given,
        models=list(STUDY.models),
        left_out=PLAN.left_out,
        version=5,
    script:
        "../../scripts/report.py"
