"""The files of a stack: maps (rows x points), observations, feature space and sidecar."""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from groupwise.columns import describe
from groupwise.digests import digest_of_file
from groupwise.errors import InputError
from groupwise.files import write_json, write_whole
from groupwise.progress import Progress
from groupwise.provenance import provenance
from groupwise.stack.space import FeatureSpace

if TYPE_CHECKING:
    import pandas as pd

DATA, OBSERVATIONS, SPACE, SIDECAR = "stack.npy", "observations.tsv", "space.npz", "stack.json"
COLUMNS = "observations.json"


@dataclass(frozen=True, eq=False)
class Stack:
    """Maps of a group in one array.

    Attributes
    ----------
    data : (rows, points) float32, opened read-only by memory map.
    observations : one row per map with row, subject, session, condition, factors and path; text
        except for `row`, "" where a column doesn't apply.
    space : of the points.
    meta : the sidecar.
    """

    data: np.ndarray
    observations: "pd.DataFrame"
    space: FeatureSpace
    meta: dict[str, Any]


def write_stack(
    folder: str | os.PathLike,
    rows: Iterable[np.ndarray],
    observations: "pd.DataFrame",
    space: FeatureSpace,
    *,
    units: str,
    description: str,
    provenance: dict[str, Any],
) -> None:
    """Write a stack, with one map in memory at a time.

    Parameters
    ----------
    folder : for stack.npy, observations.tsv, space.npz and, last, stack.json.
    rows : maps (space.n_points,), in the order of `observations`.
    observations : with at least `subject`; `row` and, if missing, `session` and `condition` are
        added.
    units, description : of the values, for the sidecar.
    provenance : from `groupwise.provenance.provenance`.

    Raises
    ------
    InputError : a map doesn't fit the space, or the numbers of maps and observations differ.
    """
    folder = Path(folder)
    table = _complete(observations)
    with write_whole(folder / DATA) as part:
        shape = (len(table), space.n_points)
        data = np.lib.format.open_memmap(part, mode="w+", dtype="<f4", shape=shape)
        with part.open("rb+") as handle:
            # Without this, a page that a full disk can't take would kill the process (SIGBUS).
            os.posix_fallocate(handle.fileno(), 0, part.stat().st_size)
        count, progress = 0, Progress("maps", len(table))
        for values in rows:
            values = np.asarray(values)
            if values.shape != (space.n_points,):
                raise InputError(
                    f"{folder}: map {count} has shape {values.shape}, but the space {space.name} "
                    f"has {space.n_points} points; give all maps in this space"
                )
            if count == len(table):
                raise InputError(
                    f"{folder}: there are more maps than observations ({len(table)}); give one "
                    "row of observations per map"
                )
            data[count] = values
            count += 1
            progress.reached(count)
        if count != len(table):
            raise InputError(
                f"{folder}: there are {count} maps and {len(table)} observations; give one row of "
                "observations per map"
            )
        data.flush()
        del data
    with write_whole(folder / OBSERVATIONS) as part:
        table.replace("", "n/a").to_csv(part, sep="\t", index=False, lineterminator="\n")
    write_json(folder / COLUMNS, describe(table, "Level of this factor"))
    space.save(folder / SPACE)
    write_json(
        folder / SIDECAR,
        {
            "Description": description,
            "Units": units,
            "Rows": len(table),
            "Points": space.n_points,
            "Places": space.n_places,
            "Times": None if space.times is None else space.n_times,
            "Space": space.name,
            "SpaceDigest": space.digest,
            "Files": {name: digest_of_file(folder / name) for name in (DATA, OBSERVATIONS, SPACE)},
            **provenance,
        },
    )


def stack_maps(
    data: str | os.PathLike,
    maps: Iterable[np.ndarray],
    space: FeatureSpace,
    params: dict[str, Any],
    sources: list[str | os.PathLike],
    *,
    units: str,
    description: str,
    facts: dict[str, Any] | None = None,
) -> None:
    """Write the stack of a rule, with its observations and its sidecar.

    Parameters
    ----------
    data : path of stack.npy; the other files go beside it.
    maps : one a row, in the order of `params["rows"]`.
    space : of the maps.
    params : of the rule. `rows` are the observations, each a dict; entries that are dicts
        themselves become no column. With `average`, each map is replaced by its mean over times.
    sources : files that the maps were read from.
    units, description : of the values, for the sidecar.
    facts : further entries of the sidecar.
    """
    import pandas as pd  # here, so that a block of permutations starts without it

    facts = dict(facts or {})
    if params.get("average"):
        if space.times is None:
            raise ValueError("maps without times have no mean over times")
        facts["Window"] = [float(space.times[0]), float(space.times[-1])]
        whole = space
        maps = (whole.by_place(each).mean(axis=1, dtype=np.float64) for each in maps)
        space = replace(whole, times=None)
    rows = [
        {name: value for name, value in row.items() if not isinstance(value, dict)}
        for row in params["rows"]
    ]
    write_stack(
        Path(data).parent,
        maps,
        pd.DataFrame(rows),
        space,
        units=units,
        description=description,
        provenance=facts | provenance(params, sources),
    )


def read_stack(folder: str | os.PathLike, *, check_data: bool = True) -> Stack:
    """Open a stack after checking each file against its digest in the sidecar.

    Parameters
    ----------
    check_data : compute the digest of the maps, which reads all of them. Without it, only their
        number and length are checked.

    Raises
    ------
    InputError : naming each file that is absent or has another digest.
    """
    folder = Path(folder)
    try:
        meta = json.loads((folder / SIDECAR).read_text(encoding="utf-8"))
        digests = meta["Files"]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{folder / SIDECAR}: not readable as the sidecar of a stack ({error}); make the stack "
            "again"
        ) from error
    findings = []
    for name, digest in digests.items():
        if not (folder / name).is_file():
            findings.append(f"{folder / name}: absent; make the stack again")
        elif (check_data or name != DATA) and digest_of_file(folder / name) != digest:
            findings.append(
                f"{folder / name}: its digest isn't the one in {SIDECAR}; delete the folder of the "
                "stack and make the stack again"
            )
    if findings:
        raise InputError(findings)
    data = np.load(folder / DATA, mmap_mode="r", allow_pickle=False)
    if data.shape != (meta["Rows"], meta["Points"]):
        raise InputError(
            f"{folder / DATA}: shape {data.shape}, {SIDECAR} describes {meta['Rows']} maps of "
            f"{meta['Points']} points; delete the stack's folder and make it again"
        )
    return Stack(
        data=data,
        observations=read_observations(folder / OBSERVATIONS),
        space=FeatureSpace.load(folder / SPACE),
        meta=meta,
    )


def read_observations(path: str | os.PathLike) -> "pd.DataFrame":
    """Return a table of observations: text except for `row`, "" for "n/a"."""
    import pandas as pd  # here, so that a block of permutations starts without it

    table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False).replace("n/a", "")
    table["row"] = table["row"].astype(int)
    return table


def _complete(observations: "pd.DataFrame") -> "pd.DataFrame":
    """Return the observations as stored: row, subject, session, condition, then the rest."""
    table = observations.drop(columns="row", errors="ignore").reset_index(drop=True)
    table = table.fillna("").astype(str).replace("n/a", "")
    for place, name in enumerate(("subject", "session", "condition")):
        column = table.pop(name) if name in table else [""] * len(table)
        table.insert(place, name, column)
    table.insert(0, "row", range(len(table)))
    return table
