"""Anatomical labels of places in MNI space, from an atlas or the nearest labelled coordinate."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
from nibabel.affines import apply_affine

from groupwise.errors import InputError
from groupwise.stack.space import FeatureSpace

#: Labelled coordinates further away than this, in mm, don't label a place.
FAR_MM = 20.0
NEAREST = (
    "Name of the nearest coordinate of Dosenbach et al. (2010, Science 329:1358), none further "
    f"than {FAR_MM:g} mm; no atlas was given"
)
#: Atlases that nilearn downloads: its function and the arguments.
FETCHED = {
    "aal": ("fetch_atlas_aal", {}),
    "harvard_oxford": ("fetch_atlas_harvard_oxford", {"atlas_name": "cort-maxprob-thr25-2mm"}),
    "schaefer_2018": ("fetch_atlas_schaefer_2018", {}),
}


def name_places(
    space: FeatureSpace, atlas: Mapping[str, str | None]
) -> tuple[FeatureSpace, dict[str, str]]:
    """Return a space with anatomical labels, and the source of the labels for the sidecar.

    Only a space in MNI space gets labels; any other is returned unchanged, with an empty dict.

    Parameters
    ----------
    atlas : the config's section: arguments of `names_of`.
    """
    if not space.is_mni:
        return space, {}
    names, source = names_of(space.coordinates, **atlas)
    return replace(space, label=names), {"Labels": source}


def names_of(
    coordinates: np.ndarray,
    *,
    image: str | os.PathLike | None = None,
    labels: str | os.PathLike | None = None,
    fetch: str | None = None,
) -> tuple[np.ndarray, str]:
    """Return the anatomical label of each place, and the source of the labels in words.

    Without `image` and `fetch`, a place gets the label of the nearest coordinate that nilearn
    ships.

    Parameters
    ----------
    coordinates : (n, 3) mm in MNI space.
    image : an atlas, an image of integers in MNI space.
    labels : TSV with the `index` and the `name` of each integer (a BIDS dseg.tsv).
    fetch : one of FETCHED, instead of `image`.

    Returns
    -------
    names : (n,) str, "" where a place has no label.
    source : of the names.

    Raises
    ------
    InputError : the atlas can't be fetched or read, or has values that aren't integers.
    """
    try:
        if fetch:
            from nilearn import datasets

            function, options = FETCHED[fetch]
            fetched = getattr(datasets, function)(**options)
            atlas, named, source = fetched.maps, fetched.lut, fetch
            atlas = nib.load(atlas) if isinstance(atlas, (str, os.PathLike)) else atlas
        elif image:
            atlas, source = nib.load(image), Path(image).name
            named = pd.read_csv(labels, sep="\t", dtype={"name": str})
        else:
            return _nearest(coordinates), NEAREST
    except (OSError, ValueError, nib.filebasedimages.ImageFileError) as error:
        what = f"atlas {fetch}: can't be fetched" if fetch else f"{image}, {labels}: no atlas"
        raise InputError(f"{what} ({error}); give atlas.image and atlas.labels") from error
    values: np.ndarray = np.asarray(atlas.dataobj)
    values = values.reshape(values.shape[:3])
    if not {"index", "name"} <= set(named.columns):
        have = ", ".join(map(str, named.columns))
        raise InputError(
            f"{labels}: the columns index and name are missing (it has {have}); add them"
        )
    if not np.array_equal(values, np.round(values)):
        raise InputError(
            f"{image}: not all values are integers; give an atlas with one integer per region"
        )
    names = dict(zip(named["index"].astype(int), named["name"].astype(str), strict=True))
    voxels = np.round(apply_affine(np.linalg.inv(atlas.affine), coordinates))
    inside = ((voxels >= 0) & (voxels < values.shape)).all(axis=1)
    found = np.zeros(len(coordinates), int)
    found[inside] = values[tuple(voxels[inside].astype(int).T)]
    own = np.array([names.get(k, "") if k else "" for k in found])
    return own, f"Label of the atlas {source}"


def _nearest(coordinates: np.ndarray) -> np.ndarray:
    """Return the label of the nearest coordinate, with its side; "" beyond `FAR_MM`."""
    import nilearn
    from scipy.spatial import cKDTree

    shipped = Path(nilearn.__file__).parent / "datasets" / "data" / "dosenbach_2010.csv"
    table: Any = pd.read_csv(shipped)
    distance, nearest = cKDTree(table[["x", "y", "z"]].to_numpy(float)).query(coordinates)
    names = table["name"].to_numpy(str)[nearest]
    side = np.where(coordinates[:, 0] < 0, "left ", "right ")
    return np.where(distance <= FAR_MM, np.char.add(side, names), "")
