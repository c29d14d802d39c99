"""Morph source estimates to the vertices of the template."""

from groupwise.job import job

with job(snakemake):
    import mne

    from groupwise.files import write_json
    from groupwise.meeg.morph import morph_estimates
    from groupwise.meeg.sources import read_estimate, write_estimate
    from groupwise.provenance import provenance

    params = dict(snakemake.params.items())
    morphed = morph_estimates(
        [read_estimate(path) for path in snakemake.input.estimates],
        params["anatomy"],
        mne.read_source_spaces(snakemake.input.template),
        params["subjects_dir"],
        smooth=params["spec"]["smooth"],
    )
    for path, estimate in zip(snakemake.output.estimates, morphed, strict=True):
        write_estimate(path, estimate)
    write_json(
        snakemake.output.sidecar,
        {
            "Description": "Source estimates morphed to the template",
            **provenance(params, [*snakemake.input.estimates, snakemake.input.template]),
        },
    )
