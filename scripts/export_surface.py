"""Export the maps of an effect as source estimates and GIFTI, with their surfaces."""

from groupwise.job import job

with job(snakemake):
    import json
    from pathlib import Path

    from groupwise.files import write_whole_folder
    from groupwise.meeg.export import export_maps
    from groupwise.permutation.stored import read_maps
    from groupwise.stack import FeatureSpace

    space = FeatureSpace.load(snakemake.input.space)
    statistic = json.loads(Path(snakemake.input.result).read_text(encoding="utf-8"))["Statistic"]
    maps = read_maps(snakemake.input.maps)
    names = {statistic: "statistic", "p": "p_cluster", "pMax": "p_max", "cluster": "labels"}
    names |= {"tfce": "tfce", "pTFCE": "p_tfce"} if "tfce" in maps else {}
    exported = {name: maps[key] for name, key in names.items()}
    stem = f"space-{space.name}_effect-{snakemake.wildcards.effect}"
    with write_whole_folder(snakemake.output.folder) as folder:
        export_maps(folder, stem, space, exported)
