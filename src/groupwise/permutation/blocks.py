"""A block: the maxima of a fixed range of permutations.

Block k of size B holds the permutations k*B .. (k+1)*B - 1, clipped only at the number of
distinct resamplings. Asking for more permutations leaves the blocks that exist as they are.
"""

import os
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from groupwise.errors import InputError
from groupwise.files import write_whole
from groupwise.permutation import kernels
from groupwise.permutation.components import largest_clusters
from groupwise.permutation.fixedpoint import SCALE, f_of_units, t_of_units
from groupwise.permutation.prepare import Prepared

#: Permutations at a time. More share the cost of the tables, and hold more hits in memory.
BATCH = 1000
#: Points a panel, over all components: its tables then fit into a core's second-level cache.
PANEL = 512
#: Hits (12 to 20 bytes each) that a batch may hold; above it, batches become smaller.
MOST_HITS = 6_000_000


@dataclass(frozen=True, eq=False)
class Block:
    """Maxima over the map of the permutations start..stop-1, by side.

    Attributes
    ----------
    start, stop : range of indices.
    statistic : (k, sides) float64, largest statistic (of -t on the negative side).
    mass : (k, sides) float64, largest cluster mass as a magnitude; 0 without a cluster.
    size : (k, sides) int64, points of the largest cluster; 0 without a cluster.
    sides : (sides,) int, 1 or -1.
    digest : of the prepared effect.
    distinct : number of distinct resamplings of the design.
    """

    start: int
    stop: int
    statistic: np.ndarray
    mass: np.ndarray
    size: np.ndarray
    sides: tuple[int, ...]
    digest: str
    distinct: int

    def save(self, path: str | os.PathLike) -> None:
        """Write the block as .npz, whole or not at all."""
        with write_whole(path) as part, part.open("wb") as handle:
            np.savez(
                handle,
                range=np.array([self.start, self.stop], np.int64),
                statistic=self.statistic,
                mass=self.mass,
                size=self.size,
                sides=np.array(self.sides, np.int64),
                digest=np.array(self.digest),
                distinct=np.array(str(self.distinct)),  # may exceed 64 bits
            )

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Block":
        """Read a block; InputError names a file that is truncated or no block."""
        try:
            with np.load(path, allow_pickle=False) as stored:
                start, stop = (int(k) for k in stored["range"])
                block = cls(
                    start=start,
                    stop=stop,
                    statistic=stored["statistic"],
                    mass=stored["mass"],
                    size=stored["size"],
                    sides=tuple(int(k) for k in stored["sides"]),
                    digest=str(stored["digest"]),
                    distinct=int(str(stored["distinct"])),
                )
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(
                f"{Path(path)}: not a readable block of permutations ({error}); delete it, and it "
                "is computed again"
            ) from error
        shape = (block.stop - block.start, len(block.sides))
        if any(a.shape != shape for a in (block.statistic, block.mass, block.size)):
            raise InputError(
                f"{Path(path)}: its arrays are not those of the permutations {start} to "
                f"{stop - 1}; delete it, and it is computed again"
            )
        return block


def run_block(
    prepared: Prepared,
    start: int,
    stop: int,
    *,
    threads: int = 1,
    batch: int = BATCH,
    panel: int = PANEL,
) -> Block:
    """Maxima of the permutations start..stop-1.

    Memory: the scores stay where they are (a memory map); beside them stand the tables of a panel
    and, of each permuted map of a batch, the points above the threshold.

    Parameters
    ----------
    start, stop : indices, 0 <= start < stop; stop is clipped at the number of distinct
        resamplings.
    threads, batch, panel : how it is computed; no result depends on them.

    Raises
    ------
    InputError : the range is empty or lies beyond the distinct resamplings.
    """
    stop = min(stop, prepared.flips.distinct)
    if not 0 <= start < stop:
        raise InputError(
            f"permutations {start} to {stop - 1}: the design has {prepared.flips.distinct} "
            "distinct resamplings, numbered from 0"
        )
    parts = []
    with ThreadPoolExecutor(threads) as pool:
        first = start
        while first < stop:
            signs = prepared.flips.signs(first, min(first + batch, stop))
            found = _largest(prepared, signs, pool, threads, panel)
            if found is None:  # more hits than memory is meant for
                batch = max(1, batch // 4)
                continue
            parts.append(found)
            first += len(signs)
    statistic, mass, size = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Block(
        start=start,
        stop=stop,
        statistic=statistic,
        mass=mass,
        size=size,
        sides=prepared.sides,
        digest=prepared.digest,
        distinct=prepared.flips.distinct,
    )


def _largest(
    prepared: Prepared, signs: np.ndarray, pool: ThreadPoolExecutor, threads: int, panel: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Largest statistic, mass and size (k, sides) of some permutations; None: too many hits."""
    k = len(signs)
    is_t = prepared.design.statistic == "t"
    extremes, hits, which, where, sums = _scan(prepared, signs, pool, threads, panel)
    if hits > MOST_HITS and k > 1:
        return None
    offsets, order = kernels.by_permutation(which, k)
    mass, size = np.zeros((k, 2)), np.zeros((k, 2), np.int64)
    neighbours = prepared.neighbours
    factor = np.sqrt(prepared.n - 1.0) if is_t else prepared.n - 1.0
    less = prepared.threshold if prepared.mass == "excess" else 0.0
    bounds = np.linspace(0, k, threads + 1).astype(int)
    jobs = [
        pool.submit(
            largest_clusters,
            *(begin, end, offsets, order, where, sums, prepared.kept),
            *(neighbours.indptr, neighbours.indices, neighbours.n_times),
            *(is_t, factor, SCALE, less, mass, size),
        )
        for begin, end in pairwise(bounds)
    ]
    for job in jobs:
        job.result()
    columns = [{1: 0, -1: 1}[side] for side in prepared.sides]
    statistic_of = t_of_units if is_t else f_of_units
    statistic = statistic_of(extremes[:, columns], prepared.n) * np.array(prepared.sides, float)
    return statistic, mass[:, columns], size[:, columns]


def _scan(
    prepared: Prepared, signs: np.ndarray, pool: ThreadPoolExecutor, threads: int, panel: int
) -> tuple[np.ndarray, int, np.ndarray, np.ndarray, np.ndarray]:
    """Extreme sums (k, 2), and number, permutation, tested point and sum of the hits."""
    d, _, n_points = prepared.values.shape
    is_t = prepared.design.statistic == "t"
    sizes = kernels.split_subjects(prepared.n, len(signs))
    rows = kernels.table_rows(signs, sizes)
    flips = signs.astype(np.int32)
    width = max(1, panel // (kernels.CHUNK * d)) * kernels.CHUNK
    panels = -(-n_points // width)
    most = MOST_HITS // threads if len(signs) > 1 else n_points
    bounds = np.linspace(0, panels, threads + 1).astype(int) * width
    jobs = []
    for begin, end in zip(bounds[:-1], np.minimum(bounds[1:], n_points), strict=True):
        common = (flips, rows, sizes, width, prepared.units)
        if is_t:
            sides = (1 in prepared.sides, -1 in prepared.sides)
            scan = (kernels.scan_t, prepared.values[0], *common, *sides)
        else:
            scan = (kernels.scan_f, prepared.values, *common)
        jobs.append(pool.submit(*scan, int(begin), int(end), most))
    found = [job.result() for job in jobs]
    extremes = np.zeros((len(signs), 2), np.int64)
    extremes[:, 0] = np.max([part[0] for part in found], axis=0)
    if is_t:
        extremes[:, 1] = np.min([part[1] for part in found], axis=0)
    hits, which, where, sums = zip(*(part[-4:] for part in found), strict=True)
    total = MOST_HITS + 1 if min(hits) < 0 else sum(hits)
    return extremes, total, *(np.concatenate(arrays) for arrays in (which, where, sums))
