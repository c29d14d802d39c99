"""Names of the parts of a design in a study, and phrases that contain them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

#: Alternatives of a t test, and their wording in a report.
ALTERNATIVES = {
    "two-sided": "two-sided",
    "greater": "one-sided, greater",
    "less": "one-sided, less",
}


@dataclass(frozen=True)
class StudyNames:
    """Names of the parts of a design in a study, for its wording.

    Attributes
    ----------
    conditions : the tested condition, or the two conditions of a difference. May be empty.
    levels : names of the levels of each within-subject factor.
    sums : weighted sums of conditions of a contrast, as in the config.
    """

    conditions: Sequence[str] = ()
    levels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sums: Sequence[str] = ()

    def write_factors(self, factors: Mapping[str, int]) -> list[str]:
        """Return factors with levels, such as "noise (absent, present)" or "angle (3 levels)"."""
        return [
            f"{name} ({', '.join(self.levels[name]) if name in self.levels else f'{k} levels'})"
            for name, k in factors.items()
        ]

    def write_value(self, weights: Sequence[float] | None) -> str:
        """Return the subject-level value in words: one map, a difference or a weighted sum."""
        if weights is None:
            return "one map"
        if tuple(weights) != (1.0, -1.0):
            return f"a weighted sum of {len(weights)} maps"
        two = self.conditions if len(self.conditions) == 2 else ("first", "second condition")
        return " minus ".join(two)

    @property
    def in_brackets(self) -> str:
        """The sums of a contrast in brackets, after a space; "" if there are none."""
        return f" ({'; '.join(self.sums)})" if self.sums else ""


#: Names of a design of arrays, whose parts have no names.
UNNAMED = StudyNames()


def side_of(alternative: str) -> str:
    """Return the side of a one-sided test in brackets, after a space; "" if it is two-sided."""
    return "" if alternative == "two-sided" else f" ({ALTERNATIVES[alternative]})"


def kind_of_effect(effect: str) -> str:
    """Return an effect of factors in words: "main effect of a" or "interaction a:b"."""
    return f"interaction {effect}" if ":" in effect else f"main effect of {effect}"


def within_factors(names: StudyNames, factors: Mapping[str, int]) -> str:
    """Return the within-participant factors with their levels, as part of a sentence."""
    word = "factor" if len(factors) == 1 else "factors"
    return f"within-participant {word} {join_words(names.write_factors(factors))}"


def join_words(words: Sequence[str]) -> str:
    """Return words as a list in a sentence: "a", "a and b" or "a, b and c"."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
