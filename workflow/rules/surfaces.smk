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


def subjects_dir_of(template: str) -> str:
    """FreeSurfer's folder that a template is in."""
    if MEEG and template == MEEG.morph.to:
        return MEEG.subjects_dir
    return STUDY.estimates.subjects_dir


def template_of(analysis: str) -> tuple[str, int]:
    """Template and icosahedron grade of an analysis on surfaces."""
    if STUDY.analyses[analysis].data == "meeg":
        return MEEG.morph.to, MEEG.morph.spacing
    return STUDY.estimates.template, STUDY.estimates.spacing


def rows_of_sources(analysis: str) -> list[dict]:
    """Rows of an analysis' stack: subject, condition, factors and file of each map."""
    if STUDY.analyses[analysis].data == "estimates":
        return MAP_ROWS[analysis]
    paths = estimates(space=MEEG.morph.to)
    return [
        {
            "subject": own.name,
            "session": own.session or MEEG.session or "n/a",
            **cell["factors"],
            "condition": condition,
            "path": paths[condition].format(**own.visit),
        }
        for own in RECORDINGS.subjects
        for cell in cells_of(STUDY.analyses[analysis])
        if cell["factors"].get("session", own.session) == own.session
        for condition in conditions_with(cell["tags"], list(MEEG.conditions))
    ]


def estimate_files(analysis: str) -> list[str]:
    """Files of all estimates of an analysis; a ready-made one may be a pair of hemispheres."""
    paths = [row["path"] for row in rows_of_sources(analysis)]
    if STUDY.analyses[analysis].data == "meeg":
        return paths
    return [part for path in paths for part in hemispheres_of(path)]


def units_of_sources(analysis: str) -> str:
    """Units of an analysis on surfaces."""
    if STUDY.analyses[analysis].data == "estimates":
        return STUDY.estimates.units
    return "A m" if MEEG.inverse.method == "MNE" else MEEG.inverse.method


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


def label_mode(analysis: str) -> str:
    """How a label's sources are averaged: signed ones with the cortex's folds in mind."""
    if STUDY.analyses[analysis].data == "estimates":
        return "mean"
    own = MEEG.inverse
    signed = own.orientation == "normal" or own.fixed or not own.loose
    return "mean_flip" if signed else "mean"


def parcels_of(analysis: str) -> list[str]:
    """Files of the template's parcellation."""
    template, _ = template_of(analysis)
    name = STUDY.analyses[analysis].parcellation
    folder = f"{subjects_dir_of(template)}/{template}/label"
    return [f"{folder}/{hemi}.{name}.annot" for hemi in ("lh", "rh")]


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
