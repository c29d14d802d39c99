"""Pictures of one effect on slices and in the glass brain, with captions."""

from groupwise.job import job

with job(snakemake):
    from pathlib import Path

    from groupwise.figures.effect import Effect
    from groupwise.figures.pictures import volume_pictures
    from groupwise.figures.save import save_pictures

    source = snakemake.input
    effect = Effect.read(
        snakemake.wildcards.analysis,
        result=source.result,
        clusters=source.clusters,
        maps=source.maps,
        null=source.null,
        stack=Path(source.data).parent,
        within=snakemake.params.within,
    )
    save_pictures(volume_pictures(effect), snakemake.output.folder, effect.title)
