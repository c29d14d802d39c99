"""Checks before a run: lock the output folder, clean it, and check the cache."""

import contextlib
import fcntl
import json
import os
import shutil
import socket
import time
from pathlib import Path
from typing import Any

from groupwise.errors import InputError
from groupwise.files import PART, write_json
from groupwise.provenance import software

#: Permitted difference between the clocks of file servers, in s. (Snakemake fails if an output is
#: older than its input.)
AHEAD = 10
#: Age in s from which an unfinished file is taken to be the remainder of a killed job.
OLD_PART = 3600

#: File in the cache between workflows, with the versions of the software of its results.
SOFTWARE = "groupwise_software.json"

_held: list[Any] = []  # open lock files: garbage collection would close and release them


def lock_outputs(folder: str | os.PathLike) -> None:
    """Lock the output folder until this process ends.

    Snakemake locks its working directory only. Two workflows with different working directories and
    the same output folder would overwrite each other's files. The lock is one of the operating
    system (flock), so no lock remains after a killed run.

    Raises
    ------
    InputError : another process has the lock; the message names its host and number.
    """
    path = Path(folder) / ".lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, patience = path.open("a+"), time.monotonic() + 1
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError:
            if time.monotonic() < patience:  # `is_locked` holds a lock for a moment
                time.sleep(0.1)
                continue
            handle.seek(0)
            raise InputError(
                f"{folder}: another run writes here ({handle.read().strip() or 'unknown'}); wait "
                "until it ends, or set another output folder for this run"
            ) from None
    handle.truncate(0)
    handle.write(f"process {os.getpid()} on {socket.gethostname()}\n")
    handle.flush()
    _held.append(handle)


def is_locked(folder: str | os.PathLike) -> bool:
    """Return whether a run has locked a folder."""
    path = Path(folder) / ".lock"
    if not path.exists():
        return False
    with path.open() as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def clean_outputs(folder: str | os.PathLike) -> None:
    """Remove unfinished files of killed jobs, and refuse files with a date in the future.

    A file that was written while the clock was ahead would be newer than later changes of its
    inputs, and so would not be computed again.

    Raises
    ------
    InputError : a file has a date in the future; the message names the latest one and their number.
    """
    now, ahead = time.time(), []
    for root, folders, names in os.walk(str(folder)):
        for name in [each for each in folders if each.startswith(PART)]:
            folders.remove(name)
            with contextlib.suppress(FileNotFoundError):
                if now - os.lstat(f"{root}/{name}").st_mtime > OLD_PART:
                    shutil.rmtree(f"{root}/{name}", ignore_errors=True)
        for path in (f"{root}/{name}" for name in names):
            with contextlib.suppress(FileNotFoundError):  # removed by a running job
                if (date := os.lstat(path).st_mtime) > now + AHEAD:
                    ahead.append((date, path))
    if ahead:
        date, path = max(ahead)
        more = f" (and {len(ahead) - 1} more)" if len(ahead) > 1 else ""
        text = time.strftime("%Y-%m-%d %H:%M", time.localtime(date))
        raise InputError(
            f"{path}{more}: dated {text}, which is in the future: the clock was wrong, and later "
            "changes of its inputs would not be detected. If the inputs did not change since, "
            f"run: find {folder} -newermt now -exec touch {{}} +; otherwise delete "
            f"{'these files' if more else 'it'}"
        )


def check_cache(folder: str | os.PathLike) -> None:
    """Check that a cache between workflows has results of the installed versions only.

    Snakemake identifies cached results by inputs, parameters and scripts, but not by the versions
    of the libraries that computed them.

    Raises
    ------
    InputError : the folder does not exist, or has results of other versions.
    """
    path, now = Path(folder) / SOFTWARE, software()
    if not path.parent.is_dir():
        raise InputError(f"SNAKEMAKE_OUTPUT_CACHE: {folder} is not a folder; create it")
    if not path.exists():
        write_json(path, now)
    then = json.loads(path.read_text(encoding="utf-8"))
    if then != now:
        differences = [
            f"{name} {then.get(name, 'none')}, here {now.get(name, 'none')}"
            for name in {**then, **now}
            if then.get(name) != now.get(name)
        ]
        raise InputError(
            f"SNAKEMAKE_OUTPUT_CACHE: {folder} has results of other versions "
            f"({'; '.join(differences)}); use a separate folder for each environment"
        )
