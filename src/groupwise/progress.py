"""Progress lines in the log of a job."""

import logging
import time
from collections.abc import Collection, Iterator
from typing import TypeVar

T = TypeVar("T")
logger = logging.getLogger(__name__)


class Progress:
    """Log the progress of long work: items done, elapsed time and estimated remaining time."""

    def __init__(self, what: str, total: int, every: float = 10.0) -> None:
        """`what` names the items, `total` is their number, `every` the shortest interval in s."""
        self._what, self._total, self._every = what, total, every
        self._begin = self._last = time.monotonic()

    def reached(self, done: int) -> None:
        """Log that `done` items are done, unless a line was logged less than `every` s ago."""
        now = time.monotonic()
        if now - self._last < self._every or not done:
            return
        self._last = now
        elapsed = now - self._begin
        logger.info(
            "%s: %d of %d, %s elapsed, about %s left",
            *(self._what, done, self._total, duration(elapsed)),
            duration(elapsed / done * (self._total - done)),
        )


def log_progress(what: str, items: Collection[T]) -> Iterator[T]:
    """Yield items and log the progress."""
    progress = Progress(what, len(items))
    for index, item in enumerate(items):
        progress.reached(index)
        yield item


def duration(seconds: float) -> str:
    """Return a time as text with its two largest units, such as 45 s, 12 min 5 s or 2 d 4 h."""
    whole = round(seconds)
    for unit, size, smaller, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60),
                                      ("min", 60, "s", 1)):  # fmt: skip
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{whole} s"
