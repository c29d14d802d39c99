"""Which files a source estimate is made of."""

import os
import re
from pathlib import Path


def hemispheres_of(path: str | os.PathLike) -> list[str]:
    """The files of a source estimate: a pair of hemispheres (STC, GIFTI), else one (HDF5).

    A pair is named by its left part; `-lh.stc`, `hemi-L` or `lh` as a word of the name.
    """
    path = Path(path)
    right = re.sub(r"(?<![A-Za-z])lh(?![A-Za-z])", "rh", path.name)
    right = re.sub(r"hemi-L(?![A-Za-z])", "hemi-R", right)
    return [str(path)] if right == path.name else [str(path), str(path.with_name(right))]
