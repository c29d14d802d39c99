"""Figures of the pairs, design and estimates of one participant."""

from groupwise.job import job

with job(snakemake):
    import json
    from pathlib import Path

    import pandas as pd

    from groupwise.figures.save import save_figures
    from groupwise.fnirs.quality import quality_figures

    source, subject = snakemake.input, snakemake.wildcards.subject
    facts = json.loads(Path(source.sidecar).read_text(encoding="utf-8"))
    figures = quality_figures(
        [name or "run" for name in facts["Runs"]],
        list(source.signals),
        [pd.read_csv(path, sep="\t", na_values="n/a") for path in source.pairs],
        [pd.read_csv(path, sep="\t").drop(columns="time") for path in source.designs],
        facts,
        pd.read_csv(source.channels, sep="\t", dtype={"ID": str}),
        snakemake.params.conditions,
    )
    save_figures(figures, snakemake.output.folder, f"Subject {subject}", subject)
