"""Forward model: coregistration, head model, cortical source space and forward solution."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from mne import surface
from mne.io.constants import FIFF

from groupwise.errors import InputError
from groupwise.meeg.geometry import require_near_scalp

if TYPE_CHECKING:
    import mne

#: Largest median distance of digitised head points from the scalp of the MRI, mm. Good alignment
#: gives some mm, an adult template with a newborn's head less than 40, a wrong unit much more.
LARGEST_DISTANCE = 50.0

# Nearest neighbours by SciPy's tree, as MNE finds them itself where scikit-learn is not installed:
# importing that takes two seconds, in each of five stages a subject. The default is MNE's own
# matter; should it change, nothing happens here.
if surface._compute_nearest.__defaults__ == ("BallTree", False):
    surface._compute_nearest.__defaults__ = ("KDTree", False)


def read_head_mri_trans(path: str | os.PathLike) -> "mne.Transform":
    """Read the head-to-MRI transform from a ``*_trans.fif`` that was saved in either direction.

    Raises
    ------
    InputError
        If the file can't be read or has another transform.
    """
    import mne

    try:
        trans = mne.read_trans(path)
    except Exception as error:  # a damaged FIF file can raise any error
        raise InputError(
            f"{path}: no head-to-MRI transform can be read ({error}). Make one with "
            "`mne coreg`, or add landmarks to T1w.json and set coregistration.trans: null."
        ) from error
    if trans.from_str == "MRI (surface RAS)":
        trans = mne.transforms.invert_transform(trans)
    if (trans.from_str, trans.to_str) != ("head", "MRI (surface RAS)"):
        raise InputError(
            f"{path}: holds a transform {trans.from_str} -> {trans.to_str}, not head -> MRI. "
            "Use the file that `mne coreg` saves."
        )
    return trans


def fit_head_mri_trans(
    raw_path: str | os.PathLike,
    root: str | os.PathLike,
    subject: str,
    subjects_dir: str | os.PathLike,
    t1w_json: str | os.PathLike | None = None,
) -> "mne.Transform":
    """Compute the head-to-MRI transform from the landmarks of the recording and of T1w.json.

    Parameters
    ----------
    raw_path, root : a recording with digitised nasion and preauricular points; the BIDS root.
    subject, subjects_dir : name and folder of the FreeSurfer reconstruction (for T1.mgz).
    t1w_json : sidecar with `AnatomicalLandmarkCoordinates` (BIDS); None: that of the same session.

    Raises
    ------
    InputError
        If landmarks, the T1 image or its sidecar are missing.
    """
    import mne_bids

    bids_path = mne_bids.get_bids_path_from_fname(raw_path, check=False).update(root=root)
    t1 = None
    if t1w_json is not None:
        t1 = mne_bids.get_bids_path_from_fname(t1w_json, check=False).update(extension=None)
    try:
        return mne_bids.get_head_mri_trans(
            bids_path, t1_bids_path=t1, fs_subject=subject, fs_subjects_dir=subjects_dir
        )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        where = t1w_json or f"{raw_path} (its T1w.json)"
        raise InputError(
            f"{where}: no head-to-MRI transform can be computed ({' '.join(str(error).split())}). "
            "Add AnatomicalLandmarkCoordinates to T1w.json, or name a *_trans.fif in "
            "coregistration.trans."
        ) from error


def fit_template_trans(
    info: "mne.Info", template: str, subjects_dir: str | os.PathLike
) -> "mne.Transform":
    """Compute the head-to-MRI transform that aligns the landmarks with those of a template head.

    The transform is rigid (rotation and translation, no scaling). The forward solution projects
    EEG electrodes onto the template's scalp.

    Parameters
    ----------
    info : measurement info with nasion and both preauricular points.
    template, subjects_dir : name and folder of the template. Its landmarks are those of
        ``bem/<template>-fiducials.fif`` or, without that file, of MNI space.
    """
    import mne

    fit = mne.coreg.Coregistration(
        info, template, subjects_dir, fiducials="auto", on_defects="ignore"
    )
    return fit.fit_fiducials(verbose="error").trans


def head_surface_distance(
    info: "mne.Info",
    trans: "mne.Transform",
    subject: str,
    subjects_dir: str | os.PathLike,
) -> dict[str, float] | None:
    """Return the distance of the digitised head points from the MRI's scalp, to check `trans`.

    Returns
    -------
    `points` (their number), `median_mm` and `max_mm`; None without head points or scalp surface.

    Raises
    ------
    InputError
        If the median is above `LARGEST_DISTANCE`; without head points, that of the electrodes.
    """
    import mne

    kinds = {int(point["kind"]) for point in info["dig"] or []}
    codes = mne.io.constants.FIFF
    extra, eeg = int(codes.FIFFV_POINT_EXTRA), int(codes.FIFFV_POINT_EEG)
    folder = Path(subjects_dir) / subject
    scalps = ("bem/outer_skin.surf", f"bem/{subject}-head.fif", "surf/lh.seghead")
    if not {extra, eeg} & kinds or not any((folder / name).exists() for name in scalps):
        return None
    if extra not in kinds:
        electrodes = mne.dig_mri_distances(
            info, trans, subject, subjects_dir, dig_kinds="eeg", on_defects="ignore"
        )
        require_near_scalp(float(np.median(electrodes)) * 1e3, LARGEST_DISTANCE)
        return None
    distance = mne.dig_mri_distances(info, trans, subject, subjects_dir) * 1e3
    require_near_scalp(float(np.median(distance)), LARGEST_DISTANCE)
    return {
        "points": len(distance),
        "median_mm": round(float(np.median(distance)), 2),
        "max_mm": round(float(distance.max()), 2),
    }


def head_model(
    subject: str,
    subjects_dir: str | os.PathLike,
    *,
    ico: int | None,
    conductivity: Sequence[float],
) -> "mne.bem.ConductorModel":
    """Return the boundary element model of the head (linear collocation).

    Parameters
    ----------
    subject, subjects_dir : name and folder of the FreeSurfer reconstruction.
    ico : subdivision of an icosahedron to which surfaces are downsampled; None: full resolution.
    conductivity : S/m; one value (brain) is sufficient for MEG, EEG needs three (brain, skull,
        scalp).

    Raises
    ------
    InputError
        If a surface is missing, or the surfaces do not give a model.
    """
    import mne

    layers = ("inner_skull", "outer_skull", "outer_skin")[: len(conductivity)]
    require_files(
        subjects_dir,
        subject,
        [f"bem/{layer}.surf" for layer in layers],
        f"Make the surfaces with `mne watershed_bem -s {subject}`.",
    )
    try:
        model = mne.make_bem_model(
            subject, ico=ico, conductivity=tuple(conductivity), subjects_dir=subjects_dir
        )
        return mne.make_bem_solution(model)
    except (RuntimeError, ValueError) as error:
        raise InputError(
            f"{Path(subjects_dir) / subject / 'bem'}: no head model can be made of these surfaces "
            f"({' '.join(str(error).split())}). Repair the surfaces, or change bem.ico."
        ) from error


def source_space(
    subject: str,
    subjects_dir: str | os.PathLike,
    spacing: str,
    add_dist: bool | str = "patch",
) -> "mne.SourceSpaces":
    """Return the cortical source space on the white surface.

    Parameters
    ----------
    subject, subjects_dir : name and folder of the FreeSurfer reconstruction.
    spacing : "oct6", "ico5", "all", ...
    add_dist : "patch" adds the patch of vertices around each source, whose mean normal is the
        source's orientation; False does not; True also adds distances, which no stage uses.
    """
    import mne

    names = ["white", "sphere"] if spacing.startswith(("oct", "ico")) else ["white"]
    require_files(
        subjects_dir,
        subject,
        [f"surf/{hemi}.{name}" for hemi in ("lh", "rh") for name in names],
        "Complete the FreeSurfer reconstruction (recon-all), or correct subjects_dir.",
    )
    return mne.setup_source_space(subject, spacing, subjects_dir=subjects_dir, add_dist=add_dist)


def forward_solution(
    info: "mne.Info",
    trans: "mne.Transform",
    bem: "mne.bem.ConductorModel",
    src: "mne.SourceSpaces",
    *,
    channels: Sequence[str],
    mindist: float,
) -> "mne.Forward":
    """Return the forward solution of all sources with free orientation, bad channels included.

    Parameters
    ----------
    info : measurement info of the recording, with sensors and head position.
    channels : channel types: "mag", "grad", "eeg".
    mindist : minimal distance of a source from the inner skull, mm; nearer ones are excluded.
    """
    import mne

    types = dict(zip(info["ch_names"], info.get_channel_types(), strict=True))
    # Reference sensors are needed to apply the data's compensation to the forward solution, except
    # those of KIT systems, which compensate nothing, and of which MNE has no forward model.
    kept = {*channels, "ref_meg"}
    picks = [
        index
        for index, channel in enumerate(info["chs"])
        if types[channel["ch_name"]] in kept and channel["coil_type"] != FIFF.FIFFV_COIL_KIT_REF_MAG
    ]
    return mne.make_forward_solution(
        mne.pick_info(info, picks),
        trans,
        src,
        bem,
        meg=bool({"mag", "grad"} & set(channels)),
        eeg="eeg" in channels,
        mindist=mindist,
    )


def require_files(
    subjects_dir: str | os.PathLike, subject: str, names: Sequence[str], remedy: str
) -> None:
    """Raise InputError if files are missing from a subject's FreeSurfer reconstruction.

    Parameters
    ----------
    subjects_dir, subject : folder and name of the reconstruction.
    names : paths inside the reconstruction.
    remedy : last sentence of the message.
    """
    folder = Path(subjects_dir) / subject
    if not folder.is_dir():
        raise InputError(
            f"{folder}: there is no such FreeSurfer subject. Correct subjects_dir, or run "
            "recon-all. (fsaverage is part of FreeSurfer; mne.datasets.fetch_fsaverage "
            "downloads it.)"
        )
    absent = [str(folder / name) for name in names if not (folder / name).exists()]
    if absent:
        raise InputError([f"{path}: is missing. {remedy}" for path in absent])
