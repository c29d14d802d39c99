"""What the output folder is, the BIDS way: a derivative, by whom, of what."""

from groupwise.job import job

with job(snakemake):
    from groupwise.files import write_json
    from groupwise.inputs.description import dataset_description

    write_json(
        snakemake.output.description,
        dataset_description(snakemake.params.study, snakemake.params.source),
    )
