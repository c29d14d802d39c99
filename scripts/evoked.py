"""Average the epochs of each condition."""

from groupwise.job import job

with job(snakemake):
    import mne

    from groupwise.files import write_json, write_whole
    from groupwise.meeg.evoked import average_conditions
    from groupwise.provenance import provenance

    params = dict(snakemake.params.items())
    spec = params["spec"]
    epochs = mne.read_epochs(snakemake.input.epochs)
    evokeds = average_conditions(epochs, list(spec["conditions"]), spec["resample"])
    with write_whole(snakemake.output.evoked) as part:
        mne.write_evokeds(part, evokeds)
    write_json(
        snakemake.output.sidecar,
        {
            "Description": "Evoked responses",
            "SamplingFrequency": evokeds[0].info["sfreq"],
            "Averages": {evoked.comment: evoked.nave for evoked in evokeds},
            **provenance(params, [snakemake.input.epochs]),
        },
    )
