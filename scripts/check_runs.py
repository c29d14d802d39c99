"""Check the images, events and confounds of every BOLD run; report all findings at once."""

from groupwise.job import job

with job(snakemake):
    from groupwise.columns import describe
    from groupwise.files import write_json, write_whole
    from groupwise.fmri.check import check_subjects
    from groupwise.inputs.checked import require_no_findings
    from groupwise.provenance import provenance

    parameters = snakemake.params.spec
    table = require_no_findings(check_subjects(**parameters))
    with write_whole(snakemake.output.table) as part:
        table.to_csv(part, sep="\t", index=False)
    columns = describe(table, "Events of this condition")
    given = {"Given": snakemake.params.given}
    write_json(snakemake.output.sidecar, columns | provenance(parameters, []) | given)
