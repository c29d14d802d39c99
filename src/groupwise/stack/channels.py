"""Values of channels or regions: from long tables to a stack, and back to a table of results."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from groupwise.errors import InputError
from groupwise.stack.kinds import CHROMOPHORES, Places

#: Column of chromophores in tables of values, as MNE-NIRS names it.
CHROMA = "Chroma"


def read_values(path: str | os.PathLike, place: str, value: str) -> pd.DataFrame:
    """Return a table of values computed elsewhere; all columns but the value are text.

    Parameters
    ----------
    path : TSV or CSV with the columns ID (or subject), `place` and `value`.
    place, value : names of columns.

    Returns
    -------
    DataFrame : the table, with the subjects in the column ID.

    Raises
    ------
    InputError : a column is missing, a value isn't a number, or a row is repeated.
    """
    path = Path(path)
    try:
        table = pd.read_csv(path, sep=None, engine="python", dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"{path}: not a readable table of values ({reason}); check values.table"
        ) from error
    if "ID" not in table and "subject" in table:
        table = table.rename(columns={"subject": "ID"})
    absent = [name for name in ("ID", place, value) if name not in table]
    if absent:
        raise InputError(
            f"{path}: no column {', '.join(absent)} (it has {', '.join(table.columns)}); see "
            "values.place and values.value"
        )
    numbers = pd.to_numeric(table[value], errors="coerce")
    bad = table.index[~np.isfinite(numbers)]
    findings = [
        f"{path}, line {line + 2}: {value} is {table[value][line]!r}, which is no number; remove "
        "rows without a value"
        for line in bad[:10]
    ]
    others = table.drop(columns=value)
    twice = table.index[others.duplicated()]
    findings += [
        f"{path}, line {line + 2}: {', '.join(others.loc[line])} is repeated; add a column that "
        "distinguishes the rows, or remove one"
        for line in twice[:10]
    ]
    if findings:
        raise InputError(findings)
    return table.assign(**{value: numbers, "ID": table["ID"].str.removeprefix("sub-")})


def stack_of_channels(
    table: pd.DataFrame,
    rows: Sequence[Mapping[str, Any]],
    *,
    place: str,
    value: str,
    chromas: Sequence[str],
    positions: Mapping[str, Sequence[float]] | None = None,
    name: str = "head",
) -> tuple[np.ndarray, Places, pd.DataFrame]:
    """Return the values of an analysis at the places that every map has.

    Parameters
    ----------
    table : long table with `ID`, the columns named in `rows`, `place`, `value` and, if there are
        chromophores, `Chroma`.
    rows : one per map, with `subject` and `keys` (column to value), which select its rows of the
        table.
    place, value : columns of the place and the value.
    chromas : chromophores to include; [] if the table has no such column.
    positions : place to x, y, z in mm.
    name : of the space.

    Returns
    -------
    data : (rows, points) float32.
    space : without neighbours; a point is a place and chromophore.
    coverage : one row per place and chromophore, with the number of maps that have it and whether
        it is included.

    Raises
    ------
    InputError : no place is in all maps, or a place is repeated within a map.
    """
    columns: list[Any] = []
    findings: list[str] = []
    for row in rows:
        own = table[table["ID"] == row["subject"]]
        for key, wanted in row["keys"].items():
            own = own[own[key] == wanted]
        if chromas:
            own = own[own[CHROMA].isin(chromas)]
        keys = list(zip(own[CHROMA] if chromas else [""] * len(own), own[place], strict=True))
        if len(set(keys)) < len(keys):
            twice = next(key for key in keys if keys.count(key) > 1)
            what = ", ".join(f"{k} {v}" for k, v in row["keys"].items())
            findings.append(
                f"subject {row['subject']}, {what}: {' '.join(twice).strip()} is repeated; "
                "name the factor that distinguishes the rows"
            )
        columns.append(dict(zip(keys, own[value].to_numpy(float), strict=True)))
    if findings:
        raise InputError(findings)
    order = {chroma: k for k, chroma in enumerate(chromas or [""])}
    every = list(dict.fromkeys(key for column in columns for key in column))
    every.sort(key=lambda key: order[key[0]])  # stable: places in the order of the first map
    count = {key: sum(key in column for column in columns) for key in every}
    kept = [key for key in every if count[key] == len(columns)]
    if not kept:
        best = max(count.values(), default=0)
        raise InputError(
            f"no channel is good in all {len(columns)} maps (at most in {best}); exclude the "
            "subjects with the fewest good channels, or test regions (space: rois)"
        )
    data = np.array([[column[key] for key in kept] for column in columns], np.float32)
    nowhere = (np.nan, np.nan, np.nan)
    space = Places(
        name=name,
        coordinates=np.array([(positions or {}).get(p, nowhere) for _, p in kept], np.float32),
        place_name="channel",
        part=np.array([chroma for chroma, _ in kept]),
        label=np.array([p for _, p in kept]),
        adjacency=csr_array((len(kept), len(kept)), dtype=bool),
    )
    coverage = pd.DataFrame(
        {
            place: [p for _, p in every],
            **({CHROMA: [chroma for chroma, _ in every]} if chromas else {}),
            "maps": [count[key] for key in every],
            "included": [str(count[key] == len(columns)).lower() for key in every],
        }
    )
    return data, space, coverage


def describe_points(maps: Mapping[str, np.ndarray], space: Places, statistic: str) -> pd.DataFrame:
    """Return one row per point of a space of named places: its place, statistic and every p."""
    places, times = space.places_and_times(np.arange(space.n_points))
    table: dict[str, Any] = {"place": space.label[places]}
    if space.times is not None:
        table["time"] = space.times[times]
    if space.parts is not None:
        table[CHROMA] = space.part[places]
    table |= dict(zip("xyz", space.coordinates[places].T, strict=True))
    names = {
        statistic: "statistic",
        "p_uncorrected": "p_uncorrected",
        "p_max": "p_max",
        "q_fdr": "q_fdr",
        "p_bonferroni": "p_bonferroni",
    }
    if space.has_neighbours:
        names |= {"p_cluster": "p_cluster", "cluster": "labels"}
    table |= {name: maps[key].ravel() for name, key in names.items()}
    return pd.DataFrame(table)


def describe_point_columns(table: pd.DataFrame, statistic: str) -> dict[str, dict[str, str]]:
    """Return descriptions of the columns of `describe_points`, for a BIDS JSON sidecar."""
    known = {
        "place": {"Description": "Channel or region"},
        "time": {"Description": "Time", "Units": "s"},
        "p_cluster": {"Description": "Permutation p of the point's cluster; 1 outside clusters"},
        "cluster": {"Description": "Number of the point's cluster; 0 outside"},
        CHROMA: {"Description": CHROMOPHORES.description},
        **{axis: {"Description": f"Coordinate {axis}", "Units": "mm"} for axis in "xyz"},
        statistic: {"Description": "Statistic"},
        "p_uncorrected": {"Description": "Parametric p, uncorrected"},
        "p_max": {"Description": "Permutation p, corrected over all rows by the largest statistic"},
        "q_fdr": {"Description": "Benjamini and Hochberg's q over all rows"},
        "p_bonferroni": {"Description": "Parametric p, Bonferroni over all rows"},
    }
    return {name: known[name] for name in table}
