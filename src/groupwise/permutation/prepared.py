"""A prepared effect: all that a block of permutations needs, and its files."""

import hashlib
import json
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from groupwise.digests import digest_of
from groupwise.errors import InputError
from groupwise.files import write_whole
from groupwise.npz import open_arrays, read_arrays
from groupwise.permutation.clusters import Neighbours
from groupwise.permutation.resample import Orders, SignFlips
from groupwise.stats.declared import design_from_dict
from groupwise.stats.designs import Design, is_symmetric

#: Raise it with every edit that changes a result of prepare, blocks or merge. It is part of the
#: digest, so that files of another version are rejected.
ENGINE_VERSION = 2

VALUES, META, OBSERVED = "values.npy", "meta.npz", "observed.npz"
#: Attributes that meta.npz keeps as JSON, and as arrays.
PLAIN = (
    "shape", "n", "df", "kind", "alternative", "mass", "seed", "hat", "tfce", "asked",
    "thresholds", "n_times", "not_finite", "no_variation",
)  # fmt: skip
ARRAYS = ("kept", "types", "blocks", "coefficients", "power")


@dataclass(frozen=True, eq=False)
class Prepared:
    """One tested effect, ready for its permutations.

    Attributes
    ----------
    values : (d, n, tested points) int32 scores in fixed point; a memory map after `load`.
    kept : (tested points,) int32 point numbers of the tested points, ascending.
    shape : shape of a map: (places,), (places, times), or that of the maps given to `prepare`.
    n : number of subjects (rows of a GLM).
    df : degrees of freedom of the statistic.
    kind : kind of sums that give the statistic, "signs", "models" or "welch"; see `fixedpoint`.
    types : (n,) int64 row type of each row; rows of one type are equal in the model. Empty if the
        signs of subjects are flipped without a model.
    blocks : (n,) int64 exchangeability block of each row; empty like `types`.
    coefficients : (types, q + m) float64 columns of the effect and of the nuisance that resampling
        moves; (0, 0) without a model.
    power : (tested points,) float64 sums of squares of the scores; empty without a 'hat'.
    design, alternative, mass, seed, hat, tfce : arguments of `prepare`.
    asked : the thresholds as given, {"p": ...} or {"stat": ...} each.
    thresholds : the same thresholds as values of the statistic.
    adjacency : (places, places) bool csr.
    n_times : number of times at each place.
    not_finite, no_variation : numbers of points excluded for each reason.
    observed : (points,) float64 maps, NaN at excluded points: statistic, p_uncorrected and, if
        d > 1, eps_gg, eps_hf, p_gg, p_hf (for pooled errors of conditions only eps_gg). None after
        `load` without maps.
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
        """Number of points of a map, tested or not."""
        return int(np.prod(self.shape))

    @property
    def sides(self) -> tuple[int, ...]:
        """Tested sides: (1, -1) for a two-sided t, (1,) for "greater" or an F, (-1,) for "less"."""
        if self.design.statistic == "F":
            return (1,)
        return {"two-sided": (1, -1), "greater": (1,), "less": (-1,)}[self.alternative]

    @property
    def flips(self) -> bool:
        """Whether resampling flips signs; otherwise it exchanges rows."""
        return self.design.exchange == "signs"

    @cached_property
    def resampling(self) -> Any:
        """The distinct resamplings of the design, `SignFlips` or `Orders`."""
        if self.flips:
            return SignFlips(self.n, is_symmetric(self.design, self.alternative), self.seed)
        return Orders(tuple(self.types.tolist()), tuple(self.blocks.tolist()), self.seed)

    def draw(self, start: int, stop: int) -> np.ndarray:
        """Return the resamplings start..stop-1, (stop - start, n) int64.

        Each row of the result has the sign of each subject, or the row type assigned to each
        position.
        """
        if self.flips:
            return self.resampling.signs(start, stop).astype(np.int64)
        orders = self.resampling.orders(start, stop)
        if self.kind == "signs":  # two groups: their labels as signs
            return np.where(self.coefficients[orders, 0] > 0, 1, -1)
        return orders

    @cached_property
    def neighbours(self) -> Neighbours:
        """The adjacency in the form that the cluster search uses."""
        return Neighbours.of(self.adjacency, self.n_times)

    @cached_property
    def by_power(self) -> np.ndarray:
        """(tested points,) int64 indices of the tested points by descending `power`."""
        return np.argsort(-self.power, kind="stable")

    @cached_property
    def values_digest(self) -> str:
        """SHA-256 of the values."""
        return _digest(self.values)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything that affects the maxima of a permutation."""
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
        """Write values.npy, observed.npz and then meta.npz to a folder."""
        if self.observed is None:
            raise ValueError("loaded without maps, so it cannot be saved; load it with maps=True")
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
        """Load a prepared effect; the values become a memory map.

        Parameters
        ----------
        maps : also read the observed maps, which inference needs and a block does not.

        Raises
        ------
        InputError : a file is absent, truncated, or of another run or version.
        """
        folder = Path(folder)
        again = "delete the folder and prepare again"
        with open_arrays(folder / META, "not the file of a prepared effect", again) as stored:
            plain: dict[str, Any] = json.loads(str(stored["plain"]))
            arrays: dict[str, Any] = {name: stored[name] for name in ARRAYS}
            indptr, indices = stored["adjacency_indptr"], stored["adjacency_indices"]
        try:
            values = np.load(folder / VALUES, mmap_mode="r", allow_pickle=False)
        except Exception as error:  # a damaged header gives errors of many types
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
            raise InputError(
                f"{folder / VALUES}: not the file that {META} describes (its digest differs); "
                f"{again}"
            )
        if prepared.digest != plain["digest"]:
            raise InputError(
                f"{folder / META}: damaged, or written by another version of the engine (its "
                f"digest differs; this version is {ENGINE_VERSION}); {again}"
            )
        return prepared


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
