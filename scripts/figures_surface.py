"""Pictures of one effect on the cortex, with captions."""

from groupwise.job import job

with job(snakemake):
    import json
    from pathlib import Path

    import pandas as pd

    from groupwise.figures.pictures import Effect, save_pictures, surface_pictures
    from groupwise.permutation import Null, read_maps
    from groupwise.permutation.wording import effect_words
    from groupwise.stack import read_stack

    source = snakemake.input
    result = json.loads(Path(source.result).read_text(encoding="utf-8"))
    effect = Effect(
        title=f"{snakemake.wildcards.analysis}, {effect_words(result)}",
        result=result,
        clusters=pd.read_csv(source.clusters, sep="\t", na_values="n/a", keep_default_na=False),
        maps=read_maps(source.maps),
        null=Null.load(source.null).mass.max(axis=1),
        stack=read_stack(Path(source.data).parent),
        within=snakemake.params.within,
    )
    save_pictures(surface_pictures(effect), snakemake.output.folder, effect.title)
