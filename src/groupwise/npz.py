"""Read .npz files, with errors that name the file."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from groupwise.errors import InputError


@contextmanager
def open_arrays(
    path: str | os.PathLike, wrong: str, remedy: str
) -> Iterator[dict[str, np.ndarray]]:
    """Yield the arrays of a .npz file; an error in the block is an error of the file.

    Parameters
    ----------
    wrong : what the file is if the block raises KeyError or ValueError, such as "not a block of
        permutations".
    remedy : what the user must do; the end of each message.

    Raises
    ------
    InputError : the file is absent, truncated or damaged, or lacks what the block reads.
    """
    arrays = read_arrays(path, remedy)
    try:
        yield arrays
    except (ValueError, KeyError) as error:
        raise InputError(f"{path}: {wrong} ({error!r}); {remedy}") from error


def read_arrays(path: str | os.PathLike, remedy: str) -> dict[str, np.ndarray]:
    """Return the arrays of a .npz file by name.

    Parameters
    ----------
    remedy : what the user must do; the end of the message.

    Raises
    ------
    InputError : the file is absent, truncated or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    # A damaged archive makes zlib, zipfile, struct or numpy raise errors of many types.
    except Exception as error:
        raise InputError(f"{Path(path)}: not readable ({error}); {remedy}") from error
