"""Morphing source estimates to the template, whose vertices all subjects then share."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from groupwise.errors import InputError
from groupwise.meeg.forward import need_files, source_space

if TYPE_CHECKING:
    import mne


def template_source_space(
    template: str, subjects_dir: str | os.PathLike, spacing: int | str
) -> "mne.SourceSpaces":
    """The template's vertices at analysis resolution.

    Parameters
    ----------
    template, subjects_dir : name and folder of the template ("fsaverage").
    spacing : subdivision of the icosahedron (5: 10,242 vertices a hemisphere), or "oct6" etc.
    """
    name = f"ico{spacing}" if isinstance(spacing, int) else spacing
    return source_space(template, subjects_dir, name, add_dist=False)


def morph_estimates(
    estimates: Sequence["mne.SourceEstimate"],
    subject: str,
    template_src: "mne.SourceSpaces",
    subjects_dir: str | os.PathLike,
    *,
    smooth: int | str | None,
) -> list["mne.SourceEstimate"]:
    """Morph a subject's source estimates to the vertices of the template source space.

    Parameters
    ----------
    estimates : of one subject, all with the same vertices.
    subject, subjects_dir : name and folder of the FreeSurfer reconstruction.
    template_src : source space of `template_source_space`.
    smooth : steps of smoothing on the subject's surface; "nearest"; None: as many as fill it.

    Returns
    -------
    One estimate each, in order, with exactly the vertices of `template_src`.
    """
    import mne

    template = template_src[0]["subject_his_id"]
    surfaces = [f"surf/{hemi}.sphere.reg" for hemi in ("lh", "rh")]
    for name in (subject, template):
        need_files(
            subjects_dir, name, surfaces, "Complete the FreeSurfer reconstruction (recon-all)."
        )
    first = estimates[0]
    for other in estimates[1:]:
        if any((a != b).any() for a, b in zip(first.vertices, other.vertices, strict=True)):
            raise InputError(f"{subject}: source estimates of one subject differ in their sources.")
    with tempfile.TemporaryDirectory() as private:
        # MNE keeps morph maps in the subjects_dir, where jobs would race for one file and a
        # shared folder may be read-only: it gets a folder of links instead.
        for name in {subject, template}:
            (Path(private) / name).symlink_to((Path(subjects_dir) / name).resolve())
        morph = mne.compute_source_morph(
            first,
            subject,
            template,
            subjects_dir=private,
            smooth=smooth,
            src_to=template_src,
        )
    return [morph.apply(estimate) for estimate in estimates]
