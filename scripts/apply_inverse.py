"""Source estimate of each condition."""

from groupwise.job import job

with job(snakemake):
    import mne

    from groupwise.files import write_json, write_whole
    from groupwise.meeg.inverse import explained_variance, largest_values, source_estimates
    from groupwise.meeg.sources import write_estimate
    from groupwise.provenance import provenance

    params = dict(snakemake.params.items())
    evokeds = {evoked.comment: evoked for evoked in mne.read_evokeds(snakemake.input.evoked)}
    operator = mne.minimum_norm.read_inverse_operator(snakemake.input.inverse)
    spec, chosen = params["spec"], [evokeds[name] for name in params["conditions"]]
    estimates, residuals = source_estimates(chosen, operator, **spec)
    explained = map(explained_variance, chosen, residuals)
    with write_whole(snakemake.output.residual) as part:
        mne.write_evokeds(part, residuals)
    for path, estimate in zip(snakemake.output.estimates, estimates, strict=True):
        write_estimate(path, estimate)
    peaks = largest_values(estimates)
    write_json(
        snakemake.output.sidecar,
        {
            "Description": "Source estimates",
            "Largest": dict(zip(params["conditions"], peaks, strict=True)),
            "ExplainedVariance": dict(zip(params["conditions"], explained, strict=True)),
            **provenance(params, [snakemake.input.evoked, snakemake.input.inverse]),
        },
    )
