"""Source estimate of each condition by an LCMV beamformer."""

from groupwise.job import job

with job(snakemake):
    import mne

    from groupwise.files import write_json
    from groupwise.meeg.inverse import beamformer_estimates, largest_values
    from groupwise.meeg.sources import write_estimate
    from groupwise.provenance import provenance

    params, source = dict(snakemake.params.items()), snakemake.input
    evokeds = {evoked.comment: evoked for evoked in mne.read_evokeds(source.evoked)}
    estimates = beamformer_estimates(
        [evokeds[name] for name in params["conditions"]],
        mne.read_epochs(source.epochs),
        mne.read_forward_solution(source.forward),
        mne.read_cov(source.covariance),
        **params["spec"],
    )
    for path, estimate in zip(snakemake.output.estimates, estimates, strict=True):
        write_estimate(path, estimate)
    peaks = largest_values(estimates)
    write_json(
        snakemake.output.sidecar,
        {
            "Description": "Source estimates, LCMV beamformer of unit noise gain",
            "Largest": dict(zip(params["conditions"], peaks, strict=True)),
            **provenance(params, [source.evoked, source.epochs, source.forward, source.covariance]),
        },
    )
