"""Figures of an effect at the sensors: topographies, time courses, null distribution."""

from groupwise.job import job

with job(snakemake):
    from groupwise.figures.effect import Effect
    from groupwise.figures.effect_figures import effect_figures
    from groupwise.figures.save import save_figures
    from groupwise.meeg.sensors import plot_topographies, read_info

    source = snakemake.input
    effect = Effect.read(snakemake.wildcards.analysis, source, snakemake.params.within)
    info = read_info(source.evoked, snakemake.params.kind)
    figures = [*plot_topographies(effect, info), *effect_figures(effect)]
    save_figures(figures, snakemake.output.folder, effect.title)
