"""Maps in the field's formats, pictures, and the report."""


def effects() -> list[tuple[str, str]]:
    """Analysis and effect slug of everything that is inferred."""
    return [
        (name, slug(effect))
        for name, analysis in STUDY.analyses.items()
        for effect in analysis.effect_names
    ]


def of_effects(pattern: str) -> list[str]:
    """A path of each effect."""
    return [pattern.format(analysis=analysis, effect=effect) for analysis, effect in effects()]


def of_subjects(pattern: str) -> list[str]:
    """A path of each subject with recordings."""
    return [pattern.format(subject=name) for name in RECORDINGS.names] if MEEG else []


def targets_of_check() -> list[str]:
    return [CHECKED] if MEEG else []


def targets_of_first_level() -> list[str]:
    """Morphed maps of every subject and condition."""
    if not MEEG:
        return []
    return [
        path.format(subject=name)
        for name in RECORDINGS.names
        for path in estimates(space=MEEG.morph.to).values()
    ]


def targets_of_group() -> list[str]:
    return of_effects(f"{EFFECT}/infer/result.json") + of_effects(f"{EFFECT}/maps")


def meaning_of(analysis: str) -> dict:
    """How the cells of an analysis are found in its stack, and what they are called."""
    spec = STUDY.analyses[analysis]
    return {
        "within": within_of(analysis),
        "cells": ["/".join(cell["tags"]) for cell in cells_of(spec)],
    }


rule export_surface:
    """Maps of a surface as STC/H5 and GIFTI."""
    input:
        maps=rules.infer.output.maps,
        space=f"{STACK}/space.npz",
        result=rules.infer.output.result,
    output:
        folder=directory(f"{EFFECT}/maps"),
    wildcard_constraints:
        analysis=one_of(analyses_of("meeg")),
    log:
        log_of("export_surface", "analysis", "effect"),
    benchmark:
        benchmark_of("export_surface", "analysis", "effect")
    resources:
        mem_mb=megabytes(600, 10),
        runtime=10,
    params:
        version=1,
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
    wildcard_constraints:
        analysis=one_of(analyses_of("maps")),
    log:
        log_of("export_volume", "analysis", "effect"),
    benchmark:
        benchmark_of("export_volume", "analysis", "effect")
    resources:
        mem_mb=megabytes(600, 10),
        runtime=10,
    params:
        version=1,
    script:
        "../../scripts/export_volume.py"


rule dataset_description:
    """What the output folder is, the BIDS way."""
    output:
        description=f"{OUT}/dataset_description.json",
    log:
        log_of("dataset_description"),
    benchmark:
        benchmark_of("dataset_description")
    params:
        study=STUDY.study,
        source=STUDY.bids_root,
        version=1,
    script:
        "../../scripts/dataset_description.py"
