"""Designs: how the maps of a subject become the values that are tested, and by which statistic.

A design is declared, comparable, and has a dict form for configs, sidecars and digests.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from groupwise.errors import InputError
from groupwise.stats.contrasts import canonical_effect, effect_contrasts

ALTERNATIVES = ("two-sided", "greater", "less")


@dataclass(frozen=True)
class OneSample:
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
        return _cells_of(self, x).astype(np.float64)

    def to_dict(self) -> dict[str, Any]:
        """The design as plain values."""
        return {"design": "OneSample"}


@dataclass(frozen=True)
class Paired:
    """Two maps a subject; the value is the first minus the second. Student's t."""

    statistic: ClassVar[str] = "t"
    n_cells: ClassVar[int] = 2
    d: ClassVar[int] = 1
    claim: ClassVar[str] = "the conditions differ"

    def df(self, n: int) -> tuple[int, int]:
        """Numerator and denominator degrees of freedom with n subjects."""
        return 1, n - 1

    def scores(self, x: np.ndarray) -> np.ndarray:
        """Subject-level values (n, 1, *points) float64 of maps (n, 2, *points)."""
        x = _cells_of(self, x)
        return x[:, :1].astype(np.float64) - x[:, 1:]

    def to_dict(self) -> dict[str, Any]:
        """The design as plain values."""
        return {"design": "Paired"}


@dataclass(frozen=True)
class Within:
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
        # Kept as a tuple: the order of the factors is part of the design, and a dict's is not
        # part of its equality.
        factors = dict(self.factors)
        few = [name for name, levels in factors.items() if levels < 2]
        if few or not factors:
            raise InputError(
                [f"factor {name!r} has fewer than two levels; leave it out" for name in few]
                or "a within-subject design needs a factor"
            )
        object.__setattr__(self, "factors", tuple((k, int(v)) for k, v in factors.items()))
        object.__setattr__(self, "effect", canonical_effect(factors, self.effect))

    @property
    def contrasts(self) -> np.ndarray:
        """(cells, d) orthonormal contrasts of the effect."""
        return effect_contrasts(dict(self.factors), self.effect)

    @property
    def n_cells(self) -> int:
        """Maps a subject."""
        return int(np.prod([levels for _, levels in self.factors]))

    @property
    def d(self) -> int:
        """Components of the effect, its numerator degrees of freedom."""
        chosen = self.effect.split(":")
        return int(np.prod([levels - 1 for name, levels in self.factors if name in chosen]))

    @property
    def claim(self) -> str:
        """What a significant result says."""
        return f"the conditions differ in the effect {self.effect}"

    def df(self, n: int) -> tuple[int, int]:
        """Numerator and denominator degrees of freedom with n subjects."""
        return self.d, self.d * (n - 1)

    def scores(self, x: np.ndarray) -> np.ndarray:
        """Contrast scores (n, d, *points) float64 of maps (n, cells, *points)."""
        x = _cells_of(self, x)
        contrasts = self.contrasts
        y = np.zeros((len(x), self.d, *x.shape[2:]))
        # Cell after cell, without a matrix product: the order of the additions, and so every
        # bit of the scores, is the same on every machine.
        for cell in range(self.n_cells):
            for component in range(self.d):
                y[:, component] += contrasts[cell, component] * x[:, cell].astype(np.float64)
        return y

    def to_dict(self) -> dict[str, Any]:
        """The design as plain values."""
        return {"design": "Within", "factors": dict(self.factors), "effect": self.effect}


Design = OneSample | Paired | Within


def design_from_dict(spec: Mapping[str, Any]) -> Design:
    """The design that `to_dict` describes; InputError where there is no such design."""
    kinds = {"OneSample": OneSample, "Paired": Paired, "Within": Within}
    spec = dict(spec)
    kind = spec.pop("design", None)
    if kind not in kinds:
        raise InputError(f"design {kind!r} is unknown; it is one of {', '.join(kinds)}")
    try:
        return kinds[kind](**spec)
    except TypeError as error:
        raise InputError(f"design {kind} with {spec}: {error}") from error


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


def distinct_flips(n: int, symmetric: bool) -> int:
    """Number of distinct sign flips of n subjects, D."""
    return 2 ** (n - 1 if symmetric else n)


def floor_of(design: Design, n: int, alternative: str = "two-sided") -> tuple[int, float]:
    """Number of distinct resamplings D, and the smallest p that they can give, 1/D.

    A study whose alpha is below 1/D can not find anything: this tells it before any work.
    """
    distinct = distinct_flips(n, is_symmetric(design, alternative))
    return distinct, 1.0 / distinct


def exclusions(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points that can not be tested, by rules that no sign flip changes.

    Parameters
    ----------
    x : (n, cells, points) maps.
    y : (n, d, points) their scores.

    Returns
    -------
    not_finite : (points,) bool, a value of any map is NaN or infinite.
    no_variation : (points,) bool, the others where all scores are zero, or where all subjects
        have the same score vector up to sign (some flip makes the statistic infinite). Zero and
        same mean within 1e-12 of the largest value, which is above the rounding of the scores
        and far below the resolution of float32 maps.
    """
    not_finite = ~np.isfinite(x).all(axis=(0, 1))
    with np.errstate(invalid="ignore", over="ignore"):
        tolerance = 1e-12 * np.abs(x).max(axis=(0, 1)).astype(np.float64)
        towards = np.where((y * y[:1]).sum(axis=1, keepdims=True) < 0, -1.0, 1.0)
        spread = np.abs(y * towards - y[:1]).max(axis=(0, 1))
        no_variation = spread <= tolerance
    return not_finite, no_variation & ~not_finite


def _cells_of(design: Design, x: np.ndarray) -> np.ndarray:
    x = np.asarray(x)
    if x.ndim < 2 or x.shape[1] != design.n_cells:
        raise InputError(
            f"the maps have shape {x.shape}; {type(design).__name__} needs (subjects, "
            f"{design.n_cells} cells, points ...)"
        )
    return x
