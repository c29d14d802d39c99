"""Export of surface maps as MNE source estimates (HDF5) and GIFTI."""

import os
from collections.abc import Mapping
from colorsys import hsv_to_rgb
from pathlib import Path
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np

from groupwise.stack import Hemisphere, Surface

if TYPE_CHECKING:
    import mne

#: GIFTI intent of each map, by which viewers recognise its kind; other maps have no intent.
INTENTS = {
    "F": "NIFTI_INTENT_FTEST",
    "t": "NIFTI_INTENT_TTEST",
    "p": "NIFTI_INTENT_PVAL",
    "pMax": "NIFTI_INTENT_PVAL",
    "cluster": "NIFTI_INTENT_LABEL",
}
SIDES = {"lh": "L", "rh": "R"}


def as_source_estimate(space: Surface, values: np.ndarray) -> "mne.SourceEstimate":
    """Return a map as an MNE source estimate of the template.

    Parameters
    ----------
    space : feature space on the cortex.
    values : (places,) or (places, times).

    Returns
    -------
    The source estimate. A hemisphere that is not in the feature space has no vertices.
    """
    import mne

    vertices = {each.name: each.vertices for each in space.hemispheres}
    none = np.zeros(0, np.int32)
    times = space.times if space.times is not None else np.zeros(1)
    step = (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else 1.0
    return mne.SourceEstimate(
        space.by_place(values).astype(float),
        [vertices.get("lh", none), vertices.get("rh", none)],
        tmin=float(times[0]),
        tstep=float(step),
        subject=space.name,
    )


def as_gifti_map(
    space: Surface, values: np.ndarray, hemisphere: Hemisphere, intent: str = "NIFTI_INTENT_NONE"
) -> nib.gifti.GiftiImage:
    """Return one hemisphere of a map as GIFTI, with one array per time.

    The vertices have the order of `as_gifti_surface`. NaN stays NaN.

    Parameters
    ----------
    values : (places,) or (places, times).
    hemisphere : "lh" or "rh".
    intent : NIfTI intent. With NIFTI_INTENT_LABEL, values are integers; 0 is no label.
    """
    times = space.times if space.times is not None else np.zeros(1)
    columns = space.of_hemisphere(space.by_place(values), hemisphere)
    discrete = intent == "NIFTI_INTENT_LABEL"
    image = nib.gifti.GiftiImage(meta=nib.gifti.GiftiMetaData(_meta(space, hemisphere)))
    step = (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else 0.0
    if space.times is not None:
        image.meta["TimeStep"] = f"{step * 1e3:g}"  # ms, the unit of GIFTI
        image.meta["TimeStart"] = f"{times[0] * 1e3:g}"
    if discrete:
        image.labeltable = _label_table(int(np.max(columns, initial=0)))
    for time, column in zip(times, columns.T, strict=True):
        name = {"Name": f"{time * 1e3:g} ms"} if space.times is not None else {}
        image.add_gifti_data_array(
            nib.gifti.GiftiDataArray(
                np.ascontiguousarray(column, np.int32 if discrete else np.float32),
                intent=intent,
                datatype="NIFTI_TYPE_INT32" if discrete else "NIFTI_TYPE_FLOAT32",
                meta=nib.gifti.GiftiMetaData(name),
            )
        )
    return image


def as_gifti_surface(
    space: Surface, hemisphere: Hemisphere, kind: str = "inflated"
) -> nib.gifti.GiftiImage:
    """Return a hemisphere of the template at the analysis resolution as GIFTI.

    Parameters
    ----------
    kind : "inflated" (without anatomical coordinates) or "white" (surface RAS, mm).
    """
    points = nib.gifti.GiftiDataArray(
        getattr(hemisphere, kind).astype(np.float32),
        intent="NIFTI_INTENT_POINTSET",
        datatype="NIFTI_TYPE_FLOAT32",
        meta=nib.gifti.GiftiMetaData(
            {
                **_meta(space, hemisphere),
                "GeometricType": "Anatomical" if kind == "white" else "Inflated",
                "AnatomicalStructureSecondary": "GrayWhite",
            }
        ),
    )
    triangles = nib.gifti.GiftiDataArray(
        hemisphere.triangles.astype(np.int32),
        intent="NIFTI_INTENT_TRIANGLE",
        datatype="NIFTI_TYPE_INT32",
    )
    return nib.gifti.GiftiImage(
        meta=nib.gifti.GiftiMetaData(_meta(space, hemisphere)), darrays=[points, triangles]
    )


def export_maps(
    folder: str | os.PathLike, stem: str, space: Surface, maps: Mapping[str, np.ndarray]
) -> list[Path]:
    """Write maps and the surfaces that they are defined on.

    For each map: ``<stem>_stat-<name>_stc.h5`` (both hemispheres, for `mne.read_source_estimate`)
    and ``<stem>_hemi-<L|R>_stat-<name>.func.gii`` (``.label.gii`` for clusters). For each
    hemisphere: ``<stem>_hemi-<L|R>_<inflated|white>.surf.gii``.

    Parameters
    ----------
    folder : an existing folder.
    stem : start of the file names, such as "space-fsaverage_effect-modalityXside".
    maps : values by name, each (places,) or (places, times). Maps named in `INTENTS` get its
        intent.

    Returns
    -------
    The paths written.
    """
    folder = Path(folder)
    written = []

    def write_gifti(name: str, image: nib.gifti.GiftiImage) -> None:
        nib.save(image, folder / name)
        written.append(folder / name)

    for name, values in maps.items():
        path = folder / f"{stem}_stat-{name}_stc.h5"
        as_source_estimate(space, values).save(path, ftype="h5", overwrite=True)
        written.append(path)
        intent = INTENTS.get(name, "NIFTI_INTENT_NONE")
        ending = "label.gii" if intent == "NIFTI_INTENT_LABEL" else "func.gii"
        for hemisphere in space.hemispheres:
            side = SIDES[hemisphere.name]
            image = as_gifti_map(space, values, hemisphere, intent)
            write_gifti(f"{stem}_hemi-{side}_stat-{name}.{ending}", image)
    for hemisphere in space.hemispheres:
        side = SIDES[hemisphere.name]
        for kind in ("inflated", "white"):
            write_gifti(
                f"{stem}_hemi-{side}_{kind}.surf.gii", as_gifti_surface(space, hemisphere, kind)
            )
    return written


def _meta(space: Surface, hemisphere: Hemisphere) -> dict[str, str]:
    structure = {"lh": "CortexLeft", "rh": "CortexRight"}[hemisphere.name]
    return {"AnatomicalStructurePrimary": structure, "SpaceName": space.name}


def _label_table(count: int) -> nib.gifti.GiftiLabelTable:
    """Return names and colours of the labels 1 to `count`; label 0 is transparent."""
    table = nib.gifti.GiftiLabelTable()
    for key in range(count + 1):
        # Steps of the golden ratio give consecutive numbers distinct hues.
        colour = hsv_to_rgb(key * 0.618034 % 1, 0.8, 0.9) if key else (0.0, 0.0, 0.0)
        label = nib.gifti.GiftiLabel(key, *colour, float(bool(key)))
        label.label = f"cluster {key}" if key else "none"
        table.labels.append(label)
    return table
