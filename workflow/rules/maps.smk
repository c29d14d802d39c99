"""Ready-made maps: the door for studies that other pipelines have brought to one map a subject."""

from pathlib import Path

MAPS = STUDY.maps
MAP_ROWS, MAPS_LEFT_OUT = {}, {}  # rows by analysis; subject to reason

if MAPS:
    # Imported here, since it costs a study without maps a third of a second at each planning.
    from groupwise.stack.selection import select_maps
    from groupwise.stack.volumes import files_of, read_table

    map_table, findings = told(read_table, MAPS.table), []
    findings += [
        f"config: maps.{key}: {path} is not there; check the path"
        for key, path in (("mask", MAPS.mask), ("resample_to", MAPS.resample_to))
        if path not in (None, "intersection") and not Path(path).is_file()
    ]
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
