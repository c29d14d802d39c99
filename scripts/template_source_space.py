"""Source space of the template, to which every subject is morphed."""

from groupwise.job import job

with job(snakemake):
    from groupwise.files import write_json, write_whole
    from groupwise.meeg.morph import template_source_space
    from groupwise.provenance import provenance

    params = dict(snakemake.params.items())
    src = template_source_space(params["subject"], params["subjects_dir"], params["spacing"])
    with write_whole(snakemake.output.source_space) as part:
        src.save(part, overwrite=True)
    write_json(
        snakemake.output.sidecar,
        {
            "Description": "Vertices of the template at analysis resolution",
            "Vertices": [int(hemisphere["nuse"]) for hemisphere in src],
            **provenance(params, list(snakemake.input.surfaces)),
        },
    )
