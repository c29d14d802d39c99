"""How much of a regressor the other columns of a design make up."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def inflation(design: "pd.DataFrame", conditions: Sequence[str]) -> dict[str, float]:
    """Variance inflation factor of each condition's regressor given all other columns.

    How many times the variance of its estimate is what it would be without any correlation; above
    5 to 10, what is estimated is mostly not the condition's own (Mumford et al. 2015). Infinite
    where other columns make it up.
    """
    varying = design.loc[:, design.std() > 0]
    factors = {}
    for name in conditions:
        if name not in varying:
            continue
        own = varying[name] - varying[name].mean()
        others = varying.drop(columns=name)
        others = others - others.mean()
        fitted = others @ np.linalg.lstsq(others.to_numpy(), own.to_numpy(), rcond=None)[0]
        left = float(((own - fitted) ** 2).sum() / (own**2).sum())
        factors[name] = 1 / left if left > 1e-10 else float("inf")
    return factors
