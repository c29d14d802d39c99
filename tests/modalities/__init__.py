"""Cases of each modality for the tests that all modalities share.

Each module of this package has `CASES`. `tests/unit/test_methods.py` takes the words of the methods
text from them, and `tests/workflow/test_stored_plans.py` the studies. A new modality adds one
module, which may be a test file (`test_<modality>.py`) with its other tests.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from groupwise.report.modality import Modality

#: Participants of every sample.
SUBJECTS = ("01", "02")


@dataclass(frozen=True)
class Cases:
    """Cases of one section of the config.

    Attributes
    ----------
    data : name of the section.
    section : its shortest valid content.
    analysis : a valid analysis of it.
    words : section and key, to value: the words that the methods text must have ("": the text need
        only be made), and what else the section needs for the value, or the analysis for a key of
        analyses.
    beside : section, key and value, to what other sections need for it.
    sample : what the package of the modality would read of SUBJECTS; None for ready-made data.
    result : what `infer` would state of an analysis.
    studies : name of a stored plan, to the function that makes a tree of empty files in a folder
        and returns the config.
    """

    data: str
    section: dict[str, Any]
    analysis: dict[str, Any]
    words: Mapping[tuple[str, str], Mapping[Any, tuple[str, dict]]]
    beside: Mapping[tuple[str, str, Any], dict] = field(default_factory=dict)
    sample: Modality | None = None
    result: Mapping[str, Any] = field(default_factory=dict)
    studies: Mapping[str, Callable[[Path], dict]] = field(default_factory=dict)


def all_cases() -> list[Cases]:
    """Return the cases of all modules of this package."""
    names = sorted(module.name for module in iter_modules(__path__))
    return [each for name in names for each in import_module(f"{__name__}.{name}").CASES]
