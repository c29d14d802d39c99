"""Permutation tests: prepare, run blocks of permutations, merge, infer.

The public names are imported on first use, because a job of the workflow needs a few of them and
must start within a second. The functions `prepare`, `merge` and `infer` have the names of their
modules: import them from there (`from groupwise.permutation.prepare import prepare`).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from groupwise.permutation.across import correct_across, smallest_p, step_down
    from groupwise.permutation.blocks import run_block
    from groupwise.permutation.in_memory import permutation_test
    from groupwise.permutation.infer import Result
    from groupwise.permutation.merge import Null
    from groupwise.permutation.prepared import Prepared
    from groupwise.permutation.stored import Block
    from groupwise.stack.lattice import Lattice

__all__ = [
    "Block",
    "Lattice",
    "Null",
    "Prepared",
    "Result",
    "correct_across",
    "permutation_test",
    "run_block",
    "smallest_p",
    "step_down",
]

#: Module of each public name.
_MODULES = {
    "Block": "groupwise.permutation.stored",
    "Lattice": "groupwise.stack.lattice",
    "Null": "groupwise.permutation.merge",
    "Prepared": "groupwise.permutation.prepared",
    "Result": "groupwise.permutation.infer",
    "correct_across": "groupwise.permutation.across",
    "permutation_test": "groupwise.permutation.in_memory",
    "run_block": "groupwise.permutation.blocks",
    "smallest_p": "groupwise.permutation.across",
    "step_down": "groupwise.permutation.across",
}


def __getattr__(name: str) -> Any:
    """Import a public name from its module (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    """Public names, imported or not."""
    return sorted({*globals(), *__all__})
