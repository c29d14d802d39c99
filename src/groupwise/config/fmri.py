"""Config of fMRI, from preprocessed runs to first-level maps."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from groupwise.config.analysis import ClusterAnalysis
from groupwise.config.section import (
    HIGH_PASS,
    DataSection,
    Entities,
    Hrf,
    Label,
    Section,
    check_first_level,
    plausible,
)

#: FWHM of smoothing: from the smallest voxels (of rodents) to a lobe.
FWHM = plausible("mm", 0.1, 50)


class Confounds(Section):
    """Confounds of fMRIPrep, selected with `nilearn.interfaces.fmriprep.load_confounds`."""

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
        description="Kinds of confounds. high_pass (the cosines of fMRIPrep) needs drift: none.",
    )
    motion: Literal["basic", "power2", "derivatives", "full"] = Field(
        "basic", description="Head motion: 6, 12, 12 or 24 parameters."
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
        0.5, gt=0, description="For scrub: largest framewise displacement of a volume, in mm."
    )
    std_dvars_threshold: float = Field(
        1.5, gt=0, description="For scrub: largest standardised DVARS of a volume."
    )


class Fmri(DataSection):
    """BOLD runs preprocessed by fMRIPrep: a first-level GLM per subject (`nilearn.glm`)."""

    derivatives: str = Field(
        description="Folder of the preprocessed data, in the layout of fMRIPrep."
    )
    bids_root: str | None = Field(
        None,
        description="Root folder of the raw data with the events. null: bids_root of the study.",
    )
    task: Label = Field(description="BIDS task.")
    session: Label | None = Field(None, description="BIDS session. null: the runs of all sessions.")
    space: Label = Field("MNI152NLin2009cAsym", description="BIDS entity space of the images.")
    resolution: Label | None = Field(
        None, description="BIDS entity res of the images. null: they have none."
    )
    entities: Entities = Field(
        {},
        description="Further BIDS entities of the file names, such as {cohort: young}. null: names "
        "without the entity.",
    )
    conditions: dict[str, str] = Field(
        min_length=1,
        description="Conditions and their trial_type in events.tsv. A / separates the tags of a "
        "condition. Other trial types are modelled as events of no interest.",
    )
    contrasts: dict[Label, str] = Field(
        {},
        description="Named weighted sums of conditions, such as famous - scrambled, which have a "
        "first-level map each. A tag is the mean of all conditions with it.",
    )
    stim_duration: float | None = Field(
        None,
        ge=0,
        description="Duration of every event in s. null: as in events.tsv. Events of duration 0 "
        "are modelled as impulses, whose effects are not in percent.",
    )
    hrf: Hrf = Field("spm", description="Haemodynamic response function.")
    drift: Literal["cosine", "polynomial", "none"] = Field(
        "none", description="Drift model, in addition to the confounds."
    )
    high_pass: Annotated[float, Field(gt=0), HIGH_PASS] = Field(
        0.01, description="High-pass cutoff of the cosine drift model, in Hz."
    )
    confounds: Confounds = Field(Confounds(), description="Confounds.")
    smoothing: Annotated[float, Field(gt=0), FWHM] | None = Field(
        None, description="FWHM of the smoothing kernel, in mm. null: none."
    )
    noise: Literal["ar1", "ols"] = Field(
        "ar1", description="Noise model: first-order autoregressive (ar1) or white (ols)."
    )
    mask: str = Field(
        "intersection",
        description="Voxels of the group. intersection: voxels in the masks of all subjects. The "
        "path of an image: those of these voxels that are also in the image.",
    )

    @model_validator(mode="after")
    def _names(self) -> "Fmri":
        findings = check_first_level(self.conditions, self.contrasts)
        if self.drift != "none" and "high_pass" in self.confounds.strategy:
            findings.append(
                f"drift: {self.drift} and high_pass in confounds.strategy both model drift; set "
                "drift: none, or remove high_pass from confounds.strategy"
            )
        if findings:
            raise ValueError("\n".join(findings))
        return self

    def check(self, bids_root: str | None) -> list[str]:
        """Return a finding if there is no root folder."""
        if self.bids_root or bids_root:
            return []
        return ["bids_root: is missing; add it for the events of the section fmri"]


class FmriAnalysis(ClusterAnalysis):
    """Analysis of first-level maps of fMRI."""

    data: Literal["fmri"]

    def check(self, section: Fmri) -> list[str]:
        """Return findings on cells that do not match a condition or contrast."""
        return self.check_cells([*section.conditions, *section.contrasts])
