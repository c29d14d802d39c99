"""Source space on the white surface of a subject."""

from groupwise.job import job

with job(snakemake):
    from groupwise.files import write_json, write_whole
    from groupwise.meeg.forward import source_space
    from groupwise.provenance import provenance

    params = dict(snakemake.params.items())
    spacing = params["spec"]["source_space"]["spacing"]
    src = source_space(snakemake.wildcards.anatomy, params["subjects_dir"], spacing)
    with write_whole(snakemake.output.source_space) as part:
        src.save(part, overwrite=True)
    write_json(
        snakemake.output.sidecar,
        {
            "Description": "Source space on the white surface",
            "Sources": [int(hemisphere["nuse"]) for hemisphere in src],
            **provenance(params, list(snakemake.input.surfaces)),
        },
    )
