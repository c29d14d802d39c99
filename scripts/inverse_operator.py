"""Inverse operator from forward solution and noise covariance."""

from groupwise.job import job

with job(snakemake):
    import mne

    from groupwise.files import write_json, write_whole
    from groupwise.meeg.inverse import inverse_operator
    from groupwise.provenance import provenance

    params = dict(snakemake.params.items())
    operator = inverse_operator(
        mne.read_evokeds(snakemake.input.evoked, condition=0).info,
        mne.read_forward_solution(snakemake.input.forward),
        mne.read_cov(snakemake.input.covariance),
        rank=params["rank"],
        **params["spec"],
    )
    with write_whole(snakemake.output.inverse) as part:
        mne.minimum_norm.write_inverse_operator(part, operator, overwrite=True)
    sources = [snakemake.input[name] for name in ("evoked", "forward", "covariance")]
    write_json(
        snakemake.output.sidecar,
        {
            "Description": "Minimum-norm inverse operator",
            "Sources": int(operator["nsource"]),
            "Channels": len(operator["noise_cov"].ch_names),
            **provenance(params, sources),
        },
    )
