"""A linear model split into the effect of interest and nuisance.

The model y = M b + error with a contrast C'b is the same as y = X c + Z g + error, where Z spans
{M b: C'b = 0} and X is what C'b moves (Winkler et al. 2014, NeuroImage 92:381, who call it the
partition of the model). One routine serves the parametric and the permutation path.

Bases are made by Gram-Schmidt with sums that are rounded once (`math.fsum`), so that every
machine finds the same bits.
"""

import math
from dataclasses import dataclass

import numpy as np

from groupwise.errors import InputError

#: A column whose part outside the columns before it is smaller than this share of it is taken for
#: their combination.
COLLINEAR = 1e-9
#: Decimals to which rows of the model must agree to be exchanged for one another without effect.
SAME = 12


@dataclass(frozen=True, eq=False)
class Partition:
    """The bases of a model's parts, and how its rows may be exchanged.

    Attributes
    ----------
    effect : (n, q) orthonormal, what the contrast adds to the nuisance; q = df1. A single column
        points where the contrast is positive.
    nuisance : (n, r) orthonormal, all of it.
    moving : (n, m) the part of the nuisance that an exchange can move: without what is constant
        within the blocks.
    types : (n,) int64; rows of one block and one type have the same model, and exchanging them
        changes nothing. Numbered in the order in which they appear.
    blocks : (n,) int64, rows are exchanged within a block only.
    df : degrees of freedom (q, n - q - r), for one value a row.
    """

    effect: np.ndarray
    nuisance: np.ndarray
    moving: np.ndarray
    types: np.ndarray
    blocks: np.ndarray
    df: tuple[int, int]

    @property
    def coefficients(self) -> np.ndarray:
        """(types, q + m) float64 of the effect, then of the moving nuisance."""
        _, first = np.unique(self.types, return_index=True)
        return np.ascontiguousarray(np.hstack([self.effect, self.moving])[first])

    def residuals(self, y: np.ndarray) -> np.ndarray:
        """What the nuisance leaves of y (n, ...), float64."""
        # Row after row, without a matrix product: the same bits on every machine.
        e = np.array(y, dtype=np.float64)
        for column in self.nuisance.T:
            weight = sum(value * row for value, row in zip(column, y, strict=True))
            for i, value in enumerate(column):
                e[i] -= value * weight
        return e

    def errors(self, e: np.ndarray) -> np.ndarray:
        """What the effect leaves of residuals e (n, ...)."""
        rest = e.copy()
        for column in self.effect.T:
            slope = sum(value * row for value, row in zip(column, e, strict=True))
            for i, value in enumerate(column):
                rest[i] -= value * slope
        return rest


def partition(
    matrix: np.ndarray,
    contrast: np.ndarray,
    blocks: np.ndarray | None = None,
    flips: bool = False,
) -> Partition:
    """Split a model.

    Parameters
    ----------
    matrix : (n, p) design matrix; may be collinear.
    contrast : (p,) or (p, q), each column a combination of parameters that is zero under the null.
    blocks : (n,) labels; rows are exchanged within blocks. None: all with all.
    flips : the signs of rows are flipped instead; all nuisance moves, and no two rows are of a
        type.

    Raises
    ------
    InputError : the shapes do not fit, a value is not finite, the contrast can not be estimated
        from the matrix, or no degree of freedom is left for the error.
    """
    matrix = np.asarray(matrix, dtype=np.float64)
    contrast = np.asarray(contrast, dtype=np.float64)
    contrast = contrast[:, None] if contrast.ndim == 1 else contrast
    if matrix.ndim != 2 or contrast.ndim != 2 or matrix.shape[1] != len(contrast):
        raise InputError(
            f"design matrix {matrix.shape} and contrast {contrast.shape}: the contrast needs one "
            "weight for each column of the matrix"
        )
    if not (np.isfinite(matrix).all() and np.isfinite(contrast).all()):
        raise InputError("the design matrix or the contrast holds a value that is not finite")
    n, p = matrix.shape
    labels = np.zeros(n, int) if blocks is None else np.asarray(blocks)
    if labels.shape != (n,):
        raise InputError(f"{len(labels)} block labels for {n} rows of the design matrix")
    labels = _numbered(labels)
    directions = orthonormal(contrast)
    if directions.shape[1] == 0:
        raise InputError("the contrast is zero; give it a weight that is not")
    # Parameters that the contrast does not see span the nuisance.
    unseen = orthonormal(np.eye(p), directions)
    nuisance = orthonormal(_product(matrix, unseen))
    effect = orthonormal(_product(matrix, directions), nuisance)
    if effect.shape[1] < directions.shape[1]:
        raise InputError(
            "the contrast can not be estimated: what it tests is a combination of other columns of "
            "the design matrix; remove the collinear columns or change the contrast"
        )
    # A column that is constant within blocks stays as it is under any exchange, and so does the
    # residual's product with it: zero.
    constant = np.array([labels == block for block in range(labels.max() + 1)], float).T
    still = np.column_stack([c for c in constant.T if _inside(c, nuisance)] or [np.zeros(n)])
    moving = nuisance if flips else orthonormal(nuisance, orthonormal(still))
    df = (effect.shape[1], n - effect.shape[1] - nuisance.shape[1])
    if df[1] < 1:
        raise InputError(
            f"{n} rows and {df[0] + nuisance.shape[1]} free parameters: no degree of freedom is "
            "left for the error; add subjects or drop covariates"
        )
    rows = np.round(np.hstack([effect, moving]), SAME) + 0.0  # + 0.0: no negative zero
    types = np.unique(rows, axis=0, return_inverse=True)[1].ravel()
    types = np.arange(n) if flips else _numbered(types)
    return Partition(effect, nuisance, moving, types, labels, df)


def _numbered(labels: np.ndarray) -> np.ndarray:
    """(n,) int64, equal labels numbered from 0 in the order in which they appear."""
    _, first, which = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[which.ravel()]


def _dot(a: np.ndarray, b: np.ndarray) -> float:
    return math.fsum((a * b).tolist())


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.array([[_dot(row, column) for column in b.T] for row in a]).reshape(len(a), -1)


def orthonormal(columns: np.ndarray, against: np.ndarray | None = None) -> np.ndarray:
    """Orthonormal basis of what the columns span outside of `against` (orthonormal itself)."""
    fixed = [] if against is None else list(against.T)
    basis: list[np.ndarray] = []
    for column in columns.T:
        length = math.sqrt(_dot(column, column))
        if length == 0:
            continue
        rest = column / length
        for _ in range(2):  # twice is enough (Giraud et al. 2005)
            for other in (*fixed, *basis):
                rest = rest - _dot(rest, other) * other
        left = math.sqrt(_dot(rest, rest))
        if left > COLLINEAR:
            basis.append(rest / left)
    return np.column_stack(basis) if basis else np.zeros((len(columns), 0))


def _inside(column: np.ndarray, basis: np.ndarray) -> bool:
    return orthonormal(column[:, None], basis).shape[1] == 0
