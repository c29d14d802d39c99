"""Snakemake's command line, with a look at SLURM's queue every second.

The plugin waits ten seconds longer after each look that finds no finished job, up to three minutes;
a test of short jobs would wait for most of its time. Jobs start Snakemake themselves, unchanged.
"""

import asyncio
import sys

from snakemake.cli import main
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor


async def _a_second(self) -> None:
    await asyncio.sleep(1)


RemoteExecutor.sleep = _a_second
sys.exit(main())
