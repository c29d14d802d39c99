"""Which subjects of a study are analysed, and the reasons why others are not."""

from collections.abc import Iterable, Mapping

REMEDY = (
    "to go on without incomplete subjects, set missing: drop, or list them under exclude with a "
    "reason"
)


class Inclusion:
    """Record of which subjects of a data source are analysed, and why others are not.

    Parameters
    ----------
    found : subjects that have at least one file.
    exclude, missing : values of the config.

    Attributes
    ----------
    left_out : reason for each subject that the config excludes, or that is incomplete and dropped.
    incomplete : missing data of each incomplete subject, if the study does not drop such subjects.
    """

    def __init__(
        self, found: Iterable[str], exclude: Mapping[str, str] | None, missing: str
    ) -> None:
        known = set(found)
        self.left_out = {name: why for name, why in (exclude or {}).items() if name in known}
        self.incomplete: dict[str, str] = {}
        self._other: list[str] = []
        self._lacking: list[str] = []
        self._drops = missing == "drop"

    def add(self, findings: Iterable[str]) -> None:
        """Add findings that do not concern the missing data of one subject."""
        self._other += findings

    def admit(self, name: str, missing: list[str], prefix: str = "") -> bool:
        """Return whether a subject is analysed, and record its missing data.

        Parameters
        ----------
        missing : one text for each missing item of the subject. The texts of a dropped subject are
            a parameter of the rule `report`, so an edited text reruns that stage.
        prefix : start of each finding; the reason for a dropped subject has no prefix.
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
        """Errors because of which the study cannot run, with the remedy for incomplete subjects."""
        return [*self._other, *self._lacking, *([REMEDY] if self._lacking else [])]
