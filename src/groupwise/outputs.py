"""Before a run: outputs of one writer, of no later date, whole; a cache of one software."""

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

#: File servers' clocks differ a little. (Snakemake fails where an output is older than its input.)
AHEAD = 10  # s
#: A killed job's part of a file that nobody has touched since (s).
OLD_PART = 3600

#: In the cache between workflows: the versions that its results are of.
SOFTWARE = "groupwise_software.json"

_held: list[Any] = []  # open locks: one that nobody refers to would be closed


def lock_outputs(folder: str | os.PathLike) -> None:
    """Keep a folder to this process until it ends, in whatever way.

    Snakemake locks its working directory; two workflows with the same output in different ones
    would take each other's files away. The lock is the operating system's (flock), so that a
    killed run leaves none behind.

    Raises
    ------
    InputError : another process has it; its host and number are told.
    """
    path = Path(folder) / ".lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, patience = path.open("a+"), time.monotonic() + 1
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError:
            if time.monotonic() < patience:  # who asks for the state holds it for a moment
                time.sleep(0.1)
                continue
            handle.seek(0)
            raise InputError(
                f"{folder}: another run writes here ({handle.read().strip() or 'unknown'}); wait "
                "for it, or give this one another output"
            ) from None
    handle.truncate(0)
    handle.write(f"process {os.getpid()} on {socket.gethostname()}\n")
    handle.flush()
    _held.append(handle)


def is_locked(folder: str | os.PathLike) -> bool:
    """Whether a run writes to a folder at this moment."""
    path = Path(folder) / ".lock"
    if not path.exists():
        return False
    with path.open() as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def sweep_outputs(folder: str | os.PathLike) -> None:
    """Remove parts of files that killed jobs left, and refuse files from the future.

    What was written while the clock was ahead would look newer than later changes of its inputs.

    Raises
    ------
    InputError : naming the file that is furthest ahead, and how many are.
    """
    now, ahead = time.time(), []
    for root, folders, names in os.walk(str(folder)):
        for name in [each for each in folders if each.startswith(PART)]:
            folders.remove(name)
            with contextlib.suppress(FileNotFoundError):
                if now - os.lstat(f"{root}/{name}").st_mtime > OLD_PART:
                    shutil.rmtree(f"{root}/{name}", ignore_errors=True)
        for path in (f"{root}/{name}" for name in names):
            with contextlib.suppress(FileNotFoundError):  # a job that goes on took it away
                if (date := os.lstat(path).st_mtime) > now + AHEAD:
                    ahead.append((date, path))
    if ahead:
        date, path = max(ahead)
        more = f" (and {len(ahead) - 1} more)" if len(ahead) > 1 else ""
        told = time.strftime("%Y-%m-%d %H:%M", time.localtime(date))
        raise InputError(
            f"{path}{more}: dated {told}, which is in the future; the clock was wrong, and a "
            "change of what it was made of would go unnoticed. If nothing was changed since, "
            f"run: find {folder} -newermt now -exec touch {{}} +; else delete "
            f"{'these files' if more else 'it'}"
        )


def check_cache(folder: str | os.PathLike) -> None:
    """Keep a cache between workflows to the results of one set of versions.

    Snakemake tells cached results apart by inputs, parameters and scripts, not by the libraries
    that computed them.

    Raises
    ------
    InputError : the folder is not there, or holds results of other versions.
    """
    path, now = Path(folder) / SOFTWARE, software()
    if not path.parent.is_dir():
        raise InputError(f"SNAKEMAKE_OUTPUT_CACHE: {folder} is not a folder; make it")
    if not path.exists():
        write_json(path, now)
    then = json.loads(path.read_text(encoding="utf-8"))
    if then != now:
        told = [
            f"{name} {then.get(name, 'none')}, here {now.get(name, 'none')}"
            for name in {**then, **now}
            if then.get(name) != now.get(name)
        ]
        raise InputError(
            f"SNAKEMAKE_OUTPUT_CACHE: {folder} holds results of {'; '.join(told)}; give a folder "
            "of its own to each environment"
        )
