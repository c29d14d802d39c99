"""Source estimates averaged over the regions of a parcellation: label time courses."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_array

from groupwise.errors import InputError
from groupwise.meeg.sources import HEMISPHERES, checked_estimates, to_mni305
from groupwise.stack import Places

if TYPE_CHECKING:
    import mne

#: Labels that stand for no cortex.
NO_CORTEX = ("unknown", "corpuscallosum", "medial_wall", "???", "medialwall")


def read_parcels(
    src: "mne.SourceSpaces",
    subjects_dir: str | os.PathLike,
    parcellation: str,
    hemispheres: Sequence[str] = HEMISPHERES,
) -> list["mne.Label"]:
    """Cortical labels of a template's parcellation that hold vertices of its source space.

    Those of the left hemisphere come first, each hemisphere's in the order of their names.

    Parameters
    ----------
    src : template source space.
    subjects_dir : folder of the template's reconstruction.
    parcellation : name of ``label/?h.<parcellation>.annot``, such as "aparc".
    hemispheres : "lh", "rh" or both.

    Raises
    ------
    InputError : the parcellation can't be read, or no label holds a vertex.
    """
    import mne

    name = src[0]["subject_his_id"]
    where = Path(subjects_dir) / name / "label"
    try:
        labels = mne.read_labels_from_annot(name, parcellation, subjects_dir=subjects_dir)
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(
            f"{where}: the parcellation {parcellation} can't be read "
            f"({' '.join(str(error).split())}); it needs lh.{parcellation}.annot and "
            f"rh.{parcellation}.annot"
        ) from error
    inside = dict(zip(HEMISPHERES, (hemisphere["vertno"] for hemisphere in src), strict=True))
    kept = [
        label
        for label in labels
        if label.hemi in hemispheres
        and not label.name[:-3].lower().startswith(NO_CORTEX)
        and np.isin(label.vertices, inside[label.hemi]).any()
    ]
    if not kept:
        raise InputError(f"{where}: no label of {parcellation} holds a vertex of the analysis")
    return sorted(kept, key=lambda label: (label.hemi, label.name))


def label_space(
    labels: Sequence["mne.Label"],
    src: "mne.SourceSpaces",
    subjects_dir: str | os.PathLike,
    times: np.ndarray,
) -> Places:
    """Labels as places without neighbours, so that a cluster is a stretch of time of one label.

    The coordinates of a label are the mean of its vertices in MNI305.
    """
    name = src[0]["subject_his_id"]
    centres = []
    for label in labels:
        own = src[HEMISPHERES.index(label.hemi)]
        vertices = np.intersect1d(label.vertices, own["vertno"])
        white = (own["rr"][vertices] * 1e3).astype(np.float32)
        centres.append(to_mni305(white, name, subjects_dir).mean(axis=0))
    return Places(
        name=name,
        coordinates=np.array(centres, np.float32),
        place_name="region",
        part=np.full(len(labels), ""),
        label=np.array([label.name for label in labels]),
        adjacency=csr_array((len(labels), len(labels)), dtype=bool),
        times=times,
    )


def label_rows(
    rows: Sequence[dict[str, Any]],
    labels: Sequence["mne.Label"],
    src: "mne.SourceSpaces",
    times: np.ndarray,
    keep: np.ndarray,
    mode: str,
) -> Iterator[np.ndarray]:
    """The maps of a stack, label after label, times contiguous (`mne.extract_label_time_course`).

    Parameters
    ----------
    rows, times, keep : see `estimate_rows`.
    mode : "mean", or "mean_flip" for signed sources, whose signs follow the cortex's folds.
    """
    import mne

    vertices = [hemisphere["vertno"] for hemisphere in src]
    for estimate in checked_estimates(rows, vertices, times):
        courses = mne.extract_label_time_course(
            estimate, list(labels), src, mode=mode, verbose="error"
        )
        yield courses[:, keep].ravel()
