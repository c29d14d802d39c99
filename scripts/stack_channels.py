"""Values of channels or regions as one array, with the table of its rows and its places."""

from groupwise.job import job

with job(snakemake):
    import pandas as pd

    from groupwise.columns import describe
    from groupwise.files import write_json, write_whole
    from groupwise.stack import stack_maps
    from groupwise.stack.channels import read_values, stack_of_channels

    params, source = dict(snakemake.params.items()), snakemake.input
    facts, positions = dict(params["facts"]), None
    units = facts.pop("units")
    if source.get("signal"):
        from groupwise.fnirs.haemoglobin import read_pair_positions

        positions = read_pair_positions(source.signal)
    paths = [source.table] if isinstance(source.table, str) else list(source.table)
    tables = [read_values(path, facts["place"], facts["value"]) for path in paths]
    table = pd.concat(tables, ignore_index=True)
    rows = params["rows"]
    maps, space, coverage = stack_of_channels(table, rows, positions=positions, **facts)
    with write_whole(snakemake.output.coverage) as part:
        coverage.to_csv(part, sep="\t", index=False)
    write_json(snakemake.output.coverage_columns, describe(coverage, "Channel or region"))
    left_out = coverage.loc[coverage["included"] == "false"].iloc[:, 0]
    stack_maps(
        snakemake.output.data,
        maps,
        space,
        params,
        paths,
        units=units,
        description=f"Values of the places that all {len(rows)} maps have",
        facts={"LeftOut": sorted(set(left_out))},
    )
