"""Ready-made maps on one grid as one array, with the table of its rows and its voxels."""

from groupwise.job import job

with job(snakemake):
    from groupwise.stack import stack_maps
    from groupwise.stack.atlas import name_places
    from groupwise.stack.volumes import (
        common_mask,
        grid_of,
        rows_inside,
        volume_space,
        write_coverage,
    )

    params = dict(snakemake.params.items())
    mask, target = snakemake.input.get("mask"), snakemake.input.get("target")
    paths, volume = [row["path"] for row in params["rows"]], params["volume"]
    onto = grid_of(target) if target else None
    inside, count, affine = common_mask(paths, mask, onto)
    space = volume_space(inside, affine, name=volume["space"], connectivity=volume["connectivity"])
    space, named = name_places(space, volume["atlas"])
    write_coverage(snakemake.output.coverage, space, count)
    voxels = {"InAnyMap": int((count > 0).sum()), "InAllMaps": int((count == len(paths)).sum())}
    stack_maps(
        snakemake.output.data,
        rows_inside(paths, inside, onto),
        space,
        params,
        [*snakemake.input.maps, *filter(None, [mask, target])],
        units=volume["units"],
        description=f"Maps on the voxels that are finite and not zero in all {len(paths)}",
        facts={"Voxels": {**voxels, "InMask": len(space.voxels)}} | named,
    )
