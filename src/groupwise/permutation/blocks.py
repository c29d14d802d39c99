"""Compute a block: the maxima of a fixed range of permutations.

Block k of size B has the permutations k*B..(k+1)*B-1, limited only by the number of distinct
resamplings. So more permutations add blocks and change none.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import threadpool_limits

from groupwise.errors import InputError
from groupwise.permutation.components import largest_clusters
from groupwise.permutation.prepared import Prepared
from groupwise.permutation.scan import (
    MAX_HITS,
    HitBuffers,
    TooManyHitsError,
    choose_level,
    find_hits,
    part_bounds,
)
from groupwise.permutation.stored import Block
from groupwise.permutation.tfce_maps import largest_tfce
from groupwise.progress import Progress

#: Most permutations of a batch, whose numbers must fit into 16 bits. A larger batch shares the cost
#: of the tables and needs more memory for hits. A pilot of a few permutations estimates the hits.
BATCH, PILOT = 4000, 8
#: The same with TFCE, which takes about a second a map: small batches, so that the log shows
#: progress.
TFCE_BATCH = 100


def run_block(
    prepared: Prepared,
    start: int,
    stop: int,
    *,
    threads: int = 1,
    batch: int | None = None,
) -> Block:
    """Return the maxima of the permutations start..stop-1.

    Memory: the scores remain a memory map. A thread needs the tables of one panel of points, and
    a batch needs the points above the threshold of each of its permutations.

    Parameters
    ----------
    start, stop : permutation indices, 0 <= start < stop; `stop` is limited to the number of
        distinct resamplings.
    threads : number of threads; no result depends on it.
    batch : permutations computed together; no result depends on it. None: chosen by a pilot.

    Raises
    ------
    InputError : the range is empty or beyond the distinct resamplings.
    """
    stop = min(stop, prepared.resampling.distinct)
    if not 0 <= start < stop:
        raise InputError(
            f"permutations {start} to {stop - 1} do not exist: the design has "
            f"{prepared.resampling.distinct} distinct resamplings, numbered from 0"
        )
    parts = []
    # A matrix product in one of these threads must not start further threads.
    with ThreadPoolExecutor(threads) as pool, threadpool_limits(1):
        # The pilot excludes permutation 0: the observed map can have far more hits.
        buffers = HitBuffers(prepared.values.shape[2], threads)
        pilot = prepared.draw(max(start, min(1, stop - 1)), min(start + PILOT, stop))
        level, hits = choose_level(prepared, pilot, pool, threads, buffers)
        most = TFCE_BATCH if prepared.tfce else BATCH
        batch = int(np.clip(batch or 0.9 * MAX_HITS / max(hits, 1), 1, most))
        first, progress = start, Progress("permutations", stop - start)
        while first < stop:
            draw = prepared.draw(first, min(first + batch, stop))
            try:
                parts.append(_compute_maxima(prepared, draw, level, pool, threads, buffers))
            except TooManyHitsError:
                batch = max(1, batch // 4)
                continue
            first += len(draw)
            progress.reached(first - start)
    statistic, mass, size, tfce = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Block(
        start=start,
        stop=stop,
        statistic=statistic,
        mass=mass,
        size=size,
        tfce=tfce,
        sides=prepared.sides,
        digest=prepared.digest,
        distinct=prepared.resampling.distinct,
    )


def _compute_maxima(
    prepared: Prepared,
    draw: np.ndarray,
    level: float,
    pool: ThreadPoolExecutor,
    threads: int,
    buffers: HitBuffers,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the maxima of k resamplings: statistic, mass, size and TFCE, as in `Block`."""
    k, sides = len(draw), prepared.sides
    hits = find_hits(prepared, draw, level, pool, threads, buffers)
    statistic = np.full((k, 2), -np.inf)
    shape = (k, len(prepared.thresholds), 2)
    mass, size = np.zeros(shape), np.zeros(shape, np.int64)
    near = prepared.neighbours
    less = [each if prepared.mass == "excess" else 0.0 for each in prepared.thresholds]

    def search(begin: int, end: int) -> None:
        offsets, where, value = hits.sort(begin, end)
        for j, threshold in enumerate(prepared.thresholds):
            largest_clusters(
                *(offsets, where, value, prepared.kept, near.indptr, near.indices, near.n_times),
                *(1 in sides, -1 in sides, threshold, less[j]),
                *(statistic[begin:end], mass[begin:end, j], size[begin:end, j]),
            )

    bounds = part_bounds(k)
    list(pool.map(search, bounds[:-1], bounds[1:]))
    columns = [{1: 0, -1: 1}[side] for side in sides]
    tfce = np.zeros((k, 0))
    if prepared.tfce:
        jobs = [
            pool.submit(largest_tfce, prepared, some, prepared.tfce)
            for some in np.array_split(draw, min(k, threads))
        ]
        tfce = np.concatenate([job.result() for job in jobs])
    return statistic[:, columns], mass[..., columns], size[..., columns], tfce
