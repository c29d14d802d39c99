"""Errors that a user can fix."""

from collections.abc import Iterable


class InputError(Exception):
    """Error in the input of the user. A message names the file or key, the error and the remedy.

    A list of findings becomes a message with one line per finding.
    """

    def __init__(self, findings: str | list[str]) -> None:
        self.findings = [findings] if isinstance(findings, str) else list(findings)
        super().__init__("\n".join(self.findings))


def shorten_list(items: Iterable[object], most: int = 5, others: str = "more") -> str:
    """Return the first items of a list as text, with the number of the others."""
    words = [str(item) for item in items]
    rest = len(words) - most
    return ", ".join(words[:most]) + (f" and {rest} {others}" if rest > 0 else "")
