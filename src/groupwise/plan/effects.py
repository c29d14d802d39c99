"""The effects of all analyses: their designs, resamplings, smallest p and blocks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from groupwise.config.analysis import Analysis
from groupwise.config.study import Study
from groupwise.errors import InputError
from groupwise.plan.design import declare_design
from groupwise.plan.paths import slug
from groupwise.plan.source import Source
from groupwise.stats.declared import design_from_dict, floor_of


@dataclass(frozen=True)
class PlannedEffect:
    """One effect of an analysis.

    Attributes
    ----------
    name : as the config has it.
    design : its design as plain values.
    subjects : their number.
    resamplings : distinct ones of the design.
    permutations : resamplings that are computed: those asked for, or all there are.
    block_size : permutations per block file.
    """

    analysis: str
    name: str
    design: dict[str, Any]
    subjects: int
    resamplings: int
    permutations: int
    block_size: int

    @property
    def slug(self) -> str:
        """The effect's part of paths."""
        return slug(self.name)

    @property
    def blocks(self) -> list[tuple[int, int]]:
        """Start and size of each block: fixed ranges, so that more permutations add blocks."""
        return [(start, self.block_size) for start in range(0, self.permutations, self.block_size)]

    def stop(self, start: int, size: int) -> int:
        """Return the end of a block: its size further on, or where the distinct resamplings end.

        Not where the permutations asked for end: the block stays valid when more are asked for.
        """
        return min(start + size, self.resamplings)


def plan_effects(
    study: Study, sources: Mapping[str, Source]
) -> tuple[dict[tuple[str, str], PlannedEffect], list[str]]:
    """Return the effects of all analyses by analysis and slug, and what is wrong with them.

    Parameters
    ----------
    sources : by section. Analyses of a source without subjects are passed over: its own findings
        tell why.
    """
    effects: dict[tuple[str, str], PlannedEffect] = {}
    findings: list[str] = []
    for name, analysis in study.analyses.items():
        source = sources[analysis.data]
        if not source.subjects_of(name):
            continue
        try:
            own = _effects_of(study, name, analysis, source)
        except InputError as error:
            findings += [
                each if each.startswith("config: ") else f"analyses.{name}: {each}"
                for each in error.findings
            ]
            continue
        effects |= {(name, effect.slug): effect for effect in own}
        findings += _floor_findings(name, analysis, own)
    return effects, list(dict.fromkeys(findings))


def _effects_of(study: Study, name: str, analysis: Analysis, source: Source) -> list[PlannedEffect]:
    """Return the effects of an analysis. Raises `InputError` where a design is refused."""
    people, origin = source.people(name)
    subjects = source.subjects_of(name)
    effects = []
    for effect in analysis.effect_names:
        design = declare_design(analysis, effect, subjects, people, origin)
        made = design_from_dict(design)
        rows = made.n_rows(len(subjects))
        made.df(rows)  # refused here, before any work, and not by the first job
        distinct, _ = floor_of(made, rows, analysis.alternative)
        effects.append(
            PlannedEffect(
                analysis=name,
                name=effect,
                design=design,
                subjects=len(subjects),
                resamplings=distinct,
                permutations=min(analysis.permutations, distinct),
                block_size=study.block_size,
            )
        )
    return effects


def _floor_findings(name: str, analysis: Analysis, effects: list[PlannedEffect]) -> list[str]:
    """Return a finding where the smallest possible p of an effect can't reach alpha."""
    # Effects between groups and within subjects differ in their resamplings.
    least = min(effects, key=lambda effect: effect.resamplings)
    count = least.permutations
    if 1 / count <= analysis.alpha:
        return []
    more = "" if count == least.resamplings else " or permutations"
    return [
        f"config: analyses.{name}: {least.subjects} subjects and {analysis.permutations} "
        f"permutations give {count} resamplings, so no p can be below {1 / count:.3g}, and alpha "
        f"is {analysis.alpha}; add subjects{more}"
    ]
