"""Config of M/EEG, from recordings to source estimates on a template."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from groupwise.config.analysis import SourceAnalysis
from groupwise.config.section import (
    DataSection,
    Entities,
    Label,
    Section,
    check_names,
    unit_finding,
)
from groupwise.config.sources import Bem, Coregistration, Inverse, Morph, SourceSpace

#: Units and largest plausible peak-to-peak amplitudes of an epoch: 100 times the largest limits
#: in use. Limits in fT, fT/cm, µV or mV exceed them, and would reject nothing.
AMPLITUDES = {
    "grad": ("T/m", 0.0, 1e-6),
    "mag": ("T", 0.0, 1e-8),
    "eeg": ("V", 0.0, 1e-2),
    "eog": ("V", 0.0, 1e-2),
    "ecg": ("V", 0.0, 5e-2),
}
#: Longest plausible distance of the edge of an epoch from its event, in s; ms exceed it.
LONGEST_EPOCH = 100.0


class Filter(Section):
    """Zero-phase FIR filter of the raw recording (`mne.io.Raw.filter`)."""

    l_freq: float | None = Field(
        None, gt=0, description="High-pass cutoff in Hz. null: no high-pass filter."
    )
    h_freq: float | None = Field(
        40.0, gt=0, description="Low-pass cutoff in Hz. null: no low-pass filter."
    )
    notch: list[float] = Field(
        [], description="Line frequencies to remove, in Hz, such as [50, 100]."
    )

    @model_validator(mode="after")
    def _edges_in_order(self) -> "Filter":
        if self.l_freq is not None and self.h_freq is not None and self.l_freq >= self.h_freq:
            raise ValueError(
                f"l_freq: {self.l_freq} is not less than h_freq ({self.h_freq}); correct one"
            )
        return self


class Maxwell(Section):
    """Maxwell filter of MEG recordings, with all runs at the head position of the first run.

    Fine-calibration and cross-talk files of the BIDS tree (`acq-calibration_meg.dat`,
    `acq-crosstalk_meg.fif`) are used if they exist.
    """

    st_duration: float | None = Field(
        None,
        gt=0,
        description="Buffer of the temporal extension (tSSS) in s, such as 10. null: no tSSS.",
    )
    find_bads: bool = Field(
        True,
        description="Find noisy and flat channels first, and reconstruct them from the others.",
    )
    movement: bool = Field(
        False, description="Compensate head movement, if head position was recorded (cHPI)."
    )


class Artifacts(Section):
    """Correction of artifacts of blinks and heartbeats, before epoching."""

    method: Literal["none", "ssp", "ica"] = Field(
        "none",
        description="none: only rejection of epochs. ssp: projectors computed from detected blinks "
        "and heartbeats. ica: removal of FastICA components that correlate with them.",
    )
    n_components: float | None = Field(
        None,
        gt=0,
        description="ssp: number of projectors per channel type (null: 1). ica: number of "
        "components, or explained share of variance if below 1 (null: 0.99).",
    )
    eog: list[str] = Field([], description="Channels with blinks. Empty: channels of type EOG.")
    ecg: list[str] = Field(
        [],
        description="Channel with heartbeats. Empty: the channel of type ECG, or else an estimate "
        "from the magnetometers.",
    )


class Epochs(Section):
    """Epochs around events, with baseline correction and rejection."""

    tmin: float = Field(-0.2, description="Start in s, relative to the event.")
    tmax: float = Field(0.5, description="End in s, relative to the event.")
    baseline: tuple[float | None, float | None] | None = Field(
        (None, 0.0),
        description="Interval in s whose mean is subtracted. null as one of the two: start or end "
        "of the epoch. null: no baseline correction.",
    )
    reject: dict[Literal["grad", "mag", "eeg", "eog", "ecg"], Annotated[float, Field(gt=0)]] = (
        Field(
            {},
            description="Largest peak-to-peak amplitude of an epoch by channel type, in T/m "
            "(grad), T (mag) or V (eeg, eog, ecg).",
        )
    )
    flat: dict[Literal["grad", "mag", "eeg", "eog", "ecg"], Annotated[float, Field(gt=0)]] = Field(
        {}, description="Smallest peak-to-peak amplitude of an epoch by channel type, same units."
    )
    autoreject: Literal["global", "local"] | None = Field(
        None,
        description="Rejection limits estimated from the data, in addition to the fixed ones (Jas "
        "et al. 2017; needs the package autoreject). global: one limit per channel type. local: "
        "one per channel; bad channels of an epoch are interpolated.",
    )
    equalize: bool = Field(
        True,
        description="Drop epochs until all conditions have the same number, with minimal "
        "differences in time (`mne.epochs.equalize_epoch_counts`). Otherwise magnitudes, which "
        "noise biases upwards, differ between conditions.",
    )

    @model_validator(mode="after")
    def _units(self) -> "Epochs":
        limits = {"tmin": (self.tmin, "s", 0.0, LONGEST_EPOCH)}
        limits["tmax"] = (self.tmax, "s", 0.0, LONGEST_EPOCH)
        for key in ("reject", "flat"):
            for kind, value in getattr(self, key).items():
                limits[f"{key}.{kind}"] = (value, *AMPLITUDES[kind])
        findings = [
            f"{key}: {finding}"
            for key, (value, unit, low, high) in limits.items()
            if (finding := unit_finding(value, unit, low, high))
        ]
        findings += [
            f"flat.{kind}: {value:g} is not less than reject.{kind} ({self.reject[kind]:g}), so "
            "every epoch would be rejected; correct one"
            for kind, value in self.flat.items()
            if value >= self.reject.get(kind, float("inf"))
        ]
        if findings:
            raise ValueError("\n".join(findings))
        return self

    @model_validator(mode="after")
    def _window(self) -> "Epochs":
        if self.tmin >= self.tmax:
            raise ValueError(f"tmin: {self.tmin} is not less than tmax ({self.tmax}); correct one")
        for edge in self.baseline or ():
            if edge is not None and not self.tmin <= edge <= self.tmax:
                raise ValueError(
                    f"baseline: {edge} s is outside the epoch ({self.tmin} to {self.tmax} s); "
                    "correct baseline, tmin or tmax"
                )
        return self


class Covariance(Section):
    """Noise covariance; cross-validation selects the estimator (Engemann and Gramfort 2015)."""

    source: Literal["baseline", "empty_room"] = Field(
        "baseline",
        description="Data with noise: the baseline of the epochs, or an empty-room recording.",
    )
    method: list[Literal["empirical", "shrunk", "diagonal_fixed", "ledoit_wolf", "oas", "pca"]] = (
        Field(
            ["shrunk", "empirical"],
            min_length=1,
            description="Estimators to compare. The one with the largest cross-validated "
            "log-likelihood is used.",
        )
    )
    tmin: float | None = Field(
        None, description="Start of the baseline in s. null: start of the epoch."
    )
    tmax: float | None = Field(0.0, description="End of the baseline in s. null: end of the epoch.")
    rank: Literal["info", "full"] | None = Field(
        "info",
        description="Rank of the data. info: from the projectors and the Maxwell filter; full: the "
        "number of channels; null: estimated.",
    )
    folds: int = Field(3, ge=2, description="Number of folds of the cross-validation.")


class Meeg(DataSection):
    """MEG or EEG recordings, from BIDS raw data to source estimates on the template."""

    task: Label = Field(description="BIDS task.")
    session: Label | Annotated[list[Label], Field(min_length=2)] | None = Field(
        None,
        description="BIDS session. null: there are none. A list: several sessions, each with its "
        "own epochs, noise covariance and head position; analyses need the factor session.",
    )
    entities: Entities = Field(
        {},
        description="Further BIDS entities of the file names, such as {proc: sss}. null: names "
        "without the entity.",
    )
    datatype: Literal["meg", "eeg"] = Field("meg", description="BIDS data type of the recordings.")
    subjects_dir: str | None = Field(
        None,
        description="FreeSurfer's SUBJECTS_DIR with sub-<subject> folders. null: no anatomy; all "
        "analyses are then of sensors.",
    )
    anatomy: Literal["own", "template"] = Field(
        "own",
        description="own: the FreeSurfer reconstruction of each subject. template: one template "
        "head model, morph.to, for all subjects (EEG without MRIs). Electrodes are aligned to it "
        "by nasion and ear points.",
    )
    channels: list[Literal["mag", "grad", "eeg"]] = Field(
        ["mag", "grad"], min_length=1, description="Channel types to analyse."
    )
    reference: Literal["average", "recorded"] | list[str] = Field(
        "average",
        description="EEG reference. average: a projection, as source estimation requires; "
        "recorded: unchanged; a list of channels: their mean.",
    )
    montage: str | None = Field(
        None,
        description="Standard electrode positions, such as colin27_1020, for EEG recordings "
        "without positions.",
    )
    bad_channels: dict[str, list[str]] = Field(
        {},
        description="Bad channels by subject, in addition to those of channels.tsv. The key all is "
        "for every subject.",
    )
    maxwell: Maxwell | None = Field(None, description="Maxwell filter of MEG. null: none.")
    filter: Filter = Field(Filter(), description="Filter of the raw recording.")
    artifacts: Artifacts = Field(Artifacts(), description="Correction of blinks and heartbeats.")
    epochs: Epochs = Field(Epochs(), description="Epochs and their rejection.")
    conditions: dict[str, int | str] = Field(
        min_length=1,
        description="Conditions and their events in events.tsv: a number is a value of the column "
        "value, a text one of the column trial_type. A / separates the tags of a condition.",
    )
    resample: float | None = Field(
        None, gt=0, description="Sampling rate of evoked responses in Hz. null: as recorded."
    )
    covariance: Covariance = Field(Covariance(), description="Noise covariance.")
    coregistration: Coregistration = Field(Coregistration(), description="Head-to-MRI transform.")
    bem: Bem = Field(Bem(), description="Head model.")
    source_space: SourceSpace = Field(SourceSpace(), description="Locations of the sources.")
    inverse: Inverse = Field(Inverse(), description="Inverse operator and its application.")
    morph: Morph = Field(Morph(), description="Morph to the template.")

    @model_validator(mode="after")
    def _distinct_conditions(self) -> "Meeg":
        events = list(self.conditions.values())
        twice = sorted({str(event) for event in events if events.count(event) > 1})
        if twice:
            raise ValueError(
                f"conditions: two have the event {', '.join(twice)}; remove one of them"
            )
        findings = check_names(self.conditions)
        if findings:
            raise ValueError("\n".join(findings))
        return self

    @property
    def sessions(self) -> list[str]:
        """Sessions if there are several, otherwise an empty list."""
        return self.session if isinstance(self.session, list) else []

    @model_validator(mode="after")
    def _maxwell_fits(self) -> "Meeg":
        if self.maxwell and not {"mag", "grad"} & set(self.channels):
            raise ValueError(
                "maxwell: needs MEG channels; add mag or grad to channels, or remove maxwell"
            )
        return self

    @model_validator(mode="after")
    def _head_fits(self) -> "Meeg":
        if self.subjects_dir is None:
            return self
        findings = []
        if "eeg" in self.channels and len(self.bem.conductivity) < 3:
            findings.append(
                f"bem.conductivity: source estimation of EEG needs three layers, but there is "
                f"{len(self.bem.conductivity)}; set [0.3, 0.006, 0.3], or remove subjects_dir if "
                "all analyses are of sensors"
            )
        if self.anatomy == "template" and self.channels != ["eeg"]:
            findings.append(
                "anatomy: template needs channels: [eeg]. With MEG, a head model of another size "
                "misplaces sources by centimetres; use the MRI of each subject, or a template "
                "scaled with mne coreg"
            )
        if findings:
            raise ValueError("\n".join(findings))
        return self

    @model_validator(mode="after")
    def _windows_fit(self) -> "Meeg":
        """Refuse windows of covariances outside the epochs, which MNE cuts off with a warning."""
        low, high = self.epochs.tmin, self.epochs.tmax
        windows: list[tuple[str, Section, bool]] = [
            ("covariance", self.covariance, self.covariance.source == "baseline"),
            ("inverse.beamformer", self.inverse.beamformer, self.inverse.method == "LCMV"),
        ]
        findings = [
            f"{name}.{key}: {edge} s is outside the epochs ({low} to {high} s); correct it"
            for name, section, used in windows
            for key in ("tmin", "tmax")
            if used and key in section.changed_keys and (edge := getattr(section, key)) is not None
            if not low <= edge <= high
        ]
        if findings:
            raise ValueError("\n".join(findings))
        return self

    @model_validator(mode="after")
    def _grid_fits(self) -> "Meeg":
        own = self.inverse
        if self.source_space.kind == "volume" and (own.orientation == "normal" or own.fixed):
            raise ValueError(
                "source_space.kind: volume has no cortical normals; remove inverse.orientation: "
                "normal and inverse.fixed"
            )
        return self

    @model_validator(mode="after")
    def _rank_is_known(self) -> "Meeg":
        if self.artifacts.method == "ica" and self.covariance.rank == "info":
            raise ValueError(
                "artifacts.method: ica reduces the rank of the data, which covariance.rank: info "
                "ignores; set covariance: {rank: null}"
            )
        return self

    def check(self, bids_root: str | None) -> list[str]:
        """Return a finding if there is no root folder."""
        if bids_root:
            return []
        return ["bids_root: is missing; add it for the section meeg"]


class MeegAnalysis(SourceAnalysis):
    """Analysis of M/EEG recordings: of source estimates, or of evoked responses at sensors."""

    data: Literal["meeg"]
    space: Literal["sources", "labels", "mag", "grad", "eeg"] | None = Field(
        None,
        description="sources (the default); labels: means over the labels of a parcellation; or "
        "the sensors of a type: mag, grad or eeg.",
    )

    @property
    def on_sensors(self) -> bool:
        """Whether the maps are evoked responses at sensors."""
        return self.space in ("mag", "grad", "eeg")

    def check(self, section: Meeg) -> list[str]:
        """Return findings on cells, space, time window and sessions."""
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
            return [
                f"space: {self.space} is not among meeg.channels ({channels}); add it there, or "
                "choose another space"
            ]
        if "hemispheres" in self.changed_keys:
            return ["hemispheres: sensors have no hemispheres; remove it"]
        return []

    def _check_sources(self, section: Meeg) -> list[str]:
        on_grid = section.source_space.kind == "volume"
        if on_grid and self.space == "labels":
            return [
                "space: labels needs sources on surfaces, but meeg.source_space.kind is volume; "
                "remove it"
            ]
        if on_grid and "hemispheres" in self.changed_keys:
            return ["hemispheres: a grid has no hemispheres; remove it"]
        if section.subjects_dir is None:
            return ["space: sources need meeg.subjects_dir; add it, or set space to a sensor type"]
        return []

    def _check_crop(self, epochs: Epochs) -> list[str]:
        return [
            f"crop: {edge} s is outside the epochs ({epochs.tmin} to {epochs.tmax} s); correct it"
            for edge in self.crop or ()
            if edge is not None and not epochs.tmin <= edge <= epochs.tmax
        ]

    def _check_sessions(self, sessions: list[str]) -> list[str]:
        """Return findings if the factor session is missing or has unknown levels."""
        asked = (self.within or {}).get("session", [])
        if sessions and not asked:
            return [
                f"within: lacks the factor session, but meeg.session has {', '.join(sessions)}; "
                "add session with two or more of them, or set meeg.session to one"
            ]
        return [
            f"within.session: {level} is not in meeg.session ({', '.join(sessions) or 'none'}); "
            "correct one of them"
            for level in asked
            if level not in sessions
        ]
