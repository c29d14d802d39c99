"""Write dataset_description.json, README and .bidsignore of the output folder."""

from groupwise.job import job

with job(snakemake):
    from groupwise.files import write_json, write_text
    from groupwise.inputs.description import NOT_BIDS, README, dataset_description

    output, study = snakemake.output, snakemake.params.study
    write_json(output.description, dataset_description(study, snakemake.params.source))
    write_text(output.readme, README.format(study=study))
    write_text(output.ignored, "\n".join([*NOT_BIDS, *snakemake.params.not_bids]) + "\n")
