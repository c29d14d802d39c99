"""From the index of a permutation to its signs.

Permutation i is a pure function of (seed, number of subjects, sidedness, i); index 0 is the
identity. All effects and contrasts of one analysis so share their flips, and nothing depends on
how the indices are split into blocks.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from groupwise.files import digest_of
from groupwise.stats.designs import distinct_flips

#: Beyond this many bits an index can not be mapped one-to-one in 64-bit arithmetic.
ADDRESSABLE_BITS = 63
ROUNDS = 12


@dataclass(frozen=True)
class SignFlips:
    """The distinct sign flips of a group, addressed by index.

    Attributes
    ----------
    n : subjects.
    symmetric : the flip of everyone gives the same maxima (an F, or a t tested on both sides);
        the last subject then keeps its sign, and 2^(n-1) flips are distinct instead of 2^n.
    seed : any integer.
    """

    n: int
    symmetric: bool
    seed: int

    @property
    def free(self) -> int:
        """Subjects whose sign is free."""
        return self.n - 1 if self.symmetric else self.n

    @property
    def distinct(self) -> int:
        """Number of distinct resamplings, D."""
        return distinct_flips(self.n, self.symmetric)

    @cached_property
    def _key(self) -> np.ndarray:
        digest = digest_of("sign flips", str(self.seed), str(self.n), str(self.symmetric))
        return np.frombuffer(bytes.fromhex(digest), dtype="<u8")

    def signs(self, start: int, stop: int) -> np.ndarray:
        """(stop - start, n) float64 of +1 and -1, for the permutations start..stop-1."""
        signs = np.ones((stop - start, self.n))
        if self.free <= ADDRESSABLE_BITS:
            indices = np.arange(start, stop, dtype=np.uint64)
            size = np.uint64(self.distinct)
            # Shifted, so that index 0 is code 0, the identity.
            zero = bijection(np.zeros(1, np.uint64), self.distinct, self._key)
            codes = (bijection(indices, self.distinct, self._key) + (size - zero)) % size
            bits = (codes[:, None] >> np.arange(self.free, dtype=np.uint64)) & np.uint64(1)
        else:
            bits = np.stack([self._random_bits(i) for i in range(start, stop)])
        signs[:, : self.free] -= 2.0 * bits
        return signs

    def _random_bits(self, index: int) -> np.ndarray:
        """(free,) bits of one index, without memory of the others: the index is the counter."""
        if index == 0:
            return np.zeros(self.free, np.uint64)
        # The index stands in the counter's second word: the first counts within an index.
        generator = np.random.Philox(key=self._key[:2], counter=[0, index, 0, 0])
        words = generator.random_raw(-(-self.free // 64)).astype("<u8")
        return np.unpackbits(words.view(np.uint8), bitorder="little")[: self.free]


def bijection(indices: np.ndarray, size: int, key: np.ndarray) -> np.ndarray:
    """A keyed pseudo-random permutation of 0..size-1, evaluated at `indices` (uint64).

    A balanced Feistel network over the next even number of bits; a value outside the domain is
    sent through again until it falls inside (cycle walking: Black and Rogaway 2002), which keeps
    the map one-to-one.

    Parameters
    ----------
    indices : uint64, all below size.
    size : at most 2^63.
    key : uint64, any length.
    """
    half = max(1, ((size - 1).bit_length() + 1) // 2)
    values = np.array(indices, dtype=np.uint64)
    walking = np.ones(len(values), bool)
    while walking.any():
        values[walking] = _feistel(values[walking], np.uint64(half), key)
        walking = values >= np.uint64(size)
    return values


def _feistel(values: np.ndarray, half: np.uint64, key: np.ndarray) -> np.ndarray:
    mask = (np.uint64(1) << half) - np.uint64(1)
    left, right = values >> half, values & mask
    with np.errstate(over="ignore"):  # the arithmetic is meant modulo 2^64
        for turn in range(ROUNDS):
            salt = key[turn % len(key)] + np.uint64(turn) * np.uint64(0x9E3779B97F4A7C15)
            left, right = right, left ^ (_mix(right + salt) & mask)
    return (left << half) | right


def _mix(values: np.ndarray) -> np.ndarray:
    """The finaliser of splitmix64 (Steele, Lea and Flood 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
