"""Filter the recording, repair artifacts, and select and equalize epochs."""

from groupwise.job import job

with job(snakemake):
    from groupwise.columns import describe
    from groupwise.files import write_json, write_whole
    from groupwise.meeg.maxwell import make_run_filter
    from groupwise.meeg.preprocess import filter_raw, make_epochs, pick_channels, remove_artifacts
    from groupwise.meeg.recordings import read_runs
    from groupwise.provenance import provenance

    params = dict(snakemake.params.items())
    spec, found = params["spec"], []
    raw, events = read_runs(
        snakemake.input.raw,
        snakemake.input.events,
        spec["conditions"],
        params["root"],
        params["bad_channels"],
        spec["montage"],
        make_run_filter(spec["maxwell"], snakemake.input, found),
    )
    limits, artifacts = spec["epochs"]["reject"], spec["artifacts"]
    pick_channels(raw, spec["channels"], limits, artifacts, spec["reference"])
    raw.load_data()
    filter_raw(raw, **spec["filter"])
    raw, removed = remove_artifacts(raw, **artifacts, random_state=params["seed"])
    options = spec["epochs"] | {"random_state": params["seed"]}
    epochs, drops = make_epochs(raw, events, list(spec["conditions"]), spec["channels"], **options)
    with write_whole(snakemake.output.epochs) as part:
        epochs.save(part, overwrite=True)
    with write_whole(snakemake.output.drops) as part:
        drops.replace("", "n/a").to_csv(part, sep="\t", index=False)
    write_json(snakemake.output.drop_columns, describe(drops, "Dropped epochs"))
    sources = [
        path
        for key in ("raw", "events", "channels", "calibration", "cross_talk")
        for path in snakemake.input[key]
    ]
    write_json(
        snakemake.output.sidecar,
        {
            "Description": "Clean epochs",
            "SamplingFrequency": epochs.info["sfreq"],
            "Epochs": dict(zip(drops["condition"], map(int, drops["kept"]), strict=True)),
            "BadChannels": epochs.info["bads"],
            "RejectionLimits": epochs.reject or {},
            "Artifacts": removed,
            "MaxwellFilter": found,
            **provenance(params, sources),
        },
    )
