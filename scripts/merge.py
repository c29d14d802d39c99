"""Merge the blocks of an effect into its null distribution."""

from groupwise.job import job

with job(snakemake):
    from groupwise.permutation.merge import merge
    from groupwise.permutation.stored import Block
    from groupwise.progress import log_progress

    blocks = [Block.load(path) for path in log_progress("blocks", snakemake.input.blocks)]
    merge(blocks, snakemake.params.permutations).save(snakemake.output.null)
