"""Config of ready-made maps, source estimates and evoked responses, and of the atlas."""

from typing import Literal

from pydantic import Field, model_validator

from groupwise.config.analysis import ClusterAnalysis, SourceAnalysis, TimedAnalysis
from groupwise.config.section import DataSection, Label, Section


class Maps(DataSection):
    """Maps computed by other pipelines, one file per subject and condition."""

    table: str = Field(
        description="TSV file with the columns subject and path (relative to the table), and a "
        "column for the condition or for each factor."
    )
    mask: Literal["intersection"] | str = Field(
        "intersection",
        description="intersection: voxels that are finite and not 0 in every map. The path of a "
        "mask image on the same grid: those of these voxels that are also in the mask.",
    )
    resample_to: str | None = Field(
        None,
        description="Image to whose grid all maps and the mask are resampled. null: all maps must "
        "have the same grid.",
    )
    units: str = Field("arbitrary", description="Units of the maps, as recorded in sidecars.")
    space: Label = Field("MNI", description="Template space of the maps.")


class MapsAnalysis(ClusterAnalysis):
    """Analysis of ready-made maps."""

    data: Literal["maps"]


class Estimates(DataSection):
    """Source estimates on a template surface, one file per subject and condition."""

    table: str = Field(
        description="TSV file with the columns subject and path (relative to the table), and a "
        "column for the condition or for each factor. A path is an HDF5 file (-stc.h5), or the "
        "file of the left hemisphere of an STC pair (-lh.stc) or a GIFTI pair (hemi-L or lh in its "
        "name)."
    )
    subjects_dir: str = Field(description="FreeSurfer's SUBJECTS_DIR, with the template.")
    template: str = Field("fsaverage", description="Template, a folder in subjects_dir.")
    spacing: int = Field(
        5,
        ge=2,
        le=7,
        description="Icosahedron grade of the vertices: 5 has 10,242 vertices per hemisphere.",
    )
    units: str = Field("arbitrary", description="Units of the values.")


class EstimatesAnalysis(SourceAnalysis):
    """Analysis of ready-made source estimates."""

    data: Literal["estimates"]
    space: Literal["sources", "labels"] | None = Field(
        None,
        description="sources (the default), or labels: means over the labels of a parcellation.",
    )


class Evokeds(DataSection):
    """Evoked responses in FIF files, for analyses of sensors."""

    table: str = Field(
        description="TSV file with the columns subject and path (relative to the table), and a "
        "column for the condition or for each factor. A file with several responses has a row for "
        "each; its column condition is the comment of the response."
    )


class EvokedsAnalysis(TimedAnalysis):
    """Analysis of ready-made evoked responses at sensors."""

    data: Literal["evokeds"]
    space: Literal["mag", "grad", "eeg"] = Field(description="Sensor type: mag, grad or eeg.")

    @property
    def on_sensors(self) -> bool:
        """Whether the maps are evoked responses at sensors."""
        return True


class Atlas(Section):
    """Atlas that labels locations in volumes."""

    image: str | None = Field(
        None, description="Atlas image in MNI space, with an integer for each region."
    )
    labels: str | None = Field(
        None, description="TSV file with the columns index and name of the regions (BIDS dseg.tsv)."
    )
    fetch: Literal["aal", "harvard_oxford", "schaefer_2018"] | None = Field(
        None, description="Atlas that nilearn downloads, instead of image and labels."
    )

    @model_validator(mode="after")
    def _whole(self) -> "Atlas":
        if (self.image is None) != (self.labels is None):
            raise ValueError(
                "needs both or neither of the keys image and labels; add the missing one"
            )
        if self.image and self.fetch:
            raise ValueError("fetch: cannot be combined with image; remove one of them")
        return self
