"""Observed maps of one effect, and its scores in the fixed point that permutations sum."""

from groupwise.job import job

with job(snakemake):
    from pathlib import Path

    from groupwise.permutation.prepare import prepare
    from groupwise.stack.observations import cell_rows
    from groupwise.stack.store import read_stack
    from groupwise.stats.declared import design_from_dict

    params = dict(snakemake.params.items())
    stack = read_stack(Path(snakemake.input.data).parent)
    _, rows = cell_rows(stack.observations, params["within"])
    design = design_from_dict(params["design"])
    prepare(
        stack.data,
        design,
        stack.space.adjacency,
        n_times=stack.space.n_times,
        **params["options"],
        seed=params["seed"],
        rows=design.arrange_rows(rows),
        shape=stack.space.shape,
        **params["cluster"],
    ).save(Path(snakemake.output.values).parent)
