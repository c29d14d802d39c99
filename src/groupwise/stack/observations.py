"""The rows of a stack that belong to each cell of a design, found by subject and factors."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from groupwise.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


def cell_rows(
    observations: "pd.DataFrame", within: Mapping[str, Sequence[str]] | None = None
) -> tuple[list[str], np.ndarray]:
    """Return the row of each subject's cells.

    Parameters
    ----------
    observations : table with `row`, `subject` and a column for each factor.
    within : factor to its levels, in the order of the design; None for one map per subject. Rows
        with any other level are ignored.

    Returns
    -------
    subjects : in sorted order.
    rows : (subjects, cells) int64 row numbers; the first factor varies slowest.

    Raises
    ------
    InputError : listing all factors without a column, or all cells without or with several maps.
    """
    within = dict(within or {})
    absent = [name for name in within if name not in observations]
    if absent:
        have = ", ".join(map(str, observations.columns))
        raise InputError(
            [
                f"factor {name!r} is no column of the observations (they have {have}); correct "
                "its name"
                for name in absent
            ]
        )
    cells = list(product(*within.values()))
    subjects = sorted(set(observations["subject"]))
    found: dict[tuple, list[int]] = {}
    keys = zip(observations["subject"], *(observations[name] for name in within), strict=True)
    for key, row in zip(keys, observations["row"], strict=True):
        found.setdefault(tuple(key), []).append(int(row))
    findings = []
    rows = np.zeros((len(subjects), len(cells)), np.int64)
    for s, subject in enumerate(subjects):
        for c, cell in enumerate(cells):
            here = found.get((subject, *cell), [])
            if len(here) == 1:
                rows[s, c] = here[0]
                continue
            place = ", ".join(f"{name}={level}" for name, level in zip(within, cell, strict=True))
            what = f"subject {subject}" + (f", {place}" if place else "")
            if here:
                findings.append(
                    f"{what}: {len(here)} maps (rows {', '.join(map(str, here))}) instead of one; "
                    "name the factor that distinguishes them, or remove one"
                )
            else:
                findings.append(f"{what}: no map; add it or exclude the subject")
    if findings:
        raise InputError(findings)
    return subjects, rows
