"""Figures of an effect for channels or regions, and on the head."""

from groupwise.job import job

with job(snakemake):
    from groupwise.figures.effect import Effect
    from groupwise.figures.pictures import channel_pictures
    from groupwise.figures.save import save_pictures

    source = snakemake.input
    effect = Effect.read(snakemake.wildcards.analysis, source, snakemake.params.within)
    pictures = list(channel_pictures(effect))
    if source.get("signal"):
        from groupwise.fnirs.topography import effect_on_head

        pictures.insert(0, effect_on_head(source.signal, effect))
    save_pictures(pictures, snakemake.output.folder, effect.title)
