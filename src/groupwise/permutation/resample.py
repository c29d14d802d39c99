"""From the index of a permutation to its signs, or to the order of its rows.

Permutation i is a pure function of the seed, the numbers of rows that may be exchanged, and i;
index 0 is the identity. All effects and contrasts of one analysis so share their resamplings, and
nothing depends on how the indices are split into blocks.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from groupwise.digests import digest_of
from groupwise.stats.declared import distinct_flips, distinct_orders

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
            codes = _codes(start, stop, self.distinct, 0, self._key)
            bits = (codes[:, None] >> np.arange(self.free, dtype=np.uint64)) & np.uint64(1)
        else:
            bits = np.stack([self._random_bits(i) for i in range(start, stop)])
        signs[:, : self.free] -= 2.0 * bits
        return signs

    def _random_bits(self, index: int) -> np.ndarray:
        """(free,) bits of one index, without memory of the others."""
        if index == 0:
            return np.zeros(self.free, np.uint64)
        words = _random_words(self._key, index, -(-self.free // 64))
        return np.unpackbits(words.view(np.uint8), bitorder="little")[: self.free]


@dataclass(frozen=True)
class Orders:
    """The distinct orders of rows, exchanged within blocks, addressed by index.

    Two rows of the same type are the same in the model, so that exchanging them changes nothing:
    two groups of subjects have C(n, n1) distinct orders (their splits), n different covariate
    values n!.

    Attributes
    ----------
    types : (n,) type of the row at each place.
    blocks : (n,) block of each place.
    seed : any integer.
    """

    types: tuple[int, ...]
    blocks: tuple[int, ...]
    seed: int

    @property
    def distinct(self) -> int:
        """Number of distinct resamplings, D."""
        return distinct_orders(np.array(self.types), np.array(self.blocks))

    @cached_property
    def _key(self) -> np.ndarray:
        # The key knows how many of each type a block has, not which effect they belong to.
        counts = [sorted(self._counts(block)) for block in sorted(set(self.blocks))]
        digest = digest_of("orders", str(self.seed), str(counts), str(self.blocks))
        return np.frombuffer(bytes.fromhex(digest), dtype="<u8")

    def _counts(self, block: int) -> list[int]:
        mine = [t for t, b in zip(self.types, self.blocks, strict=True) if b == block]
        return [mine.count(t) for t in range(max(self.types) + 1)]

    def orders(self, start: int, stop: int) -> np.ndarray:
        """(stop - start, n) int64, the type that comes to each row, permutations start..stop-1."""
        types, blocks = np.array(self.types), np.array(self.blocks)
        orders = np.empty((stop - start, len(types)), np.int64)
        if self.distinct > 2**ADDRESSABLE_BITS:
            for k, index in enumerate(range(start, stop)):
                orders[k] = types
                if index:
                    # Random words, sorted within blocks: an unbiased shuffle of each.
                    words = _random_words(self._key, index, len(types))
                    places = np.lexsort((np.arange(len(types)), blocks))
                    orders[k, places] = types[np.lexsort((words, blocks))]
            return orders
        codes = _codes(start, stop, self.distinct, self._rank(types), self._key)
        for block in sorted(set(self.blocks)):
            here = np.flatnonzero(blocks == block)
            counts = np.tile(np.array(self._counts(block), np.uint64), (len(codes), 1))
            ways = np.uint64(distinct_orders(types[here], blocks[here]))
            codes, code = codes // ways, codes % ways
            orders[:, here] = _arrange(code, counts, int(ways))
        return orders

    def _rank(self, types: np.ndarray) -> int:
        """The code of an arrangement, the inverse of what `orders` does with one."""
        blocks, rank, scale = np.array(self.blocks), 0, 1
        for block in sorted(set(self.blocks)):
            here = np.flatnonzero(blocks == block)
            counts = self._counts(block)
            ways = distinct_orders(types[here], blocks[here])
            left, inside = len(here), 0
            remaining = ways
            for place in here:
                for smaller in range(types[place]):
                    inside += remaining * counts[smaller] // left
                remaining = remaining * counts[types[place]] // left
                counts[types[place]] -= 1
                left -= 1
            rank += scale * inside
            scale *= ways
        return rank


def _arrange(code: np.ndarray, counts: np.ndarray, ways: int) -> np.ndarray:
    """(k, places) int64 types: the arrangement that has each code in lexicographic order.

    Parameters
    ----------
    code : (k,) uint64 below `ways`.
    counts : (k, types) uint64, how many places each type has; used up.
    ways : number of arrangements.
    """
    places = int(counts[0].sum())
    rows = np.arange(len(code))
    arranged = np.empty((len(code), places), np.int64)
    remaining = np.full(len(code), ways, np.uint64)
    for place in range(places):
        left = np.uint64(places - place)
        # Arrangements that begin with each type: remaining * counts / left, which is whole; by
        # way of quotient and rest, because the product may exceed 64 bits.
        whole, rest = remaining // left, remaining % left
        begin = whole[:, None] * counts + rest[:, None] * counts // left
        upto = np.cumsum(begin, axis=1)
        chosen = (code[:, None] >= upto).sum(axis=1)
        arranged[:, place] = chosen
        code = code - (upto[rows, chosen] - begin[rows, chosen])
        remaining = begin[rows, chosen]
        counts[rows, chosen] -= np.uint64(1)
    return arranged


def _codes(start: int, stop: int, size: int, identity: int, key: np.ndarray) -> np.ndarray:
    """(stop - start,) uint64 codes of the indices, one-to-one; index 0 has the identity's."""
    indices = np.arange(start, stop, dtype=np.uint64)
    zero = int(bijection(np.zeros(1, np.uint64), size, key)[0])
    shift = np.uint64((identity - zero) % size)
    # Below 2^63 each, so that the sum is below 2^64.
    return (bijection(indices, size, key) + shift) % np.uint64(size)


def _random_words(key: np.ndarray, index: int, count: int) -> np.ndarray:
    """(count,) uint64 of one index, without memory of the others: the index is the counter."""
    # The index stands in the counter's second word: the first counts within an index.
    generator = np.random.Philox(key=key[:2], counter=[0, index, 0, 0])
    return generator.random_raw(count).astype("<u8")


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
