"""Stack of source estimates on the surface of a template, from M/EEG or ready-made."""


rule template_source_space:
    """Source space of the template, to which every subject is morphed."""
    input:
        surfaces=lambda wildcards: surfaces(
            wildcards.template, PLAN.subjects_dir(wildcards.template)
        ),
    output:
        **shareable(
            source_space=PATHS.template_file("{template}", "{spacing}"),
            sidecar=PATHS.template_file("{template}", "{spacing}", "src.json"),
        ),
    log:
        PATHS.log("template_source_space", "template", "spacing"),
    benchmark:
        PATHS.benchmark("template_source_space", "template", "spacing")
    wildcard_constraints:
        spacing=r"\d",
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(1000, 0),
        runtime=minutes(15),
    params:
        subject=lambda wildcards: wildcards.template,
        subjects_dir=lambda wildcards: PLAN.subjects_dir(wildcards.template),
        spacing=lambda wildcards: int(wildcards.spacing),
        given=given,
        version=1,
    script:
        "../../scripts/template_source_space.py"


rule stack_sources:
    """Stack the maps of all subjects, with the table of rows and the feature space."""
    input:
        estimates=lambda wildcards: source_of(wildcards).files(wildcards.analysis),
        template=lambda wildcards: source_of(wildcards).template(wildcards.analysis),
    output:
        **STACKED,
    log:
        PATHS.log("stack_sources", "analysis"),
    benchmark:
        PATHS.benchmark("stack_sources", "analysis")
    wildcard_constraints:
        analysis=one_of(PLAN.analyses_in("surface")),
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(800, 1),
        runtime=minutes(20),
    params:
        rows=lambda wildcards: source_of(wildcards).rows(wildcards.analysis),
        crop=lambda wildcards: analysis_of(wildcards).crop,
        average=lambda wildcards: analysis_of(wildcards).average,
        hemispheres=lambda wildcards: analysis_of(wildcards).hemispheres,
        units=lambda wildcards: source_of(wildcards).units(wildcards.analysis),
        subjects_dir=lambda wildcards: source_of(wildcards).section.subjects_dir,
        given=given,
        version=3,
    script:
        "../../scripts/stack_sources.py"


rule stack_labels:
    """Stack the time courses of all subjects in the labels of a parcellation."""
    input:
        estimates=lambda wildcards: source_of(wildcards).files(wildcards.analysis),
        template=lambda wildcards: source_of(wildcards).template(wildcards.analysis),
        parcels=lambda wildcards: source_of(wildcards).parcels(wildcards.analysis),
    output:
        **STACKED,
    log:
        PATHS.log("stack_labels", "analysis"),
    benchmark:
        PATHS.benchmark("stack_labels", "analysis")
    wildcard_constraints:
        analysis=one_of(PLAN.analyses_in("labels")),
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(800, 1),
        runtime=minutes(20),
    params:
        rows=lambda wildcards: source_of(wildcards).rows(wildcards.analysis),
        crop=lambda wildcards: analysis_of(wildcards).crop,
        average=lambda wildcards: analysis_of(wildcards).average,
        hemispheres=lambda wildcards: analysis_of(wildcards).hemispheres,
        parcellation=lambda wildcards: analysis_of(wildcards).parcellation,
        mode=lambda wildcards: source_of(wildcards).label_mode(),
        units=lambda wildcards: source_of(wildcards).units(wildcards.analysis),
        subjects_dir=lambda wildcards: source_of(wildcards).section.subjects_dir,
        given=given,
        version=2,
    script:
        "../../scripts/stack_labels.py"
