"""Anatomies of the demo study written as a FreeSurfer subjects_dir."""

from pathlib import Path

import mne
import nibabel as nib
import numpy as np
import pandas as pd
from mne.io.constants import FIFF
from scipy.spatial import cKDTree

from groupwise.demo.anatomy import (
    MNI305_TO_MNI152,
    VOX2RAS_TKR,
    Anatomy,
    Surface,
    apply_affine,
    package_folder,
)

#: Landmarks of Dosenbach et al. (2010) that do not lie on the cortex.
NOT_CORTICAL = ("basal ganglia", "thalamus", "cerebellum")

#: Thinner than this (mm) the template has no cortex: the medial wall.
MEDIAL_WALL_THICKNESS = 1.3


def conformed_image(anatomy: Anatomy) -> nib.freesurfer.MGHImage:
    """The T1 volume with its affine to scanner RAS."""
    affine = VOX2RAS_TKR.astype(float).copy()
    affine[:3, 3] += anatomy.scanner_offset
    return nib.freesurfer.MGHImage(anatomy.volume, affine)


def write_subject(folder: Path, anatomy: Anatomy) -> None:
    """Write `folder` (its name is the subject's) with surf, bem and mri.

    What is there: the surfaces and morphometry that source estimation reads, three BEM surfaces
    on one icosahedral mesh, head surface, fiducials, T1.mgz, talairach.xfm.
    """
    for part in ("surf", "bem", "mri/transforms", "label"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    volume_info = _volume_info(anatomy.scanner_offset)

    def write(path: Path, surface: Surface) -> None:
        mne.write_surface(path, *surface, volume_info=volume_info, overwrite=True)

    for name, hemisphere in anatomy.hemispheres.items():
        surfaces = {
            "white": hemisphere.white,
            "pial": hemisphere.pial,
            "inflated": hemisphere.inflated,
            "sphere": hemisphere.sphere,
            "sphere.reg": hemisphere.registration,
        }
        for kind, points in surfaces.items():
            write(folder / "surf" / f"{name}.{kind}", (points, hemisphere.triangles))
        for kind in ("curv", "sulc", "thickness"):
            values = getattr(hemisphere, kind).astype(np.float32)
            nib.freesurfer.write_morph_data(folder / "surf" / f"{name}.{kind}", values)
    for kind in ("inner_skull", "outer_skull", "outer_skin"):
        write(folder / "bem" / f"{kind}.surf", getattr(anatomy, kind))
    points, triangles = anatomy.head
    head = folder / "bem" / f"{folder.name}-head.fif"
    mne.write_head_bem(head, points / 1e3, triangles, overwrite=True, verbose="error")
    _write_fiducials(folder / "bem" / f"{folder.name}-fiducials.fif", anatomy.fiducials)
    nib.save(conformed_image(anatomy), folder / "mri" / "T1.mgz")
    _write_talairach(folder / "mri" / "transforms" / "talairach.xfm", anatomy.talairach)


def write_parcellation(folder: Path, template: Anatomy) -> None:
    """Write `label/?h.aparc.annot` of the template: each vertex named by its nearest landmark.

    The landmarks are the cortical ones of Dosenbach et al. (2010, Science 329:1358), which
    nilearn ships with coordinates in MNI152. A coarse, made parcellation: it names places.
    """
    table = pd.read_csv(package_folder("nilearn") / "datasets" / "data" / "dosenbach_2010.csv")
    table = table[~table["name"].str.contains("|".join(NOT_CORTICAL))]
    landmarks = cKDTree(table[["x", "y", "z"]].to_numpy(float))
    names = ["unknown", *sorted(table["name"].unique())]
    code = table["name"].map(names.index).to_numpy()
    colours = np.random.default_rng(0).integers(40, 256, (len(names), 3))
    colours[0] = 25
    colour_table = np.c_[colours, np.zeros(len(names), int), np.zeros(len(names), int)]
    for name, hemisphere in template.hemispheres.items():
        places = apply_affine(MNI305_TO_MNI152, hemisphere.white)
        labels = code[landmarks.query(places)[1]]
        labels[hemisphere.thickness < MEDIAL_WALL_THICKNESS] = 0
        path = folder / "label" / f"{name}.aparc.annot"
        nib.freesurfer.write_annot(path, labels, colour_table, names, fill_ctab=True)


def _volume_info(offset: np.ndarray) -> dict:
    """The volume a surface belongs to, as FreeSurfer writes it at a surface file's end."""
    return {
        "head": np.array([2, 0, 20], np.int32),
        "valid": "1  # volume info valid",
        "filename": "../mri/T1.mgz",
        "volume": np.array([256, 256, 256]),
        "voxelsize": np.array([1.0, 1.0, 1.0]),
        "xras": np.array([-1.0, 0.0, 0.0]),
        "yras": np.array([0.0, 0.0, -1.0]),
        "zras": np.array([0.0, 1.0, 0.0]),
        "cras": np.asarray(offset, float),
    }


def _write_fiducials(path: Path, fiducials: dict[str, np.ndarray]) -> None:
    montage = mne.channels.make_dig_montage(
        **{name: point / 1e3 for name, point in fiducials.items()}, coord_frame="mri"
    )
    mne.io.write_fiducials(path, montage.dig, FIFF.FIFFV_COORD_MRI, overwrite=True, verbose="error")


def _write_talairach(path: Path, affine: np.ndarray) -> None:
    rows = "\n".join(" ".join(f"{value:.6f}" for value in row) for row in affine[:3])
    path.write_text(
        f"MNI Transform File\n\nTransform_Type = Linear;\nLinear_Transform =\n{rows};\n",
        encoding="ascii",
    )
