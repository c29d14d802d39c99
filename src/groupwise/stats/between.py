"""Designs that compare groups of subjects, also with within-subject factors."""

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
    """Base class of designs with groups of subjects.

    Attributes
    ----------
    groups : group label of each subject, in the order of the maps.
    levels : distinct labels, in the order of the columns of the design matrix.
    """

    groups: Sequence[Any]
    levels: Sequence[Any]

    def _check_groups(self) -> None:
        """Convert the labels to tuples. Raises `InputError` if labels and levels do not match."""
        groups = frozen(tuple(self.groups))
        given = () if self.levels is None else tuple(self.levels)
        levels = frozen(given) or tuple(sorted(set(groups)))
        named = ", ".join(map(str, levels))
        findings = [
            f"subject {k} has group {group!r}, which is not one of {named}"
            for k, group in enumerate(groups)
            if group not in levels
        ]
        findings += [f"group {level!r} has no subject" for level in levels if level not in groups]
        if len(set(levels)) < len(levels) or len(levels) < 2:
            findings.append(f"groups are {named}; give two or more different groups")
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
        """Assumption of the resampling, as a clause."""
        if self.exchange == "signs":
            return super().assumption
        equal = "equal variances" if self.d == 1 else "equal variances and covariances"
        return f"under the null hypothesis subjects are exchangeable between the groups ({equal})"

    def column_names(self, cells: Sequence[str] = ()) -> list[str]:
        """Return the names of the columns of the design matrix: the groups."""
        return [str(level) for level in self.levels]

    @property
    def _indicators(self) -> np.ndarray:
        """(n, levels) design matrix with one indicator per group."""
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
    """Comparison of two groups with one value per subject. Statistic: t.

    Parameters
    ----------
    groups : group label of each subject, in the order of the maps.
    levels : the two labels; t is positive if the first group has the larger mean. If empty, the
        sorted labels.
    variances : "equal" (Student, pooled variance) or "unequal" (Welch).
    weights : weights of the maps of a subject in its value. (1, -1) compares the groups in the
        difference of two conditions. None: one map per subject.
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
            raise InputError(
                f"groups are {', '.join(map(str, self.levels))}; TwoSample compares two groups"
            )
        if self.variances not in ("equal", "unequal"):
            raise InputError(f"variances is {self.variances!r}; it must be 'equal' or 'unequal'")
        few = [k for k in self.levels if self.groups.count(k) < 2]
        if few and self.unequal:
            raise InputError(
                f"group {few[0]} has one subject, so its variance cannot be estimated; add subjects"
            )

    @property
    def unequal(self) -> bool:
        """Whether the groups have separate variances."""
        return self.variances == "unequal"

    @property
    def claim(self) -> str:
        """Statement that a significant result supports."""
        return f"the groups {self.levels[0]} and {self.levels[1]} differ"

    def model(self) -> tuple[np.ndarray, np.ndarray, None]:
        """Return the indicators of the groups and the contrast of their difference."""
        return self._indicators, np.array([1.0, -1.0]), None

    @property
    def supports_hat(self) -> bool:
        """Whether the variance of the statistic can be regularised by the 'hat'."""
        return not self.unequal

    @property
    def effect_size_name(self) -> str:
        """Name of the effect size that `effect_size` computes."""
        return "Cohen's d"

    def effect_size(self, statistic: float, n: int) -> tuple[float, float, float]:
        """Return the difference of the groups / pooled standard deviation, and its 95% interval."""
        scale = sum(1 / size for size in self.group_sizes.values()) ** 0.5
        return cohens_d(statistic, self.df(n)[1], scale)

    @property
    def assumption(self) -> str:
        """Assumption of the resampling, as a clause."""
        if not self.unequal:
            return super().assumption
        return (
            "under the null hypothesis subjects are exchangeable between the groups; with Welch's "
            "t the test is also valid in large samples whose variances differ"
        )

    def describe(self, names: StudyNames = UNNAMED, alternative: str = "two-sided") -> str:
        """Return the design and the tested effect, as a line of a report."""
        test = "Welch's t" if self.unequal else "t"
        return self._describe_comparison(names, test, alternative)

    def describe_model(self, names: StudyNames = UNNAMED) -> str:
        """Return the design of all effects of an analysis, as a sentence of a methods section."""
        return self._describe_groups(names, f"{'Welch' if self.unequal else 'Student'}'s t test")


@dataclass(frozen=True)
class Between(GroupDesign):
    """Comparison of several groups with one value per subject. Statistic: one-way F.

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
        """Return the indicators of the groups and the contrasts of their differences."""
        return self._indicators, _differences(len(self.levels)), None

    def describe(self, names: StudyNames = UNNAMED, alternative: str = "two-sided") -> str:
        """Return the design and the tested effect, as a line of a report."""
        return self._describe_comparison(names, "F", alternative)

    def describe_model(self, names: StudyNames = UNNAMED) -> str:
        """Return the design of all effects of an analysis, as a sentence of a methods section."""
        return self._describe_groups(names, "a one-way ANOVA")


@dataclass(frozen=True)
class Mixed(GroupDesign):
    """One effect of a mixed design: groups of subjects and within-subject factors. Statistic: F.

    Effects that include the group permute subjects. Other effects flip the signs of the residuals
    of the contrast scores, given the mean of each group; they test the unweighted mean of groups.

    Parameters
    ----------
    groups : as in `Between`.
    factors : number of levels of each within-subject factor; the first factor varies slowest.
    effect : "group", a factor, or several of them joined by ":".
    levels : as in `Between`.
    group : name of the between-subject factor in `effect`.
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
            raise InputError(
                f"the groups and a factor are both called {self.group!r}; rename one of them"
            )
        effect = canonical_effect({self.group: len(self.levels)} | dict(factors), self.effect)
        object.__setattr__(self, "effect", effect)

    @property
    def _within(self) -> list[str]:
        return [name for name in self.effect.split(":") if name != self.group]

    @property
    def exchange(self) -> str:
        """ "signs" for effects within subjects, "orders" for effects that include the group."""
        return "orders" if self.group in self.effect.split(":") else "signs"

    @property
    def cell_weights(self) -> np.ndarray:
        """(cells, d) weights of the cells in a score."""
        if not self._within:
            return np.full((self.n_cells, 1), 1.0 / self.n_cells)
        return effect_contrasts(dict(self.factors), ":".join(self._within))

    @property
    def n_cells(self) -> int:
        """Number of maps per subject."""
        return math.prod(dict(self.factors).values())

    @property
    def d(self) -> int:
        """Number of within-subject components of the effect."""
        return self.cell_weights.shape[1]

    @property
    def claim(self) -> str:
        """Statement that a significant result supports."""
        return f"groups or conditions differ in the effect {self.effect}"

    def model(self) -> tuple[np.ndarray, np.ndarray, None]:
        """Return the indicators of the groups, and contrasts of their differences or mean."""
        k = len(self.levels)
        contrast = np.full(k, 1.0 / k) if self.exchange == "signs" else _differences(k)
        return self._indicators, contrast, None

    @property
    def compares_conditions(self) -> bool:
        """Whether the effect compares conditions of the same subject."""
        return bool(self._within)

    def describe(self, names: StudyNames = UNNAMED, alternative: str = "two-sided") -> str:
        """Return the design and the tested effect, as a line of a report."""
        return (
            f"Groups {', '.join(self._sizes())} × repeated measures "
            f"{' × '.join(names.write_factors(dict(self.factors)))}. Tested: "
            f"{kind_of_effect(self.effect)}."
        )

    def describe_model(self, names: StudyNames = UNNAMED) -> str:
        """Return the design of all effects of an analysis, as a sentence of a methods section."""
        return (
            f"The design was a mixed ANOVA of the groups {join_words(self._sizes())} "
            f"and the {within_factors(names, dict(self.factors))}; each effect was tested with its "
            "own error term."
        )


def _differences(k: int) -> np.ndarray:
    """Return (k, k - 1) contrasts of each level with the last one."""
    return np.vstack([np.eye(k - 1), -np.ones(k - 1)])
