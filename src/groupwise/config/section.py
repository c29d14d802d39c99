"""Base classes, types and checks that the sections of the config share."""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from groupwise.config.formula import weights_of
from groupwise.errors import InputError

Label = Annotated[str, Field(pattern=r"^[A-Za-z0-9]+$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$")]
#: Entities of BIDS file names; null: the name lacks the entity.
Entities = dict[Annotated[str, Field(pattern=r"^[a-z]+$")], Label | None]
SectionType = TypeVar("SectionType", bound="Section")
Probability = Annotated[float, Field(gt=0, lt=1)]
#: Haemodynamic response functions of nilearn.
Hrf = Literal[
    "spm",
    "spm + derivative",
    "spm + derivative + dispersion",
    "glover",
    "glover + derivative",
    "glover + derivative + dispersion",
]


def plausible(unit: str, low: float, high: float) -> AfterValidator:
    """Return a validator of a number in a unit, which refuses values in another unit.

    Parameters
    ----------
    unit : unit of the value.
    low, high : limits, which no study that is known exceeds. 0, which often means "none", and
        negative values are not compared with `low`.
    """

    def check(value: float) -> float:
        if finding := unit_finding(value, unit, low, high):
            raise ValueError(finding)
        return value

    return AfterValidator(check)


def unit_finding(value: float, unit: str, low: float, high: float) -> str:
    """Return a finding on a value that is implausible in its unit; "" if it is plausible."""
    if abs(value) <= high and not 0 < value < low:
        return ""
    return (
        f"is {value:g}, but the unit is {unit}, in which {low:g} to {high:g} is plausible; write "
        f"the value in {unit}"
    )


#: High-pass cutoff of a drift model: periods of 2 s (as short as a trial) to hours. Some programs
#: have the period in s instead, such as 128.
HIGH_PASS = plausible("Hz", 1e-5, 0.5)


class Section(BaseModel):
    """A part of the config: unknown keys are refused, and values cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    @property
    def changed_keys(self) -> set[str]:
        """Keys whose values differ from their defaults, and all keys without a default."""
        return {
            key
            for key, field in type(self).model_fields.items()
            if field.is_required() or getattr(self, key) != field.get_default()
        }


class DataSection(Section):
    """Section of one kind of data."""

    def check(self, bids_root: str | None) -> list[str]:
        """Return findings on what the section needs from the top level of the study."""
        return []


def check_names(conditions: Iterable[str]) -> list[str]:
    """Return findings on conditions that file names or cells of a design cannot distinguish."""
    findings = []
    # Conditions are parts of file names, which have letters and digits only and are not
    # case-sensitive on some systems.
    plain = {name: re.sub("[^A-Za-z0-9]", "", name).lower() for name in conditions}
    alike = [n for n in plain if list(plain.values()).count(plain[n]) > 1 or not plain[n]]
    if alike:
        findings.append(
            f"conditions: the names {', '.join(alike)} need distinct letters and digits, because "
            "files are named after them; rename them"
        )
    tags = {name: set(name.split("/")) for name in conditions}
    inside = [f"{a} and {b}" for a in tags for b in tags if a != b and tags[a] <= tags[b]]
    if inside:
        findings.append(
            f"conditions: {', '.join(inside)}: the second has all tags of the first, which would "
            "therefore select both; add a tag to the first"
        )
    return findings


def check_first_level(conditions: Mapping[str, str], contrasts: Mapping[str, str]) -> list[str]:
    """Return findings on the conditions and contrasts of a first-level model."""
    findings = check_names(conditions)
    plain = {re.sub("[^A-Za-z0-9]", "", name).lower() for name in conditions}
    findings += [
        f"contrasts.{name}: a condition has the same name; rename the contrast"
        for name in contrasts
        if name.lower() in plain
    ]
    kinds = list(conditions.values())
    twice = sorted({kind for kind in kinds if kinds.count(kind) > 1})
    if twice:
        findings.append(
            f"conditions: two have the trial_type {', '.join(twice)}; remove one of them"
        )
    for name, formula in contrasts.items():
        try:
            weights_of(formula, list(conditions))
        except InputError as error:
            findings += [f"contrasts.{name}: {line}" for line in error.findings]
    return findings


def present(section: SectionType | None) -> SectionType:
    """Return a section of the config that the caller knows to exist."""
    assert section is not None
    return section
