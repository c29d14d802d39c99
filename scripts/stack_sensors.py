"""Evoked responses of all subjects at the sensors of a type as one array."""

from groupwise.job import job

with job(snakemake):
    from groupwise.meeg.sensors import SCALES, read_sensors, sensor_rows, sensor_space
    from groupwise.meeg.sources import select_times
    from groupwise.stack import stack_maps

    params = dict(snakemake.params.items())
    rows, kind = params["rows"], params["kind"]
    first = read_sensors(rows[0]["path"], rows[0]["condition"], kind)
    keep, times = select_times(first.times, params["crop"])
    stack_maps(
        snakemake.output.data,
        sensor_rows(rows, kind, first, keep),
        sensor_space(first.info, kind, times),
        params,
        snakemake.input.evoked,
        units=SCALES[kind][1],
        description=f"Evoked responses at the {kind} channels; bad ones interpolated",
    )
