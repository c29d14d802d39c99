"""Config of fNIRS recordings, and of ready-made values of channels or regions."""

import re
from typing import Annotated, Literal

from pydantic import Field, model_validator

from groupwise.config.analysis import Analysis
from groupwise.config.section import (
    HIGH_PASS,
    DataSection,
    Entities,
    Hrf,
    Label,
    Name,
    Section,
    check_first_level,
    plausible,
)

#: A source-detector pair, such as S1_D2.
Pair = Annotated[str, Field(pattern=r"^S\d+_D\d+$")]
#: Longest distance of short pairs (8 to 15 mm in use) and of long pairs (up to 60 mm in use).
SHORT, LONG = plausible("mm", 3, 30), plausible("mm", 10, 200)


class Quality(Section):
    """Criteria of bad source-detector pairs, in addition to those of channels.tsv."""

    sci: float = Field(
        0.5,
        ge=-1,
        le=1,
        description="Smallest scalp coupling index: the correlation of the two wavelengths in the "
        "band of the heartbeat, 0.7 to 1.5 Hz (Pollonini et al. 2014). -1: no limit.",
    )
    saturation: float = Field(
        0.05,
        gt=0,
        le=1,
        description="A channel is saturated if this share of its samples, or more, has its largest "
        "intensity.",
    )


class ShortChannels(Section):
    """Short pairs, which measure the scalp: regressors that remove its signal from long pairs."""

    regressors: Literal["none", "mean", "chromophore", "components"] = Field(
        "mean",
        description="mean: the means of HbO and of HbR over the short pairs, both for every "
        "channel. chromophore: for each channel, the mean of its own chromophore. components: "
        "principal components of all short channels. none: no regressors.",
    )
    n_components: int = Field(2, ge=1, description="For components: their number.")
    longest: Annotated[float, Field(gt=0), SHORT] = Field(
        10.0, description="Longest distance of a short pair, in mm."
    )


class Fnirs(DataSection):
    """fNIRS recordings, from optical intensity to a first-level GLM per channel (`mne_nirs`)."""

    bids_root: str | None = Field(
        None, description="Root folder of the recordings. null: bids_root of the study."
    )
    task: Label = Field(description="BIDS task.")
    session: Label | None = Field(None, description="BIDS session. null: the runs of all sessions.")
    entities: Entities = Field(
        {},
        description="Further BIDS entities of the file names, such as {recording: a}. null: names "
        "without the entity.",
    )
    recordings: str | None = Field(
        None,
        description="Path of recordings that are not in BIDS, one per subject: a SNIRF file or a "
        "NIRx folder. It contains {subject}, once or more, and may contain *, as in "
        "raw/P_{subject}/*.snirf. Their annotations are then the events. null: BIDS.",
    )
    conditions: dict[str, str] = Field(
        min_length=1,
        description="Conditions and their trial_type in events.tsv or in the annotations. A / "
        "separates the tags of a condition. Other trial types are modelled too.",
    )
    contrasts: dict[Label, str] = Field(
        {},
        description="Named weighted sums of conditions, such as famous - scrambled, which the "
        "first level also estimates. A tag is the mean of all conditions with it.",
    )
    bad_channels: dict[str, list[Pair]] = Field(
        {},
        description="Bad pairs (such as S1_D2) by subject, in addition to those of channels.tsv. "
        "The key all is for every subject.",
    )
    quality: Quality = Field(Quality(), description="Criteria of bad pairs.")
    motion: Literal["none", "tddr"] = Field(
        "none",
        description="Motion correction. tddr: temporal derivative distribution repair (Fishburn et "
        "al. 2019), which also reduces slow responses (by a quarter in the demo).",
    )
    ppf: Annotated[float, Field(gt=0)] | list[Annotated[float, Field(gt=0)]] = Field(
        6.0,
        description="Partial pathlength factor of the Beer-Lambert law: one number, or one per "
        "wavelength. Concentrations are inversely proportional to it.",
    )
    resample: float | None = Field(
        0.6, gt=0, description="Sampling rate of the GLM in Hz. null: as recorded."
    )
    long: tuple[float, Annotated[float, LONG]] = Field(
        (15.0, 45.0),
        description="Shortest and longest distance of the pairs that are analysed, in mm.",
    )
    short_channels: ShortChannels = Field(
        ShortChannels(), description="Regressors from short pairs."
    )
    stim_duration: float | None = Field(
        None,
        ge=0,
        description="Duration of every event in s. null: as in events.tsv "
        "(1 s for every event of a NIRx folder). Events of duration 0 are modelled as impulses, "
        "whose effects are not concentrations.",
    )
    hrf: Hrf = Field("glover", description="Haemodynamic response function.")
    drift: Literal["cosine", "polynomial", "none"] = Field("cosine", description="Drift model.")
    high_pass: Annotated[float, Field(gt=0), HIGH_PASS] = Field(
        0.01, description="High-pass cutoff of the cosine drift model, in Hz."
    )
    confounds: str | None = Field(
        None,
        description="Path, with {subject} (and {run} if there are runs), of a TSV file of further "
        "regressors: a column time in s and one column per regressor, interpolated to the samples "
        "of the GLM.",
    )
    noise: Annotated[str, Field(pattern=r"^(ols|auto|ar[1-9]\d*)$")] = Field(
        "ar1",
        description="Noise model: white (ols), or autoregressive of an order: ar1, ar5 and so on, "
        "or auto (an order of four times the sampling rate).",
    )
    rois: dict[Name, Annotated[list[Pair], Field(min_length=1)]] = Field(
        {}, description="Regions of interest: names and their source-detector pairs."
    )
    roi_weights: Literal["se", "equal"] = Field(
        "se",
        description="Weights of the channels of a region: se (the inverse of the standard error) "
        "or equal.",
    )

    @model_validator(mode="after")
    def _names(self) -> "Fnirs":
        findings = check_first_level(self.conditions, self.contrasts)
        for key, allowed in (("recordings", {"subject"}), ("confounds", {"subject", "run"})):
            found = set(re.findall(r"{(.*?)}", getattr(self, key) or "{subject}"))
            if "subject" not in found or not found <= allowed:
                findings.append(
                    f"{key}: must contain {{subject}} and no other braces, as in "
                    f"{key}/sub-{{subject}}"
                )
        if self.long[0] >= self.long[1]:
            findings.append(
                f"long: {self.long[0]} must be less than {self.long[1]}; correct the distances"
            )
        if self.short_channels.regressors != "none" and self.short_channels.longest > self.long[0]:
            findings.append(
                f"short_channels.longest: {self.short_channels.longest} is above the shortest "
                f"distance of long ({self.long[0]}), so a pair could be both; reduce it"
            )
        if findings:
            raise ValueError("\n".join(findings))
        return self

    def check(self, bids_root: str | None) -> list[str]:
        """Return a finding if there is no root folder."""
        if self.recordings or self.bids_root or bids_root:
            return []
        return ["bids_root: is missing; add it for the section fnirs"]


class FnirsAnalysis(Analysis):
    """Analysis of first-level estimates of fNIRS, of channels or regions."""

    data: Literal["fnirs"]
    space: Literal["channels", "rois"] | None = Field(
        None, description="channels (the default), or rois: the regions in fnirs.rois."
    )
    chroma: list[Literal["hbo", "hbr"]] = Field(
        ["hbo", "hbr"],
        min_length=1,
        description="Chromophores to test. They are corrected together.",
    )

    def check(self, section: Fnirs) -> list[str]:
        """Return findings on clusters, cells and space."""
        no_rois = self.space == "rois" and not section.rois
        return [
            *self.check_clusters(),
            *self.check_cells([*section.conditions, *section.contrasts]),
            *(
                ["space: rois needs regions in fnirs.rois; add them, or remove space"]
                if no_rois
                else []
            ),
        ]

    @property
    def without_neighbours(self) -> str:
        """Description of the places, which have no neighbours."""
        return "channels and regions of fNIRS"


class Values(DataSection):
    """Values of channels or regions computed by other software, per subject and condition."""

    table: str = Field(
        description="TSV file with a column ID (or subject), a column for the condition or for "
        "each factor, and a column Chroma if there are both chromophores."
    )
    place: str = Field("ch_name", description="Column with the channel or region, such as ROI.")
    value: str = Field("theta", description="Column with the value.")
    units: str = Field("uM", description="Units of the values.")


class ValuesAnalysis(Analysis):
    """Analysis of ready-made values of channels or regions."""

    data: Literal["values"]

    def check(self, section: Values) -> list[str]:
        """Return findings on keys of clusters."""
        return self.check_clusters()

    @property
    def without_neighbours(self) -> str:
        """Description of the places, which have no neighbours."""
        return "channels and regions in a table of values"
