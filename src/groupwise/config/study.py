"""The study, typed once: every key a user may write, with its default, unit and meaning.

Unknown keys are refused. Rules and library read these models; nobody reads the raw dict.
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

#: The analysis of each kind of data, told by its key `data`.
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
#: The same by that key.
KINDS: dict[str, type[Analysis]] = {
    data: kind
    for kind in get_args(get_args(AnyAnalysis)[0])
    for data in get_args(kind.model_fields["data"].annotation)
}


class Study(Section):
    """A study: where its data are, how they are processed, and what is asked of the group."""

    study: Name = Field(description="Name of the study, as it stands in the report.")
    bids_root: str | None = Field(
        None, description="Root of the BIDS raw data (not needed for ready-made maps)."
    )
    output: str = Field("results", description="Folder of all outputs.")
    participants: str | None = Field(
        None,
        description="TSV with participant_id and the columns of between and covariates; null: "
        "participants.tsv of bids_root, or columns of the table of maps.",
    )
    subjects: Literal["all"] | list[Label] = Field(
        "all", description="Subjects without sub-, or all that are found."
    )
    exclude: dict[Label, str] = Field(
        {}, description="Subjects that are left out, each with the reason the report states."
    )
    missing: Literal["fail", "drop"] = Field(
        "fail",
        description="A subject without a run, an anatomy or a map: fail with the list, or drop "
        "the subject everywhere and say so in the report.",
    )
    seed: int = Field(0, ge=0, lt=2**63, description="Seed of every random choice.")
    block_size: int = Field(
        5000,
        ge=1,
        description="Permutations a block file. A permutation of some million points takes about "
        "a millisecond, starting a job some seconds.",
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
        description="Names of places in volumes. By default the nearest of the coordinates that "
        "nilearn ships (Dosenbach et al. 2010), which are coarse.",
    )
    analyses: dict[Name, AnyAnalysis] = Field({}, description="Group analyses by name.")
    models: dict[Name, Model] = Field({}, description="Models of tables by name.")

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
                    f"{place}.data is {each.data}, but the section {each.section} is missing"
                )
            else:
                findings += [f"{place}.{finding}" for finding in each.check(section)]
        if findings:
            raise ValueError("\n".join(findings))
        return self
