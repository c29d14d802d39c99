"""What every part of the typed config is made of."""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from groupwise.config.formula import weights_of
from groupwise.errors import InputError

Label = Annotated[str, Field(pattern=r"^[A-Za-z0-9]+$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$")]
Probability = Annotated[float, Field(gt=0, lt=1)]
#: Haemodynamic responses of nilearn.
Hrf = Literal[
    "spm",
    "spm + derivative",
    "spm + derivative + dispersion",
    "glover",
    "glover + derivative",
    "glover + derivative + dispersion",
]


class Section(BaseModel):
    """A part of the config: no unknown keys, no change once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    @property
    def changed_keys(self) -> set[str]:
        """Keys whose values differ from their defaults; keys without a default are among them."""
        return {
            key
            for key, field in type(self).model_fields.items()
            if field.is_required() or getattr(self, key) != field.get_default()
        }


class DataSection(Section):
    """A section on one kind of data."""

    def check(self, bids_root: str | None) -> list[str]:
        """Findings where the section does not fit the study's top level."""
        return []


def check_names(conditions: Iterable[str]) -> list[str]:
    """Findings on conditions that a file name or a cell of a design could not tell apart."""
    findings = []
    # Conditions are parts of file names, which hold letters and digits alone and on some systems
    # take capitals for small letters.
    plain = {name: re.sub("[^A-Za-z0-9]", "", name).lower() for name in conditions}
    alike = [n for n in plain if list(plain.values()).count(plain[n]) > 1 or not plain[n]]
    if alike:
        findings.append(
            f"conditions {', '.join(alike)}: their letters and digits do not tell them apart, and "
            "files are named after them; rename"
        )
    tags = {name: set(name.split("/")) for name in conditions}
    inside = [f"{a} and {b}" for a in tags for b in tags if a != b and tags[a] <= tags[b]]
    if inside:
        findings.append(
            f"conditions {', '.join(inside)}: the first's tags are among the second's, so it would "
            "select both; give it a tag of its own"
        )
    return findings


def check_first_level(conditions: Mapping[str, str], contrasts: Mapping[str, str]) -> list[str]:
    """Findings on the conditions and contrasts of a first-level model."""
    findings = check_names(conditions)
    plain = {re.sub("[^A-Za-z0-9]", "", name).lower() for name in conditions}
    findings += [
        f"contrasts.{name}: a condition has this name; rename the contrast"
        for name in contrasts
        if name.lower() in plain
    ]
    kinds = list(conditions.values())
    twice = sorted({kind for kind in kinds if kinds.count(kind) > 1})
    if twice:
        findings.append(f"two conditions share the trial_type {', '.join(twice)}")
    for name, formula in contrasts.items():
        try:
            weights_of(formula, list(conditions))
        except InputError as error:
            findings += [f"contrasts.{name}: {line}" for line in error.findings]
    return findings
