"""Figures of an effect on the cortex, with captions."""

from groupwise.job import job

with job(snakemake):
    from groupwise.figures.effect import Effect
    from groupwise.figures.pictures import effect_pictures
    from groupwise.figures.save import save_pictures

    effect = Effect.read(snakemake.wildcards.analysis, snakemake.input, snakemake.params.within)
    save_pictures(effect_pictures(effect), snakemake.output.folder, effect.title)
