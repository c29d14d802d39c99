"""Everything that a block of permutations needs, computed once and kept in files."""

import hashlib
import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import coo_array, csr_array

from groupwise.errors import InputError
from groupwise.files import digest_of, write_whole
from groupwise.permutation.clusters import Neighbours
from groupwise.permutation.fixedpoint import to_fixed, units_of_f, units_of_t
from groupwise.permutation.resample import SignFlips
from groupwise.stack.space import check_adjacency
from groupwise.stats.anova import corrected_p, f_of_scores, sphericity, t_of_scores
from groupwise.stats.designs import Design, design_from_dict, exclusions, is_symmetric
from groupwise.stats.thresholds import cluster_threshold, p_of

#: Raised with every edit that changes a result of prepare, blocks or merge: part of the digest,
#: and given to the rules so that files of an older version are made anew.
ENGINE_VERSION = 1

VALUES, META, OBSERVED = "values.npy", "meta.npz", "observed.npz"
MASSES = ("sum", "excess")
#: Points whose maps are held in memory at a time while preparing.
PANEL = 65536


@dataclass(frozen=True, eq=False)
class Prepared:
    """One tested effect, ready for permutations.

    Attributes
    ----------
    values : (d, n, tested points) int32, fixed-point scores; a memory map when loaded.
    kept : (tested points,) int64, their point numbers, ascending.
    shape : of a map: (places,) or (places, times), or whatever `x` had.
    n : subjects.
    design, alternative, mass, seed : as asked.
    asked : the threshold as asked, {"p": ...} or {"stat": ...}.
    threshold : the same as a value of the statistic.
    units : the same as an integer: sums above it pass.
    adjacency : (places, places) bool csr.
    n_times : times a place.
    not_finite, no_variation : numbers of excluded points.
    observed : maps (points,) in float64: statistic, p_uncorrected and, where d > 1, eps_gg,
        eps_hf, p_gg, p_hf; NaN at excluded points. None when loaded without maps.
    """

    values: np.ndarray
    kept: np.ndarray
    shape: tuple[int, ...]
    n: int
    design: Design
    alternative: str
    mass: str
    seed: int
    asked: dict[str, float]
    threshold: float
    units: int
    adjacency: csr_array
    n_times: int
    not_finite: int
    no_variation: int
    observed: dict[str, np.ndarray] | None = field(default=None)

    @property
    def n_points(self) -> int:
        """Points of a map, tested or not."""
        return int(np.prod(self.shape))

    @property
    def sides(self) -> tuple[int, ...]:
        """The sides that are tested: 1 and -1 for a two-sided t, 1 for greater or F, -1."""
        if self.design.statistic == "F":
            return (1,)
        return {"two-sided": (1, -1), "greater": (1,), "less": (-1,)}[self.alternative]

    @cached_property
    def flips(self) -> SignFlips:
        """The resamplings."""
        return SignFlips(self.n, is_symmetric(self.design, self.alternative), self.seed)

    @cached_property
    def neighbours(self) -> Neighbours:
        """Adjacency in the form that cluster search wants."""
        return Neighbours.of(self.adjacency, self.n_times)

    @cached_property
    def values_digest(self) -> str:
        """SHA-256 of the values."""
        return _digest(self.values)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over all that decides a permutation's maxima."""
        return digest_of(
            str(ENGINE_VERSION),
            self.values_digest,
            json.dumps([self.design.to_dict(), self.alternative, self.mass, self.seed, self.n]),
            str(self.units),
            repr(self.threshold),
            self.kept.astype("<i8").tobytes(),
            str(self.n_times),
            self.adjacency.indptr.astype("<i8").tobytes(),
            self.adjacency.indices.astype("<i8").tobytes(),
        )

    def save(self, folder: str | os.PathLike) -> None:
        """Write values.npy, observed.npz and, last, meta.npz."""
        if self.observed is None:
            raise ValueError("loaded without its maps; nothing to save")
        folder = Path(folder)
        with write_whole(folder / VALUES) as part:
            np.save(part, self.values, allow_pickle=False)
        with write_whole(folder / OBSERVED) as part, part.open("wb") as handle:
            np.savez(handle, **self.observed)
        plain = {
            "design": self.design.to_dict(),
            "alternative": self.alternative,
            "mass": self.mass,
            "seed": self.seed,
            "n": self.n,
            "asked": self.asked,
            "threshold": self.threshold,
            "units": self.units,
            "n_times": self.n_times,
            "shape": list(self.shape),
            "not_finite": self.not_finite,
            "no_variation": self.no_variation,
            "values_digest": self.values_digest,
            "observed_digest": _digest(*self.observed.values()),
            "digest": self.digest,
        }
        with write_whole(folder / META) as part, part.open("wb") as handle:
            np.savez(
                handle,
                plain=np.array(json.dumps(plain)),
                kept=self.kept,
                adjacency_indptr=self.adjacency.indptr,
                adjacency_indices=self.adjacency.indices,
            )

    @classmethod
    def load(cls, folder: str | os.PathLike, maps: bool = False) -> "Prepared":
        """Open what `save` wrote; the values are mapped, not read into memory.

        Parameters
        ----------
        maps : read the observed maps too (inference wants them, a block does not).

        Raises
        ------
        InputError : naming the file that is absent, truncated, or of another run or version.
        """
        folder = Path(folder)
        again = "delete the folder and prepare again"
        try:
            with np.load(folder / META, allow_pickle=False) as stored:
                plain: dict[str, Any] = json.loads(str(stored["plain"]))
                kept = stored["kept"]
                indptr, indices = stored["adjacency_indptr"], stored["adjacency_indices"]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(f"{folder / META}: not readable ({error}); {again}") from error
        try:
            values = np.load(folder / VALUES, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise InputError(f"{folder / VALUES}: not readable ({error}); {again}") from error
        places = len(indptr) - 1
        edges = (np.ones(len(indices), bool), indices, indptr)
        prepared = cls(
            values=values,
            kept=kept,
            shape=tuple(plain["shape"]),
            n=plain["n"],
            design=design_from_dict(plain["design"]),
            alternative=plain["alternative"],
            mass=plain["mass"],
            seed=plain["seed"],
            asked=plain["asked"],
            threshold=plain["threshold"],
            units=plain["units"],
            adjacency=csr_array(edges, shape=(places, places)),
            n_times=plain["n_times"],
            not_finite=plain["not_finite"],
            no_variation=plain["no_variation"],
            observed=_read_observed(folder, plain["observed_digest"]) if maps else None,
        )
        if prepared.values_digest != plain["values_digest"]:
            raise InputError(f"{folder / VALUES}: not the file that {META} describes; {again}")
        if prepared.digest != plain["digest"]:
            raise InputError(
                f"{folder / META}: damaged, or written by another version of the engine "
                f"(this one is {ENGINE_VERSION}); {again}"
            )
        return prepared


def prepare(
    x: np.ndarray,
    design: Design,
    adjacency: csr_array,
    *,
    n_times: int = 1,
    threshold: Mapping[str, float],
    alternative: str = "two-sided",
    mass: str = "sum",
    seed: int = 0,
    rows: np.ndarray | None = None,
    shape: tuple[int, ...] | None = None,
) -> Prepared:
    """Observed maps, exclusions and fixed-point scores of one effect.

    Parameters
    ----------
    x : (n, cells, *points) maps; or, with `rows`, the (rows, points) array of a stack, of which
        a panel of points is read at a time.
    design : what is tested.
    adjacency : (places, places), symmetric, entries on the diagonal ignored; points are places x
        times, time-contiguous.
    n_times : times a place.
    threshold : cluster-forming, {"p": ...} or {"stat": ...}; points above it form clusters.
    alternative : "two-sided", "greater" or "less"; an F leaves it "two-sided" (its upper tail).
    mass : of a cluster: "sum" of the statistic, or of its "excess" over the threshold.
    seed : of the resampling.
    rows : (n, cells) row numbers of x, from `groupwise.stack.cell_rows`.
    shape : of a map, where x has its points in one dimension.

    Raises
    ------
    InputError : fewer than two subjects, wrong cells or adjacency, no point left to test.
    """
    n_points = int(np.prod(x.shape[2:] if rows is None else x.shape[1:]))
    n = len(x if rows is None else rows)
    if n < 2:
        raise InputError(f"{n} subject: a group needs two at the very least; add subjects")
    if mass not in MASSES:
        raise InputError(f"cluster mass {mass!r} is unknown; it is one of {', '.join(MASSES)}")
    if n_points % n_times:
        raise InputError(f"{n_points} points are no multiple of {n_times} times")
    adjacency = _plain(adjacency)
    check_adjacency(adjacency, n_points // n_times)
    value = cluster_threshold(design, n, threshold, alternative)
    names = ["statistic", "p_uncorrected"]
    names += ["eps_gg", "eps_hf", "p_gg", "p_hf"] if design.d > 1 else []
    observed = {name: np.full(n_points, np.nan) for name in names}
    kept, values, excluded = [], [], np.zeros(2, int)
    flat = x.reshape(n, -1, n_points) if rows is None else x
    for start in range(0, n_points, PANEL):
        here = slice(start, min(start + PANEL, n_points))
        maps = flat[:, :, here] if rows is None else flat[:, here][rows]
        with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is excluded next
            y = design.scores(maps)
        not_finite, no_variation = exclusions(maps, y)
        excluded += np.count_nonzero(not_finite), np.count_nonzero(no_variation)
        inside = ~(not_finite | no_variation)
        y = np.ascontiguousarray(y[:, :, inside])
        points = np.flatnonzero(inside) + start
        if not len(points):
            continue
        statistic = f_of_scores(y) if design.statistic == "F" else t_of_scores(y)
        found = {"statistic": statistic, "p_uncorrected": p_of(design, statistic, n, alternative)}
        if design.d > 1:
            gg, hf = sphericity(y)
            df = design.df(n)
            found |= {"eps_gg": gg, "eps_hf": hf}
            found |= {"p_gg": corrected_p(statistic, gg, df)}
            found |= {"p_hf": corrected_p(statistic, hf, df)}
        for name, result in found.items():
            observed[name][points] = result
        kept.append(points)
        values.append(to_fixed(y).transpose(1, 0, 2))
    if not kept:
        raise InputError(
            f"no point of {n_points} can be tested: {excluded[0]} hold a value that is not "
            f"finite, {excluded[1]} do not vary; look at the maps"
        )
    return Prepared(
        values=np.ascontiguousarray(np.concatenate(values, axis=2)),
        kept=np.concatenate(kept).astype(np.int64),
        shape=tuple(shape or (x.shape[2:] if rows is None else x.shape[1:])),
        n=n,
        design=design,
        alternative=alternative,
        mass=mass,
        seed=int(seed),
        asked={name: float(number) for name, number in threshold.items()},
        threshold=value,
        units=(units_of_f if design.statistic == "F" else units_of_t)(value, n),
        adjacency=adjacency,
        n_times=n_times,
        not_finite=int(excluded[0]),
        no_variation=int(excluded[1]),
        observed=observed,
    )


def _plain(adjacency: csr_array) -> csr_array:
    """bool csr without diagonal and stored zeros, columns in order: one form, one digest."""
    edges = coo_array(adjacency)
    real = (edges.data != 0) & (edges.row != edges.col)
    entries = (np.ones(np.count_nonzero(real), bool), (edges.row[real], edges.col[real]))
    plain = csr_array(entries, shape=edges.shape)
    plain.sum_duplicates()
    plain.sort_indices()
    return plain


def _read_observed(folder: Path, digest: str) -> dict[str, np.ndarray]:
    try:
        with np.load(folder / OBSERVED, allow_pickle=False) as stored:
            observed = {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{folder / OBSERVED}: not readable ({error}); delete the folder and prepare again"
        ) from error
    if _digest(*observed.values()) != digest:
        raise InputError(
            f"{folder / OBSERVED}: not the file that {META} describes; delete the folder and "
            "prepare again"
        )
    return observed


def _digest(*arrays: np.ndarray) -> str:
    total = hashlib.sha256()
    for array in arrays:
        total.update(str((array.dtype.str, array.shape)).encode())
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()
