"""Resamplings by their index: sign flips, or orders of exchangeable rows.

Resampling i depends only on the seed, the numbers of exchangeable rows, and i; index 0 is the
identity. So the effects of one analysis use the same resamplings, and results do not depend on how
indices are split into blocks.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from groupwise.digests import digest_of
from groupwise.stats.declared import distinct_flips, distinct_orders

#: Above this number of bits, 64-bit arithmetic can't map indices one-to-one.
ADDRESSABLE_BITS = 63
ROUNDS = 12


@dataclass(frozen=True)
class SignFlips:
    """The distinct sign flips of a group by their index.

    Attributes
    ----------
    n : number of subjects.
    symmetric : whether flipping all subjects gives the same maxima (an F, or a two-sided t). The
        last subject then keeps its sign, and there are 2^(n-1) distinct flips instead of 2^n.
    seed : any integer.
    """

    n: int
    symmetric: bool
    seed: int

    @property
    def free(self) -> int:
        """Number of subjects whose sign can be flipped."""
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
        """Return the signs of the resamplings start..stop-1, (stop - start, n) float64."""
        signs = np.ones((stop - start, self.n))
        if self.free <= ADDRESSABLE_BITS:
            codes = _codes(start, stop, self.distinct, 0, self._key)
            bits = (codes[:, None] >> np.arange(self.free, dtype=np.uint64)) & np.uint64(1)
        else:
            bits = np.stack([self._random_bits(i) for i in range(start, stop)])
        signs[:, : self.free] -= 2.0 * bits
        return signs

    def _random_bits(self, index: int) -> np.ndarray:
        """Return the (free,) random bits of one index, independent of other indices."""
        if index == 0:
            return np.zeros(self.free, np.uint64)
        words = _random_words(self._key, index, -(-self.free // 64))
        return np.unpackbits(words.view(np.uint8), bitorder="little")[: self.free]


@dataclass(frozen=True)
class Orders:
    """The distinct orders of rows within exchangeability blocks by their index.

    Rows of the same type are equal in the model, so that exchanging them changes nothing. Two
    groups of subjects have C(n, n1) distinct orders; n different values of a covariate have n!.

    Attributes
    ----------
    types : (n,) row type at each position.
    blocks : (n,) exchangeability block of each position.
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
        # Effects with the same counts in each block have the same key, and so the same orders.
        counts = [sorted(self._counts(block)) for block in sorted(set(self.blocks))]
        digest = digest_of("orders", str(self.seed), str(counts), str(self.blocks))
        return np.frombuffer(bytes.fromhex(digest), dtype="<u8")

    def _counts(self, block: int) -> list[int]:
        mine = [t for t, b in zip(self.types, self.blocks, strict=True) if b == block]
        return [mine.count(t) for t in range(max(self.types) + 1)]

    def orders(self, start: int, stop: int) -> np.ndarray:
        """Return the row type assigned to each position, (stop - start, n) int64."""
        types, blocks = np.array(self.types), np.array(self.blocks)
        orders = np.empty((stop - start, len(types)), np.int64)
        if self.distinct > 2**ADDRESSABLE_BITS:
            for k, index in enumerate(range(start, stop)):
                orders[k] = types
                if index:
                    # Sorting random words within blocks is an unbiased shuffle of each block.
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
            orders[:, here] = _decode_orders(code, counts, int(ways))
        return orders

    def _rank(self, types: np.ndarray) -> int:
        """Return the code of an order, the inverse of how `orders` decodes it."""
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


def _decode_orders(code: np.ndarray, counts: np.ndarray, ways: int) -> np.ndarray:
    """Return the order of row types, (k, positions) int64, of each code in lexicographic order.

    Parameters
    ----------
    code : (k,) uint64 below `ways`.
    counts : (k, types) uint64 number of rows of each type; modified.
    ways : number of distinct orders.
    """
    places = int(counts[0].sum())
    rows = np.arange(len(code))
    arranged = np.empty((len(code), places), np.int64)
    remaining = np.full(len(code), ways, np.uint64)
    for place in range(places):
        left = np.uint64(places - place)
        # Orders that begin with each type: remaining * counts / left, an integer. Computed from
        # quotient and remainder, because the product can exceed 64 bits.
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
    """Return distinct codes (stop - start,) uint64 of indices; index 0 has that of the identity."""
    indices = np.arange(start, stop, dtype=np.uint64)
    zero = int(bijection(np.zeros(1, np.uint64), size, key)[0])
    shift = np.uint64((identity - zero) % size)
    # Both are below 2^63, so that their sum is below 2^64.
    return (bijection(indices, size, key) + shift) % np.uint64(size)


def _random_words(key: np.ndarray, index: int, count: int) -> np.ndarray:
    """Return `count` random uint64 of one index, independent of other indices.

    The index is the counter of the generator (Philox).
    """
    # The index is the second word of the counter; the first counts within an index.
    generator = np.random.Philox(key=key[:2], counter=[0, index, 0, 0])
    return generator.random_raw(count).astype("<u8")


def bijection(indices: np.ndarray, size: int, key: np.ndarray) -> np.ndarray:
    """Return the values of a keyed pseudo-random permutation of 0..size-1 at some indices.

    A balanced Feistel network over the next even number of bits. A value outside the domain passes
    through it again until it is inside (cycle walking, Black and Rogaway 2002), so that the map is
    one-to-one.

    Parameters
    ----------
    indices : uint64, all below size.
    size : size of the domain, at most 2^63.
    key : uint64 words of the key, any number.
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
    with np.errstate(over="ignore"):  # arithmetic modulo 2^64 is intended
        for turn in range(ROUNDS):
            salt = key[turn % len(key)] + np.uint64(turn) * np.uint64(0x9E3779B97F4A7C15)
            left, right = right, left ^ (_mix(right + salt) & mask)
    return (left << half) | right


def _mix(values: np.ndarray) -> np.ndarray:
    """Return values mixed by the finaliser of splitmix64 (Steele, Lea and Flood 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
