"""Look into every recording's header and events; tell all that is wrong at once."""

from groupwise.job import job

with job(snakemake):
    from groupwise.files import provenance, write_json, write_whole
    from groupwise.meeg.check import check_study

    params = snakemake.params
    table = check_study(params.recordings, params.root, **params.spec)
    with write_whole(snakemake.output.table) as part:
        table.to_csv(part, sep="\t", index=False)
    spec = {**params.spec, "left_out": params.left_out}
    write_json(snakemake.output.sidecar, provenance(spec, []))
