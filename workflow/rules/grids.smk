"""Source estimates of M/EEG on a grid inside the brain as one array."""


rule template_grid:
    """A regular grid inside the template's brain."""
    input:
        skull=lambda wildcards: (
            f"{MEEG.subjects_dir}/{wildcards.template}/bem/inner_skull.surf"
        ),
    output:
        **shareable(
            source_space=f"{OUT}/template/{{template}}_grid-{{grid}}_src.fif",
            sidecar=f"{OUT}/template/{{template}}_grid-{{grid}}_src.json",
        ),
    log:
        log_of("template_grid", "template", "grid"),
    benchmark:
        benchmark_of("template_grid", "template", "grid")
    wildcard_constraints:
        grid=r"[0-9.]+",
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(1500, 0),
        runtime=minutes(15),
    params:
        template=lambda wildcards: wildcards.template,
        subjects_dir=lambda wildcards: MEEG.subjects_dir,
        spacing=lambda wildcards: float(wildcards.grid),
        mindist=lambda wildcards: MEEG.source_space.mindist,
        given=given,
        version=1,
    script:
        "../../scripts/template_grid.py"


rule stack_grid:
    """One array of all subjects' estimates, with the table of its rows and its voxels."""
    input:
        estimates=lambda wildcards: [
            row["path"] for row in grid_rows(wildcards.analysis)
        ],
        template=lambda wildcards: TEMPLATE_GRID,
    output:
        **STACKED,
    log:
        log_of("stack_grid", "analysis"),
    benchmark:
        benchmark_of("stack_grid", "analysis")
    wildcard_constraints:
        analysis=one_of(ON_GRID),
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(800, 1),
        runtime=minutes(20),
    params:
        rows=lambda wildcards: grid_rows(wildcards.analysis),
        crop=lambda wildcards: STUDY.analyses[wildcards.analysis].crop,
        average=lambda wildcards: STUDY.analyses[wildcards.analysis].average,
        told=lambda wildcards: {
            "connectivity": STUDY.analyses[wildcards.analysis].cluster.connectivity,
            "atlas": STUDY.atlas.model_dump(mode="json"),
        },
        units=lambda wildcards: units_of_sources(wildcards.analysis),
        subjects_dir=lambda wildcards: MEEG.subjects_dir,
        given=given,
        version=2,
    script:
        "../../scripts/stack_grid.py"
