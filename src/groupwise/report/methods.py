"""The methods section of a paper, assembled from what each modality writes of itself.

It follows the checklists of COBIDAS-MRI (Nichols et al. 2017) and COBIDAS-MEEG (Pernet et al.
2020): participants, acquisition, preprocessing, first level, group model, inference, software. What
no file of the study states is listed at the end, for the authors to add.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from groupwise.config.study import Study
from groupwise.report import ready_made
from groupwise.report.group import write_group, write_model
from groupwise.report.modality import Modality, Passage
from groupwise.report.phrases import count, listed
from groupwise.report.references import Citations

#: Distributions that are cited where they processed the data: title and reference.
PACKAGES = {
    "mne": ("MNE-Python", "gramfort"),
    "mne-bids": ("MNE-BIDS", "appelhoff"),
    "mne-nirs": ("MNE-NIRS", None),
    "nilearn": ("nilearn", "abraham"),
    "statsmodels": ("statsmodels", None),
    "nibabel": ("nibabel", None),
}
#: Distributions that every study uses.
ALWAYS = ("numpy", "scipy", "numba", "pandas")


@dataclass(frozen=True)
class Methods:
    """The text: headed paragraphs, what authors must add, and the references that it cites."""

    parts: Sequence[tuple[str, Sequence[str]]]
    missing: Sequence[str]
    references: Sequence[str] = field(default=())

    def as_markdown(self, study: str) -> str:
        """The text as Markdown."""
        lines = [f"# Methods: {study}", ""]
        for heading, paragraphs in self.parts:
            lines += [f"## {heading}", ""]
            for paragraph in paragraphs:
                lines += [paragraph, ""]
        lines += ["## To be added by the authors", "", *(f"- {line}" for line in self.missing), ""]
        lines += ["## References", "", *(f"- {line}" for line in self.references)]
        return "\n".join(lines) + "\n"


def methods_text(
    study: Study,
    modalities: Sequence[Modality],
    effects: Sequence[Mapping[str, Any]],
    models: Sequence[Mapping[str, Any]],
    exclusions: Mapping[str, str],
    software: Mapping[str, str],
) -> Methods:
    """Assemble the methods section.

    Parameters
    ----------
    study : the typed config.
    modalities : as the report shows them; those with a `write_passage` write their own paragraphs.
    effects, models : as `build_report` takes them, each effect with its "analysis".
    exclusions : participants that were excluded, each with the reason.
    software : distribution to version.
    """
    cite = Citations()
    passages = {
        each.section: each.write_passage(study, each, cite)
        for each in modalities
        if each.write_passage is not None
    }
    parts: list[tuple[str, Sequence[str]]] = [
        ("Participants", [_participants(modalities, passages, exclusions)])
    ]
    for passage in passages.values():
        parts += passage.parts
    if given := ready_made.input_paragraphs(study):
        parts.append(("Input data", given))
    packages = [name for passage in passages.values() for name in passage.packages]
    if effects:
        describe = {
            each.section: each.describe_tested
            for each in modalities
            if each.describe_tested is not None
        }
        paragraphs, more = write_group(study, effects, describe, cite)
        parts.append(("Group analysis", paragraphs))
        packages += more
    if models:
        parts.append(("Mixed models", [write_model(study, model, cite) for model in models]))
        packages.append("statsmodels")
    is_bids = any(passage.is_bids for passage in passages.values())
    parts.append(("Software", [_software(software, packages, is_bids, cite)]))
    return Methods(parts, _missing(modalities, list(passages.values())), cite.listed)


def _participants(
    modalities: Sequence[Modality], passages: Mapping[str, Passage], exclusions: Mapping[str, str]
) -> str:
    """Who took part."""
    sentences = []
    for each in modalities:
        names = list(dict.fromkeys(str(s).split(" ses-")[0] for s in each.availability.index))
        kind = f"{passages[each.section].data} data" if each.section in passages else "Data"
        about, known = each.people.reindex(names), []
        if "age" in about and (age := pd.to_numeric(about["age"], errors="coerce")).notna().any():
            known.append(f"mean age {age.mean():.1f} years, range {age.min():g} to {age.max():g}")
        if "sex" in about and about["sex"].notna().any():
            female = about["sex"].astype(str).str.upper().str.startswith("F").sum()
            known.append(f"{female} female")
        details = "; ".join(known)
        sentences.append(
            f"{kind} from {count(len(names), 'participant')} were analysed"
            f"{f' ({details})' if details else ''}."
        )
    if exclusions:
        why = "; ".join(f"{subject}: {reason}" for subject, reason in exclusions.items())
        verb = "was" if len(exclusions) == 1 else "were"
        sentences.append(f"{count(len(exclusions), 'participant')} {verb} excluded ({why}).")
    else:
        sentences.append("No participants were excluded.")
    return " ".join(sentences)


def _software(
    software: Mapping[str, str], packages: Sequence[str], is_bids: bool, cite: Citations
) -> str:
    """What made the results, each with its version."""
    words = []
    for name, (title, key) in PACKAGES.items():
        if name in packages and name in software:
            words.append(f"{title} {software[name]}{f' {cite(key)}' if key else ''}")
    words += [f"{name} {software[name]}" for name in ALWAYS if name in software]
    bids = (
        f" Data were organised according to the Brain Imaging Data Structure (BIDS; "
        f"{cite.bare('gorgolewski')})."
        if is_bids
        else ""
    )
    versions = [f"Python {software['python']}"] if "python" in software else []
    versions += words
    return (
        f"All stages were run with Groupwise {software.get('groupwise', '')}, a Snakemake workflow "
        f"{cite('molder')}{f', using {listed(versions)}' if versions else ''}.{bids} "
        "The configuration of the study, with all settings and seeds, is part of the report."
    )


def _missing(modalities: Sequence[Modality], passages: Sequence[Passage]) -> list[str]:
    """What the checklists ask for and no file of the study states."""
    lines = [
        "Recruitment, inclusion criteria, consent and ethics; handedness and medication.",
        "How the sample size was determined; hypotheses and preregistration.",
        "Stimuli, their timing and presentation, instructions, responses and behaviour.",
        "Availability of data and code.",
    ]
    for each in modalities:
        if unknown := [about for about in ("age", "sex") if about not in each.people]:
            lines.append(f"{each.name}: {' and '.join(unknown)} of the participants.")
    return lines + [line for passage in passages for line in passage.missing]
