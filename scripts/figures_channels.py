"""Figures of an effect for channels or regions, and on the head."""

from groupwise.job import job

with job(snakemake):
    from groupwise.figures.effect import Effect
    from groupwise.figures.effect_figures import effect_figures
    from groupwise.figures.save import save_figures

    source = snakemake.input
    effect = Effect.read(snakemake.wildcards.analysis, source, snakemake.params.within)
    figures = list(effect_figures(effect))
    if source.get("signal"):
        from groupwise.fnirs.topography import plot_effect_topography

        figures.insert(0, plot_effect_topography(source.signal, effect))
    save_figures(figures, snakemake.output.folder, effect.title)
