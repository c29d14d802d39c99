"""The part of the config on fNIRS recordings, and on ready-made values of channels."""

import re
from typing import Annotated, Literal

from pydantic import Field, model_validator

from groupwise.config.analysis import Analysis
from groupwise.config.section import DataSection, Hrf, Label, Name, Section, check_first_level

#: A source-detector pair, as S1_D2.
Pair = Annotated[str, Field(pattern=r"^S\d+_D\d+$")]


class Quality(Section):
    """Which source-detector pairs are bad, beside those of channels.tsv."""

    sci: float = Field(
        0.5,
        ge=-1,
        le=1,
        description="Smallest scalp coupling index: correlation of the two wavelengths within the "
        "heart's band, 0.7 to 1.5 Hz (Pollonini et al. 2014). -1: none is too small.",
    )
    saturation: float = Field(
        0.05,
        gt=0,
        le=1,
        description="Share of samples at a channel's largest intensity from which it is saturated.",
    )


class ShortChannels(Section):
    """Short pairs see the scalp alone; as regressors they take its signal out of the long ones."""

    regressors: Literal["none", "mean", "chromophore", "components"] = Field(
        "mean",
        description="mean: the means of HbO and of HbR over the short pairs, both for every "
        "channel; chromophore: each channel has the mean of its own chromophore; components: "
        "principal components of all short channels; none.",
    )
    n_components: int = Field(2, ge=1, description="components: how many.")
    longest: float = Field(10.0, gt=0, description="mm; nearer pairs are short.")


class Fnirs(DataSection):
    """fNIRS recordings: optical intensity to a first-level GLM of each channel (`mne_nirs`)."""

    bids_root: str | None = Field(
        None, description="Root of the recordings; null: the study's bids_root."
    )
    task: Label = Field(description="BIDS task.")
    session: Label | None = Field(
        None, description="BIDS session; null: runs of all sessions, if there are any."
    )
    recordings: str | None = Field(
        None,
        description="Path with {subject} in it of recordings that are not BIDS: a SNIRF file or a "
        "NIRx folder, such as raw/{subject}. Events are then the file's own. null: BIDS.",
    )
    conditions: dict[str, str] = Field(
        min_length=1,
        description="Condition and its trial_type in events.tsv (or the recording's annotations). "
        "Tags of factors are parted by /. Other trial types are modelled too.",
    )
    contrasts: dict[Label, str] = Field(
        {},
        description="Sums of conditions that the first level estimates too, such as famous - "
        "scrambled; a tag stands for the mean of the conditions that carry it.",
    )
    bad_channels: dict[str, list[Pair]] = Field(
        {},
        description="Bad pairs (S1_D2) beside those of channels.tsv, by subject; the key all is "
        "for every subject.",
    )
    quality: Quality = Field(Quality(), description="Which pairs are bad.")
    motion: Literal["none", "tddr"] = Field(
        "none",
        description="Motion correction: none, or temporal derivative distribution repair (Fishburn "
        "et al. 2019), which also shrinks slow responses (in the demo by a quarter).",
    )
    ppf: Annotated[float, Field(gt=0)] | list[Annotated[float, Field(gt=0)]] = Field(
        6.0,
        description="Partial pathlength factor of the Beer-Lambert law, one or one a wavelength. "
        "Concentrations are inversely proportional to it.",
    )
    resample: float | None = Field(
        0.6, gt=0, description="Sampling rate of the GLM in Hz; null: as recorded."
    )
    long: tuple[float, float] = Field(
        (15.0, 45.0), description="mm; pairs that are analysed have a distance between the two."
    )
    short_channels: ShortChannels = Field(ShortChannels(), description="Regressors of the scalp.")
    stim_duration: float | None = Field(
        None, ge=0, description="s; duration of every event; null: as in events.tsv."
    )
    hrf: Hrf = Field("glover", description="Haemodynamic response.")
    drift: Literal["cosine", "polynomial", "none"] = Field("cosine", description="Drift model.")
    high_pass: float = Field(0.01, gt=0, description="Hz; edge of the cosine drift.")
    confounds: str | None = Field(
        None,
        description="Path with {subject} (and {run}, where there are runs) in it of a TSV of more "
        "regressors: a column time in s, and one a regressor, brought to the GLM's samples.",
    )
    noise: Annotated[str, Field(pattern=r"^(ols|auto|ar[1-9]\d*)$")] = Field(
        "ar1",
        description="Temporal noise: ols, ar1, ar5 and so on, or auto (four times the sampling "
        "rate).",
    )
    rois: dict[Name, Annotated[list[Pair], Field(min_length=1)]] = Field(
        {}, description="Regions of interest: name and its source-detector pairs."
    )
    roi_weights: Literal["se", "equal"] = Field(
        "se", description="Weights of a region's channels: the inverse of their standard error."
    )

    @model_validator(mode="after")
    def _names(self) -> "Fnirs":
        findings = check_first_level(self.conditions, self.contrasts)
        for key, allowed in (("recordings", {"subject"}), ("confounds", {"subject", "run"})):
            found = set(re.findall(r"{(.*?)}", getattr(self, key) or "{subject}"))
            if "subject" not in found or not found <= allowed:
                findings.append(
                    f"{key}: must hold {{subject}} and no other braces, e.g. {key}/sub-{{subject}}"
                )
        if self.long[0] >= self.long[1]:
            findings.append(f"long: {self.long[0]} must be below {self.long[1]}")
        if self.short_channels.regressors != "none" and self.short_channels.longest > self.long[0]:
            findings.append("short_channels.longest is above long: a pair would be both")
        if findings:
            raise ValueError("\n".join(findings))
        return self

    def check(self, bids_root: str | None) -> list[str]:
        """Findings where the section does not fit the study's top level."""
        if self.recordings or self.bids_root or bids_root:
            return []
        return ["bids_root is missing; the section fnirs needs it"]


class FnirsAnalysis(Analysis):
    """An analysis of first-level estimates of fNIRS: channels or regions."""

    data: Literal["fnirs"]
    space: Literal["channels", "rois"] | None = Field(
        None, description="channels (default), or rois: the regions of fnirs.rois."
    )
    chroma: list[Literal["hbo", "hbr"]] = Field(
        ["hbo", "hbr"], min_length=1, description="Chromophores, corrected together."
    )

    def check(self, section: Fnirs) -> list[str]:
        """Findings where the analysis does not fit the section fnirs."""
        no_rois = self.space == "rois" and not section.rois
        return [
            *self.check_cells([*section.conditions, *section.contrasts]),
            *(["space is rois, but fnirs.rois names none"] if no_rois else []),
        ]


class Values(DataSection):
    """Ready-made values of channels or regions, one a subject and condition."""

    table: str = Field(
        description="TSV with a column ID (or subject), one column a condition or factor, and "
        "Chroma where there are both chromophores."
    )
    place: str = Field("ch_name", description="Column with the channel or region, such as ROI.")
    value: str = Field("theta", description="Column with the value.")
    units: str = Field("uM", description="Units of the values.")


class ValuesAnalysis(Analysis):
    """An analysis of ready-made values of channels or regions."""

    data: Literal["values"]
