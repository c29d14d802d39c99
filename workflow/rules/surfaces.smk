"""Source estimates on a template's surface as one array: of M/EEG, or ready-made ones."""

ON_SENSORS = [name for name, each in STUDY.analyses.items() if each.on_sensors]
OF_SOURCES = [
    name
    for name in [*analyses_of("meeg"), *analyses_of("estimates")]
    if name not in ON_SENSORS
]
ON_LABELS = [name for name in OF_SOURCES if STUDY.analyses[name].space == "labels"]
ON_GRID = [name for name in analyses_of("meeg") if name in OF_SOURCES and MEEG_ON_GRID]
ON_SURFACE = [name for name in OF_SOURCES if name not in (*ON_LABELS, *ON_GRID)]


rule template_source_space:
    """The template's vertices, which every subject is morphed to."""
    input:
        surfaces=lambda wildcards: surfaces(
            wildcards.template, subjects_dir_of(wildcards.template)
        ),
    output:
        **shareable(
            source_space=template_file("{template}", "{spacing}"),
            sidecar=template_file("{template}", "{spacing}").replace(".fif", ".json"),
        ),
    log:
        log_of("template_source_space", "template", "spacing"),
    benchmark:
        benchmark_of("template_source_space", "template", "spacing")
    wildcard_constraints:
        spacing=r"\d",
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(1000, 0),
        runtime=minutes(15),
    params:
        subject=lambda wildcards: wildcards.template,
        subjects_dir=lambda wildcards: subjects_dir_of(wildcards.template),
        spacing=lambda wildcards: int(wildcards.spacing),
        given=given,
        version=1,
    script:
        "../../scripts/template_source_space.py"


rule stack_sources:
    """One array of all subjects' maps, with the table of its rows and its feature space."""
    input:
        estimates=lambda wildcards: estimate_files(wildcards.analysis),
        template=lambda wildcards: template_file(*template_of(wildcards.analysis)),
    output:
        **STACKED,
    log:
        log_of("stack_sources", "analysis"),
    benchmark:
        benchmark_of("stack_sources", "analysis")
    wildcard_constraints:
        analysis=one_of(ON_SURFACE),
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(800, 1),
        runtime=minutes(20),
    params:
        rows=lambda wildcards: rows_of_sources(wildcards.analysis),
        crop=lambda wildcards: STUDY.analyses[wildcards.analysis].crop,
        average=lambda wildcards: STUDY.analyses[wildcards.analysis].average,
        hemispheres=lambda wildcards: STUDY.analyses[wildcards.analysis].hemispheres,
        units=lambda wildcards: units_of_sources(wildcards.analysis),
        subjects_dir=lambda wildcards: subjects_dir_of(
            template_of(wildcards.analysis)[0]
        ),
        given=given,
        version=3,
    script:
        "../../scripts/stack_sources.py"


for name in ON_LABELS:
    told(
        refuse,
        [
            f"config: analyses.{name}.parcellation: {path} is not there; check the name"
            for path in parcels_of(name)
            if not Path(path).is_file()
        ],
    )


rule stack_labels:
    """Time courses of a parcellation's labels of all subjects as one array."""
    input:
        estimates=lambda wildcards: estimate_files(wildcards.analysis),
        template=lambda wildcards: template_file(*template_of(wildcards.analysis)),
        parcels=lambda wildcards: parcels_of(wildcards.analysis),
    output:
        **STACKED,
    log:
        log_of("stack_labels", "analysis"),
    benchmark:
        benchmark_of("stack_labels", "analysis")
    wildcard_constraints:
        analysis=one_of(ON_LABELS),
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(800, 1),
        runtime=minutes(20),
    params:
        rows=lambda wildcards: rows_of_sources(wildcards.analysis),
        crop=lambda wildcards: STUDY.analyses[wildcards.analysis].crop,
        average=lambda wildcards: STUDY.analyses[wildcards.analysis].average,
        hemispheres=lambda wildcards: STUDY.analyses[wildcards.analysis].hemispheres,
        parcellation=lambda wildcards: STUDY.analyses[wildcards.analysis].parcellation,
        mode=lambda wildcards: label_mode(wildcards.analysis),
        units=lambda wildcards: units_of_sources(wildcards.analysis),
        subjects_dir=lambda wildcards: subjects_dir_of(
            template_of(wildcards.analysis)[0]
        ),
        given=given,
        version=2,
    script:
        "../../scripts/stack_labels.py"
