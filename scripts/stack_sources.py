"""One array of all subjects' maps, with the table of its rows and its feature space."""

from groupwise.job import job

with job(snakemake):
    from pathlib import Path

    import mne
    import pandas as pd

    from groupwise.files import provenance
    from groupwise.meeg.sources import (
        average_over_window,
        estimate_rows,
        read_estimate,
        select_times,
        template_space,
    )
    from groupwise.stack import write_stack

    params = dict(snakemake.params.items())
    rows = params["rows"]
    src = mne.read_source_spaces(snakemake.input.template)
    times = read_estimate(rows[0]["path"]).times
    keep, kept_times = select_times(times, params["crop"])
    space = template_space(src, params["subjects_dir"], kept_times, params["hemispheres"])
    maps = estimate_rows(rows, space, [hemisphere["vertno"] for hemisphere in src], times, keep)
    space, maps, window = average_over_window(space, maps, params["average"])
    files = [*snakemake.input.estimates, snakemake.input.template]
    write_stack(
        Path(snakemake.output.data).parent,
        maps,
        pd.DataFrame(rows),
        space,
        units=params["units"],
        description=f"Source estimates on the vertices of {space.name}",
        provenance=window | provenance(params, files),
    )
