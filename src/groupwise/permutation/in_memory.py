"""Permutation test of maps in memory: prepare, one block, merge, infer."""

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
    """Return the adjacency of places x further axes, such as frequencies.

    Consecutive positions on each axis are neighbours.
    """
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
        *points) for designs of one map per subject: OneSample, TwoSample, Between and Regression
        without weights; (rows, *points) for a GLM.
    design : such as `Within({"modality": 2, "side": 2}, effect="modality:side")`.
    adjacency : sparse (places, places) for points (places,), (places, times) or (places,
        frequencies, times), where consecutive times and frequencies are neighbours too; a `Lattice`
        of the shape of the points (or of the points inside its mask); None: no point has
        neighbours.
    threshold : cluster-forming threshold, {"p": ...} or {"stat": ...}; default {"p": 0.001}. A
        list gives a list of results, which use the same permutations.
    alternative : "two-sided", "greater" or "less"; must be "two-sided" for an F.
    mass : cluster mass, the "sum" of the statistic or of its "excess" over the threshold.
    tfce : compute exact threshold-free cluster enhancement as well; {"E": 0.5, "H": 2} are the
        exponents.
    hat : variance regularisation of a t: a share of the largest variance in the map (a number, or
        {"relative": ...}), or {"absolute": ...} in squared units of x.
    permutations : number of permutations, the observed one included. If the design has no more
        distinct resamplings, each is used once and p are exact.
    seed : seed of the resampling.
    threads : number of threads; no result depends on it.
    step_down : also compute `maps["p_step_down"]`, the step-down maximum statistic.
    alpha : significance level; clusters with p <= alpha are significant.

    Returns
    -------
    Result : `statistic`, `p_max`, `p_tfce`, `labels` (points), `clusters` (DataFrame), `null`
        (maxima by permutation and side), `exact`, `maps`, `sentence`.

    Raises
    ------
    InputError : the shapes, the adjacency or other arguments do not match.
    """
    if permutations < 1:
        raise InputError(
            f"permutations: {permutations}; give 1 or more, the observed map is the first"
        )
    x = np.asarray(x)
    # Maps of these designs have no axis of cells.
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
            raise InputError(f"the maps have points {tuple(points)}, the lattice has {expected}")
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
            f"{prepared.n} subjects have {distinct} distinct resamplings, and {permutations} "
            f"permutations were requested: no p can be as small as alpha = {alpha}",
            stacklevel=2,
        )
    null = merge([run_block(prepared, 0, permutations, threads=threads)], permutations)
    if threshold is None or isinstance(threshold, Mapping):
        result = infer(prepared, null, alpha)
        return across.step_down(result, threads) if step_down else result
    return [infer(prepared, null, alpha, which) for which in range(len(threshold))]
