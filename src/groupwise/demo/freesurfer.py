"""Write the anatomies of the demo study as a FreeSurfer SUBJECTS_DIR."""

from pathlib import Path

import mne
import nibabel as nib
import numpy as np
from mne.io.constants import FIFF

from groupwise.demo.anatomy import VOX2RAS_TKR, Anatomy, Surface


def conformed_image(anatomy: Anatomy) -> nib.freesurfer.MGHImage:
    """Return the T1 volume with its affine to scanner RAS."""
    affine = VOX2RAS_TKR.astype(float).copy()
    affine[:3, 3] += anatomy.scanner_offset
    return nib.freesurfer.MGHImage(anatomy.volume, affine)


def write_subject(folder: Path, anatomy: Anatomy) -> None:
    """Write the FreeSurfer folder of a subject, named after the subject.

    It has the surfaces and morphometry for source estimation, three BEM surfaces on one icosahedral
    mesh, the head surface, fiducials, T1.mgz and talairach.xfm.
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


def write_parcellation(folder: Path, parcels: dict[str, np.ndarray], names: list[str]) -> None:
    """Write `label/?h.aparc.annot` from the index of the name of each vertex."""
    colours = np.random.default_rng(0).integers(40, 256, (len(names), 3))
    colours[0] = 25
    colour_table = np.c_[colours, np.zeros(len(names), int), np.zeros(len(names), int)]
    for hemisphere, numbers in parcels.items():
        path = folder / "label" / f"{hemisphere}.aparc.annot"
        nib.freesurfer.write_annot(path, numbers, colour_table, names, fill_ctab=True)


def _volume_info(offset: np.ndarray) -> dict:
    """Return the volume information at the end of a FreeSurfer surface file."""
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
