"""Collinearity of the regressors of a design matrix."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def inflation(design: "pd.DataFrame", conditions: Sequence[str]) -> dict[str, float]:
    """Return the variance inflation factor of the regressor of each condition.

    It is the variance of the estimate relative to that of a regressor without correlations. Above
    5 to 10, the effect can hardly be separated from those of other columns (Mumford et al. 2015).
    It is infinite if the regressor is a linear combination of other columns.
    """
    varying = design.loc[:, design.std() > 0]
    factors = {}
    for name in conditions:
        if name not in varying:
            continue
        regressor = varying[name] - varying[name].mean()
        others = varying.drop(columns=name)
        others = others - others.mean()
        fitted = others @ np.linalg.lstsq(others.to_numpy(), regressor.to_numpy(), rcond=None)[0]
        unshared = float(((regressor - fitted) ** 2).sum() / (regressor**2).sum())
        factors[name] = 1 / unshared if unshared > 1e-10 else float("inf")
    return factors
