"""Fit a model to the values of all participants, and state whether each fit is valid."""

from groupwise.job import job

with job(snakemake):
    from groupwise.files import write_json, write_whole
    from groupwise.inputs.participants import read_participants
    from groupwise.provenance import provenance
    from groupwise.stats.mixed_models import (
        FIXED,
        add_participant_columns,
        describe_model_columns,
        model_cautions,
        model_table,
        read_model_table,
    )

    params, source = dict(snakemake.params.items()), snakemake.input
    spec = params["spec"]
    table = read_model_table(source.table)
    people = read_participants(source.participants) if source.get("participants") else {}
    table = add_participant_columns(table, people, spec["formula"], spec["by"])
    found = model_table(table, **spec)
    with write_whole(snakemake.output.table) as part:
        found.to_csv(part, sep="\t", index=False, na_rep="n/a", float_format="%.9g")
    write_json(
        snakemake.output.columns,
        describe_model_columns(found, params["units"])
        | {
            "Model": spec,
            "Fixed": list(FIXED),
            "Cautions": model_cautions(found, spec["estimator"]),
        }
        | provenance(params, [source.table]),
    )
