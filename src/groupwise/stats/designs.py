"""Base class of designs, and designs within subjects.

A design turns the maps of a subject into subject-level values, and defines the statistic, the
resampling, the effect size, the wording and the dict form. No other package depends on which
designs exist. Designs that compare groups are in `between.py`, other linear models in `linear.py`.
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
    """Items of a mapping as a hashable tuple. Its order counts for equality; a dict in JSON."""


class Design:
    """Base class of designs. The defaults are those of a test by sign flips of scores.

    A new design is a frozen dataclass that derives from this class, or from `LinearModel` if it
    has a design matrix, in one of the modules of `declared.DESIGNS`. Its fields are its dict form.

    Attributes
    ----------
    statistic : "t" or "F".
    n_cells : number of maps per subject.
    effect : name of the tested effect; None if the design has only one effect, without a name.
    claim : statement that a significant result supports.
    exchange : "signs" if signs of rows are flipped, "orders" if rows are permuted.
    unequal : whether two groups have separate variances (Welch's t).
    assumes_sphericity : whether p depends on sphericity of the errors of a subject's maps.
    compares_conditions : whether the effect compares conditions of the same subject.
    score_words : name of the subject-level values in sentences.
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

    # Computation

    @property
    def cell_weights(self) -> np.ndarray:
        """(cells, d) weights of the maps of a subject in the components of its score."""
        return np.ones((1, 1))

    @property
    def d(self) -> int:
        """Number of components of the score of a subject."""
        return self.cell_weights.shape[1]

    @property
    def has_cell_axis(self) -> bool:
        """Whether arrays of maps have an axis of cells; not if each subject has one map."""
        return self.n_cells > 1

    def df(self, n: int) -> tuple[int, int]:
        """Return the numerator and denominator degrees of freedom with n rows."""
        return self.d, self.d * (n - 1)

    def scores(self, x: np.ndarray) -> np.ndarray:
        """Return scores (n, d, *points) float64 of maps (n, cells, *points)."""
        return weighted(cells_of(self, x), self.cell_weights)

    def model(self) -> tuple[np.ndarray, np.ndarray, np.ndarray | None] | None:
        """Return design matrix of the scores, contrast and blocks; None if the mean is tested."""
        return None

    @property
    def supports_hat(self) -> bool:
        """Whether the variance of the statistic can be regularised by the 'hat'."""
        return self.statistic == "t"

    def n_rows(self, n_subjects: int) -> int:
        """Return the number of rows that are flipped or permuted: one per subject."""
        return n_subjects

    def arrange_rows(self, rows: np.ndarray) -> np.ndarray:
        """Return the rows of the stack (n_rows, cells) from those of subjects (subjects, cells)."""
        return rows

    @property
    def effect_size_name(self) -> str:
        """Name of the effect size that `effect_size` computes."""
        return "Partial eta squared" if self.statistic == "F" else "Cohen's d"

    def effect_size(self, statistic: float, n: int) -> tuple[float, float, float]:
        """Return the effect size of a statistic with n rows, and both ends of its 95% interval.

        Cohen's d of a mean is the mean / standard deviation between subjects. With covariates, it
        is the mean at average covariates.
        """
        df1, df2 = self.df(n)
        if self.statistic == "F":
            return partial_eta_squared(statistic, df1, df2)
        return cohens_d(statistic, df2, n**-0.5)

    # Wording

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
        """Assumption of the resampling, as a clause."""
        return (
            f"under the null hypothesis the subjects' {self.score_words} are independent and "
            "distributed symmetrically about zero; neither normality nor sphericity is assumed"
        )

    @property
    def resampled(self) -> str:
        """Description of the resampling, as a clause for a methods section."""
        return f"the signs of the participants' {self.score_words} were flipped"

    def describe(self, names: StudyNames = UNNAMED, alternative: str = "two-sided") -> str:
        """Return the design and the tested effect, as a line of a report."""
        raise NotImplementedError

    def describe_model(self, names: StudyNames = UNNAMED) -> str:
        """Return the design of all effects of an analysis, as a sentence of a methods section."""
        raise NotImplementedError

    def tested_sums(self) -> dict[str, np.ndarray]:
        """Return the weights (cells,) of each tested component by its name, for figures."""
        return self._named_sums(self.cell_weights, "component")

    def column_names(self, cells: Sequence[str] = ()) -> list[str]:
        """Return the names of the design matrix columns; `cells` are those of the conditions."""
        return []

    def to_dict(self) -> dict[str, Any]:
        """Return the design as plain values: its class as "design", then its fields in order."""
        values = {each.name: plain(getattr(self, each.name)) for each in fields(cast(Any, self))}
        return {"design": type(self).__name__} | values

    def _named_sums(self, weights: np.ndarray, part: str) -> dict[str, np.ndarray]:
        several = [f"{part} {k + 1}" for k in range(weights.shape[1])]
        names = several if len(several) > 1 else [self.label]
        return dict(zip(names, weights.T, strict=True))


@dataclass(frozen=True)
class OneSample(Design):
    """Test of the mean of one map per subject against zero. Statistic: Student's t."""

    statistic: ClassVar[str] = "t"
    n_cells: ClassVar[int] = 1
    effect: ClassVar[str | None] = None
    claim: ClassVar[str] = "the mean differs from zero"
    label: ClassVar[str] = "one sample"
    compares_conditions: ClassVar[bool] = False
    score_words: ClassVar[str] = "values"

    def scores(self, x: np.ndarray) -> np.ndarray:
        """Return subject-level values (n, 1, *points) float64 of maps (n, 1, *points)."""
        return cells_of(self, x).astype(np.float64)

    def describe(self, names: StudyNames = UNNAMED, alternative: str = "two-sided") -> str:
        """Return the design and the tested effect, as a line of a report."""
        of = f" ({names.conditions[0]})" if names.conditions else ""
        side = ALTERNATIVES[alternative]
        return f"One sample: one map of each subject{of}, against zero, {side}."

    def describe_model(self, names: StudyNames = UNNAMED) -> str:
        """Return the design of all effects of an analysis, as a sentence of a methods section."""
        of = f" ({names.conditions[0]})" if names.conditions else ""
        return f"One map of each participant{of} was tested against zero."


@dataclass(frozen=True)
class Paired(Design):
    """Test of the difference of two maps per subject, first - second. Statistic: Student's t."""

    statistic: ClassVar[str] = "t"
    n_cells: ClassVar[int] = 2
    effect: ClassVar[str | None] = None
    claim: ClassVar[str] = "the conditions differ"
    label: ClassVar[str] = "paired"
    score_words: ClassVar[str] = "differences"

    @property
    def cell_weights(self) -> np.ndarray:
        """(cells, d) weights of the maps of a subject in its score."""
        return np.array([[1.0], [-1.0]])

    def scores(self, x: np.ndarray) -> np.ndarray:
        """Return subject-level values (n, 1, *points) float64 of maps (n, 2, *points)."""
        x = cells_of(self, x)
        return x[:, :1].astype(np.float64) - x[:, 1:]

    def describe(self, names: StudyNames = UNNAMED, alternative: str = "two-sided") -> str:
        """Return the design and the tested effect, as a line of a report."""
        pair = names.write_value((1.0, -1.0))
        return f"Paired: {pair} of each subject, against zero, {ALTERNATIVES[alternative]}."

    def describe_model(self, names: StudyNames = UNNAMED) -> str:
        """Return the design of all effects of an analysis, as a sentence of a methods section."""
        return (
            f"The difference {names.write_value((1.0, -1.0))} of each participant was tested "
            "against zero."
        )


@dataclass(frozen=True)
class Contrast(Design):
    """Test of a weighted sum of maps (t), or of several sums together (F), against zero.

    The error is partitioned: it is the variation of the contrast itself between subjects.

    Parameters
    ----------
    weights : (cells,) for t, (cells, q) for F.
    name : name of the effect, in sentences and tables.
    """

    weights: Sequence[float] | Sequence[Sequence[float]]
    name: str = "contrast"
    has_cell_axis: ClassVar[bool] = True

    def __post_init__(self) -> None:
        weights = np.asarray(self.weights, float)
        if weights.ndim not in (1, 2) or not np.isfinite(weights).all():
            raise InputError(
                f"contrast {self.name}: weights of shape {weights.shape} are not usable; give "
                "(cells,) or (cells, q) finite numbers"
            )
        columns = weights.reshape(len(weights), -1)
        if not columns.size or orthonormal(columns).shape[1] < columns.shape[1]:
            raise InputError(
                f"contrast {self.name}: all weights are 0, or one sum is a combination of the "
                "others; correct the weights or remove the sum"
            )
        object.__setattr__(self, "weights", frozen(weights))

    @property
    def statistic(self) -> str:
        """ "t" for one sum, "F" for several."""
        return "F" if isinstance(self.weights[0], tuple) else "t"

    @property
    def effect(self) -> str:
        """Name of the effect."""
        return self.name

    @property
    def claim(self) -> str:
        """Statement that a significant result supports."""
        return f"the conditions differ in {self.name}"

    @property
    def cell_weights(self) -> np.ndarray:
        """(cells, d) weights. For F they are orthonormal, so that all sums count equally."""
        weights = np.array(self.weights)
        return orthonormal(weights) if weights.ndim == 2 else weights[:, None]

    @property
    def n_cells(self) -> int:
        """Number of maps per subject."""
        return len(self.weights)

    def describe(self, names: StudyNames = UNNAMED, alternative: str = "two-sided") -> str:
        """Return the design and the tested effect, as a line of a report."""
        return (
            f"Contrast of {self.n_cells} conditions of each subject{names.in_brackets}, against "
            f"zero{side_of(alternative)}, with its own error term."
        )

    def describe_model(self, names: StudyNames = UNNAMED) -> str:
        """Return the design of all effects of an analysis, as a sentence of a methods section."""
        return (
            f"Contrasts of {self.n_cells} conditions of each participant were tested against "
            "zero, each with its own error term."
        )

    def tested_sums(self) -> dict[str, np.ndarray]:
        """Return the weights (cells,) of each sum as in the config, for figures."""
        weights = np.array(self.weights, float)
        return self._named_sums(weights.reshape(len(weights), -1), "sum")


@dataclass(frozen=True)
class Within(Design):
    """One effect of a within-subject factorial design with partitioned error. Statistic: F.

    Parameters
    ----------
    factors : number of levels of each factor; the first factor varies slowest over the cells.
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
        """Number of maps per subject."""
        return math.prod(dict(self.factors).values())

    @property
    def claim(self) -> str:
        """Statement that a significant result supports."""
        return f"the conditions differ in the effect {self.effect}"

    def describe(self, names: StudyNames = UNNAMED, alternative: str = "two-sided") -> str:
        """Return the design and the tested effect, as a line of a report."""
        factors = dict(self.factors)
        return (
            f"Repeated measures, {' × '.join(map(str, factors.values()))}: "
            f"{' × '.join(names.write_factors(factors))}. Tested: {kind_of_effect(self.effect)}, "
            "with its own error term."
        )

    def describe_model(self, names: StudyNames = UNNAMED) -> str:
        """Return the design of all effects of an analysis, as a sentence of a methods section."""
        factors = dict(self.factors)
        size = " × ".join(map(str, factors.values())) if len(factors) > 1 else "one-way"
        return (
            f"The design was a {size} repeated-measures ANOVA of the "
            f"{within_factors(names, factors)}; each effect was tested with its own error term."
        )


def frozen(value: Any) -> Any:
    """Return a hashable copy of the value of a field: tuples, `Pairs` and plain numbers."""
    if isinstance(value, Mapping):
        return Pairs((name, frozen(each)) for name, each in value.items())
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return tuple(frozen(each) for each in value)
    return value.item() if isinstance(value, np.generic) else value


def plain(value: Any) -> Any:
    """Return the value of a field as JSON values: lists, dicts and numbers."""
    if isinstance(value, Pairs):
        return {name: plain(each) for name, each in value}
    return [plain(each) for each in value] if isinstance(value, tuple) else value


def checked_factors(factors: Mapping[str, int] | tuple[tuple[str, int], ...]) -> Pairs:
    """Return factors and their numbers of levels as `Pairs`, because their order counts.

    Raises `InputError` if there is no factor, or a factor has fewer than two levels.
    """
    factors = dict(factors)
    few = [name for name, levels in factors.items() if levels < 2]
    if few or not factors:
        raise InputError(
            [f"factor {name!r} has fewer than two levels; remove it" for name in few]
            or "the design has no factor; a within-subject design needs one or more"
        )
    return Pairs((name, int(levels)) for name, levels in factors.items())


def weighted(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return (n, d, *points) float64 sums of x (n, cells, *points) with weights (cells, d)."""
    y = np.zeros((len(x), weights.shape[1], *x.shape[2:]))
    # Sums in a fixed order, without a matrix product: the same bits on every machine.
    for cell, row in enumerate(weights):
        for component, weight in enumerate(row):
            if weight:
                y[:, component] += weight * x[:, cell].astype(np.float64)
    return y


def cells_of(design: Design, x: np.ndarray) -> np.ndarray:
    """Return the maps as an array. Raises `InputError` if their cells do not match the design."""
    x = np.asarray(x)
    if x.ndim < 2 or x.shape[1] != design.n_cells:
        raise InputError(
            f"the maps have shape {x.shape}; {type(design).__name__} needs (subjects, "
            f"{design.n_cells} cells, points ...)"
        )
    return x


def check_alternative(design: Design, alternative: str) -> None:
    """Raise `InputError` if the alternative is unknown, or is one-sided for an F."""
    if alternative not in ALTERNATIVES:
        raise InputError(
            f"alternative {alternative!r} is unknown; it is one of {', '.join(ALTERNATIVES)}"
        )
    if design.statistic == "F" and alternative != "two-sided":
        raise InputError(
            f"alternative is {alternative!r}, but F has no direction; set it to 'two-sided', or "
            "test the difference of two conditions with Paired"
        )


def is_symmetric(design: Design, alternative: str) -> bool:
    """Return whether flipping all subjects keeps the maxima over the tested sides."""
    check_alternative(design, alternative)
    return design.statistic == "F" or alternative == "two-sided"


def exclusions(x: np.ndarray, y: np.ndarray, flips: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Return the points that cannot be tested, by criteria invariant under resampling.

    Parameters
    ----------
    x : (n, cells, points) maps.
    y : (n, d, points) scores; if rows are permuted, their residuals given the nuisance.
    flips : whether the resampling flips signs.

    Returns
    -------
    not_finite : (points,) bool, whether a value of a map is NaN or infinite.
    no_variation : (points,) bool, whether another point has zero scores only, or, with flips, the
        same score vector up to sign in all subjects (a flip would make the statistic infinite).
        The tolerance is 1e-12 of the largest value, which is above the rounding error of scores
        and far below the resolution of float32 maps.
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
