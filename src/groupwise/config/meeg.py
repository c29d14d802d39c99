"""What a study may say of M/EEG: recordings to source estimates on a template."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from groupwise.config.analysis import SourceAnalysis
from groupwise.config.section import DataSection, Label, Section, check_names


class Filter(Section):
    """Zero-phase FIR filter of the raw recording (`mne.io.Raw.filter`)."""

    l_freq: float | None = Field(None, gt=0, description="High-pass edge in Hz; null: none.")
    h_freq: float | None = Field(40.0, gt=0, description="Low-pass edge in Hz; null: none.")
    notch: list[float] = Field([], description="Line frequencies in Hz to remove, e.g. [50, 100].")

    @model_validator(mode="after")
    def _edges_in_order(self) -> "Filter":
        if self.l_freq is not None and self.h_freq is not None and self.l_freq >= self.h_freq:
            raise ValueError(f"l_freq ({self.l_freq}) must be below h_freq ({self.h_freq})")
        return self


class Maxwell(Section):
    """Maxwell filter of MEG recordings; all runs are brought to the head position of the first.

    Fine calibration and cross-talk compensation are taken from the BIDS tree where it has them
    (`acq-calibration_meg.dat`, `acq-crosstalk_meg.fif`).
    """

    st_duration: float | None = Field(
        None, gt=0, description="Buffer of temporal separation (tSSS) in s, such as 10; null: none."
    )
    find_bads: bool = Field(
        True, description="Find noisy and flat channels before, which are then made up from others."
    )
    movement: bool = Field(
        False, description="Follow the head's position from its coils, where they were on (cHPI)."
    )


class Artifacts(Section):
    """Repair of blinks and heartbeats before epochs are cut."""

    method: Literal["none", "ssp", "ica"] = Field(
        "none",
        description="none: rejection only; ssp: projectors from detected blinks and heartbeats; "
        "ica: FastICA components that correlate with them.",
    )
    n_components: float | None = Field(
        None,
        gt=0,
        description="ssp: projectors per channel type; ica: components (a share of variance if "
        "below 1). null: 1 for ssp, 0.99 for ica.",
    )
    eog: list[str] = Field([], description="Channels that show blinks; empty: those typed EOG.")
    ecg: list[str] = Field(
        [],
        description="Channel that shows the heart; empty: the one typed ECG, else estimated from "
        "the magnetometers.",
    )


class Epochs(Section):
    """Epochs around the events, their baseline and their rejection."""

    tmin: float = Field(-0.2, description="Start in s, relative to the event.")
    tmax: float = Field(0.5, description="End in s, relative to the event.")
    baseline: tuple[float | None, float | None] | None = Field(
        (None, 0.0),
        description="Interval in s whose mean is subtracted; null as an edge: to the epoch's own "
        "edge; null: none.",
    )
    reject: dict[Literal["grad", "mag", "eeg", "eog", "ecg"], Annotated[float, Field(gt=0)]] = (
        Field(
            {},
            description="Largest peak-to-peak amplitude by channel type, in T/m (grad), T (mag), "
            "V (eeg, eog, ecg).",
        )
    )
    flat: dict[Literal["grad", "mag", "eeg", "eog", "ecg"], Annotated[float, Field(gt=0)]] = Field(
        {}, description="Smallest peak-to-peak amplitude by channel type, same units."
    )
    autoreject: Literal["global", "local"] | None = Field(
        None,
        description="Limits learnt from the data beside the fixed ones (Jas et al. 2017; needs "
        "the package autoreject): global: one a channel type; local: one a channel, single "
        "channels of an epoch being interpolated.",
    )
    equalize: bool = Field(
        True,
        description="Drop epochs until all conditions have equally many, those closest in time "
        "kept (`mne.epochs.equalize_epoch_counts`), so that noise biases no magnitude.",
    )

    @model_validator(mode="after")
    def _window(self) -> "Epochs":
        if self.tmin >= self.tmax:
            raise ValueError(f"tmin ({self.tmin}) must be before tmax ({self.tmax})")
        for edge in self.baseline or ():
            if edge is not None and not self.tmin <= edge <= self.tmax:
                raise ValueError(
                    f"baseline edge {edge} lies outside the epoch ({self.tmin} to {self.tmax} s)"
                )
        return self


class Covariance(Section):
    """Noise covariance, the estimator chosen by cross-validation (Engemann and Gramfort 2015)."""

    source: Literal["baseline", "empty_room"] = Field(
        "baseline", description="Where the noise is: the epochs' baseline or the empty room."
    )
    method: list[Literal["empirical", "shrunk", "diagonal_fixed", "ledoit_wolf", "oas", "pca"]] = (
        Field(
            ["shrunk", "empirical"],
            min_length=1,
            description="Estimators to compare; the largest cross-validated log-likelihood wins.",
        )
    )
    tmin: float | None = Field(None, description="Start of the noise in s; null: the epoch's.")
    tmax: float | None = Field(0.0, description="End of the noise in s.")
    rank: Literal["info", "full"] | None = Field(
        "info",
        description="Rank of the data: info (from projectors and Maxwell filter), full, or null "
        "(estimated).",
    )
    folds: int = Field(3, ge=2, description="Folds of the cross-validation.")


class Coregistration(Section):
    """Head to MRI transform."""

    trans: str | None = Field(
        None,
        description="Path of the transforms with {subject} (and {session}) in it, e.g. "
        "trans/sub-{subject}_trans.fif; null: from AnatomicalLandmarkCoordinates in each "
        "subject's T1w.json, the BIDS way.",
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
                    "must hold {subject}, may hold {session}, and no other braces, e.g. "
                    "trans/sub-{subject}_trans.fif"
                )
        return self


class Bem(Section):
    """Boundary-element model of the head."""

    ico: int | None = Field(
        4, ge=2, le=5, description="Downsampling of the skull surfaces; null: as they are."
    )
    conductivity: list[Annotated[float, Field(gt=0)]] = Field(
        [0.3],
        min_length=1,
        max_length=3,
        description="S/m: one layer (MEG), or brain, skull, scalp [0.3, 0.006, 0.3] (EEG).",
    )

    @model_validator(mode="after")
    def _layers(self) -> "Bem":
        if len(self.conductivity) == 2:
            raise ValueError("conductivity has one layer or three, not two")
        return self

    @property
    def surfaces(self) -> tuple[str, ...]:
        """Names of the surfaces of the layers, innermost first."""
        return ("inner_skull", "outer_skull", "outer_skin")[: len(self.conductivity)]


class SourceSpace(Section):
    """Sources on the white surface of each subject, or on a grid through the brain."""

    kind: Literal["surface", "volume"] = Field(
        "surface",
        description="surface, or volume: a grid in MNI space, brought into each head by its "
        "Talairach transform, so that subjects correspond without a morph. Orientations are free.",
    )
    grid: float = Field(10.0, ge=3, description="kind: volume: mm between points of the grid.")
    spacing: Annotated[str, Field(pattern=r"^(oct|ico)[2-7]$|^all$")] = Field(
        "oct6", description="oct4 to oct6, ico3 to ico5, or all."
    )
    mindist: float = Field(
        5.0, ge=0, description="mm; sources closer to the inner skull are left out."
    )


class Beamformer(Section):
    """Data covariance of the LCMV beamformer (`mne.beamformer.make_lcmv`)."""

    tmin: float = Field(0.0, description="Start of the data in s.")
    tmax: float | None = Field(None, description="End of the data in s; null: the epoch's.")
    reg: float = Field(
        0.05, ge=0, description="Regularisation, a share of the data covariance's mean power."
    )

    @model_validator(mode="after")
    def _window(self) -> "Beamformer":
        if self.tmax is not None and self.tmin >= self.tmax:
            raise ValueError(f"tmin ({self.tmin}) must be before tmax ({self.tmax})")
        return self


class Inverse(Section):
    """Minimum-norm inverse (Hamalainen and Ilmoniemi 1994; dSPM: Dale et al. 2000)."""

    method: Literal["MNE", "dSPM", "sLORETA", "eLORETA", "LCMV"] = Field(
        "dSPM",
        description="Minimum norm with its noise normalisation, or LCMV: a beamformer of unit "
        "noise gain (Van Veen et al. 1997), to which snr, loose, depth and fixed mean nothing.",
    )
    snr: float = Field(
        3.0, gt=0, description="Assumed amplitude SNR of the evoked; lambda2 = 1 / snr^2."
    )
    loose: float = Field(
        0.2, ge=0, le=1, description="Variance of tangential relative to normal sources; 1: free."
    )
    depth: float = Field(0.8, ge=0, le=1, description="Exponent of the depth weighting; 0: none.")
    fixed: bool = Field(False, description="Sources normal to the cortex only (loose must be 0).")
    orientation: Literal["normal", "vector"] | None = Field(
        None,
        description="null: magnitude over orientations; normal: signed, along the normal; vector: "
        "all three parts are kept and morphed, and the group tests the length.",
    )

    beamformer: Beamformer = Field(Beamformer(), description="method: LCMV.")

    @model_validator(mode="after")
    def _orientation(self) -> "Inverse":
        if self.fixed and self.loose:
            raise ValueError("fixed: true needs loose: 0")
        minimum_norm = self.method != "LCMV"
        if self.orientation == "vector" and minimum_norm and (self.fixed or not self.loose):
            raise ValueError("orientation: vector needs loose above 0")
        return self


class Morph(Section):
    """Morph to the template's surface."""

    to: str = Field("fsaverage", description="Template, a folder of subjects_dir.")
    spacing: int = Field(
        5, ge=2, le=7, description="Icosahedron grade: 5 gives 10,242 vertices a hemisphere."
    )
    smooth: int | Literal["nearest"] | None = Field(
        20, description="Smoothing steps on the surface; null: until the surface is filled."
    )


class Meeg(DataSection):
    """MEG or EEG recordings: from BIDS raw to source estimates on the template."""

    task: Label = Field(description="BIDS task.")
    session: Label | Annotated[list[Label], Field(min_length=2)] | None = Field(
        None,
        description="BIDS session; null: the tree has none; a list: several, each with its own "
        "epochs, noise and head position, which analyses tell apart by the factor session.",
    )
    datatype: Literal["meg", "eeg"] = Field("meg", description="BIDS data type of the recordings.")
    subjects_dir: str | None = Field(
        None,
        description="FreeSurfer's SUBJECTS_DIR with sub-<subject> folders; null: no anatomy, for "
        "analyses of sensors alone.",
    )
    anatomy: Literal["own", "template"] = Field(
        "own",
        description="own: each subject's FreeSurfer reconstruction; template: the head of morph.to "
        "for all, electrodes placed on it by nasion and ear points (EEG without MRIs).",
    )
    channels: list[Literal["mag", "grad", "eeg"]] = Field(
        ["mag", "grad"], min_length=1, description="Channel types that are analysed."
    )
    reference: Literal["average", "recorded"] | list[str] = Field(
        "average",
        description="EEG reference: average (a projection, as source estimation asks for), as "
        "recorded, or the mean of the channels named.",
    )
    montage: str | None = Field(
        None,
        description="Standard positions of EEG electrodes where the recordings have none, such as "
        "colin27_1020.",
    )
    bad_channels: dict[str, list[str]] = Field(
        {},
        description="Bad channels beside those of channels.tsv, by subject; the key all is for "
        "every subject.",
    )
    maxwell: Maxwell | None = Field(None, description="Maxwell filter of MEG; null: none.")
    filter: Filter = Field(Filter(), description="Filter of the raw recording.")
    artifacts: Artifacts = Field(Artifacts(), description="Repair of blinks and heartbeats.")
    epochs: Epochs = Field(Epochs(), description="Epochs and their rejection.")
    conditions: dict[str, int | str] = Field(
        min_length=1,
        description="Condition and its event in events.tsv: a number is looked up in the column "
        "value, a text in the column trial_type. Tags of factors are parted by /.",
    )
    resample: float | None = Field(
        None, gt=0, description="Sampling rate of the evoked in Hz; null: as recorded."
    )
    covariance: Covariance = Field(Covariance(), description="Noise covariance.")
    coregistration: Coregistration = Field(Coregistration(), description="Head to MRI transform.")
    bem: Bem = Field(Bem(), description="Head model.")
    source_space: SourceSpace = Field(SourceSpace(), description="Where sources are.")
    inverse: Inverse = Field(Inverse(), description="Inverse operator and its application.")
    morph: Morph = Field(Morph(), description="Morph to the template.")

    @model_validator(mode="after")
    def _distinct_conditions(self) -> "Meeg":
        events = list(self.conditions.values())
        twice = sorted({str(event) for event in events if events.count(event) > 1})
        if twice:
            raise ValueError(f"two conditions share the event {', '.join(twice)}")
        findings = check_names(self.conditions)
        if findings:
            raise ValueError("\n".join(findings))
        return self

    @property
    def sessions(self) -> list[str]:
        """Sessions where there are several, else none."""
        return self.session if isinstance(self.session, list) else []

    @model_validator(mode="after")
    def _maxwell_fits(self) -> "Meeg":
        if self.maxwell and not {"mag", "grad"} & set(self.channels):
            raise ValueError("maxwell is for MEG; remove it, or add mag or grad to channels")
        return self

    @model_validator(mode="after")
    def _head_fits(self) -> "Meeg":
        if self.subjects_dir is None:
            return self
        findings = []
        if "eeg" in self.channels and len(self.bem.conductivity) < 3:
            findings.append(
                "bem.conductivity: sources of EEG need three layers, [0.3, 0.006, 0.3]; give them, "
                "or leave subjects_dir out for analyses of sensors alone"
            )
        if self.anatomy == "template" and self.channels != ["eeg"]:
            findings.append(
                "anatomy: template is for EEG alone; MEG sensors do not move with the head, so "
                "that a head of another size misplaces sources by centimetres: give each subject "
                "its own MRI, or a scaled template made with mne coreg"
            )
        if findings:
            raise ValueError("\n".join(findings))
        return self

    @model_validator(mode="after")
    def _grid_fits(self) -> "Meeg":
        own = self.inverse
        if self.source_space.kind == "volume" and (own.orientation == "normal" or own.fixed):
            raise ValueError(
                "source_space.kind: volume has no cortex whose normal sources could follow; remove "
                "inverse.orientation: normal and inverse.fixed"
            )
        return self

    @model_validator(mode="after")
    def _rank_is_known(self) -> "Meeg":
        if self.artifacts.method == "ica" and self.covariance.rank == "info":
            raise ValueError(
                "artifacts.method ica lowers the rank of the data, and covariance.rank info does "
                "not see it; set covariance: {rank: null}"
            )
        return self

    def check(self, bids_root: str | None) -> list[str]:
        """Findings where the section does not fit the study's top level."""
        return [] if bids_root else ["bids_root is missing; the section meeg needs it"]


class MeegAnalysis(SourceAnalysis):
    """An analysis of M/EEG recordings: source estimates, or evoked responses at sensors."""

    data: Literal["meeg"]
    space: Literal["sources", "labels", "mag", "grad", "eeg"] | None = Field(
        None,
        description="sources (default), labels (their means over the regions of a parcellation), "
        "or the sensors of a type: mag, grad or eeg.",
    )

    @property
    def on_sensors(self) -> bool:
        """Whether evoked responses at sensors are tested."""
        return self.space in ("mag", "grad", "eeg")

    def check(self, section: Meeg) -> list[str]:
        """Findings where the analysis does not fit the section meeg."""
        return [
            *super().check(section),
            *self.check_cells(list(section.conditions)),
            *(self._check_sensors(section) if self.on_sensors else self._check_sources(section)),
            *self._check_crop(section.epochs),
            *self._check_sessions(section.sessions),
        ]

    def _check_sensors(self, section: Meeg) -> list[str]:
        if self.space not in section.channels:
            channels = ", ".join(section.channels)
            return [f"space is {self.space}, but meeg.channels are {channels}"]
        if "hemispheres" in self.changed_keys:
            return ["hemispheres: sensors have none; remove it"]
        return []

    def _check_sources(self, section: Meeg) -> list[str]:
        on_grid = section.source_space.kind == "volume"
        if on_grid and self.space == "labels":
            return ["space: labels are of surfaces, sources lie on a grid"]
        if on_grid and "hemispheres" in self.changed_keys:
            return ["hemispheres: a grid has none; remove it"]
        if section.subjects_dir is None:
            return ["space: sources need meeg.subjects_dir; give it, or space: eeg"]
        return []

    def _check_crop(self, epochs: Epochs) -> list[str]:
        return [
            f"crop: {edge} s lies outside the epochs ({epochs.tmin} to {epochs.tmax} s)"
            for edge in self.crop or ()
            if edge is not None and not epochs.tmin <= edge <= epochs.tmax
        ]

    def _check_sessions(self, sessions: list[str]) -> list[str]:
        """Findings where the sessions are not told apart, or others are named."""
        asked = (self.within or {}).get("session", [])
        if sessions and not asked:
            return [
                f"within: meeg.session names {', '.join(sessions)}; add within: session with two "
                "or more of them, or give one session"
            ]
        return [
            f"within.session: {level} is not in meeg.session, which names "
            f"{', '.join(sessions) or 'none'}"
            for level in asked
            if level not in sessions
        ]
