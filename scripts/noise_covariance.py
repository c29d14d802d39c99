"""Noise covariance; cross-validation selects the estimator."""

from groupwise.job import job

with job(snakemake):
    import mne

    from groupwise.files import write_json, write_whole
    from groupwise.meeg.covariance import empty_room_covariance, epochs_covariance
    from groupwise.meeg.preprocess import filter_raw
    from groupwise.meeg.recordings import read_recording
    from groupwise.provenance import provenance

    params = dict(snakemake.params.items())
    spec = params["spec"]["covariance"]
    common = {key: spec[key] for key in ("method", "rank", "folds")}
    epochs = mne.read_epochs(snakemake.input.epochs)
    empty_room = snakemake.input.empty_room
    if spec["source"] == "empty_room":
        raw = read_recording(empty_room, params["root"]).load_data()
        if params["spec"]["maxwell"]:
            from groupwise.meeg.maxwell import filter_empty_room

            chosen = snakemake.input
            raw = filter_empty_room(
                raw,
                run=read_recording(chosen.raw, params["root"]),
                calibration=next(iter(chosen.calibration), None),
                cross_talk=next(iter(chosen.cross_talk), None),
                st_duration=params["spec"]["maxwell"]["st_duration"],
            )
        filter_raw(raw, **params["spec"]["filter"])
        covariance, scores = empty_room_covariance(raw, epochs.info, **common)
    else:
        covariance, scores = epochs_covariance(
            epochs, tmin=spec["tmin"], tmax=spec["tmax"], **common
        )
    with write_whole(snakemake.output.covariance) as part:
        covariance.save(part, overwrite=True)
    sources = [snakemake.input.epochs, *([empty_room] if empty_room else [])]
    write_json(
        snakemake.output.sidecar,
        {
            "Description": "Noise covariance",
            "Method": scores["method"],
            "LogLikelihood": scores["log_likelihood"],
            "Rank": scores["rank"],
            "Samples": scores["samples"],
            **provenance(params, sources),
        },
    )
