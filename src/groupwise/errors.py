"""Errors that a user can fix."""


class InputError(Exception):
    """Error in the input of the user. A message names the file or key, the error and the remedy.

    A list of findings becomes a message with one line per finding.
    """

    def __init__(self, findings: str | list[str]) -> None:
        self.findings = [findings] if isinstance(findings, str) else list(findings)
        super().__init__("\n".join(self.findings))
