"""Everything that a block of permutations needs, computed once and kept in files."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import coo_array, csr_array

from groupwise.digests import digest_of
from groupwise.errors import InputError
from groupwise.files import write_whole
from groupwise.npz import open_arrays, read_arrays
from groupwise.permutation.clusters import Neighbours
from groupwise.permutation.fixedpoint import to_fixed
from groupwise.permutation.resample import Orders, SignFlips
from groupwise.stack.space import check_adjacency
from groupwise.stats.anova import (
    corrected_p,
    f_of_scores,
    sphericity,
    statistic_of_model,
    t_of_scores,
    welch_of_groups,
)
from groupwise.stats.declared import design_from_dict
from groupwise.stats.designs import Design, exclusions, is_symmetric, weighted
from groupwise.stats.partition import Partition, orthonormal
from groupwise.stats.thresholds import cluster_threshold, p_of, p_of_t

#: Raised with every edit that changes a result of prepare, blocks or merge: part of the digest,
#: and given to the rules so that files of an older version are made anew.
ENGINE_VERSION = 2

VALUES, META, OBSERVED = "values.npy", "meta.npz", "observed.npz"
#: Attributes that meta.npz keeps as JSON, and as arrays.
PLAIN = (
    "shape", "n", "df", "kind", "alternative", "mass", "seed", "hat", "tfce", "asked",
    "thresholds", "n_times", "not_finite", "no_variation",
)  # fmt: skip
ARRAYS = ("kept", "types", "blocks", "coefficients", "power")
MASSES = ("sum", "excess")
#: Points whose maps are held in memory at a time while preparing.
PANEL = 65536


@dataclass(frozen=True, eq=False)
class Prepared:
    """One tested effect, ready for permutations.

    Attributes
    ----------
    values : (d, n, tested points) int32, fixed-point scores; a memory map when loaded.
    kept : (tested points,) int32, their point numbers, ascending.
    shape : of a map: (places,) or (places, times), or whatever `x` had.
    n : subjects (rows of a GLM).
    df : degrees of freedom of the statistic.
    kind : of the sums that make the statistic, see `fixedpoint`: "signs", "models", "welch".
    types, blocks : (n,) int64, what rows are exchanged for one another, and within what; empty
        where signs are flipped.
    coefficients : (types, q + m) float64 of a model's effect and moving nuisance, or (0, 0).
    power : (tested points,) float64, the scores' sums of squares where a 'hat' needs them, or
        empty.
    design, alternative, mass, seed, hat, tfce : as asked.
    asked : the thresholds as asked, {"p": ...} or {"stat": ...} each.
    thresholds : the same as values of the statistic.
    adjacency : (places, places) bool csr.
    n_times : times a place.
    not_finite, no_variation : numbers of excluded points.
    observed : maps (points,) in float64: statistic, p_uncorrected and, where d > 1, eps_gg,
        eps_hf, p_gg, p_hf (of pooled errors of conditions eps_gg alone); NaN at excluded points.
        None when loaded without maps.
    """

    values: np.ndarray
    kept: np.ndarray
    shape: tuple[int, ...]
    n: int
    df: tuple[int, int]
    kind: str
    types: np.ndarray
    blocks: np.ndarray
    coefficients: np.ndarray
    power: np.ndarray
    design: Design
    alternative: str
    mass: str
    seed: int
    hat: dict[str, float] | None
    tfce: dict[str, float] | None
    asked: tuple[dict[str, float], ...]
    thresholds: tuple[float, ...]
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

    @property
    def flips(self) -> bool:
        """Whether signs are flipped; otherwise rows change places."""
        return self.design.exchange == "signs"

    @cached_property
    def resampling(self) -> Any:
        """The resamplings: `SignFlips` or `Orders`."""
        if self.flips:
            return SignFlips(self.n, is_symmetric(self.design, self.alternative), self.seed)
        return Orders(tuple(self.types.tolist()), tuple(self.blocks.tolist()), self.seed)

    def draw(self, start: int, stop: int) -> np.ndarray:
        """(stop - start, n) int64: signs of the rows, or the types that come to them."""
        if self.flips:
            return self.resampling.signs(start, stop).astype(np.int64)
        orders = self.resampling.orders(start, stop)
        if self.kind == "signs":  # the labels of two groups, by the sides of the contrast
            return np.where(self.coefficients[orders, 0] > 0, 1, -1)
        return orders

    @cached_property
    def neighbours(self) -> Neighbours:
        """Adjacency in the form that cluster search wants."""
        return Neighbours.of(self.adjacency, self.n_times)

    @cached_property
    def by_power(self) -> np.ndarray:
        """(tested points,) int64, points by descending sum of squares."""
        return np.argsort(-self.power, kind="stable")

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
            json.dumps([self.kind, self.hat, self.tfce, self.df, self.thresholds]),
            str(self.n_times),
            _digest(
                *(self.types, self.blocks, self.coefficients, self.power, self.kept),
                *(self.adjacency.indptr, self.adjacency.indices),
            ),
        )

    def save(self, folder: str | os.PathLike) -> None:
        """Write values.npy, observed.npz and, last, meta.npz."""
        if self.observed is None:
            raise ValueError("loaded without its maps; nothing to save")
        folder = Path(folder)
        with write_whole(folder / VALUES) as part:
            np.save(part, self.values, allow_pickle=False)
        with write_whole(folder / OBSERVED) as part, part.open("wb") as handle:
            np.savez(handle, allow_pickle=False, **self.observed)
        plain = {name: getattr(self, name) for name in PLAIN} | {
            "design": self.design.to_dict(),
            "values_digest": self.values_digest,
            "observed_digest": _digest(*self.observed.values()),
            "digest": self.digest,
        }
        with write_whole(folder / META) as part, part.open("wb") as handle:
            np.savez(
                handle,
                plain=np.array(json.dumps(plain)),
                **{name: getattr(self, name) for name in ARRAYS},
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
        with open_arrays(folder / META, "not what prepare wrote", again) as stored:
            plain: dict[str, Any] = json.loads(str(stored["plain"]))
            arrays: dict[str, Any] = {name: stored[name] for name in ARRAYS}
            indptr, indices = stored["adjacency_indptr"], stored["adjacency_indices"]
        try:
            values = np.load(folder / VALUES, mmap_mode="r", allow_pickle=False)
        except Exception as error:  # whatever a damaged header makes numpy raise
            raise InputError(f"{folder / VALUES}: not readable ({error}); {again}") from error
        places = len(indptr) - 1
        edges = (np.ones(len(indices), bool), indices, indptr)
        prepared = cls(
            **{name: plain[name] for name in PLAIN}
            | {name: tuple(plain[name]) for name in ("shape", "df", "asked", "thresholds")},
            **arrays,
            values=values,
            design=design_from_dict(plain["design"]),
            adjacency=csr_array(edges, shape=(places, places)),
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
    threshold: Mapping[str, float] | Sequence[Mapping[str, float]],
    alternative: str = "two-sided",
    mass: str = "sum",
    seed: int = 0,
    hat: float | Mapping[str, float] = 0.0,
    tfce: bool | Mapping[str, float] = False,
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
        Several: all of them from the same permutations.
    alternative : "two-sided", "greater" or "less"; an F leaves it "two-sided" (its upper tail).
    mass : of a cluster: "sum" of the statistic, or of its "excess" over the threshold.
    seed : of the resampling.
    hat : added to the variance of a t of flips or pooled groups (Ridgway et al. 2012, NeuroImage
        59:2131): a share of the largest variance over the map of that permutation (a number, or
        {"relative": ...}), or {"absolute": ...} in squared units of the maps.
    tfce : threshold-free cluster enhancement beside clusters; {"E": 0.5, "H": 2} are the exponents.
    rows : (n, cells) row numbers of x, from `groupwise.stack.cell_rows`.
    shape : of a map, where x has its points in one dimension.

    Raises
    ------
    InputError : fewer than two subjects, wrong cells or adjacency, a map that is 0 everywhere, no
        point left to test.
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
    asked = (threshold,) if isinstance(threshold, Mapping) else tuple(threshold)
    thresholds = tuple(cluster_threshold(design, n, each, alternative) for each in asked)
    hat = _hat(hat, design)
    model = None if design.model() is None else design.partition
    kind, reach = _kind(design, n, model)
    observed: dict[str, np.ndarray] = {}
    kept, values, powers, excluded = [], [], [], np.zeros(2, int)
    filled = np.zeros((n, design.n_cells), bool)
    flat = x.reshape(n, -1, n_points) if rows is None else x
    for start in range(0, n_points, PANEL):
        here = slice(start, min(start + PANEL, n_points))
        maps = flat[:, :, here] if rows is None else flat[:, here][rows]
        with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is excluded next
            y = design.scores(maps)
            y = y if model is None else model.residuals(y)
        filled |= (maps != 0).any(axis=2)
        flips = design.exchange == "signs" and model is None
        not_finite, no_variation = exclusions(maps, y, flips)
        excluded += np.count_nonzero(not_finite), np.count_nonzero(no_variation)
        inside = ~(not_finite | no_variation)
        y = np.ascontiguousarray(y[:, :, inside])
        points = np.flatnonzero(inside) + start
        if not len(points):
            continue
        for name, result in _observed_maps(design, model, y, n, alternative, hat).items():
            observed.setdefault(name, np.full(n_points, np.nan))[points] = result
        kept.append(points)
        fixed, power = to_fixed(y, reach)
        values.append(fixed.transpose(1, 0, 2))
        powers.append(power)
    if not filled.all():
        raise InputError(
            [
                f"map {c + 1} of subject {k + 1} (in the order of the maps) is 0 everywhere"
                for k, c in np.argwhere(~filled)
            ]
            + ["a map without data is no measurement: mend it, or leave the subject out"]
        )
    if not kept:
        raise InputError(
            f"no point of {n_points} can be tested: {excluded[0]} hold a value that is not "
            f"finite, {excluded[1]} do not vary; look at the maps"
        )
    prepared = Prepared(
        values=np.ascontiguousarray(np.concatenate(values, axis=2)),
        kept=np.concatenate(kept).astype(np.int32 if n_points < 2**31 else np.int64),
        shape=tuple(shape or (x.shape[2:] if rows is None else x.shape[1:])),
        n=n,
        df=design.df(n),
        kind=kind,
        types=np.zeros(0, np.int64) if model is None else model.types.astype(np.int64),
        blocks=np.zeros(0, np.int64) if model is None else model.blocks.astype(np.int64),
        coefficients=np.zeros((0, 0)) if model is None else model.coefficients,
        power=np.concatenate(powers) if hat else np.zeros(0),
        design=design,
        alternative=alternative,
        mass=mass,
        seed=int(seed),
        hat=hat,
        tfce=_exponents(tfce),
        asked=tuple({name: float(number) for name, number in each.items()} for each in asked),
        thresholds=thresholds,
        adjacency=adjacency,
        n_times=n_times,
        not_finite=int(excluded[0]),
        no_variation=int(excluded[1]),
        observed=observed,
    )
    if hat:
        _regularise(prepared)
    return prepared


def _kind(design: Design, n: int, model: Partition | None) -> tuple[str, float]:
    """The kind of sums, and the scale of the scores (`fixedpoint`)."""
    if model is None:
        return "signs", float(np.sqrt(n))
    if design.unequal:
        return "welch", 1.0
    if design.exchange == "orders" and model.types.max() == 1 and design.statistic == "t":
        # Labels +1 and -1 of two groups. Scores are centred, so only the difference of the
        # labels from their mean counts, whose length is what u can reach.
        first = np.count_nonzero(model.types == 0)
        if not model.moving.shape[1] and model.blocks.max() == 0:
            return "signs", float(np.sqrt(4.0 * first * (n - first) / n))
    return "models", 1.0


def _observed_maps(
    design: Design,
    model: Partition | None,
    y: np.ndarray,
    n: int,
    alternative: str,
    hat: Mapping[str, float] | None,
) -> dict[str, np.ndarray]:
    """Statistic, parametric p and epsilons of scores (of residuals, where there is a model)."""
    df = design.df(n)
    if design.unequal:
        statistic, own = welch_of_groups(y, model.effect[:, 0] > 0)
        p = p_of_t(statistic, own, alternative)
        return {"statistic": statistic, "p_uncorrected": p}
    if model is not None:
        statistic = statistic_of_model(y, model, design.statistic)
    else:
        statistic = f_of_scores(y) if design.statistic == "F" else t_of_scores(y)
    found = {"statistic": statistic, "p_uncorrected": p_of(design, statistic, n, alternative)}
    if design.d > 1:
        gg, hf = sphericity(*((y,) if model is None else (model.errors(y), model.df[1])))
        found |= {"eps_gg": gg, "eps_hf": hf}
        found |= {"p_gg": corrected_p(statistic, gg, df), "p_hf": corrected_p(statistic, hf, df)}
    elif model is not None:
        found |= _epsilon_of_conditions(design, model.errors(y))
    if hat:
        found["variance"] = (y * y).sum(axis=(0, 1)) / (df[1] + statistic**2)
    return found


def _epsilon_of_conditions(design: Design, errors: np.ndarray) -> dict[str, np.ndarray]:
    """Epsilon of the errors of three or more conditions that a pooled-error model has; else {}."""
    blocks = design.model()[2]
    if blocks is None:
        return {}
    cells = int(np.count_nonzero(blocks == blocks[0]))
    subjects = len(blocks) // cells
    whole = subjects * cells == len(blocks) and subjects > 2 and cells > 2
    if not whole or (blocks != np.repeat(blocks[::cells], cells)).any():
        return {}
    contrasts = orthonormal(np.eye(cells) - 1 / cells)
    scores = weighted(errors.reshape(subjects, cells, -1), contrasts)
    return {"eps_gg": sphericity(scores, subjects - 1)[0]}


def _regularise(prepared: Prepared) -> None:
    """The observed t with the 'hat'; the parametric p stays that of the t without."""
    variance = prepared.observed.pop("variance")
    more = prepared.hat.get("absolute", prepared.hat.get("relative", 0.0) * np.nanmax(variance))
    prepared.observed["statistic"] *= np.sqrt(variance / (variance + more))


def _hat(hat: float | Mapping[str, float], design: Design) -> dict[str, float] | None:
    given = dict(hat) if isinstance(hat, Mapping) else {"relative": hat}
    if set(given) not in ({"relative"}, {"absolute"}):
        raise InputError(f"hat {given}: give one of {{relative: ...}} and {{absolute: ...}}")
    (how, value) = next(iter(given.items()))
    value = float(value)
    if not 0 <= value < np.inf:
        raise InputError(f"hat {how}: {value} is no variance; give 0 or more, such as 0.001")
    if not value:
        return None
    if not design.supports_hat:
        raise InputError(
            "hat: the variance is regularised for t of one sample, of pairs and of two groups with "
            "a pooled variance; leave hat at 0 for this design"
        )
    return {how: value}


def _exponents(tfce: bool | Mapping[str, float]) -> dict[str, float] | None:
    if tfce is False:
        return None
    given = {"E": 0.5, "H": 2.0} | ({} if tfce is True else dict(tfce))
    if set(given) != {"E", "H"} or not all(0 <= value < np.inf for value in given.values()):
        raise InputError(f"tfce {given}: the exponents E and H, 0 or more")
    return {name: float(given[name]) for name in ("E", "H")}


def _plain(adjacency: csr_array) -> csr_array:
    """bool csr without diagonal and stored zeros, columns in order: one form, one digest."""
    edges = coo_array(adjacency)
    real = (edges.data != 0) & (edges.row != edges.col)
    entries = (np.ones(np.count_nonzero(real), bool), (edges.row[real], edges.col[real]))
    plain = csr_array(entries, shape=edges.shape)
    plain.sum_duplicates()
    plain.sort_indices()
    # One integer type too, whatever the caller's matrix had.
    whole = np.int32 if plain.nnz < 2**31 else np.int64
    plain.indptr, plain.indices = plain.indptr.astype(whole), plain.indices.astype(whole)
    return plain


def _read_observed(folder: Path, digest: str) -> dict[str, np.ndarray]:
    observed = read_arrays(folder / OBSERVED, "delete the folder and prepare again")
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
