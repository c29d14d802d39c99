"""What a study may say of ready-made maps, and of the names of places."""

from typing import Literal

from pydantic import Field, model_validator

from groupwise.config.analysis import ClusterAnalysis, SourceAnalysis, TimedAnalysis
from groupwise.config.section import DataSection, Label, Section


class Maps(DataSection):
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


class MapsAnalysis(ClusterAnalysis):
    """An analysis of ready-made maps."""

    data: Literal["maps"]


class Estimates(DataSection):
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


class EstimatesAnalysis(SourceAnalysis):
    """An analysis of ready-made source estimates."""

    data: Literal["estimates"]
    space: Literal["sources", "labels"] | None = Field(
        None,
        description="sources (default), or labels: their means over the regions of a parcellation.",
    )


class Evokeds(DataSection):
    """Ready-made evoked responses in FIF, for analyses of sensors."""

    table: str = Field(
        description="TSV with the columns subject and path (relative to the table), and one column "
        "a factor or condition. A file with several responses stands in several rows; the column "
        "condition then names the response by its comment."
    )


class EvokedsAnalysis(TimedAnalysis):
    """An analysis of ready-made evoked responses at sensors."""

    data: Literal["evokeds"]
    space: Literal["mag", "grad", "eeg"] = Field(description="Type of the sensors.")

    @property
    def on_sensors(self) -> bool:
        """Whether evoked responses at sensors are tested."""
        return True


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
