"""Source estimates on the grid of all subjects as one array of voxels and times."""

from groupwise.job import job

with job(snakemake):
    import mne

    from groupwise.meeg.grid import find_common_sources, grid_rows, grid_space
    from groupwise.meeg.sources import read_times
    from groupwise.stack import stack_maps
    from groupwise.stack.atlas import name_places

    params = dict(snakemake.params.items())
    rows, volume, folder = params["rows"], params["volume"], params["subjects_dir"]
    grid = mne.read_source_spaces(snakemake.input.template)
    times, keep, kept = read_times(rows, params["crop"])
    sources = find_common_sources([row["path"] for row in rows])
    space, order = grid_space(
        grid, sources, folder, connectivity=volume["connectivity"], times=kept
    )
    space, named = name_places(space, volume["atlas"])
    stack_maps(
        snakemake.output.data,
        grid_rows(rows, order, times, keep),
        space,
        params,
        [*snakemake.input.estimates, snakemake.input.template],
        units=params["units"],
        description="Source estimates on the points of the grid that lie inside every head",
        facts={"Grid": {"Points": int(grid[0]["nuse"]), "InAllHeads": len(sources)}} | named,
    )
