"""Label time courses: source estimates averaged over the labels of a parcellation."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_array

from groupwise.errors import InputError
from groupwise.meeg.sources import HEMISPHERES, read_checked_estimates, to_mni305
from groupwise.stack import Places

if TYPE_CHECKING:
    import mne

#: Starts of the names of labels outside the cortex.
NOT_CORTEX = ("unknown", "corpuscallosum", "medial_wall", "???", "medialwall")


def read_parcels(
    src: "mne.SourceSpaces",
    subjects_dir: str | os.PathLike,
    parcellation: str,
    hemispheres: Sequence[str] = HEMISPHERES,
) -> list["mne.Label"]:
    """Read the cortical labels of a parcellation that contain vertices of the source space.

    Parameters
    ----------
    src : template source space.
    subjects_dir : folder of the template's reconstruction.
    parcellation : name of ``label/?h.<parcellation>.annot``, such as "aparc".
    hemispheres : "lh", "rh" or both.

    Returns
    -------
    The labels: those of the left hemisphere first, and sorted by name within a hemisphere.

    Raises
    ------
    InputError
        If the parcellation can't be read, or no label contains a vertex.
    """
    import mne

    name = src[0]["subject_his_id"]
    where = Path(subjects_dir) / name / "label"
    try:
        labels = mne.read_labels_from_annot(name, parcellation, subjects_dir=subjects_dir)
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(
            f"{where}: the parcellation {parcellation} can't be read "
            f"({' '.join(str(error).split())}). It needs the files lh.{parcellation}.annot and "
            f"rh.{parcellation}.annot. Add them, or name another parcellation."
        ) from error
    inside = dict(zip(HEMISPHERES, (hemisphere["vertno"] for hemisphere in src), strict=True))
    kept = [
        label
        for label in labels
        if label.hemi in hemispheres
        and not label.name[:-3].lower().startswith(NOT_CORTEX)
        and np.isin(label.vertices, inside[label.hemi]).any()
    ]
    if not kept:
        raise InputError(
            f"{where}: no label of {parcellation} contains a vertex of the source space. Name "
            "another parcellation."
        )
    return sorted(kept, key=lambda label: (label.hemi, label.name))


def label_space(
    labels: Sequence["mne.Label"],
    src: "mne.SourceSpaces",
    subjects_dir: str | os.PathLike,
    times: np.ndarray,
) -> Places:
    """Return the feature space of labels: places without neighbours.

    A cluster is therefore a time interval of one label. The coordinates of a label are the mean of
    its vertices in MNI305 (mm).

    Parameters
    ----------
    labels : labels of `read_parcels`.
    src : template source space.
    subjects_dir : folder of the template's reconstruction.
    times : (t,) s.
    """
    name = src[0]["subject_his_id"]
    centres = []
    for label in labels:
        hemisphere = src[HEMISPHERES.index(label.hemi)]
        vertices = np.intersect1d(label.vertices, hemisphere["vertno"])
        white = (hemisphere["rr"][vertices] * 1e3).astype(np.float32)
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
    """Yield the maps of a stack, place-major and time-contiguous.

    Parameters
    ----------
    rows, times, keep : see `groupwise.meeg.sources.estimate_rows`.
    labels, src : see `label_space`.
    mode : mode of `mne.extract_label_time_course`: "mean", or "mean_flip" for signed sources, whose
        sign depends on the folding of the cortex.
    """
    import mne

    vertices = [hemisphere["vertno"] for hemisphere in src]
    for estimate in read_checked_estimates(rows, vertices, times):
        courses = mne.extract_label_time_course(
            estimate, list(labels), src, mode=mode, verbose="error"
        )
        yield courses[:, keep].ravel()
