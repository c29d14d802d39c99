"""Lines in a job's log that say how far long work has come."""

import logging
import time
from collections.abc import Collection, Iterator
from typing import TypeVar

T = TypeVar("T")
logger = logging.getLogger(__name__)


class Progress:
    """Tells, at most every so many seconds, how much is done, for how long and how long yet."""

    def __init__(self, what: str, total: int, every: float = 10.0) -> None:
        """`what` is counted up to `total`; `every` is in seconds."""
        self._what, self._total, self._every = what, total, every
        self._begin = self._told = time.monotonic()

    def reached(self, done: int) -> None:
        """Say it, unless it was just said."""
        now = time.monotonic()
        if now - self._told < self._every or not done:
            return
        self._told = now
        elapsed = now - self._begin
        logger.info(
            "%s: %d of %d, %s elapsed, about %s to go",
            *(self._what, done, self._total, duration(elapsed)),
            duration(elapsed / done * (self._total - done)),
        )


def followed(what: str, items: Collection[T]) -> Iterator[T]:
    """Go through items and tell how far it has come."""
    progress = Progress(what, len(items))
    for place, item in enumerate(items):
        progress.reached(place)
        yield item


def duration(seconds: float) -> str:
    """A time as people say it: 45 s, 12 min 5 s, 3 h 20 min, 2 d 4 h."""
    whole = round(seconds)
    for unit, size, smaller, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60),
                                      ("min", 60, "s", 1)):  # fmt: skip
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{whole} s"
