"""Maps in the field's formats, pictures, and the report."""

from groupwise.config.recorded import recorded_config
from groupwise.inputs.acquisition import sidecars_of


rule export_surface:
    """Maps of a surface as STC/H5 and GIFTI."""
    input:
        maps=rules.infer.output.maps,
        space=f"{STACK}/space.npz",
        result=rules.infer.output.result,
    output:
        folder=directory(f"{EFFECT}/maps"),
    log:
        log_of("export_surface", "analysis", "effect"),
    benchmark:
        benchmark_of("export_surface", "analysis", "effect")
    wildcard_constraints:
        analysis=one_of(ON_SURFACE),
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
    """Maps of a volume as NIfTI."""
    input:
        maps=rules.infer.output.maps,
        space=f"{STACK}/space.npz",
        result=rules.infer.output.result,
    output:
        folder=directory(f"{EFFECT}/maps"),
    log:
        log_of("export_volume", "analysis", "effect"),
    benchmark:
        benchmark_of("export_volume", "analysis", "effect")
    wildcard_constraints:
        analysis=one_of([*VOLUMES, *ON_GRID]),
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
    """Statistic and every kind of p of each channel or region, as a table."""
    input:
        maps=rules.infer.output.maps,
        space=f"{STACK}/space.npz",
        result=rules.infer.output.result,
    output:
        folder=directory(f"{EFFECT}/maps"),
    log:
        log_of("export_channels", "analysis", "effect"),
    benchmark:
        benchmark_of("export_channels", "analysis", "effect")
    wildcard_constraints:
        analysis=one_of([*CHANNELS, *ON_SENSORS, *ON_LABELS]),
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
    """What the output folder is, the BIDS way."""
    output:
        description=f"{OUT}/dataset_description.json",
        readme=f"{OUT}/README.md",
        ignored=f"{OUT}/.bidsignore",
    log:
        log_of("dataset_description"),
    benchmark:
        benchmark_of("dataset_description")
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(200, 0),
        runtime=minutes(5),
    params:
        study=STUDY.study,
        source=STUDY.bids_root,
        version=2,
    script:
        "../../scripts/dataset_description.py"


#: What a picture of an effect is made of.
TESTED = {
    "maps": rules.infer.output.maps,
    "clusters": rules.infer.output.clusters,
    "result": rules.infer.output.result,
    "null": rules.merge.output.null,
    "data": f"{STACK}/stack.npy",
    "observations": f"{STACK}/observations.tsv",
    "space": f"{STACK}/space.npz",
    "stack": f"{STACK}/stack.json",
}


rule figures_surface:
    """Pictures of an effect on the cortex."""
    input:
        **TESTED,
    output:
        folder=pictures(f"{EFFECT}/figures", "effect", "{analysis}", "{effect}"),
    log:
        log_of("figures_surface", "analysis", "effect"),
    benchmark:
        benchmark_of("figures_surface", "analysis", "effect")
    wildcard_constraints:
        analysis=one_of(ON_SURFACE),
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(800, 10),
        runtime=minutes(10),
    params:
        within=lambda wildcards: within_of(wildcards.analysis),
        version=3,
    script:
        "../../scripts/figures_surface.py"


rule figures_volume:
    """Pictures of an effect on slices and in the glass brain."""
    input:
        **TESTED,
    output:
        folder=pictures(f"{EFFECT}/figures", "effect", "{analysis}", "{effect}"),
    log:
        log_of("figures_volume", "analysis", "effect"),
    benchmark:
        benchmark_of("figures_volume", "analysis", "effect")
    wildcard_constraints:
        analysis=one_of([*VOLUMES, *ON_GRID]),
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(800, 10),
        runtime=minutes(10),
    params:
        within=lambda wildcards: within_of(wildcards.analysis),
        version=3,
    script:
        "../../scripts/figures_volume.py"


rule figures_channels:
    """Pictures of an effect on channels or regions, and on the head."""
    input:
        **TESTED,
        signal=lambda wildcards: (
            rules.haemoglobin.output.signals[0].format(subject=OPTODES.names[0])
            if stack_facts(wildcards.analysis)["place"] == "pair" and FNIRS
            else []
        ),
    output:
        folder=pictures(f"{EFFECT}/figures", "effect", "{analysis}", "{effect}"),
    log:
        log_of("figures_channels", "analysis", "effect"),
    benchmark:
        benchmark_of("figures_channels", "analysis", "effect")
    wildcard_constraints:
        analysis=one_of(CHANNELS),
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(600, 10),
        runtime=minutes(10),
    params:
        within=lambda wildcards: within_of(wildcards.analysis),
        version=2,
    script:
        "../../scripts/figures_channels.py"


rule figures_sensors:
    """Pictures of an effect at the sensors: topographies, courses, null."""
    input:
        **TESTED,
        evoked=lambda wildcards: sensor_rows(wildcards.analysis)[0]["path"],
    output:
        folder=pictures(f"{EFFECT}/figures", "effect", "{analysis}", "{effect}"),
    log:
        log_of("figures_sensors", "analysis", "effect"),
    benchmark:
        benchmark_of("figures_sensors", "analysis", "effect")
    wildcard_constraints:
        analysis=one_of(ON_SENSORS),
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(600, 10),
        runtime=minutes(10),
    params:
        within=lambda wildcards: within_of(wildcards.analysis),
        kind=lambda wildcards: STUDY.analyses[wildcards.analysis].space,
        version=2,
    script:
        "../../scripts/figures_sensors.py"


rule figures_labels:
    """Pictures of an effect on labels: statistic over time, courses, null."""
    input:
        **TESTED,
    output:
        folder=pictures(f"{EFFECT}/figures", "effect", "{analysis}", "{effect}"),
    log:
        log_of("figures_labels", "analysis", "effect"),
    benchmark:
        benchmark_of("figures_labels", "analysis", "effect")
    wildcard_constraints:
        analysis=one_of(ON_LABELS),
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(600, 10),
        runtime=minutes(10),
    params:
        within=lambda wildcards: within_of(wildcards.analysis),
        version=2,
    script:
        "../../scripts/figures_labels.py"


rule views_volume:
    """Pages in which to move through the map of an effect, in slices and on the cortex."""
    input:
        **TESTED,
    output:
        volume=f"{EFFECT}/views/volume.html",
        surface=f"{EFFECT}/views/surface.html",
    log:
        log_of("views_volume", "analysis", "effect"),
    benchmark:
        benchmark_of("views_volume", "analysis", "effect")
    wildcard_constraints:
        analysis=one_of([*VOLUMES, *ON_GRID]),
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(800, 10),
        runtime=minutes(10),
    params:
        within=lambda wildcards: within_of(wildcards.analysis),
        version=1,
    script:
        "../../scripts/views_volume.py"


rule views_surface:
    """A page in which to turn the cortex with the map of an effect."""
    input:
        **TESTED,
    output:
        surface=f"{EFFECT}/views/surface.html",
    log:
        log_of("views_surface", "analysis", "effect"),
    benchmark:
        benchmark_of("views_surface", "analysis", "effect")
    wildcard_constraints:
        analysis=one_of(ON_SURFACE),
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(800, 10),
        runtime=minutes(10),
    params:
        within=lambda wildcards: within_of(wildcards.analysis),
        version=1,
    script:
        "../../scripts/views_surface.py"


rule report:
    """The report of the study: one HTML file with results, figures, quality and provenance."""
    input:
        **{f"meeg_{key}": files for key, files in report_of_meeg().items()},
        **{f"fmri_{key}": files for key, files in report_of_fmri().items()},
        **{f"fnirs_{key}": files for key, files in report_of_fnirs().items()},
        results=of_effects(rules.infer.output.result),
        clusters=of_effects(rules.infer.output.clusters),
        peaks=of_effects(rules.infer.output.peaks),
        figures=of_effects(f"{EFFECT}/figures"),
        maps=of_effects(f"{EFFECT}/maps"),
        observations=[
            f"{STACK}/observations.tsv".format(analysis=name)
            for name, analysis in STUDY.analyses.items()
            if analysis.data in ("maps", "estimates", "evokeds", "values")
        ],
        models=of_models(rules.fit_model.output.table),
        model_facts=of_models(rules.fit_model.output.columns),
        model_figures=of_models(rules.figures_model.output.folder),
        views=views(),
        participants=participants_of(STUDY),
    output:
        report=report(
            f"{OUT}/report.html",
            caption="../report/study.rst",
            category="Study",
            labels={"page": "report"},
        ),
        methods=f"{OUT}/methods.md",
    log:
        log_of("report"),
    benchmark:
        benchmark_of("report")
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(800, 10),
        runtime=minutes(10),
    params:
        study=STUDY.study,
        config=recorded_config(STUDY),
        analyses=[
            {"analysis": analysis, "effect": effect} for analysis, effect in effects()
        ],
        rooms=rooms(),
        command=" ".join(
            [
                "snakemake",
                *(
                    f"--configfile {Path(path).name}"
                    for path in workflow.config_settings.configfiles
                ),
            ]
        ),
        given=given,
        models=list(STUDY.models),
        left_out={
            **(RECORDINGS.left_out if MEEG else {}),
            **(RUNS.left_out if FMRI else {}),
            **(OPTODES.left_out if FNIRS else {}),
            **MAPS_LEFT_OUT,
        },
        version=5,
    script:
        "../../scripts/report.py"
