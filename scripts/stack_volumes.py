"""Ready-made maps on one grid as one array, with the table of its rows and its voxels."""

from groupwise.job import job

with job(snakemake):
    from pathlib import Path

    import pandas as pd

    from groupwise.files import provenance
    from groupwise.stack.store import write_stack
    from groupwise.stack.volumes import common_mask, rows_inside, volume_space, write_coverage

    params = dict(snakemake.params.items())
    mask = snakemake.input.get("mask")
    paths = [row["path"] for row in params["rows"]]
    inside, count, affine = common_mask(paths, mask)
    space = volume_space(inside, affine, name=params["space"], connectivity=params["connectivity"])
    voxels = {"InAnyMap": int((count > 0).sum()), "InAllMaps": int((count == len(paths)).sum())}
    sources = [*snakemake.input.maps, *([mask] if mask else [])]
    write_coverage(snakemake.output.coverage, space, count)
    write_stack(
        Path(snakemake.output.data).parent,
        rows_inside(paths, inside),
        pd.DataFrame(params["rows"]),
        space,
        units=params["units"],
        description=f"Maps on the voxels that are finite and not zero in all {len(paths)}",
        provenance={"Voxels": {**voxels, "InMask": len(space.voxels)}}
        | provenance(params, sources),
    )
