"""Maps in volumes as one array: those of the first level, or ready-made ones."""

VOLUMES = [*analyses_of("fmri"), *analyses_of("maps")]


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


rule stack_volumes:
    """One array of all subjects' maps, with the table of its rows and its voxels."""
    input:
        maps=lambda wildcards: map_files(wildcards.analysis),
        mask=mask_of,
        target=lambda wildcards: getattr(
            section_of(wildcards.analysis), "resample_to", None
        )
        or [],
    output:
        **STACKED,
        coverage=f"{STACK}/stat-n_statmap.nii.gz",
    log:
        log_of("stack_volumes", "analysis"),
    benchmark:
        benchmark_of("stack_volumes", "analysis")
    wildcard_constraints:
        analysis=one_of(VOLUMES),
    resources:
        mem_mb=megabytes(500, 2),
        runtime=minutes(20),
    params:
        rows=lambda wildcards: MAP_ROWS[wildcards.analysis],
        told=lambda wildcards: told_of(wildcards.analysis),
        given=given,
        version=3,
    script:
        "../../scripts/stack_volumes.py"
