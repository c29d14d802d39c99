"""Run the body of a rule's script: write its log, and print errors for the user."""

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

#: Start of the last line of a log.
DONE, FAILED = "Done in", "Failed after"


def read_ending(log: Path) -> str:
    """Return how the job of a log ended: "done", "failed", or "" if it was killed or still runs."""
    known = {DONE: "done", FAILED: "failed"}
    last = _last_line(log)
    return next((how for word, how in known.items() if last.startswith(word)), "")


def read_usage(log: Path) -> tuple[float | None, float | None]:
    """Return run time (s) and peak memory (MB) of the job of a log; None if it did not succeed."""
    found = re.fullmatch(rf"{DONE} ([\d.]+) s, peak memory (\d+) MB", _last_line(log))
    return (float(found[1]), float(found[2])) if found else (None, None)


def _peak() -> float:
    """Return the peak memory of this process in MB."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]) / 1024
    # macOS, in bytes. On Linux, this peak would include the memory of the parent process.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _last_line(log: Path) -> str:
    with log.open("rb") as handle:
        handle.seek(max(0, log.stat().st_size - 200))
        return (handle.read().decode(errors="replace").splitlines() or [""])[-1]


@contextmanager
def job(snakemake: Any) -> Iterator[None]:
    """Redirect all output of a script's body to the log file of the rule.

    The findings of an `InputError` are also printed on the terminal; of another error, the last
    line of the traceback and the path of the log. Both end the process with exit code 1, so
    Snakemake removes the outputs of the job. The last line of the log states how the job ended
    (see `read_ending`). It is missing if the job was killed.

    Parameters
    ----------
    snakemake : the object that Snakemake passes to a script; `log` and `rule` are read.
    """
    # Otherwise, MNE would compile its numba functions in each of many short processes.
    os.environ["MNE_USE_NUMBA"] = "false"
    log = Path(snakemake.log[0])
    log.parent.mkdir(parents=True, exist_ok=True)
    terminal = os.dup(2)
    begin = time.monotonic()
    ending = FAILED
    with log.open("w", encoding="utf-8") as handle:
        # Redirect file descriptors, not sys.stdout: compiled libraries print to the log too.
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
    """Exclude the objects that exist after the imports from later garbage collections.

    nilearn requests a collection whenever it reads the values of an image. A collection of half a
    million imported objects takes 50 to 170 ms, which is half of the run time of a job.
    """
    gc.freeze()
