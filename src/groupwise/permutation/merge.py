"""Merge blocks of permutations into one null distribution."""

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
    """Null distribution: maxima by permutation index and side.

    Row 0 is the identity, so it has the maxima of the observed map.

    Attributes
    ----------
    statistic : (N, sides) float64.
    masses, sizes : (N, thresholds, sides) float64 and int64, magnitudes, as in `Block`.
    tfce : (N, sides) float64; (N, 0) without TFCE.
    sides : tested sides, 1 or -1 each.
    digest : digest of the prepared effect.
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
        """(N, sides) largest cluster mass at the first threshold."""
        return self.masses[:, 0]

    @property
    def size(self) -> np.ndarray:
        """(N, sides) largest cluster size at the first threshold."""
        return self.sizes[:, 0]

    def at(self, which: int) -> "Null":
        """Return the null distribution of one of several thresholds."""
        one = slice(which, which + 1)
        return replace(self, masses=self.masses[:, one], sizes=self.sizes[:, one])

    @property
    def n(self) -> int:
        """Number of permutations N, the identity included."""
        return len(self.statistic)

    @property
    def exact(self) -> bool:
        """Whether it has each distinct resampling once."""
        return self.n == self.distinct

    def save(self, path: str | os.PathLike) -> None:
        """Write the null distribution as .npz; equal distributions give equal bytes."""
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
        """Read a null distribution.

        Raises
        ------
        InputError : the file is absent, truncated or not a null distribution.
        """
        with open_arrays(path, "not a null distribution", "delete it and merge again") as stored:
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
    """Return the null distribution of the first `permutations` resamplings.

    If there are fewer distinct resamplings, it has all of them. The blocks can be in any order.

    Raises
    ------
    InputError : blocks are missing, overlap, or differ in data, design or version of the engine.
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
            findings.append(f"{name}: some of them are also in another block")
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
