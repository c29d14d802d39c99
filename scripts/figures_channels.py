"""Figures of an effect for channels or regions, and on the head."""

from groupwise.job import job

with job(snakemake):
    from groupwise.figures.effect import Effect
    from groupwise.figures.pictures import effect_pictures
    from groupwise.figures.save import save_pictures

    source = snakemake.input
    effect = Effect.read(snakemake.wildcards.analysis, source, snakemake.params.within)
    pictures = list(effect_pictures(effect))
    if source.get("signal"):
        from groupwise.fnirs.topography import plot_effect_topography

        pictures.insert(0, plot_effect_topography(source.signal, effect))
    save_pictures(pictures, snakemake.output.folder, effect.title)
