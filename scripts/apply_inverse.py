"""Source estimate of each condition."""

from groupwise.job import job

with job(snakemake):
    import mne

    from groupwise.files import provenance, write_json
    from groupwise.meeg.inverse import source_estimates
    from groupwise.meeg.sources import write_estimate

    params = dict(snakemake.params.items())
    evokeds = {evoked.comment: evoked for evoked in mne.read_evokeds(snakemake.input.evoked)}
    estimates = source_estimates(
        [evokeds[name] for name in params["conditions"]],
        mne.minimum_norm.read_inverse_operator(snakemake.input.inverse),
        **params["spec"],
    )
    for path, estimate in zip(snakemake.output.estimates, estimates, strict=True):
        write_estimate(path, estimate)
    peaks = [float(estimate.data.max()) for estimate in estimates]
    write_json(
        snakemake.output.sidecar,
        {
            "Description": "Source estimates",
            "Largest": dict(zip(params["conditions"], peaks, strict=True)),
            **provenance(params, [snakemake.input.evoked, snakemake.input.inverse]),
        },
    )
