"""Designs that compare subjects: groups, groups by conditions, covariates, any linear model."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from groupwise.errors import InputError
from groupwise.stats.contrasts import canonical_effect, effect_contrasts
from groupwise.stats.designs import Design, cells_of, checked_factors, weighted
from groupwise.stats.partition import Partition, partition


class _Model(Design):
    """A design with a design matrix of its scores."""

    exchange = "orders"
    d = 1
    weights: Sequence[float] | None = None

    @cached_property
    def partition(self) -> Partition:
        """Effect and nuisance of the model."""
        matrix, contrast, blocks = self.model()
        return partition(matrix, contrast, blocks, flips=self.exchange == "signs")

    @property
    def n(self) -> int:
        """Rows of the model."""
        return len(self.model()[0])

    def df(self, n: int) -> tuple[int, int]:
        """Degrees of freedom; n must be the number of rows of the model."""
        if n != self.n:
            raise InputError(
                f"{type(self).__name__} describes {self.n} rows, and the maps are of {n}; give one "
                "label or value for each, in their order"
            )
        one, two = self.partition.df
        return one * self.d, two * self.d

    def scores(self, x: np.ndarray) -> np.ndarray:
        """Subject-level values (n, d, *points) float64 of maps (n, cells, *points)."""
        x = cells_of(self, x)
        self.df(len(x))
        return weighted(x, self.cell_weights)

    @property
    def n_cells(self) -> int:
        """Maps a subject."""
        return 1 if self.weights is None else len(self.weights)

    @property
    def cell_weights(self) -> np.ndarray:
        """(cells, d) weights of the cells in a score."""
        return np.ones((1, 1)) if self.weights is None else np.array(self.weights)[:, None]


@dataclass(frozen=True)
class TwoSample(_Model):
    """Two groups of subjects, one map a subject: do their means differ? t.

    Parameters
    ----------
    groups : label of each subject, in the order of the maps.
    levels : the two labels; t is positive where the first has the larger mean. None: in sorted
        order.
    variances : "equal" (pooled: Student) or "unequal" (Welch).
    weights : of the maps in a subject's value, for several maps a subject: (1, -1) tests whether
        the groups differ in the difference of two conditions. None: one map a subject.
    """

    groups: Sequence[Any]
    levels: Sequence[Any] | None = None
    variances: str = "equal"
    weights: Sequence[float] | None = None
    statistic: ClassVar[str] = "t"

    def __post_init__(self) -> None:
        _set_groups(self, self.groups, self.levels)
        _set_weights(self)
        if len(self.levels) != 2:
            raise InputError(f"two groups are compared, not {', '.join(map(str, self.levels))}")
        if self.variances not in ("equal", "unequal"):
            raise InputError(f"variances {self.variances!r}: 'equal' or 'unequal'")
        few = [k for k in self.levels if self.groups.count(k) < 2]
        if few and self.unequal:
            raise InputError(f"group {few[0]} has one subject, whose variance is unknown")

    @property
    def unequal(self) -> bool:
        """Whether the groups have variances of their own."""
        return self.variances == "unequal"

    @property
    def claim(self) -> str:
        """What a significant result says."""
        return f"the groups {self.levels[0]} and {self.levels[1]} differ"

    def model(self) -> tuple[np.ndarray, np.ndarray, None]:
        """Indicators of the groups, their difference."""
        return _indicators(self), np.array([1.0, -1.0]), None

    def to_dict(self) -> dict[str, Any]:
        """The design as plain values."""
        return {
            "design": "TwoSample",
            "groups": list(self.groups),
            "levels": list(self.levels),
            "variances": self.variances,
            "weights": None if self.weights is None else list(self.weights),
        }


@dataclass(frozen=True)
class Between(_Model):
    """Several groups of subjects, one map a subject: do their means differ? One-way F.

    Parameters
    ----------
    groups, levels, weights : as in `TwoSample`, with any number of levels.
    """

    groups: Sequence[Any]
    levels: Sequence[Any] | None = None
    weights: Sequence[float] | None = None
    statistic: ClassVar[str] = "F"

    def __post_init__(self) -> None:
        _set_groups(self, self.groups, self.levels)
        _set_weights(self)

    @property
    def claim(self) -> str:
        """What a significant result says."""
        return f"the groups {', '.join(map(str, self.levels))} differ"

    def model(self) -> tuple[np.ndarray, np.ndarray, None]:
        """Indicators of the groups, their differences."""
        return _indicators(self), _differences(len(self.levels)), None

    def to_dict(self) -> dict[str, Any]:
        """The design as plain values."""
        return {
            "design": "Between",
            "groups": list(self.groups),
            "levels": list(self.levels),
            "weights": None if self.weights is None else list(self.weights),
        }


@dataclass(frozen=True)
class Mixed(_Model):
    """One effect of a design with groups of subjects and factors within subjects. F.

    An effect with the group in it permutes subjects; one without flips the signs of what the
    groups' own means leave of the contrast scores, and tests the unweighted mean of the groups.

    Parameters
    ----------
    groups, levels : as in `Between`.
    factors : within-subject factor to its number of levels; the first varies slowest.
    effect : "group", a factor, or several joined by ":".
    group : what the factor of the groups is called in `effect`.
    """

    groups: Sequence[Any]
    factors: Mapping[str, int] | tuple[tuple[str, int], ...]
    effect: str
    levels: Sequence[Any] | None = None
    group: str = "group"
    statistic: ClassVar[str] = "F"

    def __post_init__(self) -> None:
        _set_groups(self, self.groups, self.levels)
        factors = checked_factors(self.factors)
        object.__setattr__(self, "factors", factors)
        if self.group in dict(factors):
            raise InputError(f"the groups and a factor are both called {self.group!r}")
        effect = canonical_effect({self.group: len(self.levels)} | dict(factors), self.effect)
        object.__setattr__(self, "effect", effect)

    @property
    def _within(self) -> list[str]:
        return [name for name in self.effect.split(":") if name != self.group]

    @property
    def exchange(self) -> str:
        """Signs for an effect within subjects, orders where groups are compared."""
        return "orders" if self.group in self.effect.split(":") else "signs"

    @property
    def cell_weights(self) -> np.ndarray:
        """(cells, d) weights of the cells in a score."""
        if not self._within:
            return np.full((self.n_cells, 1), 1.0 / self.n_cells)
        return effect_contrasts(dict(self.factors), ":".join(self._within))

    @property
    def n_cells(self) -> int:
        """Maps a subject."""
        return math.prod(dict(self.factors).values())

    @property
    def d(self) -> int:
        """Components of the effect within subjects."""
        return self.cell_weights.shape[1]

    @property
    def claim(self) -> str:
        """What a significant result says."""
        return f"groups or conditions differ in the effect {self.effect}"

    def model(self) -> tuple[np.ndarray, np.ndarray, None]:
        """Indicators of the groups; their differences, or their mean."""
        k = len(self.levels)
        contrast = np.full(k, 1.0 / k) if self.exchange == "signs" else _differences(k)
        return _indicators(self), contrast, None

    def to_dict(self) -> dict[str, Any]:
        """The design as plain values."""
        return {
            "design": "Mixed",
            "groups": list(self.groups),
            "levels": list(self.levels),
            "group": self.group,
            "factors": dict(self.factors),
            "effect": self.effect,
        }


@dataclass(frozen=True)
class Regression(_Model):
    """One map a subject and covariates: partial t of one of them, or F of several.

    All covariates and an intercept are in the model; those that are not tested are nuisance
    (Freedman and Lane 1983).

    Parameters
    ----------
    covariates : name to the value of each subject, in the order of the maps.
    effect : a covariate's name; several joined by "+" for their joint F; "intercept" for the mean
        at average covariates, tested by sign flips.
    weights : as in `TwoSample`.
    """

    covariates: Mapping[str, Sequence[float]] | tuple[tuple[str, tuple[float, ...]], ...]
    effect: str
    weights: Sequence[float] | None = None

    def __post_init__(self) -> None:
        columns = {
            name: tuple(float(v) for v in values) for name, values in dict(self.covariates).items()
        }
        object.__setattr__(self, "covariates", tuple(columns.items()))
        _set_weights(self)
        parts = [part.strip() for part in self.effect.split("+")]
        object.__setattr__(self, "effect", "+".join(parts))
        findings = []
        if len({len(values) for values in columns.values()}) > 1:
            lengths = ", ".join(f"{name} {len(values)}" for name, values in columns.items())
            findings.append(f"covariates of different lengths: {lengths}")
        findings += [
            f"covariate {name}: subject {k} has no finite value; give one or leave the subject out"
            for name, values in columns.items()
            for k, value in enumerate(values)
            if not np.isfinite(value)
        ]
        findings += [
            f"effect {part!r} is no covariate; it is one of {', '.join(columns)}, intercept"
            for part in parts
            if part not in columns and parts != ["intercept"]
        ]
        if not columns:
            findings = ["a regression needs a covariate"]
        if findings:
            raise InputError(findings)

    @property
    def exchange(self) -> str:
        """Signs for the mean, orders for covariates."""
        return "signs" if self.effect == "intercept" else "orders"

    @property
    def statistic(self) -> str:
        """t of one covariate, F of several."""
        return "F" if "+" in self.effect else "t"

    @property
    def claim(self) -> str:
        """What a significant result says."""
        if self.effect == "intercept":
            return "the mean differs from zero"
        return f"the maps depend on {self.effect.replace('+', ' and ')}"

    def model(self) -> tuple[np.ndarray, np.ndarray, None]:
        """Intercept and centred covariates."""
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

    def to_dict(self) -> dict[str, Any]:
        """The design as plain values."""
        return {
            "design": "Regression",
            "covariates": {name: list(values) for name, values in dict(self.covariates).items()},
            "effect": self.effect,
            "weights": None if self.weights is None else list(self.weights),
        }


@dataclass(frozen=True)
class GLM(_Model):
    """Any linear model of the rows of maps: t of a contrast, F of several (Freedman and Lane).

    Parameters
    ----------
    matrix : (rows, p) design matrix; may be collinear if the contrast can be estimated.
    contrast : (p,) for a t, (p, q) for an F; each column a combination that is zero under the null.
    blocks : label of each row; rows are exchanged within a block only. None: all with all. Maps of
        a subject are exchangeable among themselves if errors are independent of condition
        (sphericity), and only if the matrix has the subjects' means.
    name : of the effect, in sentences and tables.
    """

    matrix: Sequence[Sequence[float]]
    contrast: Sequence[float] | Sequence[Sequence[float]]
    blocks: Sequence[Any] | None = None
    name: str = "contrast"

    def __post_init__(self) -> None:
        # Kept as tuples, so that designs can be compared and not changed.
        matrix, contrast = np.asarray(self.matrix, float), np.asarray(self.contrast, float)
        object.__setattr__(self, "matrix", _tuples(matrix))
        object.__setattr__(self, "contrast", _tuples(contrast))
        if self.blocks is not None:
            object.__setattr__(self, "blocks", tuple(_plain(k) for k in self.blocks))
        _ = self.partition  # what can not be estimated is told here

    @property
    def statistic(self) -> str:
        """t of one contrast, F of several."""
        return "F" if isinstance(self.contrast[0], tuple) else "t"

    @property
    def effect(self) -> str:
        """The effect's name."""
        return self.name

    @property
    def claim(self) -> str:
        """What a significant result says."""
        return f"the maps differ in {self.name}"

    def model(self) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Matrix, contrast and blocks."""
        blocks = None if self.blocks is None else np.array([str(k) for k in self.blocks])
        return np.array(self.matrix), np.array(self.contrast), blocks

    def to_dict(self) -> dict[str, Any]:
        """The design as plain values."""
        return {
            "design": "GLM",
            "matrix": [list(row) for row in self.matrix],
            "contrast": np.array(self.contrast).tolist(),
            "blocks": None if self.blocks is None else list(self.blocks),
            "name": self.name,
        }


def pooled_anova(factors: Mapping[str, int], effect: str, subjects: int) -> GLM:
    """An effect of a within-subject factorial design with pooled error: one F for all errors.

    Subjects are regressors and blocks. Assumes that errors are exchangeable over conditions
    (sphericity); `Within` does not.
    """
    name = canonical_effect(factors, effect)
    return pooled_contrast(effect_contrasts(factors, effect), subjects, name)


def pooled_contrast(weights: Sequence | np.ndarray, subjects: int, name: str = "contrast") -> GLM:
    """A contrast of conditions with pooled error: weights (cells,) for a t, (cells, q) for an F."""
    of_cells = np.asarray(weights, float)
    matrix, blocks = pooled_model(subjects, len(of_cells))
    of_subjects = np.zeros((subjects, *of_cells.shape[1:]))
    contrast = np.concatenate([of_cells, of_subjects])
    return GLM(matrix.tolist(), contrast.tolist(), blocks.tolist(), name)


def pooled_model(subjects: int, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """Design matrix and blocks of the pooled-error model: conditions and subjects.

    Returns
    -------
    matrix : (subjects * cells, cells + subjects), an indicator a condition, then one a subject;
        rows in the order of maps (subjects, cells).
    blocks : (subjects * cells,) the subject of each row.
    """
    condition, subject = np.tile(np.arange(cells), subjects), np.repeat(np.arange(subjects), cells)
    return np.hstack([np.eye(cells)[condition], np.eye(subjects)[subject]]), subject


def _tuples(array: np.ndarray) -> tuple:
    return tuple(map(_tuples, array)) if array.ndim else array.item()


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _set_groups(design: Any, groups: Sequence[Any], levels: Sequence[Any] | None) -> None:
    """Labels as tuples; InputError where a label is no level or a level has no subject."""
    groups = tuple(_plain(k) for k in groups)
    levels = tuple(sorted(set(groups))) if levels is None else tuple(_plain(k) for k in levels)
    named = ", ".join(map(str, levels))
    findings = [
        f"subject {k} is of group {group!r}, which is none of {named}"
        for k, group in enumerate(groups)
        if group not in levels
    ]
    findings += [f"group {level!r} has no subject" for level in levels if level not in groups]
    if len(set(levels)) < len(levels) or len(levels) < 2:
        findings.append(f"groups {named}: two different ones are needed at the least")
    if findings:
        raise InputError(findings)
    object.__setattr__(design, "groups", groups)
    object.__setattr__(design, "levels", levels)


def _set_weights(design: Any) -> None:
    if design.weights is not None:
        weights = tuple(float(w) for w in design.weights)
        if not weights or not np.isfinite(weights).all() or not any(weights):
            raise InputError(f"weights {design.weights}: one finite number a map, not all zero")
        object.__setattr__(design, "weights", weights)


def _indicators(design: Any) -> np.ndarray:
    return np.array([[float(g == level) for level in design.levels] for g in design.groups])


def _differences(k: int) -> np.ndarray:
    """(k, k - 1) contrasts of each level with the last."""
    return np.vstack([np.eye(k - 1), -np.ones(k - 1)])
