"""Write files and folders atomically: an output is complete or absent."""

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from groupwise.errors import InputError

#: Prefix of the temporary folder of an unfinished file.
PART = ".part."


@contextmanager
def write_whole(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary path in the same folder, and rename it to `path` if the block succeeds.

    The temporary file has the suffix of `path`, because many writers choose their format by it.
    After an error the temporary file is removed and an existing file is unchanged.

    Raises
    ------
    InputError : the disk is full.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{PART}{path.name}.", dir=path.parent))
    part = folder / path.name
    try:
        with _report_full_disk(path):
            yield part
            _flush(part)
            part.replace(path)
    finally:
        for left in folder.iterdir():
            left.unlink()
        folder.rmdir()


@contextmanager
def _report_full_disk(path: Path) -> Iterator[None]:
    """Raise InputError if a write fails because the disk is full."""
    try:
        yield
    except OSError as error:
        # NumPy reports a truncated write without an error number.
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, None):
            raise
        raise InputError(
            f"{path}: could not be written ({error.strerror or error}); free space on the disk or "
            "raise the quota, and run again. Finished outputs are kept"
        ) from error


def _flush(path: Path) -> None:
    """Flush a file to the disk, so that a renamed file is never empty after a crash."""
    with path.open("rb+") as handle:
        os.fsync(handle.fileno())


@contextmanager
def write_whole_folder(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary folder, and rename it to `path` if the block succeeds.

    An existing folder is replaced. After an error the temporary folder is removed.

    Raises
    ------
    InputError : the disk is full.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{PART}{path.name}.", dir=path.parent))
    old = folder.with_name(f"{folder.name}.old")
    try:
        with _report_full_disk(path):
            yield folder
            for file in folder.rglob("*"):
                if file.is_file():
                    _flush(file)
            folder.chmod(0o777 & ~_umask())  # mkdtemp makes it private
            if path.exists():
                path.rename(old)  # `path` must never be a partly removed folder
            folder.rename(path)
    finally:
        for left in (folder, old):
            shutil.rmtree(left, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write text as UTF-8, atomically."""
    with write_whole(path) as part:
        part.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike, content: dict[str, Any]) -> None:
    """Write a dict as indented JSON with the keys in their order, atomically."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n")
