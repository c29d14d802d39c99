"""Figures that compare the pairs and estimates of all participants, and the montage."""

from groupwise.job import job

with job(snakemake):
    import pandas as pd

    from groupwise.figures.save import save_figures
    from groupwise.fnirs.quality import group_figures

    source, params = snakemake.input, snakemake.params
    names = [f"{subject} {run}".strip() for subject in params.subjects for run in params.runs]
    pairs = [pd.read_csv(path, sep="\t", na_values="n/a") for path in source.pairs]
    figures = group_figures(
        dict(zip(names, pairs, strict=True)),
        source.signal,
        pd.read_csv(source.channels, sep="\t", dtype={"ID": str}),
        pd.read_csv(source.rois, sep="\t", dtype={"ID": str}),
        params.rois,
        params.conditions,
    )
    save_figures(figures, snakemake.output.folder, "All participants")
