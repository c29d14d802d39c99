"""Look into every recording's header and events; tell all that is wrong at once."""

from groupwise.job import job

with job(snakemake):
    from groupwise.files import provenance, write_json, write_whole
    from groupwise.meeg.check import check_study

    parameters = snakemake.params.spec
    table = check_study(**parameters)
    with write_whole(snakemake.output.table) as part:
        table.to_csv(part, sep="\t", index=False)
    write_json(snakemake.output.sidecar, provenance(parameters, []))
