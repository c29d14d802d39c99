"""What every script of a rule shares: its log, and errors that a user can read."""

import faulthandler
import gc
import logging
import os
import re
import resource
import sys
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from groupwise.errors import InputError

#: How the last line of a log begins.
DONE, FAILED = "Done in", "Failed after"


def ending_of(log: Path) -> str:
    """How the job of a log ended: "done", "failed", or "" where it was killed or still runs."""
    known = {DONE: "done", FAILED: "failed"}
    last = _last_line(log)
    return next((how for word, how in known.items() if last.startswith(word)), "")


def measured_in(log: Path) -> tuple[float | None, float | None]:
    """Seconds and MB that the job of a log took; None each, unless it ended well."""
    found = re.fullmatch(rf"{DONE} ([\d.]+) s, peak memory (\d+) MB", _last_line(log))
    return (float(found[1]), float(found[2])) if found else (None, None)


def _peak() -> float:
    """Most memory of this process, in MB."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]) / 1024
    # Elsewhere (macOS) in bytes; on Linux it would count the process that started this one.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _last_line(log: Path) -> str:
    with log.open("rb") as handle:
        handle.seek(max(0, log.stat().st_size - 200))
        return (handle.read().decode(errors="replace").splitlines() or [""])[-1]


@contextmanager
def job(snakemake: Any) -> Iterator[None]:
    """Run a script's body with everything it prints in the rule's log file.

    An `InputError` is told to the terminal in its own words, any other error by its last line and
    the log's name; both end the process with exit code 1, upon which Snakemake removes what the
    job had written. The log's last line says how the job ended (`ending_of`); one that was killed
    leaves none.

    Parameters
    ----------
    snakemake
        The object Snakemake gives a script; `log` and `rule` are read.
    """
    # MNE would compile its few numba functions in each of many short processes.
    os.environ["MNE_USE_NUMBA"] = "false"
    log = Path(snakemake.log[0])
    log.parent.mkdir(parents=True, exist_ok=True)
    terminal = os.dup(2)
    begin = time.monotonic()
    ending = FAILED
    with log.open("w", encoding="utf-8") as handle:
        # File descriptors, not sys.stdout: what compiled libraries print goes to the log too.
        os.dup2(handle.fileno(), 1)
        os.dup2(handle.fileno(), 2)
        faulthandler.enable(handle)
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
        logging.captureWarnings(True)
        warnings.simplefilter("default")
        try:
            yield
            ending = DONE
        except InputError as error:
            lines = "\n".join(f"  {finding}" for finding in error.findings)
            print(f"Groupwise cannot go on (rule {snakemake.rule}):\n{lines}", file=sys.stderr)
            os.write(terminal, f"\nGroupwise cannot go on:\n{lines}\n".encode())
            sys.exit(1)
        except Exception as error:
            traceback.print_exc()
            last = "".join(traceback.format_exception_only(error)).strip()
            os.write(terminal, f"\nRule {snakemake.rule} failed: {last}\n  log: {log}\n".encode())
            sys.exit(1)
        finally:
            took = time.monotonic() - begin
            print(f"{ending} {took:.1f} s, peak memory {_peak():.0f} MB", file=sys.stderr)
            sys.stdout.flush()
            sys.stderr.flush()
            os.dup2(terminal, 2)


def freeze_imports() -> None:
    """Spare all later garbage collections the objects that imports left.

    nilearn asks for a collection whenever it looks at an image's values; walking over half a
    million imported objects takes 50 to 170 ms each time, half of a job's work.
    """
    gc.freeze()
