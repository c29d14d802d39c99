"""Figures of an effect on the cortex, with captions."""

from groupwise.job import job

with job(snakemake):
    from groupwise.figures.effect import Effect
    from groupwise.figures.effect_figures import effect_figures
    from groupwise.figures.save import save_figures

    effect = Effect.read(snakemake.wildcards.analysis, snakemake.input, snakemake.params.within)
    save_figures(effect_figures(effect), snakemake.output.folder, effect.title)
