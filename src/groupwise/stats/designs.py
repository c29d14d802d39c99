"""Designs: how the maps of a subject become the values that are tested, and by which statistic.

A design is declared, comparable, and has a dict form for configs, sidecars and digests. Designs
within subjects stand here, designs that compare subjects in `between.py`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from groupwise.errors import InputError
from groupwise.stats.contrasts import canonical_effect, effect_contrasts
from groupwise.stats.partition import Partition, orthonormal

ALTERNATIVES = ("two-sided", "greater", "less")


class Design:
    """What every design has; the defaults are those of one value a subject, tested by flips.

    Attributes
    ----------
    statistic : "t" or "F".
    n_cells : maps a subject.
    d : components of a subject's score.
    claim : what a significant result says.
    exchange : "signs" (the signs of rows are flipped) or "orders" (rows change places).
    unequal : whether the variances of two groups may differ (Welch's t).
    """

    statistic: ClassVar[str]
    exchange: str = "signs"
    unequal: bool = False
    n_cells: int
    d: int
    claim: str
    # Of designs that compare subjects: their model, and their groups where they have some.
    partition: Partition
    groups: Sequence[Any]
    levels: Sequence[Any]

    @property
    def cell_weights(self) -> np.ndarray:
        """(cells, d) weights of a subject's maps in its score."""
        return np.ones((1, 1))

    def df(self, n: int) -> tuple[int, int]:
        """Numerator and denominator degrees of freedom with n subjects."""
        raise NotImplementedError

    def scores(self, x: np.ndarray) -> np.ndarray:
        """Subject-level values (n, d, *points) float64 of maps (n, cells, *points)."""
        raise NotImplementedError

    def model(self) -> tuple[np.ndarray, np.ndarray, np.ndarray | None] | None:
        """Design matrix of the scores, contrast and blocks; None where all scores have a mean."""
        return None

    def to_dict(self) -> dict[str, Any]:
        """The design as plain values."""
        raise NotImplementedError


@dataclass(frozen=True)
class OneSample(Design):
    """One map a subject; is its mean over subjects zero? Student's t."""

    statistic: ClassVar[str] = "t"
    n_cells: ClassVar[int] = 1
    d: ClassVar[int] = 1
    claim: ClassVar[str] = "the mean differs from zero"

    def df(self, n: int) -> tuple[int, int]:
        """Numerator and denominator degrees of freedom with n subjects."""
        return 1, n - 1

    def scores(self, x: np.ndarray) -> np.ndarray:
        """Subject-level values (n, 1, *points) float64 of maps (n, 1, *points)."""
        return cells_of(self, x).astype(np.float64)

    def to_dict(self) -> dict[str, Any]:
        """The design as plain values."""
        return {"design": "OneSample"}


@dataclass(frozen=True)
class Paired(Design):
    """Two maps a subject; the value is the first minus the second. Student's t."""

    statistic: ClassVar[str] = "t"
    n_cells: ClassVar[int] = 2
    d: ClassVar[int] = 1
    claim: ClassVar[str] = "the conditions differ"

    @property
    def cell_weights(self) -> np.ndarray:
        """(cells, d) weights of a subject's maps in its score."""
        return np.array([[1.0], [-1.0]])

    def df(self, n: int) -> tuple[int, int]:
        """Numerator and denominator degrees of freedom with n subjects."""
        return 1, n - 1

    def scores(self, x: np.ndarray) -> np.ndarray:
        """Subject-level values (n, 1, *points) float64 of maps (n, 2, *points)."""
        x = cells_of(self, x)
        return x[:, :1].astype(np.float64) - x[:, 1:]

    def to_dict(self) -> dict[str, Any]:
        """The design as plain values."""
        return {"design": "Paired"}


@dataclass(frozen=True)
class Contrast(Design):
    """A weighted sum of a subject's maps: is its mean zero? t; of several sums together, F.

    Error is partitioned: that of the contrast itself, from its own differences between subjects.

    Parameters
    ----------
    weights : (cells,) for a t, (cells, q) for an F.
    name : of the effect, in sentences and tables.
    """

    weights: Sequence[float] | Sequence[Sequence[float]]
    name: str = "contrast"

    def __post_init__(self) -> None:
        weights = np.asarray(self.weights, float)
        if weights.ndim not in (1, 2) or not np.isfinite(weights).all():
            raise InputError(f"contrast {self.name}: weights are (cells,) or (cells, q) numbers")
        columns = weights.reshape(len(weights), -1)
        if not columns.size or orthonormal(columns).shape[1] < columns.shape[1]:
            raise InputError(
                f"contrast {self.name}: its weights are 0, or one sum follows from the others"
            )
        plain = [tuple(row) if weights.ndim == 2 else row for row in weights.tolist()]
        object.__setattr__(self, "weights", tuple(plain))

    @property
    def statistic(self) -> str:
        """t of one sum, F of several."""
        return "F" if isinstance(self.weights[0], tuple) else "t"

    @property
    def effect(self) -> str:
        """The effect's name."""
        return self.name

    @property
    def claim(self) -> str:
        """What a significant result says."""
        return f"the conditions differ in {self.name}"

    @property
    def cell_weights(self) -> np.ndarray:
        """(cells, d) weights; of an F orthonormal, so that no sum counts more than another."""
        weights = np.array(self.weights)
        return orthonormal(weights) if weights.ndim == 2 else weights[:, None]

    @property
    def n_cells(self) -> int:
        """Maps a subject."""
        return len(self.weights)

    @property
    def d(self) -> int:
        """Components of the effect."""
        return self.cell_weights.shape[1]

    def df(self, n: int) -> tuple[int, int]:
        """Numerator and denominator degrees of freedom with n subjects."""
        return self.d, self.d * (n - 1)

    def scores(self, x: np.ndarray) -> np.ndarray:
        """Contrast scores (n, d, *points) float64 of maps (n, cells, *points)."""
        return weighted(cells_of(self, x), self.cell_weights)

    def to_dict(self) -> dict[str, Any]:
        """The design as plain values."""
        return {"design": "Contrast", "weights": np.array(self.weights).tolist(), "name": self.name}


@dataclass(frozen=True)
class Within(Design):
    """One effect of a within-subject factorial design, with partitioned error. F.

    Parameters
    ----------
    factors : factor to its number of levels; the first varies slowest over the cells.
    effect : a factor, or factors joined by ":" for their interaction.
    """

    factors: Mapping[str, int] | tuple[tuple[str, int], ...]
    effect: str
    statistic: ClassVar[str] = "F"

    def __post_init__(self) -> None:
        factors = checked_factors(self.factors)
        object.__setattr__(self, "factors", factors)
        object.__setattr__(self, "effect", canonical_effect(dict(factors), self.effect))

    @property
    def cell_weights(self) -> np.ndarray:
        """(cells, d) orthonormal contrasts of the effect."""
        return effect_contrasts(dict(self.factors), self.effect)

    @property
    def n_cells(self) -> int:
        """Maps a subject."""
        return math.prod(dict(self.factors).values())

    @property
    def d(self) -> int:
        """Components of the effect, its numerator degrees of freedom."""
        return self.cell_weights.shape[1]

    @property
    def claim(self) -> str:
        """What a significant result says."""
        return f"the conditions differ in the effect {self.effect}"

    def df(self, n: int) -> tuple[int, int]:
        """Numerator and denominator degrees of freedom with n subjects."""
        return self.d, self.d * (n - 1)

    def scores(self, x: np.ndarray) -> np.ndarray:
        """Contrast scores (n, d, *points) float64 of maps (n, cells, *points)."""
        return weighted(cells_of(self, x), self.cell_weights)

    def to_dict(self) -> dict[str, Any]:
        """The design as plain values."""
        return {"design": "Within", "factors": dict(self.factors), "effect": self.effect}


def checked_factors(
    factors: Mapping[str, int] | tuple[tuple[str, int], ...],
) -> tuple[tuple[str, int], ...]:
    """Factors and levels as a tuple: their order is part of the design, and of its equality."""
    factors = dict(factors)
    few = [name for name, levels in factors.items() if levels < 2]
    if few or not factors:
        raise InputError(
            [f"factor {name!r} has fewer than two levels; leave it out" for name in few]
            or "a within-subject design needs a factor"
        )
    return tuple((name, int(levels)) for name, levels in factors.items())


def weighted(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(n, d, *points) float64 sums over the cells of x (n, cells, *points), weights (cells, d)."""
    y = np.zeros((len(x), weights.shape[1], *x.shape[2:]))
    # Cell after cell, without a matrix product: the order of the additions, and so every bit of
    # the scores, is the same on every machine.
    for cell, row in enumerate(weights):
        for component, weight in enumerate(row):
            if weight:
                y[:, component] += weight * x[:, cell].astype(np.float64)
    return y


def cells_of(design: Design, x: np.ndarray) -> np.ndarray:
    """The maps; InputError where their cells are not those of the design."""
    x = np.asarray(x)
    if x.ndim < 2 or x.shape[1] != design.n_cells:
        raise InputError(
            f"the maps have shape {x.shape}; {type(design).__name__} needs (subjects, "
            f"{design.n_cells} cells, points ...)"
        )
    return x


def check_alternative(design: Design, alternative: str) -> None:
    """Raise InputError for an alternative that does not exist or that an F can not have."""
    if alternative not in ALTERNATIVES:
        raise InputError(
            f"alternative {alternative!r} is unknown; it is one of {', '.join(ALTERNATIVES)}"
        )
    if design.statistic == "F" and alternative != "two-sided":
        raise InputError(
            f"alternative {alternative!r}: an F has no direction; leave it 'two-sided', or test "
            "the difference of two conditions with Paired"
        )


def is_symmetric(design: Design, alternative: str) -> bool:
    """Whether flipping everyone leaves the maxima over the tested sides as they are."""
    check_alternative(design, alternative)
    return design.statistic == "F" or alternative == "two-sided"


def exclusions(x: np.ndarray, y: np.ndarray, flips: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Points that can not be tested, by rules that no resampling changes.

    Parameters
    ----------
    x : (n, cells, points) maps.
    y : (n, d, points) their scores; for an exchange of orders, what the nuisance leaves of them.
    flips : the resampling flips signs.

    Returns
    -------
    not_finite : (points,) bool, a value of any map is NaN or infinite.
    no_variation : (points,) bool, the others where all scores are zero, or, with flips, where all
        subjects have the same score vector up to sign (some flip makes the statistic infinite).
        Zero and same mean within 1e-12 of the largest value, which is above the rounding of the
        scores and far below the resolution of float32 maps.
    """
    not_finite = ~np.isfinite(x).all(axis=(0, 1))
    with np.errstate(invalid="ignore", over="ignore"):
        tolerance = 1e-12 * np.abs(x).max(axis=(0, 1)).astype(np.float64)
        spread = np.abs(y).max(axis=(0, 1))
        if flips:
            towards = np.where((y * y[:1]).sum(axis=1, keepdims=True) < 0, -1.0, 1.0)
            spread = np.minimum(spread, np.abs(y * towards - y[:1]).max(axis=(0, 1)))
        no_variation = spread <= tolerance
    return not_finite, no_variation & ~not_finite
