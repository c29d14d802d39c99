"""Evoked responses of all subjects at the sensors of a type as one array."""

from groupwise.job import job

with job(snakemake):
    from pathlib import Path

    import pandas as pd

    from groupwise.files import provenance
    from groupwise.meeg.sensors import SCALES, read_sensors, sensor_rows, sensor_space
    from groupwise.meeg.sources import average_over_window, select_times
    from groupwise.stack import write_stack

    params, kind = dict(snakemake.params.items()), snakemake.params.kind
    rows = params["rows"]
    first = read_sensors(rows[0]["path"], rows[0]["condition"], kind)
    keep, times = select_times(first.times, params["crop"])
    space = sensor_space(first.info, kind, times)
    maps = sensor_rows(rows, kind, first, keep)
    space, maps, window = average_over_window(space, maps, params["average"])
    write_stack(
        Path(snakemake.output.data).parent,
        maps,
        pd.DataFrame(rows),
        space,
        units=SCALES[kind][1],
        description=f"Evoked responses at the {kind} channels; bad ones interpolated",
        provenance=window | provenance(params, snakemake.input.evoked),
    )
