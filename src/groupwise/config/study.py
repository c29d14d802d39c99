"""The study, typed once: every key a user may write, with its default, unit and meaning.

Unknown keys are refused. Rules and library read these models; nobody reads the raw dict.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from groupwise.config.fnirs import Fnirs, Values
from groupwise.config.formula import weights_of
from groupwise.config.models import Model
from groupwise.config.section import (
    Hrf,
    Label,
    Name,
    Probability,
    Section,
    first_level_unfit,
    names_unfit,
)
from groupwise.errors import InputError


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
        description="Path of the transforms with {subject} in it, e.g. "
        "trans/sub-{subject}_trans.fif; null: from AnatomicalLandmarkCoordinates in each "
        "subject's T1w.json, the BIDS way.",
    )

    @model_validator(mode="after")
    def _pattern(self) -> "Coregistration":
        if self.trans is not None:
            try:
                filled = self.trans.format(subject="01")
            except (LookupError, ValueError):  # other braces
                filled = self.trans
            if filled == self.trans:
                raise ValueError(
                    "must hold {subject} and no other braces, e.g. trans/sub-{subject}_trans.fif"
                )
        return self


class Bem(Section):
    """Boundary-element model of the head."""

    ico: int | None = Field(
        4, ge=2, le=5, description="Downsampling of the skull surfaces; null: as they are."
    )
    conductivity: list[float] = Field(
        [0.3],
        min_length=1,
        max_length=3,
        description="S/m: one layer (MEG), or brain, skull, scalp [0.3, 0.006, 0.3] (EEG).",
    )


class SourceSpace(Section):
    """Sources on the white surface of each subject."""

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


class Meeg(Section):
    """MEG or EEG recordings: from BIDS raw to source estimates on the template."""

    task: Label = Field(description="BIDS task.")
    session: Label | None = Field(None, description="BIDS session; null: the tree has none.")
    datatype: Literal["meg", "eeg"] = Field("meg", description="BIDS data type of the recordings.")
    subjects_dir: str | None = Field(
        None,
        description="FreeSurfer's SUBJECTS_DIR with sub-<subject> folders; null: no anatomy, for "
        "analyses of sensors alone.",
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
        findings = names_unfit(self.conditions)
        if findings:
            raise ValueError("\n".join(findings))
        return self

    @model_validator(mode="after")
    def _rank_is_known(self) -> "Meeg":
        if self.artifacts.method == "ica" and self.covariance.rank == "info":
            raise ValueError(
                "artifacts.method ica lowers the rank of the data, and covariance.rank info does "
                "not see it; set covariance: {rank: null}"
            )
        return self


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


class Fmri(Section):
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
        findings = first_level_unfit(self.conditions, self.contrasts)
        if self.drift != "none" and "high_pass" in self.confounds.strategy:
            findings.append(
                "drift and the confounds' high_pass both model drift; set drift: none, or take "
                "high_pass out of confounds.strategy"
            )
        if findings:
            raise ValueError("\n".join(findings))
        return self


class Maps(Section):
    """Ready-made maps, one file a subject and condition: the door for other pipelines."""

    table: str = Field(
        description="TSV with the columns subject and path (relative to the table), and one column "
        "a factor or condition."
    )
    mask: Literal["intersection"] | str = Field(
        "intersection",
        description="intersection: voxels that are finite and not 0 in every map; or a path to a "
        "mask image on the same grid, intersected with it.",
    )
    resample_to: str | None = Field(
        None,
        description="Image whose grid all maps (and the mask) are resampled to; null: maps must "
        "lie on one grid.",
    )
    units: str = Field("arbitrary", description="Units of the maps, as they stand in the sidecar.")
    space: Label = Field("MNI", description="Template space of the maps.")


class Estimates(Section):
    """Ready-made source estimates on a template's surface, one file a subject and condition."""

    table: str = Field(
        description="TSV with the columns subject and path (relative to the table), and one column "
        "a factor or condition. Paths are HDF5 (-stc.h5), the left of a pair of STC (-lh.stc) or "
        "of GIFTI (hemi-L or lh in its name)."
    )
    subjects_dir: str = Field(description="FreeSurfer's SUBJECTS_DIR with the template.")
    template: str = Field("fsaverage", description="Template, a folder of subjects_dir.")
    spacing: int = Field(
        5, ge=2, le=7, description="Icosahedron grade of its vertices: 5 is 10,242 a hemisphere."
    )
    units: str = Field("arbitrary", description="Units of the values.")


class Atlas(Section):
    """Where anatomical names of places in volumes come from."""

    image: str | None = Field(None, description="Atlas in MNI space, an integer a region.")
    labels: str | None = Field(
        None, description="TSV with index and name of its regions (a BIDS dseg.tsv)."
    )
    fetch: Literal["aal", "harvard_oxford", "schaefer_2018"] | None = Field(
        None, description="Or an atlas that nilearn fetches, where there is a network."
    )

    @model_validator(mode="after")
    def _whole(self) -> "Atlas":
        if (self.image is None) != (self.labels is None):
            raise ValueError("image and labels go together; give both")
        if self.image and self.fetch:
            raise ValueError("give image and labels, or fetch")
        return self


class Threshold(Section):
    """Cluster-forming threshold: one of the two."""

    p: Probability | None = Field(
        None, description="Uncorrected p, converted with the df of the design (two-sided t: p/2)."
    )
    stat: float | None = Field(None, gt=0, description="Value of t or F.")

    @model_validator(mode="after")
    def _one(self) -> "Threshold":
        if (self.p is None) == (self.stat is None):
            raise ValueError("give p or stat, one of the two")
        return self


class Cluster(Section):
    """How clusters are formed and measured."""

    threshold: Threshold = Field(Threshold(p=0.001), description="Cluster-forming threshold.")
    mass: Literal["sum", "excess"] = Field(
        "sum", description="Mass: sum of the statistic, or of its excess over the threshold."
    )
    connectivity: Literal["faces", "edges", "corners"] = Field(
        "faces", description="Voxel neighbours: 6, 18 or 26. Surfaces use their mesh."
    )


class Analysis(Section):
    """One group analysis: data, design, clusters, permutations."""

    data: Literal["meeg", "fmri", "fnirs", "estimates", "maps", "values"] = Field(
        description="Where the maps come from."
    )
    space: Literal["sources", "mag", "grad", "eeg", "channels", "rois"] | None = Field(
        None,
        description="meeg: sources (default), or the sensors of a type, mag, grad or eeg; fnirs: "
        "channels (default) or rois.",
    )
    chroma: list[Literal["hbo", "hbr"]] = Field(
        ["hbo", "hbr"], min_length=1, description="fnirs: chromophores, corrected together."
    )
    test: Literal["one-sample", "paired"] | None = Field(
        None, description="Test of one condition, or of the first minus the second of two."
    )
    conditions: list[str] = Field(
        [],
        description="For test: the condition (one-sample) or the two (paired). May stay empty for "
        "one-sample maps whose table has no column condition.",
    )
    within: dict[Name, Annotated[list[str], Field(min_length=2)]] | None = Field(
        None,
        description="Repeated-measures factors and their levels, first factor slowest. Each cell "
        "is the one condition that carries all its levels as tags.",
    )
    between: dict[Name, Annotated[list[str], Field(min_length=2)]] | None = Field(
        None,
        description="Groups of subjects: one column of the participants table and its levels. t is "
        "positive where the first has the larger mean; more than two levels give an F. With "
        "within: a mixed design.",
    )
    covariates: list[Name] = Field(
        [],
        description="Numeric columns of the participants table, all in one regression of the maps "
        "(test: one-sample) or differences (paired).",
    )
    variances: Literal["equal", "unequal"] = Field(
        "equal", description="Of two groups: equal (pooled) or unequal (Welch's t)."
    )
    error: Literal["partitioned", "pooled"] = Field(
        "partitioned",
        description="Error of a within design: partitioned (each effect its own), or pooled over "
        "conditions, with subjects as regressors, which assumes sphericity.",
    )
    effects: Literal["all"] | list[str] = Field(
        "all",
        description="Effects: all, or names such as modality:side; of covariates, their names, "
        "mean (at average covariates), or age+score (both together).",
    )
    contrasts: dict[Name, str | Annotated[list[str], Field(min_length=1)]] = Field(
        {},
        description="For within, instead of effects: sums of its cells by name, such as faces: "
        "famous + unfamiliar - 2 scrambled, each tested by t; a list of sums by one F.",
    )
    hat: float = Field(
        0.0,
        ge=0,
        description="Added to the variance of a t, as a share of the largest variance over the map "
        "(Ridgway et al. 2012).",
    )
    tfce: bool = Field(
        False, description="Threshold-free cluster enhancement beside clusters (E 0.5, H 2)."
    )
    across_effects: bool = Field(
        False,
        description="Also correct each cluster for the clusters of all effects of the analysis.",
    )
    alternative: Literal["two-sided", "greater", "less"] = Field(
        "two-sided", description="Side of a t test; an F has none."
    )
    crop: tuple[float | None, float | None] | None = Field(
        None, description="Time window in s; null: the whole epoch."
    )
    hemispheres: list[Literal["lh", "rh"]] = Field(
        ["lh", "rh"], min_length=1, description="Hemispheres that are tested."
    )
    cluster: Cluster = Field(Cluster(), description="Clusters.")
    permutations: int = Field(
        10_000,
        ge=2,
        description="Resamplings, the identity included. At or above the number of distinct ones: "
        "all of them, once each, and the test is exact.",
    )
    alpha: Probability = Field(0.05, description="Family-wise error rate.")

    @model_validator(mode="after")
    def _design(self) -> "Analysis":
        if (self.test is None) == (self.within is None):
            raise ValueError("give test or within, one of the two")
        wanted = {"one-sample": (0, 1), "paired": (2,), None: (0,)}[self.test]
        if len(self.conditions) not in wanted:
            what = {"one-sample": "one condition", "paired": "two conditions"}.get(
                self.test, "no conditions (its cells come from within)"
            )
            raise ValueError(f"{self.test or 'a within design'} takes {what}")
        for part in ("within", "between"):
            for factor, levels in (getattr(self, part) or {}).items():
                if len(set(levels)) < len(levels):
                    raise ValueError(f"{part}.{factor} names a level twice")
        if self.between and len(self.between) > 1:
            raise ValueError("between takes one column; join several into one, e.g. patientMale")
        if self.between and set(self.between) & set(self.within or {}):
            raise ValueError("between and within name the same factor")
        if self.covariates and (self.between or self.within):
            raise ValueError(
                "covariates go with test alone; code groups as a numeric column (0 and 1) and "
                "name it among the covariates"
            )
        if len(set(self.covariates)) < len(self.covariates):
            raise ValueError("covariates names a column twice")
        two = self.between and not self.within and len(next(iter(self.between.values()))) == 2
        if self.variances == "unequal" and not two:
            raise ValueError("variances: unequal is for two groups (between, with a test)")
        if self.error == "pooled" and (not self.within or self.between):
            raise ValueError("error: pooled is for a within design without groups")
        return self

    @model_validator(mode="after")
    def _contrasts(self) -> "Analysis":
        if not self.contrasts:
            return self
        if not self.within or self.between:
            raise ValueError("contrasts are for a within design without groups")
        if self.effects != "all":
            raise ValueError("give effects or contrasts, one of the two")
        findings, plain = [], [name.replace("_", "").lower() for name in self.contrasts]
        if len(set(plain)) < len(plain):
            findings.append("contrasts: letters and digits of their names do not tell them apart")
        for name in self.contrasts:
            try:
                self.weights(name)
            except InputError as error:
                findings += [f"contrasts.{name}: {line}" for line in error.findings]
        if findings:
            raise ValueError("\n".join(findings))
        return self

    @model_validator(mode="after")
    def _effects(self) -> "Analysis":
        known = [*(self.between or {}), *(self.within or {}), *self.covariates]
        if self.test and not self.covariates and self.effects != "all":
            raise ValueError("effects belong to within designs and covariates; remove them")
        if not self.effects:
            raise ValueError("effects is empty; name an effect, or leave it out for all")
        names = self.effect_names
        twice = sorted({e for e in names if names.count(e) > 1})
        if twice:
            raise ValueError(f"effects names {', '.join(twice)} twice")
        if (self.within or self.covariates) and not self.contrasts:
            sign = "+" if self.covariates else ":"
            allowed = {*known, "mean"} if self.covariates else set(known)
            unknown = [e for e in names if not set(e.split(sign)) <= allowed]
            if unknown:
                what = "covariates are" if self.covariates else "factors are"
                raise ValueError(f"effects names {', '.join(unknown)}; {what} {', '.join(known)}")
        if self.has_f and self.alternative != "two-sided":
            raise ValueError("an F test has no side; remove alternative")
        group = next(iter(self.between or {}), None)
        if self.across_effects and len({group in e.split(":") for e in names}) > 1:
            raise ValueError(
                "across_effects: effects with the groups exchange subjects, effects without flip "
                "signs, and cannot be corrected together; name the effects of one kind"
            )
        if self.hat and (self.has_f or self.covariates or self.variances == "unequal"):
            raise ValueError(
                "hat is for a t of one sample, of pairs and of two groups with equal variances"
            )
        return self

    @property
    def on_sensors(self) -> bool:
        """Whether evoked responses at sensors are tested."""
        return self.space in ("mag", "grad", "eeg")

    @property
    def has_f(self) -> bool:
        """Whether an effect is tested by F."""
        groups = len(next(iter(self.between.values()))) if self.between else 0
        if self.contrasts:
            return any(not isinstance(sums, str) for sums in self.contrasts.values())
        joint = any("+" in effect for effect in self.effect_names)
        return self.within is not None or groups > 2 or joint

    def weights(self, name: str) -> list[float] | list[list[float]]:
        """Weights of the cells in a contrast: (cells,), or (cells, sums) where it is a list."""
        cells = ["/".join(cell["tags"]) for cell in cells_of(self)]
        sums = self.contrasts[name]
        if isinstance(sums, str):
            return weights_of(sums, cells).tolist()
        columns = [weights_of(each, cells).tolist() for each in sums]
        return [list(row) for row in zip(*columns, strict=True)]

    @property
    def effect_names(self) -> list[str]:
        """Effects by name, an interaction's factors in the order of the design."""
        if self.contrasts:
            return list(self.contrasts)
        if self.covariates:
            return list(self.covariates) if self.effects == "all" else list(self.effects)
        if self.within is None:
            return list(self.between) if self.between else [self.test]
        factors = [*(self.between or {}), *self.within]
        if self.effects == "all":
            subsets = range(1, 2 ** len(factors))
            chosen = [[f for i, f in enumerate(factors) if s >> i & 1] for s in subsets]
            return [":".join(names) for names in sorted(chosen, key=len)]
        return [":".join(sorted(e.split(":"), key=_rank_in(factors))) for e in self.effects]


def _rank_in(factors: list[str]):
    return lambda name: factors.index(name) if name in factors else len(factors)


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
    estimates: Estimates | None = Field(None, description="Ready-made source estimates.")
    maps: Maps | None = Field(None, description="Ready-made maps.")
    values: Values | None = Field(None, description="Ready-made values of channels or regions.")
    atlas: Atlas = Field(
        Atlas(),
        description="Names of places in volumes. By default the nearest of the coordinates that "
        "nilearn ships (Dosenbach et al. 2010), which are coarse.",
    )
    analyses: dict[Name, Analysis] = Field({}, description="Group analyses by name.")
    models: dict[Name, Model] = Field({}, description="Models of tables by name.")

    @model_validator(mode="after")
    def _parts_fit(self) -> "Study":
        findings = []
        if self.meeg is not None and self.bids_root is None:
            findings.append("bids_root is missing; the section meeg needs it")
        if self.fmri is not None and (self.fmri.bids_root or self.bids_root) is None:
            findings.append("bids_root is missing; the section fmri needs it for the events")
        fnirs = self.fnirs
        if fnirs and (fnirs.recordings or fnirs.bids_root or self.bids_root) is None:
            findings.append("bids_root is missing; the section fnirs needs it")
        for name, analysis in self.analyses.items():
            if getattr(self, analysis.data) is None:
                findings.append(
                    f"analyses.{name}.data is {analysis.data}, but the section {analysis.data} "
                    "is missing"
                )
            elif analysis.data == "meeg":
                findings += _cells_unfit(name, analysis, list(self.meeg.conditions))
                findings += _crop_unfit(name, analysis, self.meeg)
            elif analysis.data in ("fmri", "fnirs"):
                section = getattr(self, analysis.data)
                known = [*section.conditions, *section.contrasts]
                findings += _cells_unfit(name, analysis, known)
            findings += self._space_unfit(name, analysis)
            if analysis.data == "fnirs" and analysis.space == "rois" and not self.fnirs.rois:
                findings.append(f"analyses.{name}.space is rois, but fnirs.rois names none")
            if analysis.data in ("fnirs", "values") and analysis.tfce:
                findings.append(f"analyses.{name}.tfce: channels have no neighbours; remove it")
            if (
                analysis.data != "fnirs"
                and analysis.chroma != Analysis.model_fields["chroma"].default
            ):
                findings.append(f"analyses.{name}.chroma: belongs to fnirs; remove it")
            if analysis.data not in ("meeg", "estimates"):
                findings += [
                    f"analyses.{name}.{key}: belongs to source estimates; remove it"
                    for key in ("crop", "hemispheres")
                    if getattr(analysis, key) != Analysis.model_fields[key].default
                ]
        for name, model in self.models.items():
            section = "values" if model.data == "values" else "fnirs"
            if getattr(self, section) is None:
                findings.append(
                    f"models.{name}.data is {model.data}, but the section {section} is missing"
                )
            elif model.data == "rois" and not self.fnirs.rois:
                findings.append(f"models.{name}.data is rois, but fnirs.rois names none")
        if findings:
            raise ValueError("\n".join(findings))
        return self

    def _space_unfit(self, name: str, analysis: Analysis) -> list[str]:
        """Findings on the space of an analysis."""
        spaces = {"meeg": ("sources", "mag", "grad", "eeg"), "fnirs": ("channels", "rois")}
        fitting = spaces.get(analysis.data, ())
        if analysis.space is not None and analysis.space not in fitting:
            what = f"has {', '.join(fitting)}" if fitting else "takes no space; remove it"
            return [f"analyses.{name}.space is {analysis.space}, but {analysis.data} {what}"]
        if analysis.data != "meeg" or self.meeg is None:
            return []
        if not analysis.on_sensors:
            missing = self.meeg.subjects_dir is None
            told = f"analyses.{name}: sources need meeg.subjects_dir; give it, or space: eeg"
            return [told] if missing else []
        if analysis.space not in self.meeg.channels:
            return [
                f"analyses.{name}.space is {analysis.space}, but meeg.channels are "
                f"{', '.join(self.meeg.channels)}"
            ]
        if analysis.hemispheres != ["lh", "rh"]:
            return [f"analyses.{name}.hemispheres: sensors have none; remove it"]
        return []


def _cells_unfit(name: str, analysis: Analysis, conditions: list[str]) -> list[str]:
    """Findings where a cell is not one condition."""
    findings = []
    for cell in cells_of(analysis):
        fitting = conditions_with(cell["tags"], conditions)
        if len(fitting) != 1:
            wanted = "/".join(cell["tags"]) or "(no condition named)"
            findings.append(
                f"analyses.{name}: cell {wanted} fits {', '.join(fitting) or 'no condition'}; it "
                f"must fit one of {', '.join(conditions)}"
            )
    return findings


def _crop_unfit(name: str, analysis: Analysis, meeg: Meeg) -> list[str]:
    """Findings where the crop lies outside the epochs."""
    return [
        f"analyses.{name}.crop: {edge} s lies outside the epochs "
        f"({meeg.epochs.tmin} to {meeg.epochs.tmax} s)"
        for edge in analysis.crop or ()
        if edge is not None and not meeg.epochs.tmin <= edge <= meeg.epochs.tmax
    ]


def cells_of(analysis: Analysis) -> list[dict]:
    """Cells of the design in order, first factor slowest: `factors` (a dict) and `tags`."""
    if analysis.within is None:
        return [
            {"factors": {"condition": name}, "tags": name.split("/")}
            for name in analysis.conditions
        ] or [{"factors": {}, "tags": []}]
    cells: list[dict] = [{"factors": {}, "tags": []}]
    for factor, levels in analysis.within.items():
        cells = [
            {
                "factors": {**cell["factors"], factor: level},
                "tags": [*cell["tags"], *level.split("/")],
            }
            for cell in cells
            for level in levels
        ]
    return cells


def conditions_with(tags: list[str], conditions: list[str]) -> list[str]:
    """Conditions whose tags (parted by /) include all of `tags`."""
    return [name for name in conditions if set(tags) <= set(name.split("/"))]
