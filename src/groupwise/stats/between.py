"""Designs that compare groups of subjects, in one map or difference each, or in conditions."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from groupwise.errors import InputError
from groupwise.stats.contrasts import canonical_effect, effect_contrasts
from groupwise.stats.designs import checked_factors, frozen
from groupwise.stats.effect_sizes import cohens_d
from groupwise.stats.linear import GLM as GLM  # the old path of these four
from groupwise.stats.linear import LinearModel, checked_weights
from groupwise.stats.linear import Regression as Regression
from groupwise.stats.linear import pooled_anova as pooled_anova
from groupwise.stats.linear import pooled_contrast as pooled_contrast
from groupwise.stats.names import (
    UNNAMED,
    StudyNames,
    join_words,
    kind_of_effect,
    side_of,
    within_factors,
)


class GroupDesign(LinearModel):
    """A design that has groups of subjects.

    Attributes
    ----------
    groups : label of each subject, in the order of the maps.
    levels : the labels, in the order of the columns of the design matrix.
    """

    groups: Sequence[Any]
    levels: Sequence[Any]

    def _check_groups(self) -> None:
        """Labels as tuples; InputError where a label is no level or a level has no subject."""
        groups = frozen(tuple(self.groups))
        given = () if self.levels is None else tuple(self.levels)
        levels = frozen(given) or tuple(sorted(set(groups)))
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
        object.__setattr__(self, "groups", groups)
        object.__setattr__(self, "levels", levels)

    @property
    def group_sizes(self) -> dict[str, int]:
        """Number of subjects in each group, in the order of the levels."""
        return {str(level): self.groups.count(level) for level in self.levels}

    @property
    def label(self) -> str:
        """Short name of the effect, for titles and tables."""
        return self.effect or " against ".join(map(str, self.levels))

    @property
    def assumption(self) -> str:
        """What the resampling assumes, as a clause."""
        if self.exchange == "signs":
            return super().assumption
        equal = "equal variances" if self.d == 1 else "equal variances and covariances"
        return f"under the null hypothesis subjects are exchangeable between the groups ({equal})"

    def column_names(self, cells: Sequence[str] = ()) -> list[str]:
        """Names of the columns of the design matrix: the groups."""
        return [str(level) for level in self.levels]

    @property
    def _indicators(self) -> np.ndarray:
        """(n, levels) design matrix, an indicator of each group."""
        return np.array([[float(g == level) for level in self.levels] for g in self.groups])

    def _sizes(self) -> list[str]:
        return [f"{name} (n = {size})" for name, size in self.group_sizes.items()]

    def _describe_comparison(self, names: StudyNames, test: str, alternative: str) -> str:
        return (
            f"Groups of subjects: {', '.join(self._sizes())}; {names.write_value(self.weights)} of "
            f"each subject, {test}{side_of(alternative)}."
        )

    def _describe_groups(self, names: StudyNames, test: str) -> str:
        return (
            f"The groups {join_words(self._sizes())} were compared by {test}; the value of each "
            f"participant was {names.write_value(self.weights)}."
        )


@dataclass(frozen=True)
class TwoSample(GroupDesign):
    """Two groups of subjects, one map a subject: do their means differ? t.

    Parameters
    ----------
    groups : label of each subject, in the order of the maps.
    levels : the two labels; t is positive where the first has the larger mean. Empty: in sorted
        order.
    variances : "equal" (pooled: Student) or "unequal" (Welch).
    weights : of the maps in a subject's value, for several maps a subject: (1, -1) tests whether
        the groups differ in the difference of two conditions. None: one map a subject.
    """

    groups: Sequence[Any]
    levels: Sequence[Any] = ()
    variances: str = "equal"
    weights: Sequence[float] | None = None
    statistic: ClassVar[str] = "t"
    effect: ClassVar[str | None] = None

    def __post_init__(self) -> None:
        self._check_groups()
        object.__setattr__(self, "weights", checked_weights(self.weights))
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
        """Statement that a significant result supports."""
        return f"the groups {self.levels[0]} and {self.levels[1]} differ"

    def model(self) -> tuple[np.ndarray, np.ndarray, None]:
        """Indicators of the groups, their difference."""
        return self._indicators, np.array([1.0, -1.0]), None

    @property
    def supports_hat(self) -> bool:
        """Whether the variance of the statistic can be regularised by the 'hat'."""
        return not self.unequal

    @property
    def effect_size_name(self) -> str:
        """The effect size that `effect_size` computes."""
        return "Cohen's d"

    def effect_size(self, statistic: float, n: int) -> tuple[float, float, float]:
        """The groups' difference over their pooled standard deviation, and its 95% interval."""
        scale = sum(1 / size for size in self.group_sizes.values()) ** 0.5
        return cohens_d(statistic, self.df(n)[1], scale)

    @property
    def assumption(self) -> str:
        """What the resampling assumes, as a clause."""
        if not self.unequal:
            return super().assumption
        return (
            "under the null hypothesis subjects are exchangeable between the groups; with Welch's "
            "t the test is also valid in large samples whose variances differ"
        )

    def describe(self, names: StudyNames = UNNAMED, alternative: str = "two-sided") -> str:
        """The design and the tested effect as a line of a report."""
        test = "Welch's t" if self.unequal else "t"
        return self._describe_comparison(names, test, alternative)

    def describe_model(self, names: StudyNames = UNNAMED) -> str:
        """What all effects of an analysis share, as a sentence of a methods section."""
        return self._describe_groups(names, f"{'Welch' if self.unequal else 'Student'}'s t test")


@dataclass(frozen=True)
class Between(GroupDesign):
    """Several groups of subjects, one map a subject: do their means differ? One-way F.

    Parameters
    ----------
    groups, levels, weights : as in `TwoSample`, with any number of levels.
    """

    groups: Sequence[Any]
    levels: Sequence[Any] = ()
    weights: Sequence[float] | None = None
    statistic: ClassVar[str] = "F"
    effect: ClassVar[str | None] = None

    def __post_init__(self) -> None:
        self._check_groups()
        object.__setattr__(self, "weights", checked_weights(self.weights))

    @property
    def claim(self) -> str:
        """Statement that a significant result supports."""
        return f"the groups {', '.join(map(str, self.levels))} differ"

    def model(self) -> tuple[np.ndarray, np.ndarray, None]:
        """Indicators of the groups, their differences."""
        return self._indicators, _differences(len(self.levels)), None

    def describe(self, names: StudyNames = UNNAMED, alternative: str = "two-sided") -> str:
        """The design and the tested effect as a line of a report."""
        return self._describe_comparison(names, "F", alternative)

    def describe_model(self, names: StudyNames = UNNAMED) -> str:
        """What all effects of an analysis share, as a sentence of a methods section."""
        return self._describe_groups(names, "a one-way ANOVA")


@dataclass(frozen=True)
class Mixed(GroupDesign):
    """One effect of a design with groups of subjects and factors within subjects. F.

    An effect with the group in it permutes subjects; one without flips the signs of what the
    groups' own means leave of the contrast scores, and tests the unweighted mean of the groups.

    Parameters
    ----------
    groups : as in `Between`.
    factors : within-subject factor to its number of levels; the first varies slowest.
    effect : "group", a factor, or several joined by ":".
    levels : as in `Between`.
    group : name of the factor of the groups in `effect`.
    """

    groups: Sequence[Any]
    levels: Sequence[Any] = field(default=(), kw_only=True)
    group: str = field(default="group", kw_only=True)
    factors: Mapping[str, int] | tuple[tuple[str, int], ...]
    effect: str
    given: ClassVar[str] = "the means of the groups"
    score_words: ClassVar[str] = "contrast scores"
    statistic: ClassVar[str] = "F"

    def __post_init__(self) -> None:
        self._check_groups()
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
        """Statement that a significant result supports."""
        return f"groups or conditions differ in the effect {self.effect}"

    def model(self) -> tuple[np.ndarray, np.ndarray, None]:
        """Indicators of the groups; their differences, or their mean."""
        k = len(self.levels)
        contrast = np.full(k, 1.0 / k) if self.exchange == "signs" else _differences(k)
        return self._indicators, contrast, None

    @property
    def compares_conditions(self) -> bool:
        """Whether the effect compares conditions of the same subject."""
        return bool(self._within)

    def describe(self, names: StudyNames = UNNAMED, alternative: str = "two-sided") -> str:
        """The design and the tested effect as a line of a report."""
        return (
            f"Groups {', '.join(self._sizes())} × repeated measures "
            f"{' × '.join(names.write_factors(dict(self.factors)))}. Tested: "
            f"{kind_of_effect(self.effect)}."
        )

    def describe_model(self, names: StudyNames = UNNAMED) -> str:
        """What all effects of an analysis share, as a sentence of a methods section."""
        return (
            f"The design was a mixed ANOVA of the groups {join_words(self._sizes())} "
            f"and the {within_factors(names, dict(self.factors))}; each effect was tested with its "
            "own error term."
        )


def _differences(k: int) -> np.ndarray:
    """(k, k - 1) contrasts of each level with the last."""
    return np.vstack([np.eye(k - 1), -np.ones(k - 1)])
