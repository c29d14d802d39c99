"""Which subjects take part in a study, which don't, and why."""

from collections.abc import Iterable, Mapping

REMEDY = (
    "to go on without incomplete subjects, set missing: drop or list them under exclude with a "
    "reason"
)


class Attendance:
    """Sorts the subjects of one kind of data into those that take part and the others.

    Parameters
    ----------
    there : subjects with any file.
    exclude, missing : as in the config.

    Attributes
    ----------
    left_out : subject to reason: excluded by the config, or dropped because it is incomplete.
    incomplete : subject to what it lacks, where the study doesn't drop incomplete subjects.
    """

    def __init__(
        self, there: Iterable[str], exclude: Mapping[str, str] | None, missing: str
    ) -> None:
        known = set(there)
        self.left_out = {name: why for name, why in (exclude or {}).items() if name in known}
        self.incomplete: dict[str, str] = {}
        self._other: list[str] = []
        self._lacking: list[str] = []
        self._drops = missing == "drop"

    def add(self, findings: Iterable[str]) -> None:
        """Add findings that are not about what one subject lacks."""
        self._other += findings

    def admits(self, name: str, missing: list[str], prefix: str = "") -> bool:
        """Return whether a subject takes part; note what it lacks.

        Parameters
        ----------
        missing : what the subject lacks.
        prefix : of each finding; the reason of a dropped subject goes without it.
        """
        if name in self.left_out:
            return False
        if missing and self._drops:
            self.left_out[name] = "; ".join(missing)
        elif missing:
            self.incomplete[name] = "; ".join(missing)
            self._lacking += [prefix + each for each in missing]
        return not missing

    @property
    def findings(self) -> list[str]:
        """What keeps the study from running, with the remedy for incomplete subjects."""
        return [*self._other, *self._lacking, *([REMEDY] if self._lacking else [])]
