"""A permutation test in memory: prepare, one block, merge, infer."""

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.sparse import csr_array, diags_array, eye_array, kron, sparray, spmatrix

from groupwise.errors import InputError
from groupwise.permutation import across
from groupwise.permutation.blocks import run_block
from groupwise.permutation.infer import Result, infer
from groupwise.permutation.merge import merge
from groupwise.permutation.prepare import prepare
from groupwise.stack.lattice import Lattice
from groupwise.stats.declared import floor_of
from groupwise.stats.designs import Design


def _with_axes(adjacency: csr_array, axes: tuple[int, ...]) -> csr_array:
    """Adjacency of places x further axes (frequencies), neighbours along each axis implied."""
    for length in axes:
        line = diags_array([1.0, 1.0], offsets=[-1, 1], shape=(length, length))
        here = eye_array(adjacency.shape[0])
        adjacency = csr_array(kron(adjacency, eye_array(length)) + kron(here, line))
        adjacency.eliminate_zeros()
    return adjacency


def permutation_test(
    x: np.ndarray,
    design: Design,
    *,
    adjacency: sparray | spmatrix | Lattice | None = None,
    threshold: Mapping[str, float] | Sequence[Mapping[str, float]] | None = None,
    alternative: str = "two-sided",
    mass: str = "sum",
    tfce: bool | Mapping[str, float] = False,
    hat: float | Mapping[str, float] = 0.0,
    permutations: int = 10_000,
    seed: int = 0,
    threads: int = 1,
    step_down: bool = False,
    alpha: float = 0.05,
) -> Result | list[Result]:
    """Test a design on maps held in memory.

    Parameters
    ----------
    x : (subjects, cells, *points), the first factor varying slowest over the cells; (subjects,
        *points) for designs of one map a subject: OneSample, TwoSample, Between and Regression
        without weights; (rows, *points) for a GLM.
    design : e.g. `Within({"modality": 2, "side": 2}, effect="modality:side")`.
    adjacency : sparse (places, places) with points (places,) or (places, times), neighbours in
        time implied, or (places, frequencies, times), in both implied; a `Lattice` of the shape of
        the points (of its mask's inside, if it has a mask); None: no point has a neighbour.
    threshold : cluster-forming, {"p": ...} (the default, with .001) or {"stat": ...}. A list of
        several gives a list of results, all from the same permutations.
    alternative : "two-sided", "greater" or "less"; an F leaves it "two-sided".
    mass : of a cluster, "sum" of the statistic or of its "excess" over the threshold.
    tfce : threshold-free cluster enhancement beside clusters, exact; {"E": 0.5, "H": 2} are the
        exponents.
    hat : regularises the variance of a t: a share of the largest variance over the map (a number,
        or {"relative": ...}), or {"absolute": ...} in squared units of x.
    permutations : at or above the number of distinct resamplings: all of them, once each.
    seed : of the resampling.
    threads : of the computation; no result depends on them.
    step_down : also give `maps["p_step_down"]`, the maximum statistic with step-down.
    alpha : clusters with p <= alpha are called significant.

    Returns
    -------
    Result : `statistic`, `p_max`, `p_tfce`, `labels` (points), `clusters` (DataFrame), `null`
        (maxima by permutation and side), `exact`, `maps`, `sentence`.

    Raises
    ------
    InputError : shapes, adjacency or arguments that do not fit.
    """
    if permutations < 1:
        raise InputError(f"permutations: {permutations}; the observed map is the first of them")
    x = np.asarray(x)
    # Designs that need one map a subject take it without an axis of cells.
    if not design.has_cell_axis:
        x = x[:, None]
    points = x.shape[2:]
    n_points = int(np.prod(points))
    n_times = 1
    if adjacency is None:
        adjacency = csr_array((n_points, n_points), dtype=bool)
    elif isinstance(adjacency, Lattice):
        expected = tuple(adjacency.shape) if adjacency.mask is None else (adjacency.n_points,)
        if tuple(points) != expected:
            raise InputError(f"the maps have points {tuple(points)}, the lattice {expected}")
        adjacency = adjacency.adjacency()
    elif len(points) > 1:
        n_times = points[-1]
        adjacency = _with_axes(csr_array(adjacency), points[1:-1])
    prepared = prepare(
        x,
        design,
        adjacency,
        n_times=n_times,
        threshold={"p": 0.001} if threshold is None else threshold,
        alternative=alternative,
        mass=mass,
        seed=seed,
        hat=hat,
        tfce=tfce,
    )
    distinct, floor = floor_of(design, prepared.n, alternative)
    if max(floor, 1 / permutations) > alpha:
        warnings.warn(
            f"{prepared.n} subjects have {distinct} distinct resamplings, {permutations} were "
            f"asked for: no p can be as small as alpha = {alpha}",
            stacklevel=2,
        )
    null = merge([run_block(prepared, 0, permutations, threads=threads)], permutations)
    if threshold is None or isinstance(threshold, Mapping):
        result = infer(prepared, null, alpha)
        return across.step_down(result, threads) if step_down else result
    return [infer(prepared, null, alpha, which) for which in range(len(threshold))]
