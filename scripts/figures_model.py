"""Figures of the coefficients of a model with their intervals, and on the head."""

from groupwise.job import job

with job(snakemake):
    import json
    from pathlib import Path

    import pandas as pd

    from groupwise.figures.models import model_figures
    from groupwise.figures.save import save_figures

    source = snakemake.input
    table = pd.read_csv(source.table, sep="\t", na_values="n/a", keep_default_na=False)
    facts = json.loads(Path(source.columns).read_text(encoding="utf-8"))
    title, alpha = snakemake.wildcards.model, snakemake.params.alpha
    units = facts["estimate"]["Units"]
    figures = list(model_figures(table, facts["Model"], title=title, alpha=alpha, units=units))
    if source.get("signal"):
        from groupwise.fnirs.topography import plot_model_topographies

        heads = plot_model_topographies(source.signal, table, title=title, alpha=alpha, units=units)
        figures += heads
    save_figures(figures, snakemake.output.folder, title)
