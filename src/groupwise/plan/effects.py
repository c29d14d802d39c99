"""Plan the effects of all analyses: designs, number of resamplings, smallest p and blocks."""

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
    name : name in the config.
    design : dict form of the design.
    subjects : number of subjects.
    resamplings : number of distinct resamplings of the design.
    permutations : number of computed resamplings: as the config requests, at most `resamplings`.
    block_size : number of permutations per block.
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
        """Name of the effect in paths."""
        return slug(self.name)

    @property
    def blocks(self) -> list[tuple[int, int]]:
        """Start and size of each block. Ranges are fixed, so more permutations add blocks."""
        return [(start, self.block_size) for start in range(0, self.permutations, self.block_size)]

    def stop(self, start: int, size: int) -> int:
        """Return the end of a block: start + size, limited by the number of distinct resamplings.

        The requested number of permutations is no limit, so a block remains valid if it is raised.
        """
        return min(start + size, self.resamplings)


def plan_effects(
    study: Study, sources: Mapping[str, Source]
) -> tuple[dict[tuple[str, str], PlannedEffect], list[str]]:
    """Return the effects of all analyses by analysis and slug, and the findings.

    Parameters
    ----------
    sources : data sources by section. Analyses of a source without subjects are skipped, because
        the findings of the source already state the reason.
    """
    effects: dict[tuple[str, str], PlannedEffect] = {}
    findings: list[str] = []
    for name, analysis in study.analyses.items():
        source = sources[analysis.data]
        if not source.subjects_of(name):
            continue
        try:
            planned = _plan_analysis(study, name, analysis, source)
        except InputError as error:
            findings += [
                each if each.startswith("config: ") else f"analyses.{name}: {each}"
                for each in error.findings
            ]
            continue
        effects |= {(name, effect.slug): effect for effect in planned}
        findings += _find_coarse_p(name, analysis, planned)
    return effects, list(dict.fromkeys(findings))


def _plan_analysis(
    study: Study, name: str, analysis: Analysis, source: Source
) -> list[PlannedEffect]:
    """Return the effects of an analysis. Raises `InputError` if a design is not possible."""
    people, origin = source.people(name)
    subjects = source.subjects_of(name)
    effects = []
    for effect in analysis.effect_names:
        spec = declare_design(analysis, effect, subjects, people, origin)
        design = design_from_dict(spec)
        rows = design.n_rows(len(subjects))
        design.df(rows)  # raises InputError here, not in the first job
        distinct, _ = floor_of(design, rows, analysis.alternative)
        effects.append(
            PlannedEffect(
                analysis=name,
                name=effect,
                design=spec,
                subjects=len(subjects),
                resamplings=distinct,
                permutations=min(analysis.permutations, distinct),
                block_size=study.block_size,
            )
        )
    return effects


def _find_coarse_p(name: str, analysis: Analysis, effects: list[PlannedEffect]) -> list[str]:
    """Return a finding if the smallest p of an effect is above alpha."""
    # Effects between groups and within subjects differ in the number of resamplings.
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
