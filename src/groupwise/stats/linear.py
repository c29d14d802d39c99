"""Designs with a linear model of the scores: covariates, or any design matrix."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from groupwise.errors import InputError
from groupwise.stats.contrasts import canonical_effect, effect_contrasts
from groupwise.stats.designs import Design, Pairs, cells_of, frozen, weighted
from groupwise.stats.effect_sizes import partial_correlation
from groupwise.stats.names import UNNAMED, StudyNames, join_words, side_of
from groupwise.stats.partition import Partition, partition


class LinearModel(Design):
    """Base class of designs with a design matrix of the scores (Freedman and Lane 1983).

    Attributes
    ----------
    weights : weights of the maps of a subject in its score; None: one map per subject.
    given : name of the regressors on which the errors are conditional, in sentences.
    """

    exchange = "orders"
    supports_hat = False
    d = 1
    weights: Sequence[float] | None = None
    given: str = "the nuisance"

    def model(self) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Return the design matrix of the scores, the contrast and the exchangeability blocks."""
        raise NotImplementedError

    @cached_property
    def partition(self) -> Partition:
        """Partition of the model into effect and nuisance."""
        matrix, contrast, blocks = self.model()
        return partition(matrix, contrast, blocks, flips=self.exchange == "signs")

    @property
    def n(self) -> int:
        """Number of rows of the model."""
        return len(self.model()[0])

    def df(self, n: int) -> tuple[int, int]:
        """Return the degrees of freedom; n must be the number of rows of the model."""
        if n != self.n:
            raise InputError(
                f"{type(self).__name__} has {self.n} rows, but the maps have {n}; give one label "
                "or value for each row, in the order of the maps"
            )
        one, two = self.partition.df
        return one * self.d, two * self.d

    def scores(self, x: np.ndarray) -> np.ndarray:
        """Return subject-level values (n, d, *points) float64 of maps (n, cells, *points)."""
        x = cells_of(self, x)
        self.df(len(x))
        return weighted(x, self.cell_weights)

    @property
    def n_cells(self) -> int:
        """Number of maps per subject."""
        return 1 if self.weights is None else len(self.weights)

    @property
    def cell_weights(self) -> np.ndarray:
        """(cells, d) weights of the cells in a score."""
        return np.ones((1, 1)) if self.weights is None else np.array(self.weights)[:, None]

    @property
    def has_cell_axis(self) -> bool:
        """Whether arrays of maps have an axis of cells; not if each subject has one map."""
        return self.n_cells > 1 or self.weights is not None

    @property
    def compares_conditions(self) -> bool:
        """Whether the effect compares conditions of the same subject."""
        return self.weights is not None

    @property
    def score_words(self) -> str:
        """Name of the subject-level values in sentences."""
        if self.weights is None:
            return "values"
        return "differences" if tuple(self.weights) == (1.0, -1.0) else "contrast scores"

    @property
    def effect_size_name(self) -> str:
        """Cohen's d of a mean, partial correlation of another t, partial eta squared of an F."""
        if self.statistic == "t" and self.exchange == "orders":
            return "Partial correlation"
        return super().effect_size_name

    def effect_size(self, statistic: float, n: int) -> tuple[float, float, float]:
        """Return the effect size of a statistic with n rows, and both ends of its 95% interval."""
        if self.statistic == "t" and self.exchange == "orders":
            return partial_correlation(statistic, self.df(n)[1])
        return super().effect_size(statistic, n)

    @property
    def assumption(self) -> str:
        """Assumption of the resampling, as a clause."""
        if self.exchange == "orders":
            return "under the null hypothesis the errors of the rows are exchangeable"
        return (
            f"under the null hypothesis the errors of the subjects' {self.score_words}, given "
            f"{self.given}, are independent and distributed symmetrically about zero; neither "
            "normality nor sphericity is assumed"
        )

    @property
    def resampled(self) -> str:
        """Description of the resampling, as a clause for a methods section."""
        if self.exchange == "orders":
            return "residuals were permuted between participants"
        return f"the signs of the residuals of the participants' {self.score_words} were flipped"


@dataclass(frozen=True)
class Regression(LinearModel):
    """Regression on covariates with one value per subject: t of one covariate, or F of several.

    The model has an intercept and all covariates; covariates that are not tested are nuisance
    (Freedman and Lane 1983).

    Parameters
    ----------
    covariates : values of each covariate, in the order of the maps.
    effect : name of a covariate; several names joined by "+" for their joint F; "intercept" for the
        mean at average covariates, which is tested by sign flips.
    weights : as in `TwoSample`.
    """

    covariates: Mapping[str, Sequence[float]] | tuple[tuple[str, tuple[float, ...]], ...]
    effect: str
    weights: Sequence[float] | None = None
    given: ClassVar[str] = "the covariates"

    def __post_init__(self) -> None:
        columns = {
            name: tuple(float(v) for v in values) for name, values in dict(self.covariates).items()
        }
        object.__setattr__(self, "covariates", Pairs(columns.items()))
        object.__setattr__(self, "weights", checked_weights(self.weights))
        parts = [part.strip() for part in self.effect.split("+")]
        object.__setattr__(self, "effect", "+".join(parts))
        findings = []
        if len({len(values) for values in columns.values()}) > 1:
            lengths = ", ".join(f"{name} {len(values)}" for name, values in columns.items())
            findings.append(
                f"covariates have different numbers of values ({lengths}); correct them"
            )
        findings += [
            f"covariate {name}: subject {k} has no finite value; add it or exclude the subject"
            for name, values in columns.items()
            for k, value in enumerate(values)
            if not np.isfinite(value)
        ]
        findings += [
            f"effect {part!r} is not a covariate; give one of {', '.join(columns)}, intercept"
            for part in parts
            if part not in columns and parts != ["intercept"]
        ]
        if not columns:
            findings = ["the regression has no covariate; give one or more"]
        if findings:
            raise InputError(findings)

    @property
    def exchange(self) -> str:
        """ "signs" for the mean, "orders" for covariates."""
        return "signs" if self.effect == "intercept" else "orders"

    @property
    def statistic(self) -> str:
        """ "t" for one covariate, "F" for several."""
        return "F" if "+" in self.effect else "t"

    @property
    def claim(self) -> str:
        """Statement that a significant result supports."""
        if self.effect == "intercept":
            return "the mean differs from zero"
        return f"the maps depend on {self.effect.replace('+', ' and ')}"

    def model(self) -> tuple[np.ndarray, np.ndarray, None]:
        """Return the intercept with the centred covariates, and the contrast."""
        covariates = dict(self.covariates)
        names = list(covariates)
        columns = [np.ones(len(covariates[names[0]]))]
        for values in covariates.values():
            column = np.array(values)
            columns.append(column - math.fsum(values) / len(values))
        tested = self.effect.split("+")
        contrast = np.zeros((len(names) + 1, len(tested)))
        for k, name in enumerate(tested):
            contrast[0 if name == "intercept" else names.index(name) + 1, k] = 1.0
        return np.column_stack(columns), contrast, None

    @property
    def label(self) -> str:
        """Short name of the effect, for titles and tables."""
        return "mean" if self.effect == "intercept" else self.effect

    @property
    def assumption(self) -> str:
        """Assumption of the resampling, as a clause."""
        if self.exchange == "signs":
            return super().assumption
        given = ", given the other covariates," if self._nuisance else ""
        return (
            f"under the null hypothesis the errors of the subjects{given} are exchangeable "
            "(Freedman and Lane's permutation of residuals)"
        )

    @property
    def _nuisance(self) -> list[str]:
        return [name for name in dict(self.covariates) if name not in self.effect.split("+")]

    def describe(self, names: StudyNames = UNNAMED, alternative: str = "two-sided") -> str:
        """Return the design and the tested effect, as a line of a report."""
        value, side = names.write_value(self.weights), side_of(alternative)
        if self.effect == "intercept":
            covariates = join_words(list(dict(self.covariates)))
            return (
                f"Regression: {value} of each subject on {covariates}. Tested: the mean at average "
                f"covariates{side}."
            )
        given = f", given {', '.join(self._nuisance)}" if self._nuisance else ""
        tested = join_words(self.effect.split("+"))
        return f"Regression: {value} of each subject on {tested}{given}{side}."

    def describe_model(self, names: StudyNames = UNNAMED) -> str:
        """Return the design of all effects of an analysis, as a sentence of a methods section."""
        return (
            f"The model was a linear regression of {names.write_value(self.weights)} of each "
            f"participant on {join_words(list(dict(self.covariates)))} (centred)."
        )

    def column_names(self, cells: Sequence[str] = ()) -> list[str]:
        """Return the names of the design matrix columns; `cells` are those of the conditions."""
        return ["mean", *dict(self.covariates)]


@dataclass(frozen=True)
class GLM(LinearModel):
    """Linear model of maps with any design matrix: t of a contrast, F of several.

    Residuals are permuted (Freedman and Lane 1983).

    Parameters
    ----------
    matrix : (rows, p) design matrix; may be collinear if the contrast can be estimated.
    contrast : (p,) for t, (p, q) for F; each column is a combination of parameters that is zero
        under the null hypothesis.
    blocks : exchangeability block of each row. None: all rows are exchangeable. Maps of a subject
        are exchangeable under sphericity, and only if the matrix has a regressor per subject.
    name : name of the effect, in sentences and tables.
    """

    matrix: Sequence[Sequence[float]]
    contrast: Sequence[float] | Sequence[Sequence[float]]
    blocks: Sequence[Any] | None = None
    name: str = "contrast"

    def __post_init__(self) -> None:
        object.__setattr__(self, "matrix", frozen(np.asarray(self.matrix, float)))
        object.__setattr__(self, "contrast", frozen(np.asarray(self.contrast, float)))
        if self.blocks is not None:
            object.__setattr__(self, "blocks", frozen(tuple(self.blocks)))
        _ = self.partition  # raises InputError if the contrast cannot be estimated

    @property
    def statistic(self) -> str:
        """ "t" for one contrast, "F" for several."""
        return "F" if isinstance(self.contrast[0], tuple) else "t"

    @property
    def effect(self) -> str:
        """Name of the effect."""
        return self.name

    @property
    def claim(self) -> str:
        """Statement that a significant result supports."""
        return f"the maps differ in {self.name}"

    def model(self) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Return matrix, contrast and blocks."""
        blocks = None if self.blocks is None else np.array([str(k) for k in self.blocks])
        return np.array(self.matrix), np.array(self.contrast), blocks

    def n_rows(self, n_subjects: int) -> int:
        """Return the number of rows of the design matrix, one per map."""
        return self.n

    def arrange_rows(self, rows: np.ndarray) -> np.ndarray:
        """Return the rows of the stack (n_rows, 1): each row of the model is one map."""
        return rows.reshape(-1, 1)

    @property
    def assumes_sphericity(self) -> bool:
        """Whether rows are permuted within blocks, and so among the maps of a subject."""
        return self.blocks is not None

    @property
    def compares_conditions(self) -> bool:
        """Whether the effect compares conditions of the same subject."""
        return self.blocks is not None

    @cached_property
    def pooled_shape(self) -> tuple[int, int] | None:
        """(subjects, conditions) of a model from `pooled_model`; None for other models."""
        if self.blocks is None:
            return None
        labels = list(dict.fromkeys(self.blocks))
        cells = self.n // len(labels)
        matrix, _ = pooled_model(len(labels), cells)
        of_rows = [label for label in labels for _ in range(cells)]
        pooled = list(self.blocks) == of_rows and np.array_equal(matrix, self.matrix)
        return (len(labels), cells) if pooled else None

    @property
    def assumption(self) -> str:
        """Assumption of the resampling, as a clause."""
        if self.pooled_shape:
            return (
                "under the null hypothesis the errors of a subject's maps are exchangeable among "
                "the conditions (equal variances and covariances, which implies sphericity)"
            )
        where = " within a block" if self.blocks is not None else ""
        return (
            f"under the null hypothesis the errors of the rows{where} are exchangeable (Freedman "
            "and Lane's permutation of residuals)"
        )

    @property
    def resampled(self) -> str:
        """Description of the resampling, as a clause for a methods section."""
        if self.pooled_shape:
            return "residuals were permuted within participants"
        where = "within blocks" if self.blocks is not None else "between rows"
        return f"residuals were permuted {where}"

    def describe(self, names: StudyNames = UNNAMED, alternative: str = "two-sided") -> str:
        """Return the design and the tested effect, as a line of a report."""
        tested = f"{self.name}{names.in_brackets}{side_of(alternative)}"
        if self.pooled_shape:
            return (
                f"Pooled-error model with a regressor for each subject. Tested: {tested}; errors "
                "are taken as exchangeable over conditions (sphericity)."
            )
        rows, columns = np.shape(self.matrix)
        return f"Linear model of {rows} maps with {columns} regressors. Tested: {tested}."

    def describe_model(self, names: StudyNames = UNNAMED) -> str:
        """Return the design of all effects of an analysis, as a sentence of a methods section."""
        if self.pooled_shape:
            return (
                "One linear model of all maps had a regressor for each condition and each "
                "participant, and its error was pooled over conditions."
            )
        rows, columns = np.shape(self.matrix)
        return f"The model was a linear model of {rows} maps with {columns} regressors."

    def column_names(self, cells: Sequence[str] = ()) -> list[str]:
        """Return the names of the design matrix columns; `cells` are those of the conditions."""
        if not self.pooled_shape:
            return [f"column {k + 1}" for k in range(len(self.matrix[0]))]
        subjects, count = self.pooled_shape
        fits = len(cells) == count
        conditions = cells if fits else [f"condition {k + 1}" for k in range(count)]
        return [*conditions, *(f"subject {k + 1}" for k in range(subjects))]


def pooled_anova(factors: Mapping[str, int], effect: str, subjects: int) -> GLM:
    """Return the model of an effect of within-subject factors with pooled error. Statistic: F.

    Subjects are regressors and blocks. The model assumes that errors are exchangeable over
    conditions (sphericity); `Within` does not.
    """
    name = canonical_effect(factors, effect)
    return pooled_contrast(effect_contrasts(factors, effect), subjects, name)


def pooled_contrast(weights: Sequence | np.ndarray, subjects: int, name: str = "contrast") -> GLM:
    """Return the model of a contrast with pooled error; weights (cells,) or (cells, q) for F."""
    of_cells = np.asarray(weights, float)
    matrix, blocks = pooled_model(subjects, len(of_cells))
    of_subjects = np.zeros((subjects, *of_cells.shape[1:]))
    contrast = np.concatenate([of_cells, of_subjects])
    return GLM(matrix.tolist(), contrast.tolist(), blocks.tolist(), name)


def pooled_model(subjects: int, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the design matrix and blocks of the pooled-error model.

    Returns
    -------
    matrix : (subjects * cells, cells + subjects) indicators of the conditions, then of the
        subjects. Rows are in the order of maps (subjects, cells).
    blocks : (subjects * cells,) index of the subject of each row.
    """
    condition, subject = np.tile(np.arange(cells), subjects), np.repeat(np.arange(subjects), cells)
    return np.hstack([np.eye(cells)[condition], np.eye(subjects)[subject]]), subject


def pooled_error(
    subjects: int,
    factors: Mapping[str, int] | None = None,
    effect: str = "",
    weights: Sequence | np.ndarray | None = None,
    name: str = "contrast",
) -> GLM:
    """Return the pooled-error model of an effect of factors, or of a contrast with weights."""
    if weights is not None:
        return pooled_contrast(weights, subjects, name)
    return pooled_anova(factors or {}, effect, subjects)


def checked_weights(weights: Sequence[float] | None) -> tuple[float, ...] | None:
    """Return weights as floats. Raises `InputError` if one is not finite or all are zero."""
    if weights is None:
        return None
    numbers = tuple(float(w) for w in weights)
    if not numbers or not np.isfinite(numbers).all() or not any(numbers):
        raise InputError(
            f"weights are {weights}; give one finite number per map, and not only zeros"
        )
    return numbers
