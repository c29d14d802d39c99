"""Time courses of a parcellation's labels of all subjects as one array."""

from groupwise.job import job

with job(snakemake):
    from pathlib import Path

    import mne
    import pandas as pd

    from groupwise.files import provenance
    from groupwise.meeg.labels import label_rows, label_space, read_parcels
    from groupwise.meeg.sources import average_over_window, read_estimate, select_times
    from groupwise.stack import write_stack

    params = dict(snakemake.params.items())
    rows, folder, name = params["rows"], params["subjects_dir"], params["parcellation"]
    src = mne.read_source_spaces(snakemake.input.template)
    labels = read_parcels(src, folder, name, params["hemispheres"])
    times = read_estimate(rows[0]["path"]).times
    keep, kept_times = select_times(times, params["crop"])
    space = label_space(labels, src, folder, kept_times)
    maps = label_rows(rows, labels, src, times, keep, params["mode"])
    space, maps, window = average_over_window(space, maps, params["average"])
    files = [*snakemake.input.estimates, snakemake.input.template]
    write_stack(
        Path(snakemake.output.data).parent,
        maps,
        pd.DataFrame(rows),
        space,
        units=params["units"],
        description=f"Source estimates averaged over the labels of {name} ({params['mode']})",
        provenance=window | provenance(params, files),
    )
