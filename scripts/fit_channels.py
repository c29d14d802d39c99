"""Fit the first-level GLM of one participant; write tables of channels and regions."""

from groupwise.job import job

with job(snakemake):
    import json
    from pathlib import Path

    import pandas as pd

    from groupwise.columns import describe
    from groupwise.files import write_json, write_whole
    from groupwise.fnirs.first_level import (
        channel_table,
        describe_estimate_columns,
        fit_participant,
        region_table,
    )
    from groupwise.fnirs.haemoglobin import read_haemoglobin
    from groupwise.provenance import provenance

    params, source, output = dict(snakemake.params.items()), snakemake.input, snakemake.output
    spec, subject = dict(params["spec"]), snakemake.wildcards.subject
    rois, weights = spec.pop("rois"), spec.pop("roi_weights")
    rates = json.loads(Path(source.sidecar).read_text(encoding="utf-8"))["SamplingFrequency"]
    signals = [
        read_haemoglobin(path, rate) for path, rate in zip(source.signals, rates, strict=True)
    ]
    pairs = [pd.read_csv(path, sep="\t", na_values="n/a") for path in source.pairs]
    made = fit_participant(signals, pairs, params["runs"], **spec)
    channels = channel_table(made.estimates, subject)
    regions = region_table(channels, rois, weights)
    facts = provenance(params, [*source.signals, *dict.fromkeys(source.tables)])
    for path, table in ((output.channels, channels), (output.rois, regions)):
        with write_whole(path) as part:
            table.to_csv(part, sep="\t", index=False, na_rep="n/a", float_format="%.12g")
    write_json(output.channel_columns, describe_estimate_columns(channels) | facts)
    write_json(output.roi_columns, describe_estimate_columns(regions) | facts)
    regressors = dict.fromkeys(name for own in made.designs for name in own["hbo"])
    for path, design in zip(output.designs, made.designs, strict=True):
        with write_whole(path) as part:
            design["hbo"].to_csv(part, sep="\t", index_label="time", float_format="%.8g")
    write_json(
        output.sidecar,
        {
            "Description": "First-level GLM of the channels (designs as for HbO)",
            **describe(["time", *regressors], "Regressor (a condition's, drift or confound)"),
            "Runs": [run["name"] for run in params["runs"]],
            "SamplingFrequency": rates,
            "VarianceInflation": made.inflation,
            "SharedWithShortChannels": made.shared,
            **facts,
        },
    )
