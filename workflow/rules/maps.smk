"""Ready-made maps: the door for studies that other pipelines have brought to one map a subject."""

from pathlib import Path

MAPS = STUDY.maps
MAP_ROWS, MAPS_LEFT_OUT = {}, {}  # rows by analysis; subject to reason

if MAPS:
    # Imported here, since it costs a study without maps a third of a second at each planning.
    from groupwise.stack.selection import select_maps
    from groupwise.stack.volumes import files_of, read_table

    map_table, findings = told(read_table, MAPS.table), []
    if MAPS.mask != "intersection" and not Path(MAPS.mask).is_file():
        findings.append(f"config: maps.mask: {MAPS.mask} is not there; check the path")
    for name in analyses_of("maps"):
        try:
            MAP_ROWS[name], left_out = select_maps(
                map_table,
                cells_of(STUDY.analyses[name]),
                STUDY.subjects,
                STUDY.exclude,
                STUDY.missing,
            )
            MAPS_LEFT_OUT.update(left_out)
        except InputError as error:
            findings += [f"{MAPS.table}: analyses.{name}: {f}" for f in error.findings]
    told(refuse, findings)


if MAPS:

    rule stack_volumes:
        """One array of all subjects' maps, with the table of its rows and its voxels."""
        input:
            maps=lambda wildcards: [
                path
                for row in MAP_ROWS[wildcards.analysis]
                for path in files_of(row["path"])
            ],
            mask=[] if MAPS.mask == "intersection" else MAPS.mask,
        output:
            data=f"{STACK}/stack.npy",
            observations=f"{STACK}/observations.tsv",
            space=f"{STACK}/space.npz",
            sidecar=f"{STACK}/stack.json",
            coverage=f"{STACK}/space-{MAPS.space}_stat-n_statmap.nii.gz",
        log:
            log_of("stack_volumes", "analysis"),
        benchmark:
            benchmark_of("stack_volumes", "analysis")
        wildcard_constraints:
            analysis=one_of(analyses_of("maps")),
        resources:
            mem_mb=megabytes(500, 2),
            runtime=20,
        params:
            rows=lambda wildcards: MAP_ROWS[wildcards.analysis],
            space=MAPS.space,
            units=MAPS.units,
            connectivity=lambda wildcards: STUDY.analyses[
                wildcards.analysis
            ].cluster.connectivity,
            version=1,
        script:
            "../../scripts/stack_volumes.py"
