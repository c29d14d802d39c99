"""Ready-made maps on one grid as one array, with the table of its rows and its voxels."""

from groupwise.job import job

with job(snakemake):
    from pathlib import Path

    import pandas as pd

    from groupwise.files import provenance
    from groupwise.stack.atlas import name_places
    from groupwise.stack.store import write_stack
    from groupwise.stack.volumes import (
        common_mask,
        grid_of,
        rows_inside,
        volume_space,
        write_coverage,
    )

    params = dict(snakemake.params.items())
    mask = snakemake.input.get("mask")
    paths = [row["path"] for row in params["rows"]]
    target = snakemake.input.get("target")
    onto = grid_of(target) if target else None
    inside, count, affine = common_mask(paths, mask, onto)
    told = params["told"]
    space = volume_space(inside, affine, name=told["space"], connectivity=told["connectivity"])
    space, named = name_places(space, told["atlas"])
    voxels = {"InAnyMap": int((count > 0).sum()), "InAllMaps": int((count == len(paths)).sum())}
    sources = [*snakemake.input.maps, *filter(None, [mask, target])]
    write_coverage(snakemake.output.coverage, space, count)
    write_stack(
        Path(snakemake.output.data).parent,
        rows_inside(paths, inside, onto),
        pd.DataFrame(params["rows"]),
        space,
        units=told["units"],
        description=f"Maps on the voxels that are finite and not zero in all {len(paths)}",
        provenance={"Voxels": {**voxels, "InMask": len(space.voxels)}}
        | named
        | provenance(params, sources),
    )
