"""Maps of an effect as source estimates and GIFTI, with the surfaces they live on."""

from groupwise.job import job

with job(snakemake):
    import json
    from pathlib import Path

    import numpy as np

    from groupwise.meeg.export import export_maps
    from groupwise.stack import FeatureSpace

    space = FeatureSpace.load(snakemake.input.space)
    statistic = json.loads(Path(snakemake.input.result).read_text(encoding="utf-8"))["Statistic"]
    with np.load(snakemake.input.maps, allow_pickle=False) as maps:
        exported = {
            statistic: maps["statistic"],
            "p": maps["p_cluster"],
            "pMax": maps["p_max"],
            "cluster": maps["labels"],
        }
    stem = f"space-{space.name}_effect-{snakemake.wildcards.effect}"
    export_maps(snakemake.output.folder, stem, space, exported)
