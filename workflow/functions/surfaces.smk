"""Rows of source estimates, ready-made or ours."""


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
