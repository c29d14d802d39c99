"""Errors that a user can mend."""


class InputError(Exception):
    """What the user gave is wrong: the message names the file or key, what is wrong and the remedy.

    Several findings are told at once: pass a list and each becomes a line.
    """

    def __init__(self, findings: str | list[str]) -> None:
        self.findings = [findings] if isinstance(findings, str) else list(findings)
        super().__init__("\n".join(self.findings))
