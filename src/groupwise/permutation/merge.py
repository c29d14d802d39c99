"""Blocks to one null distribution."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from groupwise.errors import InputError
from groupwise.files import write_whole
from groupwise.npz import open_arrays
from groupwise.permutation.stored import Block


@dataclass(frozen=True, eq=False)
class Null:
    """Maxima by permutation index and side; row 0 is the identity, the observed map.

    Attributes
    ----------
    statistic : (N, sides) float64.
    masses, sizes : (N, thresholds, sides) float64 and int64, magnitudes, as in `Block`.
    tfce : (N, sides) float64, or (N, 0) where not asked for.
    sides : (sides,) 1 or -1.
    digest : of the prepared effect.
    distinct : number of distinct resamplings, D.
    """

    statistic: np.ndarray
    masses: np.ndarray
    sizes: np.ndarray
    tfce: np.ndarray
    sides: tuple[int, ...]
    digest: str
    distinct: int

    @property
    def mass(self) -> np.ndarray:
        """(N, sides), of the first threshold."""
        return self.masses[:, 0]

    @property
    def size(self) -> np.ndarray:
        """(N, sides), of the first threshold."""
        return self.sizes[:, 0]

    def at(self, which: int) -> "Null":
        """The null of one of several thresholds."""
        one = slice(which, which + 1)
        return replace(self, masses=self.masses[:, one], sizes=self.sizes[:, one])

    @property
    def n(self) -> int:
        """Number of permutations N, the identity included."""
        return len(self.statistic)

    @property
    def exact(self) -> bool:
        """Whether each distinct resampling is there, once."""
        return self.n == self.distinct

    def save(self, path: str | os.PathLike) -> None:
        """Write the null as .npz; the same null gives the same bytes."""
        with write_whole(path) as part, part.open("wb") as handle:
            np.savez(
                handle,
                statistic=self.statistic,
                mass=self.masses,
                size=self.sizes,
                tfce=self.tfce,
                sides=np.array(self.sides, np.int64),
                digest=np.array(self.digest),
                distinct=np.array(str(self.distinct)),
            )

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Null":
        """Read a null; InputError names a file that is truncated or no null."""
        with open_arrays(path, "no null distribution", "delete it and merge again") as stored:
            return cls(
                statistic=stored["statistic"],
                masses=stored["mass"],
                sizes=stored["size"],
                tfce=stored["tfce"],
                sides=tuple(int(k) for k in stored["sides"]),
                digest=str(stored["digest"]),
                distinct=int(str(stored["distinct"])),
            )


def merge(blocks: Iterable[Block], permutations: int) -> Null:
    """The first `permutations` maxima, or all distinct ones if fewer exist.

    The order of the blocks is of no importance.

    Raises
    ------
    InputError : a gap, an overlap or a duplicate between blocks, blocks of different data,
        design or engine, or too few of them.
    """
    ordered = sorted(blocks, key=lambda block: (block.start, block.stop))
    if permutations < 1 or not ordered:
        raise InputError(f"{permutations} permutations of {len(ordered)} blocks: nothing to merge")
    findings = []
    if len({(block.digest, block.sides, block.distinct) for block in ordered}) > 1:
        digests = sorted({block.digest[:12] for block in ordered})
        findings.append(
            f"the blocks are not of one analysis (digests {', '.join(digests)}); delete those of "
            "an older run"
        )
    reached = 0
    for block in ordered:
        name = f"permutations {block.start} to {block.stop - 1}"
        if block.start > reached:
            findings.append(f"permutations {reached} to {block.start - 1} are in no block")
        elif block.start < reached:
            findings.append(f"{name}: a block holds some that another has already")
        reached = max(reached, block.stop)
    wanted = min(permutations, ordered[0].distinct)
    if reached < wanted:
        findings.append(f"permutations {reached} to {wanted - 1} are in no block")
    if findings:
        raise InputError(findings)
    first = ordered[0]
    return Null(
        statistic=np.concatenate([block.statistic for block in ordered])[:wanted],
        masses=np.concatenate([block.mass for block in ordered])[:wanted],
        sizes=np.concatenate([block.size for block in ordered])[:wanted],
        tfce=np.concatenate([block.tfce for block in ordered])[:wanted],
        sides=first.sides,
        digest=first.digest,
        distinct=first.distinct,
    )
