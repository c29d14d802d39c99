"""Define a regular grid in the brain of the template."""

from groupwise.job import job

with job(snakemake):
    from groupwise.files import write_json, write_whole
    from groupwise.meeg.grid import template_grid
    from groupwise.provenance import provenance

    params = dict(snakemake.params.items())
    grid = template_grid(
        params["template"], params["subjects_dir"], params["spacing"], params["mindist"]
    )
    with write_whole(snakemake.output.source_space) as part:
        grid.save(part, overwrite=True)
    write_json(
        snakemake.output.sidecar,
        {
            "Description": "Grid inside the template's brain",
            "Sources": int(grid[0]["nuse"]),
            **provenance(params, list(snakemake.input)),
        },
    )
