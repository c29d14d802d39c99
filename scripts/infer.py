"""Corrected p of points and clusters, the cluster table, the sentence of the result."""

from groupwise.job import job

with job(snakemake):
    import json
    from pathlib import Path

    from groupwise.files import write_json
    from groupwise.permutation.across import correct_across
    from groupwise.permutation.infer import infer
    from groupwise.permutation.merge import Null
    from groupwise.permutation.peaks import describe_peak_columns, describe_peaks
    from groupwise.permutation.prepare import Prepared
    from groupwise.permutation.table import describe_clusters, describe_columns, write_table
    from groupwise.provenance import provenance
    from groupwise.stack.space import FeatureSpace

    params = dict(snakemake.params.items())
    space = FeatureSpace.load(snakemake.input.space)
    stack = json.loads(Path(snakemake.input.stack).read_text(encoding="utf-8"))
    prepared = Prepared.load(Path(snakemake.input.values).parent, maps=True)
    result = infer(prepared, Null.load(snakemake.input.null), params["alpha"])
    if snakemake.input.get("nulls"):
        result = correct_across(result, [Null.load(path) for path in snakemake.input.nulls])
    table = describe_clusters(result, space)
    result.save_maps(snakemake.output.maps)
    write_table(snakemake.output.clusters, table)
    write_json(snakemake.output.columns, describe_columns(table, space))
    peaks = describe_peaks(result, space)
    write_table(snakemake.output.peaks, peaks)
    about = describe_peak_columns(result, space, stack.get("Labels", "Anatomical label"))
    write_json(snakemake.output.peak_columns, {name: about[name] for name in peaks})
    sources = [snakemake.input.space, snakemake.input.stack, snakemake.input.null]
    write_json(
        snakemake.output.result,
        result.summary()
        | {"Units": stack["Units"], "Space": space.name, "SpaceDigest": space.digest}
        | provenance(params, sources),
    )
