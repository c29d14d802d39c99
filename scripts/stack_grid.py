"""Source estimates on the grid of all subjects as one array of voxels and times."""

from groupwise.job import job

with job(snakemake):
    from pathlib import Path

    import mne
    import pandas as pd

    from groupwise.files import provenance
    from groupwise.meeg.grid import find_common_sources, grid_rows, grid_space
    from groupwise.meeg.sources import average_over_window, read_estimate, select_times
    from groupwise.stack import write_stack
    from groupwise.stack.atlas import name_places

    params = dict(snakemake.params.items())
    rows, told = params["rows"], params["told"]
    grid = mne.read_source_spaces(snakemake.input.template)
    times = read_estimate(rows[0]["path"]).times
    keep, kept = select_times(times, params["crop"])
    sources = find_common_sources([row["path"] for row in rows])
    space, order = grid_space(
        grid, sources, params["subjects_dir"], connectivity=told["connectivity"], times=kept
    )
    space, named = name_places(space, told["atlas"])
    maps = grid_rows(rows, order, times, keep)
    space, maps, window = average_over_window(space, maps, params["average"])
    write_stack(
        Path(snakemake.output.data).parent,
        maps,
        pd.DataFrame(rows),
        space,
        units=params["units"],
        description="Source estimates on the points of the grid that lie inside every head",
        provenance={"Grid": {"Points": int(grid[0]["nuse"]), "InAllHeads": len(sources)}}
        | named
        | window
        | provenance(params, [*snakemake.input.estimates, snakemake.input.template]),
    )
