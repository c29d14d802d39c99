"""Figures of an effect at the sensors: topographies, time courses, null distribution."""

from groupwise.job import job

with job(snakemake):
    from groupwise.figures.effect import Effect
    from groupwise.figures.pictures import effect_pictures
    from groupwise.figures.save import save_pictures
    from groupwise.meeg.sensors import plot_topographies, read_info

    source = snakemake.input
    effect = Effect.read(snakemake.wildcards.analysis, source, snakemake.params.within)
    info = read_info(source.evoked, snakemake.params.kind)
    pictures = [*plot_topographies(effect, info), *effect_pictures(effect)]
    save_pictures(pictures, snakemake.output.folder, effect.title)
