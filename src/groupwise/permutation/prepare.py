"""Prepare an effect: observed maps, exclusions and scores in fixed point."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array

from groupwise.errors import InputError
from groupwise.permutation.fixedpoint import to_fixed
from groupwise.permutation.prepared import Prepared
from groupwise.stack.space import check_adjacency
from groupwise.stats.anova import (
    corrected_p,
    f_of_scores,
    sphericity,
    statistic_of_model,
    t_of_scores,
    welch_of_groups,
)
from groupwise.stats.designs import Design, exclusions, weighted
from groupwise.stats.partition import Partition, orthonormal
from groupwise.stats.thresholds import cluster_threshold, p_of, p_of_t

MASSES = ("sum", "excess")
#: Points whose maps are in memory together.
PANEL = 65536


@dataclass(frozen=True, eq=False)
class _Scores:
    """Scores of the tested points and the observed maps; see the attributes of `Prepared`."""

    values: np.ndarray
    kept: np.ndarray
    power: np.ndarray
    observed: dict[str, np.ndarray]
    not_finite: int
    no_variation: int


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
    """Return the observed maps, the exclusions and the fixed-point scores of one effect.

    Parameters
    ----------
    x : (n, cells, *points) maps; or, with `rows`, the (rows, points) array of a stack, which is
        read in panels of points.
    design : the tested design.
    adjacency : (places, places), symmetric; the diagonal is ignored. Points are places x times,
        place-major.
    n_times : number of times at each place.
    threshold : cluster-forming threshold, {"p": ...} or {"stat": ...}. Several thresholds use the
        same permutations.
    alternative : "two-sided", "greater" or "less"; must be "two-sided" for an F, whose upper tail
        is tested.
    mass : cluster mass, the "sum" of the statistic or of its "excess" over the threshold.
    seed : seed of the resampling.
    hat : variance regularisation of a t of sign flips or pooled groups (Ridgway et al. 2012,
        NeuroImage 59:2131): a share of the largest variance in the map of each permutation (a
        number, or {"relative": ...}), or {"absolute": ...} in squared units of the maps.
    tfce : compute threshold-free cluster enhancement as well; {"E": 0.5, "H": 2} are the exponents.
    rows : (n, cells) row numbers of x, from `groupwise.stack.cell_rows`.
    shape : shape of a map, if x has one dimension of points.

    Raises
    ------
    InputError : fewer than two subjects, wrong cells or adjacency, an unknown option, a map that
        is 0 everywhere, no point that can be tested.
    """
    map_shape = x.shape[2:] if rows is None else x.shape[1:]
    n_points, n = int(np.prod(map_shape)), len(x if rows is None else rows)
    _check_sizes(n, n_points, n_times)
    if mass not in MASSES:
        raise InputError(f"cluster mass {mass!r} is unknown; use one of {', '.join(MASSES)}")
    adjacency = _canonical(adjacency)
    check_adjacency(adjacency, n_points // n_times)
    asked = (threshold,) if isinstance(threshold, Mapping) else tuple(threshold)
    thresholds = tuple(cluster_threshold(design, n, each, alternative) for each in asked)
    regularised, exponents = _checked_hat(hat, design), _checked_exponents(tfce)
    model = None if design.model() is None else design.partition
    kind, reach = _kind(design, n, model)
    scores = _compute_scores(x, rows, design, model, alternative, regularised, reach)
    return Prepared(
        values=scores.values,
        kept=scores.kept,
        shape=tuple(shape or map_shape),
        n=n,
        df=design.df(n),
        kind=kind,
        types=np.zeros(0, np.int64) if model is None else model.types.astype(np.int64),
        blocks=np.zeros(0, np.int64) if model is None else model.blocks.astype(np.int64),
        coefficients=np.zeros((0, 0)) if model is None else model.coefficients,
        power=scores.power,
        design=design,
        alternative=alternative,
        mass=mass,
        seed=int(seed),
        hat=regularised,
        tfce=exponents,
        asked=tuple({name: float(number) for name, number in each.items()} for each in asked),
        thresholds=thresholds,
        adjacency=adjacency,
        n_times=n_times,
        not_finite=scores.not_finite,
        no_variation=scores.no_variation,
        observed=scores.observed,
    )


def _check_sizes(n: int, n_points: int, n_times: int) -> None:
    """Raise InputError if the maps are too few or their points are not places x times."""
    if n < 2:
        raise InputError(f"{n} subject: a group needs at least two subjects; add subjects")
    if n_points % n_times:
        raise InputError(
            f"{n_points} points are not a multiple of {n_times} times; give `n_times` of these maps"
        )


def _compute_scores(
    x: np.ndarray,
    rows: np.ndarray | None,
    design: Design,
    model: Partition | None,
    alternative: str,
    hat: dict[str, float] | None,
    reach: float,
) -> _Scores:
    """Return scores and observed maps, computed in one pass over panels of points.

    Raises
    ------
    InputError : a map is 0 everywhere, or no point can be tested.
    """
    n, n_points = (len(x), int(np.prod(x.shape[2:]))) if rows is None else (len(rows), x.shape[1])
    observed: dict[str, np.ndarray] = {}
    kept, values, powers, excluded = [], [], [], np.zeros(2, int)
    filled = np.zeros((n, design.n_cells), bool)
    flips = design.exchange == "signs" and model is None
    for start, maps in _read_panels(x, rows, n_points):
        with np.errstate(invalid="ignore", over="ignore"):  # non-finite values are excluded below
            y = design.scores(maps)
            y = y if model is None else model.residuals(y)
        filled |= (maps != 0).any(axis=2)
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
    _check_maps(filled, bool(kept), n_points, excluded)
    if hat:
        _regularise(observed, hat)
    return _Scores(
        values=np.ascontiguousarray(np.concatenate(values, axis=2)),
        kept=np.concatenate(kept).astype(np.int32 if n_points < 2**31 else np.int64),
        power=np.concatenate(powers) if hat else np.zeros(0),
        observed=observed,
        not_finite=int(excluded[0]),
        no_variation=int(excluded[1]),
    )


def _read_panels(
    x: np.ndarray, rows: np.ndarray | None, n_points: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the first point and the maps (n, cells, points) of each panel of points."""
    flat = x.reshape(len(x), -1, n_points) if rows is None else x
    for start in range(0, n_points, PANEL):
        here = slice(start, min(start + PANEL, n_points))
        yield start, flat[:, :, here] if rows is None else flat[:, here][rows]


def _check_maps(filled: np.ndarray, testable: bool, n_points: int, excluded: np.ndarray) -> None:
    """Raise InputError if a map has no data or no point can be tested.

    Parameters
    ----------
    filled : (n, cells) bool, which maps have a value other than 0.
    excluded : numbers of points that are not finite and that do not vary.
    """
    if not filled.all():
        raise InputError(
            [
                f"map {c + 1} of subject {k + 1} (in the order of the maps) is 0 everywhere"
                for k, c in np.argwhere(~filled)
            ]
            + ["a map without data cannot be tested: correct it, or exclude the subject"]
        )
    if not testable:
        raise InputError(
            f"no point of {n_points} can be tested: {excluded[0]} have a value that is not "
            f"finite, {excluded[1]} do not vary; check the maps"
        )


def _kind(design: Design, n: int, model: Partition | None) -> tuple[str, float]:
    """Return the kind of sums and the reach of the scores, see `fixedpoint`."""
    if model is None:
        return "signs", float(np.sqrt(n))
    if design.unequal:
        return "welch", 1.0
    if design.exchange == "orders" and model.types.max() == 1 and design.statistic == "t":
        # Two groups have the labels +1 and -1. Scores are centred, so that only the labels minus
        # their mean matter; the length of that vector is the largest value of u.
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
    """Return statistic, parametric p and epsilons of scores, (n, d, points), by name.

    Parameters
    ----------
    y : scores; residuals of the nuisance if there is a model.
    """
    df = design.df(n)
    if model is not None and design.unequal:
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
    """Return eps_gg of the errors of a pooled-error model of three or more conditions, else {}."""
    described = design.model()
    if described is None or described[2] is None:
        return {}
    blocks = described[2]
    cells = int(np.count_nonzero(blocks == blocks[0]))
    subjects = len(blocks) // cells
    whole = subjects * cells == len(blocks) and subjects > 2 and cells > 2
    if not whole or (blocks != np.repeat(blocks[::cells], cells)).any():
        return {}
    contrasts = orthonormal(np.eye(cells) - 1 / cells)
    scores = weighted(errors.reshape(subjects, cells, -1), contrasts)
    return {"eps_gg": sphericity(scores, subjects - 1)[0]}


def _regularise(observed: dict[str, np.ndarray], hat: Mapping[str, float]) -> None:
    """Regularise the observed t by the 'hat'; the parametric p remains that of the plain t."""
    variance = observed.pop("variance")
    more = hat.get("absolute", hat.get("relative", 0.0) * np.nanmax(variance))
    observed["statistic"] *= np.sqrt(variance / (variance + more))


def _checked_hat(hat: float | Mapping[str, float], design: Design) -> dict[str, float] | None:
    """Return the variance regularisation as a dict, or None if it is 0.

    Raises
    ------
    InputError : it is negative, of another form, or not defined for the design.
    """
    given = dict(hat) if isinstance(hat, Mapping) else {"relative": hat}
    if set(given) not in ({"relative"}, {"absolute"}):
        raise InputError(f"hat {given}: give either {{relative: ...}} or {{absolute: ...}}")
    (how, value) = next(iter(given.items()))
    value = float(value)
    if not 0 <= value < np.inf:
        raise InputError(f"hat {how}: {value} is not a variance; give 0 or more, such as 0.001")
    if not value:
        return None
    if not design.supports_hat:
        raise InputError(
            "hat: the variance is regularised for t of one sample, of pairs and of two groups with "
            "a pooled variance; leave hat at 0 for this design"
        )
    return {how: value}


def _checked_exponents(tfce: bool | Mapping[str, float]) -> dict[str, float] | None:
    """Return the exponents E and H, or None without TFCE."""
    if tfce is False:
        return None
    given = {"E": 0.5, "H": 2.0} | ({} if tfce is True else dict(tfce))
    if set(given) != {"E", "H"} or not all(0 <= value < np.inf for value in given.values()):
        raise InputError(f"tfce {given}: unknown or negative exponents; give E and H, 0 or more")
    return {name: float(given[name]) for name in ("E", "H")}


def _canonical(adjacency: csr_array) -> csr_array:
    """Return the adjacency as bool csr without diagonal and stored zeros, columns in order.

    Equal graphs so have equal arrays, and equal digests.
    """
    edges = coo_array(adjacency)
    real = (edges.data != 0) & (edges.row != edges.col)
    entries = (np.ones(np.count_nonzero(real), bool), (edges.row[real], edges.col[real]))
    plain = csr_array(entries, shape=edges.shape)
    plain.sum_duplicates()
    plain.sort_indices()
    # SciPy keeps the integer type of its input.
    whole = np.int32 if plain.nnz < 2**31 else np.int64
    plain.indptr, plain.indices = plain.indptr.astype(whole), plain.indices.astype(whole)
    return plain
