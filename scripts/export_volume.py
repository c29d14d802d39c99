"""Export the maps of an effect as NIfTI."""

from groupwise.job import job

with job(snakemake):
    import json
    from pathlib import Path

    from groupwise.files import write_whole_folder
    from groupwise.permutation.stored import read_maps
    from groupwise.stack.space import FeatureSpace
    from groupwise.stack.volumes import write_volume

    space = FeatureSpace.load(snakemake.input.space)
    statistic = json.loads(Path(snakemake.input.result).read_text(encoding="utf-8"))["Statistic"]
    maps = read_maps(snakemake.input.maps)
    names = {
        statistic: "statistic",
        "p": "p_cluster",
        "pMax": "p_max",
        "pUncorrected": "p_uncorrected",
        "pBonferroni": "p_bonferroni",
        "qFDR": "q_fdr",
        "cluster": "labels",
        "significant": "significant",
        "tfce": "tfce",
        "pTFCE": "p_tfce",
    }
    stem = f"space-{space.name}_effect-{snakemake.wildcards.effect}"
    with write_whole_folder(snakemake.output.folder) as folder:
        for name, key in names.items():
            if key in maps:  # TFCE, if the config requests it
                write_volume(folder / f"{stem}_stat-{name}_statmap.nii.gz", space, maps[key])
