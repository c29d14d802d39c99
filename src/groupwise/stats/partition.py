"""Partition of a linear model into the effect of interest and nuisance.

The model y = M b + error with a contrast C'b is equivalent to y = X c + Z g + error, where Z spans
{M b: C'b = 0} and X is the remaining part of M (partition of the model: Winkler et al. 2014,
NeuroImage 92:381). Parametric and permutation tests use the same partition.

Bases are computed by Gram-Schmidt with exactly rounded sums (`math.fsum`), so they have the same
bits on every machine.
"""

import math
from dataclasses import dataclass

import numpy as np

from groupwise.errors import InputError

#: A column is a linear combination of the columns before it if its part outside of their span is
#: smaller than this proportion of its length.
COLLINEAR = 1e-9
#: Decimals for the comparison of rows of the model; equal rows have the same row type.
SAME = 12


@dataclass(frozen=True, eq=False)
class Partition:
    """Bases of the parts of a model, with row types and exchangeability blocks.

    Attributes
    ----------
    effect : (n, q) orthonormal basis of the effect, given the nuisance; q = df1. A single column
        has the sign of the contrast.
    nuisance : (n, r) orthonormal basis of the nuisance.
    moving : (n, m) basis of the part of the nuisance that an exchange of rows can change, which
        excludes columns that are constant within blocks.
    types : (n,) int64 row types, numbered by first occurrence. Rows of the same block and type have
        the same model, so exchanging them changes nothing.
    blocks : (n,) int64 exchangeability block of each row.
    df : degrees of freedom (q, n - q - r) for one value per row.
    """

    effect: np.ndarray
    nuisance: np.ndarray
    moving: np.ndarray
    types: np.ndarray
    blocks: np.ndarray
    df: tuple[int, int]

    @property
    def coefficients(self) -> np.ndarray:
        """(types, q + m) float64 rows of `effect` and `moving` for each row type."""
        _, first = np.unique(self.types, return_index=True)
        return np.ascontiguousarray(np.hstack([self.effect, self.moving])[first])

    def residuals(self, y: np.ndarray) -> np.ndarray:
        """Return the residuals of y (n, ...) given the nuisance, float64."""
        # Sums in a fixed order, without a matrix product: the same bits on every machine.
        e = np.array(y, dtype=np.float64)
        for column in self.nuisance.T:
            weight = sum(value * row for value, row in zip(column, y, strict=True))
            for i, value in enumerate(column):
                e[i] -= value * weight
        return e

    def errors(self, e: np.ndarray) -> np.ndarray:
        """Return the residuals of e (n, ...) given the effect."""
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
    """Return the partition of a model.

    Parameters
    ----------
    matrix : (n, p) design matrix; may be collinear.
    contrast : (p,) or (p, q); each column is a combination of parameters that is zero under the
        null hypothesis.
    blocks : (n,) labels of exchangeability blocks. None: all rows are exchangeable.
    flips : whether signs of rows are flipped instead of rows being exchanged. Then all nuisance
        is in `moving`, and each row has its own type.

    Raises
    ------
    InputError : the shapes do not match, a value is not finite, the contrast cannot be estimated,
        or the error has no degree of freedom.
    """
    matrix = np.asarray(matrix, dtype=np.float64)
    contrast = np.asarray(contrast, dtype=np.float64)
    contrast = contrast[:, None] if contrast.ndim == 1 else contrast
    if matrix.ndim != 2 or contrast.ndim != 2 or matrix.shape[1] != len(contrast):
        raise InputError(
            f"the design matrix has shape {matrix.shape} and the contrast {contrast.shape}; the "
            "contrast needs one weight for each column of the matrix"
        )
    if not (np.isfinite(matrix).all() and np.isfinite(contrast).all()):
        raise InputError(
            "the design matrix or the contrast has a value that is not finite; correct it"
        )
    n, p = matrix.shape
    labels = np.zeros(n, int) if blocks is None else np.asarray(blocks)
    if labels.shape != (n,):
        raise InputError(
            f"there are {len(labels)} block labels for {n} rows of the design matrix; give one for "
            "each row"
        )
    labels = _numbered(labels)
    directions = orthonormal(contrast)
    if directions.shape[1] == 0:
        raise InputError("all weights of the contrast are zero; give a weight that is not zero")
    # Parameter directions orthogonal to the contrast span the nuisance.
    unseen = orthonormal(np.eye(p), directions)
    nuisance = orthonormal(_product(matrix, unseen))
    effect = orthonormal(_product(matrix, directions), nuisance)
    if effect.shape[1] < directions.shape[1]:
        raise InputError(
            "the contrast cannot be estimated, because its effect is a combination of other "
            "columns of the design matrix; remove the collinear columns or change the contrast"
        )
    # A column that is constant within blocks is invariant under any exchange of rows. Its product
    # with the residuals remains zero.
    constant = np.array([labels == block for block in range(labels.max() + 1)], float).T
    still = np.column_stack([c for c in constant.T if _inside(c, nuisance)] or [np.zeros(n)])
    moving = nuisance if flips else orthonormal(nuisance, orthonormal(still))
    df = (effect.shape[1], n - effect.shape[1] - nuisance.shape[1])
    if df[1] < 1:
        raise InputError(
            f"the model has {n} rows and {df[0] + nuisance.shape[1]} free parameters, so the error "
            "has no degree of freedom; add subjects or remove covariates"
        )
    rows = np.round(np.hstack([effect, moving]), SAME) + 0.0  # + 0.0: no negative zero
    types = np.unique(rows, axis=0, return_inverse=True)[1].ravel()
    types = np.arange(n) if flips else _numbered(types)
    return Partition(effect, nuisance, moving, types, labels, df)


def _numbered(labels: np.ndarray) -> np.ndarray:
    """Return (n,) int64 numbers of the labels, from 0 by first occurrence."""
    _, first, which = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[which.ravel()]


def _dot(a: np.ndarray, b: np.ndarray) -> float:
    return math.fsum((a * b).tolist())


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.array([[_dot(row, column) for column in b.T] for row in a]).reshape(len(a), -1)


def orthonormal(columns: np.ndarray, against: np.ndarray | None = None) -> np.ndarray:
    """Return an orthonormal basis of the span of columns, orthogonal to the basis `against`."""
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
