"""Time courses of a parcellation's labels of all subjects as one array."""

from groupwise.job import job

with job(snakemake):
    import mne

    from groupwise.meeg.labels import label_rows, label_space, read_parcels
    from groupwise.meeg.sources import read_times
    from groupwise.stack import stack_maps

    params = dict(snakemake.params.items())
    rows, folder, name = params["rows"], params["subjects_dir"], params["parcellation"]
    src = mne.read_source_spaces(snakemake.input.template)
    labels = read_parcels(src, folder, name, params["hemispheres"])
    times, keep, kept = read_times(rows, params["crop"])
    stack_maps(
        snakemake.output.data,
        label_rows(rows, labels, src, times, keep, params["mode"]),
        label_space(labels, src, folder, kept),
        params,
        [*snakemake.input.estimates, snakemake.input.template],
        units=params["units"],
        description=f"Source estimates averaged over the labels of {name} ({params['mode']})",
    )
