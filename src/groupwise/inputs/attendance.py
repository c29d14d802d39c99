"""Who takes part in a study, who does not and why."""

from collections.abc import Iterable, Mapping

from groupwise.errors import InputError


class Attendance:
    """Subjects are asked one after the other; what is wrong is told of all at the end.

    Attributes
    ----------
    left_out : subject to reason.
    findings : what keeps the study from going on.
    """

    def __init__(
        self, there: Iterable[str], exclude: Mapping[str, str] | None, missing: str
    ) -> None:
        """`exclude` and `missing` as in the config; `there`: the subjects with any file."""
        self.left_out = {name: why for name, why in (exclude or {}).items() if name in set(there)}
        self.findings: list[str] = []
        self._drops = missing == "drop"

    def admits(self, name: str, missing: list[str], prefix: str = "") -> bool:
        """Whether a subject takes part; one that lacks something is dropped or told of.

        `prefix` stands before each finding; the reason of a dropped subject has its name anyway.
        """
        if name in self.left_out:
            return False
        if missing and self._drops:
            self.left_out[name] = "; ".join(missing)
            return False
        self.findings += [prefix + each for each in missing]
        return not missing

    def settle(self) -> None:
        """Raise InputError with all findings, if there are any."""
        if self.findings:
            raise InputError(
                [
                    *self.findings,
                    "to go on without incomplete subjects, set missing: drop or list them under "
                    "exclude with a reason",
                ]
            )
