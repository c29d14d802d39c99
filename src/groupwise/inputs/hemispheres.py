"""Files of a source estimate: one, or one per hemisphere."""

import os
import re
from pathlib import Path


def hemispheres_of(path: str | os.PathLike) -> list[str]:
    """Return the files of a source estimate: two hemispheres (STC, GIFTI), or one file (HDF5).

    For two hemispheres, `path` is the file of the left one: its name has `-lh.stc`, `hemi-L`, or
    `lh` as a separate word.
    """
    path = Path(path)
    right = re.sub(r"(?<![A-Za-z])lh(?![A-Za-z])", "rh", path.name)
    right = re.sub(r"hemi-L(?![A-Za-z])", "hemi-R", right)
    return [str(path)] if right == path.name else [str(path), str(path.with_name(right))]
