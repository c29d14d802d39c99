"""The study, typed once: every key a user may write, with its default, unit and meaning.

Unknown keys are refused. Rules and library read these models; nobody reads the raw dict.
"""

from typing import Literal

from pydantic import Field, model_validator

from groupwise.config.analysis import Analysis, cells_of, conditions_with
from groupwise.config.fmri import Fmri
from groupwise.config.fnirs import Fnirs, Values
from groupwise.config.maps import Atlas, Estimates, Evokeds, Maps
from groupwise.config.meeg import Meeg
from groupwise.config.models import Model
from groupwise.config.section import Label, Name, Section


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
                findings += _sessions_unfit(name, analysis, self.meeg.sessions)
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
            keys = {"meeg": (), "estimates": (), "evokeds": ("hemispheres",)}
            findings += [
                f"analyses.{name}.{key}: belongs to source estimates; remove it"
                for key in keys.get(analysis.data, ("crop", "average", "hemispheres"))
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
        spaces = {
            "meeg": ("sources", "labels", "mag", "grad", "eeg"),
            "evokeds": ("mag", "grad", "eeg"),
            "estimates": ("sources", "labels"),
            "fnirs": ("channels", "rois"),
        }
        fitting = spaces.get(analysis.data, ())
        if analysis.space is not None and analysis.space not in fitting:
            what = f"has {', '.join(fitting)}" if fitting else "takes no space; remove it"
            return [f"analyses.{name}.space is {analysis.space}, but {analysis.data} {what}"]
        if analysis.data == "evokeds" and analysis.space is None:
            return [f"analyses.{name}.space is missing; evokeds needs one of mag, grad, eeg"]
        default = Analysis.model_fields["parcellation"].default
        if analysis.space != "labels" and analysis.parcellation != default:
            return [f"analyses.{name}.parcellation: belongs to space: labels; remove it"]
        if analysis.data != "meeg" or self.meeg is None:
            return []
        if not analysis.on_sensors:
            on_grid = self.meeg.source_space.kind == "volume"
            if on_grid and analysis.space == "labels":
                return [f"analyses.{name}.space: labels are of surfaces, sources lie on a grid"]
            if on_grid and analysis.hemispheres != ["lh", "rh"]:
                return [f"analyses.{name}.hemispheres: a grid has none; remove it"]
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


def _sessions_unfit(name: str, analysis: Analysis, sessions: list[str]) -> list[str]:
    """Findings where an analysis does not tell the sessions apart, or names others."""
    asked = (analysis.within or {}).get("session", [])
    if sessions and not asked:
        return [
            f"analyses.{name}: meeg.session names {', '.join(sessions)}; add within: session with "
            "two or more of them, or give one session"
        ]
    return [
        f"analyses.{name}.within.session: {level} is not in meeg.session, which names "
        f"{', '.join(sessions) or 'none'}"
        for level in asked
        if level not in sessions
    ]


def _crop_unfit(name: str, analysis: Analysis, meeg: Meeg) -> list[str]:
    """Findings where the crop lies outside the epochs."""
    return [
        f"analyses.{name}.crop: {edge} s lies outside the epochs "
        f"({meeg.epochs.tmin} to {meeg.epochs.tmax} s)"
        for edge in analysis.crop or ()
        if edge is not None and not meeg.epochs.tmin <= edge <= meeg.epochs.tmax
    ]
