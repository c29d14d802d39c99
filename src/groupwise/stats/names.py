"""Names that a study gives to the parts of a design, and the phrases that are made of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

#: Alternatives of a t test, and how they are written in a report.
ALTERNATIVES = {
    "two-sided": "two-sided",
    "greater": "one-sided, greater",
    "less": "one-sided, less",
}


@dataclass(frozen=True)
class StudyNames:
    """Names that a study gives to the parts of a design, for its wording.

    Attributes
    ----------
    conditions : of a test: the condition, or the two whose difference is tested. May be empty.
    levels : within-subject factor to the names of its levels.
    sums : of a contrast: its sum or sums of conditions, as written in the config.
    """

    conditions: Sequence[str] = ()
    levels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sums: Sequence[str] = ()

    def write_factors(self, factors: Mapping[str, int]) -> list[str]:
        """Each factor with its levels, such as "noise (absent, present)" or "angle (3 levels)"."""
        return [
            f"{name} ({', '.join(self.levels[name]) if name in self.levels else f'{k} levels'})"
            for name, k in factors.items()
        ]

    def write_value(self, weights: Sequence[float] | None) -> str:
        """The value of a subject: one map, a difference, or another weighted sum of maps."""
        if weights is None:
            return "one map"
        if tuple(weights) != (1.0, -1.0):
            return f"a weighted sum of {len(weights)} maps"
        two = self.conditions if len(self.conditions) == 2 else ("first", "second condition")
        return " minus ".join(two)

    @property
    def in_brackets(self) -> str:
        """The sums of a contrast in brackets, after a space; empty if there are none."""
        return f" ({'; '.join(self.sums)})" if self.sums else ""


#: For designs of arrays, whose parts have no names.
UNNAMED = StudyNames()


def side_of(alternative: str) -> str:
    """The side of a one-sided test in brackets, after a space; empty for two-sided tests."""
    return "" if alternative == "two-sided" else f" ({ALTERNATIVES[alternative]})"


def kind_of_effect(effect: str) -> str:
    """An effect of a factorial design in words, "main effect of a" or "interaction a:b"."""
    return f"interaction {effect}" if ":" in effect else f"main effect of {effect}"


def within_factors(names: StudyNames, factors: Mapping[str, int]) -> str:
    """The within-participant factors of a sentence, with their levels."""
    word = "factor" if len(factors) == 1 else "factors"
    return f"within-participant {word} {join_words(names.write_factors(factors))}"


def join_words(words: Sequence[str]) -> str:
    """Words as a sentence lists them: "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
