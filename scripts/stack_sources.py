"""One array of all subjects' maps, with the table of its rows and its feature space."""

from groupwise.job import job

with job(snakemake):
    import mne

    from groupwise.meeg.sources import estimate_rows, read_times, template_space
    from groupwise.stack import stack_maps

    params = dict(snakemake.params.items())
    src = mne.read_source_spaces(snakemake.input.template)
    vertices = [hemisphere["vertno"] for hemisphere in src]
    times, keep, kept = read_times(params["rows"], params["crop"])
    space = template_space(src, params["subjects_dir"], kept, params["hemispheres"])
    stack_maps(
        snakemake.output.data,
        estimate_rows(params["rows"], space, vertices, times, keep),
        space,
        params,
        [*snakemake.input.estimates, snakemake.input.template],
        units=params["units"],
        description=f"Source estimates on the vertices of {space.name}",
    )
