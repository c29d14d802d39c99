"""Ready-made maps: the door for studies that other pipelines have brought to one map a subject."""

MAPS, ESTIMATES, EVOKEDS = STUDY.maps, STUDY.estimates, STUDY.evokeds
MAP_ROWS, MAPS_LEFT_OUT = {}, {}  # rows by analysis; subject to reason
MAP_TABLES = {}  # by section


if MAPS or ESTIMATES or EVOKEDS:
    # Imported here, since it costs a study without maps a third of a second at each planning.
    from groupwise.inputs.hemispheres import hemispheres_of
    from groupwise.inputs.tables import read_table
    from groupwise.stack.selection import select_maps

if MAPS:
    from groupwise.stack.volumes import files_of

    MAP_TABLES["maps"] = told(read_table, MAPS.table, files_of)
    select_rows("maps", missing_of("maps", "mask", "resample_to"))

if EVOKEDS:
    MAP_TABLES["evokeds"] = told(lambda: read_table(EVOKEDS.table, shared=True))
    select_rows("evokeds", [])

if ESTIMATES:
    MAP_TABLES["estimates"] = told(read_table, ESTIMATES.table, hemispheres_of)
    template = Path(ESTIMATES.subjects_dir) / ESTIMATES.template
    select_rows(
        "estimates",
        missing_of("estimates", "subjects_dir")
        or [
            f"config: estimates.template: {path} is not there; copy or link FreeSurfer's "
            f"{ESTIMATES.template} into {ESTIMATES.subjects_dir}"
            for path in surfaces(ESTIMATES.template, ESTIMATES.subjects_dir)
            if not Path(path).is_file()
        ][:1],
    )
