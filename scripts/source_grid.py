"""Transform the grid of the template to the head of a subject."""

from groupwise.job import job

with job(snakemake):
    import mne

    from groupwise.files import write_json, write_whole
    from groupwise.meeg.grid import subject_grid
    from groupwise.provenance import provenance

    params = dict(snakemake.params.items())
    template = mne.read_source_spaces(snakemake.input.template)
    grid = subject_grid(template, snakemake.wildcards.anatomy, params["subjects_dir"])
    with write_whole(snakemake.output.source_space) as part:
        grid.save(part, overwrite=True)
    write_json(
        snakemake.output.sidecar,
        {
            "Description": "Grid of the template in the subject's head",
            "Sources": int(grid[0]["nuse"]),
            **provenance(params, list(snakemake.input)),
        },
    )
