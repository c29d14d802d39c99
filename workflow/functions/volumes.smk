"""Rows and facts of maps in volumes."""


def section_of(analysis: str):
    """The part of the study that an analysis has its maps from: fmri or maps."""
    return getattr(STUDY, STUDY.analyses[analysis].data)


def mask_of(wildcards) -> str | list:
    """The mask that the config names, if it does."""
    mask = section_of(wildcards.analysis).mask
    return [] if mask == "intersection" else mask


def map_files(analysis: str) -> list[str]:
    """Files of all maps of an analysis; a ready-made one may be a pair of header and data."""
    paths = [row["path"] for row in MAP_ROWS[analysis]]
    if STUDY.analyses[analysis].data == "fmri":
        return paths
    return [part for path in paths for part in files_of(path)]


def told_of(analysis: str) -> dict:
    """Space, units, neighbours and names of places of an analysis in volumes."""
    spec, section = STUDY.analyses[analysis], section_of(analysis)
    return {
        "space": section.space,
        "units": "percent" if spec.data == "fmri" else section.units,
        "connectivity": spec.cluster.connectivity,
        "atlas": STUDY.atlas.model_dump(mode="json"),
    }
