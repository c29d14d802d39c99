"""The typed config of a study: every key, with its type, default, unit and meaning.

Unknown keys are refused. Rules and library read these models, never the raw dict.
"""

from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from groupwise.config.analysis import Analysis
from groupwise.config.fmri import Fmri, FmriAnalysis
from groupwise.config.fnirs import Fnirs, FnirsAnalysis, Values, ValuesAnalysis
from groupwise.config.maps import (
    Atlas,
    Estimates,
    EstimatesAnalysis,
    Evokeds,
    EvokedsAnalysis,
    Maps,
    MapsAnalysis,
)
from groupwise.config.meeg import Meeg, MeegAnalysis
from groupwise.config.models import Model
from groupwise.config.section import DataSection, Label, Name, Section

#: The analysis classes of all kinds of data. The key `data` selects one.
AnyAnalysis = Annotated[
    MeegAnalysis
    | FmriAnalysis
    | FnirsAnalysis
    | EvokedsAnalysis
    | EstimatesAnalysis
    | MapsAnalysis
    | ValuesAnalysis,
    Field(discriminator="data"),
]
#: The analysis classes by the value of that key.
KINDS: dict[str, type[Analysis]] = {
    data: kind
    for kind in get_args(get_args(AnyAnalysis)[0])
    for data in get_args(kind.model_fields["data"].annotation)
}


class Study(Section):
    """A study: where its data are, how they are processed, and the analyses of the group."""

    study: Name = Field(description="Name of the study, shown in the report.")
    bids_root: str | None = Field(
        None, description="Root folder of the BIDS raw data. Not needed for ready-made data."
    )
    output: str = Field("results", description="Folder of all outputs.")
    participants: str | None = Field(
        None,
        description="TSV file with participant_id and the columns named in between and covariates. "
        "null: participants.tsv in bids_root, or the columns of the table of ready-made data.",
    )
    subjects: Literal["all"] | list[Label] = Field(
        "all", description="Subjects (labels without sub-), or all: every subject that is found."
    )
    exclude: dict[Label, str] = Field(
        {}, description="Excluded subjects, each with the reason, which the report states."
    )
    missing: Literal["fail", "drop"] = Field(
        "fail",
        description="What to do if files of a subject, such as a run, an anatomy or a map, are "
        "missing. fail: stop with a list of them; drop: exclude the subject from all analyses and "
        "state it in the report.",
    )
    seed: int = Field(0, ge=0, lt=2**63, description="Seed of all random choices.")
    block_size: int = Field(
        5000,
        ge=1,
        description="Number of permutations per block, which is one job. A permutation of a few "
        "million points takes about 1 ms, and the start of a job a few seconds.",
    )
    meeg: Meeg | None = Field(None, description="MEG or EEG recordings.")
    fmri: Fmri | None = Field(None, description="Preprocessed BOLD runs.")
    fnirs: Fnirs | None = Field(None, description="fNIRS recordings.")
    evokeds: Evokeds | None = Field(None, description="Ready-made evoked responses.")
    estimates: Estimates | None = Field(None, description="Ready-made source estimates.")
    maps: Maps | None = Field(None, description="Ready-made maps.")
    values: Values | None = Field(None, description="Ready-made values of channels or regions.")
    atlas: Atlas = Field(
        Atlas(),
        description="Atlas that labels locations in volumes. By default, the label is that of the "
        "nearest coordinate of Dosenbach et al. (2010), which is coarse.",
    )
    analyses: dict[Name, AnyAnalysis] = Field({}, description="Group analyses by name.")
    models: dict[Name, Model] = Field({}, description="Regression models of tables by name.")

    @model_validator(mode="after")
    def _parts_fit(self) -> "Study":
        findings = []
        for key in type(self).model_fields:
            section = getattr(self, key)
            if isinstance(section, DataSection):
                findings += section.check(self.bids_root)
        asked = [(f"analyses.{name}", each) for name, each in self.analyses.items()]
        asked += [(f"models.{name}", each) for name, each in self.models.items()]
        for place, each in asked:
            section = getattr(self, each.section)
            if section is None:
                findings.append(
                    f"{place}.data: {each.data} needs the section {each.section}, which is "
                    "missing; add it"
                )
            else:
                findings += [f"{place}.{finding}" for finding in each.check(section)]
        if findings:
            raise ValueError("\n".join(findings))
        return self
