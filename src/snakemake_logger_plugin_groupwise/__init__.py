"""Logger plugin for the terminal: `snakemake --logger groupwise`, the default of the profiles.

Snakemake prints a dozen lines per job. This plugin prints one line at intervals instead, with the
number of finished jobs, the elapsed and the remaining time, and the running jobs. Dry runs,
warnings and errors are printed as by Snakemake.
"""

import sys
import threading
import time
from collections import Counter, defaultdict
from logging import LogRecord
from typing import Any

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from groupwise.progress import duration

#: Events that the progress line replaces.
FOLDED = {
    *(LogEvent.JOB_INFO, LogEvent.GROUP_INFO, LogEvent.SHELLCMD, LogEvent.JOB_STARTED),
    *(LogEvent.JOB_FINISHED, LogEvent.PROGRESS, LogEvent.RESOURCES_INFO),
}
#: Messages that Snakemake prints whenever a job ends.
NOISE = ("", "None", "Select jobs to execute...")
#: Shortest interval of lines while jobs end, and longest interval while none ends, in s.
SOONEST, LATEST = 5.0, 60.0


class LogHandler(LogHandlerBase):
    """Print a progress line at intervals instead of a dozen lines per job."""

    def __post_init__(self) -> None:
        self._begin = self._last = time.monotonic()
        self._done = self._total = 0
        self._news = False  # whether jobs ended since the last line
        self._left: Counter[str] = Counter()  # jobs by rule
        self._running: dict[int, tuple[str, str, float]] = {}  # rule, wildcards, start
        self._took: dict[str, list[float]] = defaultdict(list)
        self._stopped = threading.Event()
        if not self.common_settings.dryrun:
            threading.Thread(target=self._watch, daemon=True).start()

    def emit(self, record: LogRecord) -> None:
        event = getattr(record, "event", None)
        if not self.common_settings.dryrun:
            self._follow(event, record)
            if event in FOLDED or record.getMessage() in NOISE:
                return
        print(self.format(record), file=self._stream, flush=True)

    def close(self) -> None:
        self._stopped.set()
        super().close()

    def _follow(self, event: LogEvent | None, record: Any) -> None:
        """Count the pending, running and finished jobs."""
        now = time.monotonic()
        if event == LogEvent.RUN_INFO:
            self._left = Counter(record.stats)
            self._total = self._left.pop("total", 0)
        elif event == LogEvent.JOB_INFO:
            what = " ".join(str(value) for value in record.wildcards.values())
            self._running[record.jobid] = (record.rule_name, what, now)
        elif event in (LogEvent.JOB_FINISHED, LogEvent.JOB_ERROR):
            jobid = record.job_id if event == LogEvent.JOB_FINISHED else record.jobid
            rule, _, since = self._running.pop(jobid, ("", "", now))
            if event == LogEvent.JOB_FINISHED:
                self._took[rule].append(now - since)
                self._left[rule] -= 1
        elif event == LogEvent.PROGRESS:
            self._done, self._total = record.done, record.total
            self._news = True
            if self._done == self._total:
                self._print_line()

    def _watch(self) -> None:
        """Print a line at intervals, also while no job ends."""
        while not self._stopped.wait(0.5):
            interval = SOONEST if self._news else LATEST
            if self._running and time.monotonic() - self._last > interval:
                self._print_line()

    def _print_line(self) -> None:
        self._last, self._news = time.monotonic(), False
        now = self._last
        line = f"{time.strftime('%H:%M:%S')}  {self._done} of {self._total} jobs"
        line += f", {duration(now - self._begin)} elapsed"
        if self._took and self._done < self._total:
            line += f", about {duration(self._estimate_rest(now))} left"
        print(line + self._list_running(), file=self._stream, flush=True)

    def _estimate_rest(self, now: float) -> float:
        """Return the remaining time in s, from the mean time per rule and the mean parallelism."""
        took = {rule: sum(times) / len(times) for rule, times in self._took.items()}
        of_all = sum(sum(times) for times in self._took.values())
        typical = of_all / sum(len(times) for times in self._took.values())
        left = sum(count * took.get(rule, typical) for rule, count in self._left.items())
        at_a_time = max(1.0, of_all / max(now - self._begin, 1e-3))
        return left / at_a_time

    def _list_running(self) -> str:
        """Return the running rules, with their wildcards if a rule has few running jobs."""
        by_rule = defaultdict(list)
        for rule, what, _ in list(self._running.values()):
            by_rule[rule].append(what)
        texts = [
            f"{rule} {', '.join(of)}".rstrip() if len(of) < 4 else f"{rule} x {len(of)}"
            for rule, of in by_rule.items()
        ]
        return f"; running: {'; '.join(texts)}" if texts else ""

    @property
    def _stream(self):
        return sys.stdout if self.common_settings.stdout else sys.stderr

    @property
    def writes_to_stream(self) -> bool:
        return True

    @property
    def writes_to_file(self) -> bool:
        return False

    @property
    def has_filter(self) -> bool:
        return False

    @property
    def has_formatter(self) -> bool:
        return False

    @property
    def needs_rulegraph(self) -> bool:
        return False
