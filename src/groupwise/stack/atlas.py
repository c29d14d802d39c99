"""Anatomical names of places in MNI space: from an atlas, or from the nearest named coordinate."""

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

#: A named coordinate further away, in mm, says nothing of a place.
FAR_MM = 20.0
NEAREST = (
    "Name of the nearest coordinate of Dosenbach et al. (2010, Science 329:1358), none further "
    f"than {FAR_MM:g} mm; no atlas was given"
)


#: Atlases that nilearn fetches where there is a network.
FETCHED = {
    "aal": ("fetch_atlas_aal", {}),
    "harvard_oxford": ("fetch_atlas_harvard_oxford", {"atlas_name": "cort-maxprob-thr25-2mm"}),
    "schaefer_2018": ("fetch_atlas_schaefer_2018", {}),
}


def name_places(
    space: FeatureSpace, atlas: Mapping[str, str | None]
) -> tuple[FeatureSpace, dict[str, str]]:
    """A space in MNI with the names of its places, and where they are from; another as it is.

    Parameters
    ----------
    atlas : the config's section: arguments of `names_of`.
    """
    if not space.is_mni:
        return space, {}
    names, told = names_of(space.coordinates, **atlas)
    return replace(space, label=names), {"Labels": told}


def names_of(
    coordinates: np.ndarray,
    *,
    image: str | os.PathLike | None = None,
    labels: str | os.PathLike | None = None,
    fetch: str | None = None,
) -> tuple[np.ndarray, str]:
    """Name of each place (n, 3) mm, "" where there is none, and where the names are from.

    Parameters
    ----------
    image, labels : an atlas: integers in MNI space, and a TSV with their `index` and `name` (a BIDS
        dseg.tsv).
    fetch : or one of FETCHED. Without either: the nearest of the coordinates that nilearn ships.

    Raises
    ------
    InputError : an atlas that can not be fetched or read, or is not made of integers.
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
        what = f"atlas {fetch}: could not be fetched" if fetch else f"{image}, {labels}: no atlas"
        raise InputError(f"{what} ({error}); give atlas.image and atlas.labels") from error
    values: np.ndarray = np.asarray(atlas.dataobj)
    values = values.reshape(values.shape[:3])
    if not {"index", "name"} <= set(named.columns):
        raise InputError(f"{labels}: needs the columns index and name")
    if not np.array_equal(values, np.round(values)):
        raise InputError(f"{image}: not all values are integers; an atlas has a number a region")
    names = dict(zip(named["index"].astype(int), named["name"].astype(str), strict=True))
    voxels = np.round(apply_affine(np.linalg.inv(atlas.affine), coordinates))
    inside = ((voxels >= 0) & (voxels < values.shape)).all(axis=1)
    found = np.zeros(len(coordinates), int)
    found[inside] = values[tuple(voxels[inside].astype(int).T)]
    own = np.array([names.get(k, "") if k else "" for k in found])
    return own, f"Label of the atlas {source}"


def _nearest(coordinates: np.ndarray) -> np.ndarray:
    import nilearn
    from scipy.spatial import cKDTree

    shipped = Path(nilearn.__file__).parent / "datasets" / "data" / "dosenbach_2010.csv"
    table: Any = pd.read_csv(shipped)
    distance, nearest = cKDTree(table[["x", "y", "z"]].to_numpy(float)).query(coordinates)
    names = table["name"].to_numpy(str)[nearest]
    side = np.where(coordinates[:, 0] < 0, "left ", "right ")
    return np.where(distance <= FAR_MM, np.char.add(side, names), "")
