"""Export the statistic and all p-values of each place as a table."""

from groupwise.job import job

with job(snakemake):
    import json
    from pathlib import Path

    from groupwise.files import write_json, write_whole_folder
    from groupwise.permutation.stored import read_maps
    from groupwise.provenance import provenance
    from groupwise.stack.channels import describe_point_columns, describe_points
    from groupwise.stack.space import FeatureSpace

    space = FeatureSpace.load(snakemake.input.space)
    result = json.loads(Path(snakemake.input.result).read_text(encoding="utf-8"))
    table = describe_points(read_maps(snakemake.input.maps), space, result["Statistic"])
    notes = describe_point_columns(table, result["Statistic"])
    facts = {"Sentence": result["Sentence"], **provenance({}, [snakemake.input.maps])}
    with write_whole_folder(snakemake.output.folder) as folder:
        stem = folder / f"effect-{snakemake.wildcards.effect}_statmap"
        table.to_csv(f"{stem}.tsv", sep="\t", index=False, na_rep="n/a", float_format="%.9g")
        write_json(f"{stem}.json", notes | facts)
