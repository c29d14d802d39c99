"""Morphing of source estimates to the vertices of the template."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from groupwise.errors import InputError
from groupwise.meeg.forward import require_files, source_space

if TYPE_CHECKING:
    import mne


def template_source_space(
    template: str, subjects_dir: str | os.PathLike, spacing: int | str
) -> "mne.SourceSpaces":
    """Return the source space of the template at the analysis resolution.

    Parameters
    ----------
    template, subjects_dir : name and folder of the template ("fsaverage").
    spacing : subdivision of an icosahedron (5: 10,242 vertices per hemisphere), or "oct6" etc.
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
    estimates : estimates of one subject, all with the same vertices.
    subject, subjects_dir : name and folder of the FreeSurfer reconstruction.
    template_src : source space of `template_source_space`.
    smooth : smoothing steps on the subject's surface; "nearest"; None: until all vertices have a
        value.

    Returns
    -------
    The morphed estimates in the same order, on the vertices of `template_src`.

    Raises
    ------
    InputError
        If the estimates differ in their vertices, or a surface is missing.
    """
    import mne

    template = template_src[0]["subject_his_id"]
    surfaces = [f"surf/{hemi}.sphere.reg" for hemi in ("lh", "rh")]
    for name in (subject, template):
        require_files(
            subjects_dir, name, surfaces, "Complete the FreeSurfer reconstruction (recon-all)."
        )
    first = estimates[0]
    for other in estimates[1:]:
        if any((a != b).any() for a, b in zip(first.vertices, other.vertices, strict=True)):
            raise InputError(
                f"{subject}: its source estimates differ in their vertices. Delete them, so that "
                "they are computed again."
            )
    with tempfile.TemporaryDirectory() as private:
        # MNE writes morph maps to subjects_dir, where parallel jobs would write the same file, and
        # which may be read-only. It gets a temporary folder with links instead.
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
