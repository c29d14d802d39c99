"""Designs: how the maps of a subject become the values that are tested, and by which statistic.

A design describes itself: its model, resampling, effect size, wording and dict form are its own, so
that no other package needs to know which designs there are. Designs within subjects are in this
module, designs that compare groups in `between.py`, other linear models in `linear.py`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, cast

import numpy as np

from groupwise.errors import InputError
from groupwise.stats.contrasts import canonical_effect, effect_contrasts
from groupwise.stats.effect_sizes import cohens_d, partial_eta_squared
from groupwise.stats.names import (
    ALTERNATIVES,
    UNNAMED,
    StudyNames,
    kind_of_effect,
    side_of,
    within_factors,
)
from groupwise.stats.partition import Partition, orthonormal


class Pairs(tuple):
    """The items of a mapping as a tuple: hashable, equal only in the same order; a dict in JSON."""


class Design:
    """Base class of designs; the defaults are those of a test by sign flips of subjects' scores.

    A new design is a frozen dataclass that derives from this class, or from `LinearModel` if it
    has a design matrix, and is listed in `declared.DESIGNS`. Its fields are its dict form.

    Attributes
    ----------
    statistic : "t" or "F".
    n_cells : maps of each subject.
    effect : name of the tested effect; None if the design has only one effect, without a name.
    claim : statement that a significant result supports.
    exchange : "signs" if the signs of rows are flipped, "orders" if rows are permuted.
    unequal : whether two groups have separate variances (Welch's t).
    assumes_sphericity : whether p depends on sphericity of the errors of a subject's maps.
    compares_conditions : whether the effect compares conditions of the same subject.
    score_words : what a subject's values are called in sentences.
    partition : effect and nuisance of the model, if there is one.
    """

    statistic: ClassVar[str]
    n_cells: int
    effect: str | None
    claim: str
    exchange: str = "signs"
    unequal: bool = False
    assumes_sphericity: bool = False
    compares_conditions: bool = True
    score_words: str = "contrast scores"
    partition: Partition

    # What is computed

    @property
    def cell_weights(self) -> np.ndarray:
        """(cells, d) weights of a subject's maps in the components of its score."""
        return np.ones((1, 1))

    @property
    def d(self) -> int:
        """Components of a subject's score."""
        return self.cell_weights.shape[1]

    @property
    def has_cell_axis(self) -> bool:
        """Whether maps of arrays have an axis of cells; not if a subject has a single map."""
        return self.n_cells > 1

    def df(self, n: int) -> tuple[int, int]:
        """Numerator and denominator degrees of freedom with n rows."""
        return self.d, self.d * (n - 1)

    def scores(self, x: np.ndarray) -> np.ndarray:
        """Scores (n, d, *points) float64 of maps (n, cells, *points)."""
        return weighted(cells_of(self, x), self.cell_weights)

    def model(self) -> tuple[np.ndarray, np.ndarray, np.ndarray | None] | None:
        """Design matrix of the scores, contrast and blocks; None if the mean is tested."""
        return None

    @property
    def supports_hat(self) -> bool:
        """Whether the variance of the statistic can be regularised by the 'hat'."""
        return self.statistic == "t"

    def n_rows(self, n_subjects: int) -> int:
        """Rows of the data that are flipped or permuted: one for each subject."""
        return n_subjects

    def arrange_rows(self, rows: np.ndarray) -> np.ndarray:
        """Row numbers of a stack (n_rows, cells), from those of `cell_rows` (subjects, cells)."""
        return rows

    @property
    def effect_size_name(self) -> str:
        """The effect size that `effect_size` computes."""
        return "Partial eta squared" if self.statistic == "F" else "Cohen's d"

    def effect_size(self, statistic: float, n: int) -> tuple[float, float, float]:
        """Effect size of a statistic with n rows, and the ends of its 95% confidence interval.

        Cohen's d of a mean is the mean over the standard deviation between subjects (given
        covariates, at their means).
        """
        df1, df2 = self.df(n)
        if self.statistic == "F":
            return partial_eta_squared(statistic, df1, df2)
        return cohens_d(statistic, df2, n**-0.5)

    # What it is called

    @property
    def label(self) -> str:
        """Short name of the effect, for titles and tables."""
        return self.effect or self.claim

    @property
    def group_sizes(self) -> dict[str, int]:
        """Number of subjects in each group, in the order of the levels; empty without groups."""
        return {}

    @property
    def assumption(self) -> str:
        """What the resampling assumes, as a clause."""
        return (
            f"under the null hypothesis the subjects' {self.score_words} are independent and "
            "distributed symmetrically about zero; neither normality nor sphericity is assumed"
        )

    @property
    def resampled(self) -> str:
        """What the resampling does, as a clause for a methods section."""
        return f"the signs of the participants' {self.score_words} were flipped"

    def describe(self, names: StudyNames = UNNAMED, alternative: str = "two-sided") -> str:
        """The design and the tested effect as a line of a report."""
        raise NotImplementedError

    def describe_model(self, names: StudyNames = UNNAMED) -> str:
        """What all effects of an analysis share, as a sentence of a methods section."""
        raise NotImplementedError

    def tested_sums(self) -> dict[str, np.ndarray]:
        """Weights (cells,) of each tested component by its name, for figures."""
        return self._named_sums(self.cell_weights, "component")

    def column_names(self, cells: Sequence[str] = ()) -> list[str]:
        """Names of the columns of the design matrix; `cells` are the names of the conditions."""
        return []

    def to_dict(self) -> dict[str, Any]:
        """The design as plain values: its class as "design", then its fields in their order."""
        own = {each.name: plain(getattr(self, each.name)) for each in fields(cast(Any, self))}
        return {"design": type(self).__name__} | own

    def _named_sums(self, weights: np.ndarray, part: str) -> dict[str, np.ndarray]:
        several = [f"{part} {k + 1}" for k in range(weights.shape[1])]
        names = several if len(several) > 1 else [self.label]
        return dict(zip(names, weights.T, strict=True))


@dataclass(frozen=True)
class OneSample(Design):
    """One map a subject; is its mean over subjects zero? Student's t."""

    statistic: ClassVar[str] = "t"
    n_cells: ClassVar[int] = 1
    effect: ClassVar[str | None] = None
    claim: ClassVar[str] = "the mean differs from zero"
    label: ClassVar[str] = "one sample"
    compares_conditions: ClassVar[bool] = False
    score_words: ClassVar[str] = "values"

    def scores(self, x: np.ndarray) -> np.ndarray:
        """Subject-level values (n, 1, *points) float64 of maps (n, 1, *points)."""
        return cells_of(self, x).astype(np.float64)

    def describe(self, names: StudyNames = UNNAMED, alternative: str = "two-sided") -> str:
        """The design and the tested effect as a line of a report."""
        of = f" ({names.conditions[0]})" if names.conditions else ""
        side = ALTERNATIVES[alternative]
        return f"One sample: one map of each subject{of}, against zero, {side}."

    def describe_model(self, names: StudyNames = UNNAMED) -> str:
        """What all effects of an analysis share, as a sentence of a methods section."""
        of = f" ({names.conditions[0]})" if names.conditions else ""
        return f"One map of each participant{of} was tested against zero."


@dataclass(frozen=True)
class Paired(Design):
    """Two maps a subject; the value is the first minus the second. Student's t."""

    statistic: ClassVar[str] = "t"
    n_cells: ClassVar[int] = 2
    effect: ClassVar[str | None] = None
    claim: ClassVar[str] = "the conditions differ"
    label: ClassVar[str] = "paired"
    score_words: ClassVar[str] = "differences"

    @property
    def cell_weights(self) -> np.ndarray:
        """(cells, d) weights of a subject's maps in its score."""
        return np.array([[1.0], [-1.0]])

    def scores(self, x: np.ndarray) -> np.ndarray:
        """Subject-level values (n, 1, *points) float64 of maps (n, 2, *points)."""
        x = cells_of(self, x)
        return x[:, :1].astype(np.float64) - x[:, 1:]

    def describe(self, names: StudyNames = UNNAMED, alternative: str = "two-sided") -> str:
        """The design and the tested effect as a line of a report."""
        pair = names.write_value((1.0, -1.0))
        return f"Paired: {pair} of each subject, against zero, {ALTERNATIVES[alternative]}."

    def describe_model(self, names: StudyNames = UNNAMED) -> str:
        """What all effects of an analysis share, as a sentence of a methods section."""
        return (
            f"The difference {names.write_value((1.0, -1.0))} of each participant was tested "
            "against zero."
        )


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
    has_cell_axis: ClassVar[bool] = True

    def __post_init__(self) -> None:
        weights = np.asarray(self.weights, float)
        if weights.ndim not in (1, 2) or not np.isfinite(weights).all():
            raise InputError(f"contrast {self.name}: weights are (cells,) or (cells, q) numbers")
        columns = weights.reshape(len(weights), -1)
        if not columns.size or orthonormal(columns).shape[1] < columns.shape[1]:
            raise InputError(
                f"contrast {self.name}: its weights are 0, or one sum follows from the others"
            )
        object.__setattr__(self, "weights", frozen(weights))

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
        """Statement that a significant result supports."""
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

    def describe(self, names: StudyNames = UNNAMED, alternative: str = "two-sided") -> str:
        """The design and the tested effect as a line of a report."""
        return (
            f"Contrast of {self.n_cells} conditions of each subject{names.in_brackets}, against "
            f"zero{side_of(alternative)}, with its own error term."
        )

    def describe_model(self, names: StudyNames = UNNAMED) -> str:
        """What all effects of an analysis share, as a sentence of a methods section."""
        return (
            f"Contrasts of {self.n_cells} conditions of each participant were tested against "
            "zero, each with its own error term."
        )

    def tested_sums(self) -> dict[str, np.ndarray]:
        """Weights (cells,) of each sum as it was given, for figures."""
        weights = np.array(self.weights, float)
        return self._named_sums(weights.reshape(len(weights), -1), "sum")


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
    def claim(self) -> str:
        """Statement that a significant result supports."""
        return f"the conditions differ in the effect {self.effect}"

    def describe(self, names: StudyNames = UNNAMED, alternative: str = "two-sided") -> str:
        """The design and the tested effect as a line of a report."""
        factors = dict(self.factors)
        return (
            f"Repeated measures, {' × '.join(map(str, factors.values()))}: "
            f"{' × '.join(names.write_factors(factors))}. Tested: {kind_of_effect(self.effect)}, "
            "with its own error term."
        )

    def describe_model(self, names: StudyNames = UNNAMED) -> str:
        """What all effects of an analysis share, as a sentence of a methods section."""
        factors = dict(self.factors)
        size = " × ".join(map(str, factors.values())) if len(factors) > 1 else "one-way"
        return (
            f"The design was a {size} repeated-measures ANOVA of the "
            f"{within_factors(names, factors)}; each effect was tested with its own error term."
        )


def frozen(value: Any) -> Any:
    """A value of a field as a design keeps it: tuples, pairs and plain numbers, all hashable."""
    if isinstance(value, Mapping):
        return Pairs((name, frozen(each)) for name, each in value.items())
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return tuple(frozen(each) for each in value)
    return value.item() if isinstance(value, np.generic) else value


def plain(value: Any) -> Any:
    """A field's value as JSON has it: lists, dicts and numbers."""
    if isinstance(value, Pairs):
        return {name: plain(each) for name, each in value}
    return [plain(each) for each in value] if isinstance(value, tuple) else value


def checked_factors(factors: Mapping[str, int] | tuple[tuple[str, int], ...]) -> Pairs:
    """Factors and levels as pairs: their order is part of the design, and of its equality."""
    factors = dict(factors)
    few = [name for name, levels in factors.items() if levels < 2]
    if few or not factors:
        raise InputError(
            [f"factor {name!r} has fewer than two levels; leave it out" for name in few]
            or "a within-subject design needs a factor"
        )
    return Pairs((name, int(levels)) for name, levels in factors.items())


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
