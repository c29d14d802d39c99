"""Collect the estimates of all participants in a table of channels and one of regions."""

from groupwise.job import job

with job(snakemake):
    import json
    from pathlib import Path

    import pandas as pd

    from groupwise.files import write_json, write_whole
    from groupwise.provenance import provenance

    source, output = snakemake.input, snakemake.output
    for paths, columns, table, sidecar in (
        (source.channels, source.columns, output.channels, output.channel_columns),
        (source.rois, source.roi_columns, output.rois, output.roi_columns),
    ):
        parts = [pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False) for path in paths]
        joined = pd.concat(parts, ignore_index=True)
        with write_whole(table) as part:
            joined.to_csv(part, sep="\t", index=False)
        about = json.loads(Path(columns).read_text(encoding="utf-8"))
        notes = {name: about[name] for name in joined}
        write_json(sidecar, notes | provenance(dict(snakemake.params.items()), paths))
