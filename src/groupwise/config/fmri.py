"""What a study may say of fMRI: preprocessed runs to first-level maps."""

from typing import Literal

from pydantic import Field, model_validator

from groupwise.config.analysis import ClusterAnalysis
from groupwise.config.section import DataSection, Hrf, Label, Section, check_first_level


class Confounds(Section):
    """Nuisance regressors of fMRIPrep, chosen by `nilearn.interfaces.fmriprep.load_confounds`."""

    strategy: list[
        Literal[
            "motion",
            "wm_csf",
            "global_signal",
            "compcor",
            "ica_aroma",
            "high_pass",
            "scrub",
            "non_steady_state",
        ]
    ] = Field(
        ["motion", "high_pass"],
        description="Kinds of confounds. high_pass takes fMRIPrep's cosines (then drift is none).",
    )
    motion: Literal["basic", "power2", "derivatives", "full"] = Field(
        "basic", description="6, 12, 12 or 24 parameters of head motion."
    )
    wm_csf: Literal["basic", "power2", "derivatives", "full"] = Field(
        "basic", description="Mean signals of white matter and CSF."
    )
    global_signal: Literal["basic", "power2", "derivatives", "full"] = Field(
        "basic", description="Global signal."
    )
    compcor: Literal["anat_combined", "anat_separated", "temporal", "temporal_anat_combined"] = (
        Field("anat_combined", description="Kind of CompCor components.")
    )
    n_compcor: int = Field(5, ge=1, description="Number of CompCor components.")
    fd_threshold: float = Field(
        0.5, gt=0, description="scrub: largest framewise displacement of a volume in mm."
    )
    std_dvars_threshold: float = Field(
        1.5, gt=0, description="scrub: largest standardised DVARS of a volume."
    )


class Fmri(DataSection):
    """BOLD runs as fMRIPrep leaves them: a first-level GLM of each subject (`nilearn.glm`)."""

    derivatives: str = Field(description="Folder of the preprocessed data (fMRIPrep's layout).")
    bids_root: str | None = Field(
        None, description="Root of the raw data with the events; null: the study's bids_root."
    )
    task: Label = Field(description="BIDS task.")
    session: Label | None = Field(
        None, description="BIDS session; null: runs of all sessions, if there are any."
    )
    space: Label = Field("MNI152NLin2009cAsym", description="BIDS entity space of the images.")
    resolution: Label | None = Field(
        None, description="BIDS entity res of the images; null: they have none."
    )
    conditions: dict[str, str] = Field(
        min_length=1,
        description="Condition and its trial_type in events.tsv. Tags of factors are parted by /. "
        "Other trial types are modelled too, as events of no interest.",
    )
    contrasts: dict[Label, str] = Field(
        {},
        description="Sums of conditions of which first-level maps are made, such as famous - "
        "scrambled; a tag stands for the mean of the conditions that carry it.",
    )
    hrf: Hrf = Field("spm", description="Haemodynamic response.")
    drift: Literal["cosine", "polynomial", "none"] = Field(
        "none", description="Drift model beside the confounds."
    )
    high_pass: float = Field(0.01, gt=0, description="Hz; edge of the cosine drift.")
    confounds: Confounds = Field(Confounds(), description="Confounds.")
    smoothing: float | None = Field(None, gt=0, description="mm FWHM; null: none.")
    noise: Literal["ar1", "ols"] = Field("ar1", description="Model of the temporal noise.")
    mask: str = Field(
        "intersection",
        description="Voxels of the group: intersection of all subjects' masks, or also of an image "
        "at this path.",
    )

    @model_validator(mode="after")
    def _names(self) -> "Fmri":
        findings = check_first_level(self.conditions, self.contrasts)
        if self.drift != "none" and "high_pass" in self.confounds.strategy:
            findings.append(
                "drift and the confounds' high_pass both model drift; set drift: none, or take "
                "high_pass out of confounds.strategy"
            )
        if findings:
            raise ValueError("\n".join(findings))
        return self

    def check(self, bids_root: str | None) -> list[str]:
        """Findings where the section does not fit the study's top level."""
        if self.bids_root or bids_root:
            return []
        return ["bids_root is missing; the section fmri needs it for the events"]


class FmriAnalysis(ClusterAnalysis):
    """An analysis of first-level maps of fMRI."""

    data: Literal["fmri"]

    def check(self, section: Fmri) -> list[str]:
        """Findings where the analysis does not fit the section fmri."""
        return self.check_cells([*section.conditions, *section.contrasts])
