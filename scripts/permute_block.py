"""Maximum statistic, cluster mass and cluster size of each resampling of a block."""

from groupwise.job import job

with job(snakemake):
    from pathlib import Path

    from groupwise.permutation.blocks import run_block
    from groupwise.permutation.prepare import Prepared

    prepared = Prepared.load(Path(snakemake.input.values).parent)
    params = snakemake.params
    block = run_block(prepared, params.start, params.stop, threads=snakemake.threads)
    block.save(snakemake.output.block)
