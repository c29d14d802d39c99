"""What every script of a rule shares: its log, and errors that a user can read."""

import faulthandler
import gc
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from groupwise.errors import InputError


@contextmanager
def job(snakemake: Any) -> Iterator[None]:
    """Run a script's body with everything it prints in the rule's log file.

    An `InputError` is told to the terminal in its own words, any other error by its last line and
    the log's name; both end the process with exit code 1, upon which Snakemake removes what the
    job had written.

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
            sys.stdout.flush()
            sys.stderr.flush()
            os.dup2(terminal, 2)


def freeze_imports() -> None:
    """Spare all later garbage collections the objects that imports left.

    nilearn asks for a collection whenever it looks at an image's values; walking over half a
    million imported objects takes 50 to 170 ms each time, half of a job's work.
    """
    gc.freeze()
