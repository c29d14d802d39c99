"""Config of M/EEG source estimation: head model, source space, inverse and morph."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from groupwise.config.section import Section, plausible

#: Conductivity of tissue, from bone (0.002) to cerebrospinal fluid (1.8).
CONDUCTIVITY = plausible("S/m", 1e-4, 10)
#: Distance of sources from the skull; a distance in m is below 0.1.
DISTANCE = plausible("mm", 0.1, 100)


class Coregistration(Section):
    """Head-to-MRI transform."""

    trans: str | None = Field(
        None,
        description="Path of the transforms with {subject} (and optionally {session}), such as "
        "trans/sub-{subject}_trans.fif. null: from AnatomicalLandmarkCoordinates in the T1w.json "
        "of each subject, as BIDS defines.",
    )

    @model_validator(mode="after")
    def _pattern(self) -> "Coregistration":
        if self.trans is not None:
            try:
                filled = self.trans.format(subject="01", session="1")
            except (LookupError, ValueError):  # other braces
                filled = self.trans
            if filled == self.trans or "{subject}" not in self.trans:
                raise ValueError(
                    "trans: must contain {subject}, may contain {session}, and no other braces, as "
                    "in trans/sub-{subject}_trans.fif"
                )
        return self


class Bem(Section):
    """Boundary-element model of the head."""

    ico: int | None = Field(
        4,
        ge=2,
        le=5,
        description="Icosahedron grade to which the skull surfaces are downsampled. null: no "
        "downsampling.",
    )
    conductivity: list[Annotated[float, Field(gt=0), CONDUCTIVITY]] = Field(
        [0.3],
        min_length=1,
        max_length=3,
        description="Conductivity in S/m of one layer (MEG), or of brain, skull and scalp, such as "
        "[0.3, 0.006, 0.3] (EEG).",
    )

    @model_validator(mode="after")
    def _layers(self) -> "Bem":
        if len(self.conductivity) == 2:
            raise ValueError("conductivity: has two layers; set one (MEG) or three (EEG)")
        return self

    @property
    def surfaces(self) -> tuple[str, ...]:
        """Names of the surfaces of the layers, innermost first."""
        return ("inner_skull", "outer_skull", "outer_skin")[: len(self.conductivity)]


class SourceSpace(Section):
    """Sources on the white surface of each subject, or on a grid in the brain."""

    kind: Literal["surface", "volume"] = Field(
        "surface",
        description="surface, or volume: a grid in MNI space, transformed to each head by the "
        "Talairach transform of the subject, so that no morph is needed. Orientations are free.",
    )
    grid: float = Field(10.0, ge=3, description="For kind: volume. Grid spacing in mm.")
    spacing: Annotated[str, Field(pattern=r"^(oct|ico)[2-7]$|^all$")] = Field(
        "oct6",
        description="For kind: surface. Spacing of the sources, such as oct6 or ico4, or all.",
    )
    mindist: Annotated[float, Field(ge=0), DISTANCE] = Field(
        5.0, description="Smallest distance of a source to the inner skull, in mm."
    )


class Beamformer(Section):
    """Data covariance of the LCMV beamformer (`mne.beamformer.make_lcmv`)."""

    tmin: float = Field(0.0, description="Start of the data in s.")
    tmax: float | None = Field(None, description="End of the data in s. null: end of the epoch.")
    reg: float = Field(
        0.05,
        ge=0,
        description="Regularisation, as a share of the mean power of the data covariance.",
    )

    @model_validator(mode="after")
    def _window(self) -> "Beamformer":
        if self.tmax is not None and self.tmin >= self.tmax:
            raise ValueError(f"tmin: {self.tmin} is not less than tmax ({self.tmax}); correct one")
        return self


class Inverse(Section):
    """Minimum-norm inverse (Hamalainen and Ilmoniemi 1994; dSPM: Dale et al. 2000)."""

    method: Literal["MNE", "dSPM", "sLORETA", "eLORETA", "LCMV"] = Field(
        "dSPM",
        description="Minimum norm, with or without noise normalisation, or LCMV: a unit-noise-gain "
        "beamformer (Van Veen et al. 1997), for which snr, loose, depth and fixed are not used.",
    )
    snr: float = Field(
        3.0,
        gt=0,
        description="Assumed amplitude SNR of the evoked response: lambda2 = 1 / snr^2.",
    )
    loose: float = Field(
        0.2,
        ge=0,
        le=1,
        description="Variance of tangential sources relative to normal ones. 1: free orientation.",
    )
    depth: float = Field(0.8, ge=0, le=1, description="Exponent of the depth weighting. 0: none.")
    fixed: bool = Field(False, description="Only sources normal to the cortex; needs loose: 0.")
    orientation: Literal["normal", "vector"] | None = Field(
        None,
        description="null: magnitude over orientations. normal: signed amplitude along the normal. "
        "vector: all three components are kept and morphed, and the group tests the magnitude.",
    )

    beamformer: Beamformer = Field(Beamformer(), description="For method: LCMV.")

    @model_validator(mode="after")
    def _orientation(self) -> "Inverse":
        if self.fixed and self.loose:
            raise ValueError(f"fixed: true needs loose: 0, but loose is {self.loose}; set loose: 0")
        minimum_norm = self.method != "LCMV"
        if self.orientation == "vector" and minimum_norm and (self.fixed or not self.loose):
            raise ValueError(
                "orientation: vector needs fixed: false and loose above 0; set them, or remove "
                "orientation"
            )
        return self


class Morph(Section):
    """Morph to the surface of the template."""

    to: str = Field("fsaverage", description="Template, a folder in subjects_dir.")
    spacing: int = Field(
        5,
        ge=2,
        le=7,
        description="Icosahedron grade: 5 has 10,242 vertices per hemisphere.",
    )
    smooth: int | Literal["nearest"] | None = Field(
        20,
        description="Number of smoothing steps. nearest: the nearest vertex; null: as many as fill "
        "the surface.",
    )
