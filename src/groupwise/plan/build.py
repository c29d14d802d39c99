"""The plan of a study: all files, designs and findings that are known before the first job.

`groupwise check`, `groupwise status`, `snakemake -n` and the start of a run build this plan, so
they report the same findings.
"""

from pathlib import Path

from groupwise.config.study import Study
from groupwise.errors import InputError
from groupwise.plan.effects import PlannedEffect, plan_effects
from groupwise.plan.fmri import FmriSource
from groupwise.plan.fnirs import FnirsSource
from groupwise.plan.meeg import MeegSource
from groupwise.plan.models import find_wrong_tables
from groupwise.plan.paths import Paths
from groupwise.plan.source import CorticalSource, InputCheck, PlacesSource, Source
from groupwise.plan.tables import EstimatesSource, EvokedsSource, MapsSource, ValuesSource

#: One class per data source, in the order of the report.
SOURCES: tuple[type[Source], ...] = (
    MeegSource,
    FmriSource,
    FnirsSource,
    MapsSource,
    EvokedsSource,
    EstimatesSource,
    ValuesSource,
)
#: Kinds of feature spaces. Each has its own rules for stack, export and figures.
SPACES = ("surface", "labels", "grid", "sensors", "volume", "channels")


class Plan:
    """Plan of a study.

    Parameters
    ----------
    study : the typed config.
    out : the output folder.

    Attributes
    ----------
    paths : paths of the output files.
    sources : data sources of the study, by section of the config.
    effects : planned effects, by analysis and slug (the name of the effect in paths).
    findings : errors because of which the study cannot run.
    """

    def __init__(self, study: Study, out: str) -> None:
        self.study, self.out, self.paths = study, out, Paths(out)
        self.sources: dict[str, Source] = {
            kind.data: kind(study, self.paths)
            for kind in SOURCES
            if getattr(study, kind.data) is not None
        }
        self.effects, of_effects = plan_effects(study, self.sources)
        of_sources = [finding for source in self.sources.values() for finding in source.findings]
        of_models = find_wrong_tables(study, self.sources)
        self.findings = list(dict.fromkeys([*of_sources, *of_effects, *of_models]))

    def raise_findings(self) -> None:
        """Raise `InputError` with all findings if there are any."""
        if self.findings:
            raise InputError(self.findings)

    def check_contents(self) -> None:
        """Check the contents of all input files that have changed since the last check.

        Raises
        ------
        InputError : the checks have findings; those of all data sources are listed.
        """
        checks = [check for check in self.input_checks() if not check.is_done]
        findings = [finding for check in checks for finding in check.read_contents()[1]]
        if findings:
            raise InputError(findings)

    # Sources and analyses.

    @staticmethod
    def recorded_kinds() -> list[str]:
        """Return the kinds of data with recordings, each of which has a file of rules."""
        return [kind.data for kind in SOURCES if not kind.ready_made]

    def source(self, analysis: str) -> Source:
        """Return the data source of an analysis."""
        return self.sources[self.study.analyses[analysis].data]

    def analyses_in(self, *spaces: str) -> list[str]:
        """Return the names of the analyses in one of the given kinds of feature spaces."""
        assert set(spaces) <= set(SPACES)
        return [name for name in self.study.analyses if self.source(name).space(name) in spaces]

    def effects_of(self, analysis: str) -> list[PlannedEffect]:
        """Return the effects of an analysis, in the order of the config."""
        return [effect for (name, _), effect in self.effects.items() if name == analysis]

    # Files.

    def input_checks(self) -> list[InputCheck]:
        """Return the checks of file contents at the start of a run."""
        return [s.input_check for s in self.sources.values() if s.input_check is not None]

    def given_files(self, subject: str) -> list[str]:
        """Return the recordings of a subject from all data sources."""
        return [path for s in self.sources.values() for path in s.given_files(subject)]

    def expand_effects(self, pattern: str) -> list[str]:
        """Return the path of each effect from a pattern with {analysis} and {effect}."""
        return [
            pattern.format(analysis=analysis, effect=effect) for analysis, effect in self.effects
        ]

    def expand_models(self, pattern: str) -> list[str]:
        """Return the path of each model from a pattern with {model}."""
        return [pattern.format(model=name) for name in self.study.models]

    def blocks(self, analysis: str, effect: str) -> list[str]:
        """Return the files of the blocks of permutations of an effect."""
        folder = self.paths.effect.format(analysis=analysis, effect=effect)
        return [
            f"{folder}/blocks/block-{start:08d}_size-{size}.npz"
            for start, size in self.effects[analysis, effect].blocks
        ]

    def nulls_across(self, analysis: str) -> list[str]:
        """Return the null distributions of all effects if the analysis corrects across effects."""
        if not self.study.analyses[analysis].across_effects:
            return []
        pattern = f"{self.paths.effect}/null.npz"
        return [
            pattern.format(analysis=analysis, effect=effect.slug)
            for effect in self.effects_of(analysis)
        ]

    def subjects_dir(self, template: str) -> str:
        """Return the SUBJECTS_DIR of FreeSurfer that has a template."""
        return next(
            source.section.subjects_dir
            for source in self.sources.values()
            if isinstance(source, CorticalSource)
            and source.template_name == template
            and source.section.subjects_dir
        )

    def montage(self, analysis: str) -> str | list[str]:
        """Return a recording with the positions of the channels of an analysis; [] without one."""
        fnirs, source = self.sources.get("fnirs"), self.source(analysis)
        assert isinstance(source, PlacesSource)
        of_pairs = source.facts(analysis)["place"] == "pair"
        return fnirs.montage if isinstance(fnirs, FnirsSource) and of_pairs else []

    # Models of tables.

    def model_table(self, model: str) -> str:
        """Return the table of a model."""
        data = self.study.models[model].data
        if data == "values":
            return self.sources["values"].section.table
        return self._fnirs.table(data)

    def model_units(self, model: str) -> str:
        """Return the units of the values of a model."""
        data = self.study.models[model].data
        return self.sources["values" if data == "values" else "fnirs"].units(model)

    def model_participants(self) -> str | list[str]:
        """Return the participants table for the formulas of models; [] if there is none."""
        source = self.sources.get("fnirs") or self.sources.get("values")
        return source.participants_file if source else []

    @property
    def _fnirs(self) -> FnirsSource:
        source = self.sources["fnirs"]
        assert isinstance(source, FnirsSource)
        return source

    # Targets.

    def check_targets(self) -> list[str]:
        """Return the tables of the input checks."""
        return [check.table for check in self.input_checks()]

    def not_bids(self) -> list[str]:
        """Return the patterns of first-level outputs whose names BIDS does not define."""
        return [pattern for source in self.sources.values() for pattern in source.not_bids]

    def first_level_targets(self) -> list[str]:
        """Return the final first-level files of each subject."""
        return [path for s in self.sources.values() for path in s.first_level_targets()]

    def group_targets(self) -> list[str]:
        """Return the results and maps of all effects, and the coefficients of all models."""
        paths = self.paths
        return [
            *self.expand_effects(f"{paths.effect}/infer/result.json"),
            *self.expand_effects(f"{paths.effect}/maps"),
            *self.expand_models(paths.model("coefficients.tsv")),
        ]

    # The report.

    def views(self) -> list[str]:
        """Return the interactive view of each effect that has one.

        Volumes have one only in MNI space, which is the space of the background image.
        """
        return [
            f"{self.paths.effect}/views/{kind}.html".format(analysis=name, effect=effect)
            for name, effect in self.effects
            if (kind := self._view(name))
        ]

    def _view(self, analysis: str) -> str:
        source = self.source(analysis)
        space = source.space(analysis)
        if space == "volume":
            return "volume" if source.section.space.upper().startswith("MNI") else ""
        return {"grid": "volume", "surface": "surface"}.get(space, "")

    def report_inputs(self) -> dict[str, str | list[str]]:
        """Return the files that the report reads from each data source; keys are section_name."""
        return {
            f"{section}_{name}": files
            for section, source in self.sources.items()
            for name, files in source.report_inputs().items()
        }

    def report_facts(self) -> dict[str, dict]:
        """Return the plain values that the report needs from each data source."""
        facts = {section: source.report_facts() for section, source in self.sources.items()}
        return {section: each for section, each in facts.items() if each is not None}

    def ready_made_observations(self) -> list[str]:
        """Return the observations.tsv of each analysis of ready-made data."""
        pattern = self.paths.stacked["observations"]
        return [
            pattern.format(analysis=name)
            for name in self.study.analyses
            if self.source(name).ready_made
        ]

    @property
    def left_out(self) -> dict[str, str]:
        """Reason for each subject that is excluded, or incomplete and dropped."""
        return {
            name: why for source in self.sources.values() for name, why in source.left_out.items()
        }

    def participants_file(self) -> str | list[str]:
        """Return the participants table of the study; [] if there is none."""
        root = self.study.bids_root
        path = self.study.participants or (f"{root}/participants.tsv" if root else None)
        return path if root and path and Path(path).is_file() else []
