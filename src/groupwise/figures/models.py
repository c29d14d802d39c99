"""Figures of a regression model of a table."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from groupwise.figures.channels import coefficients_figure
from groupwise.figures.save import CaptionedFigure

#: Largest number of coefficients in a figure.
MAX_COEFFICIENTS = 60


def model_figures(
    table: pd.DataFrame, model: Mapping[str, Any], *, title: str, alpha: float, units: str
) -> Iterator[CaptionedFigure]:
    """Yield a figure of the coefficients with their confidence intervals.

    Parameters
    ----------
    table : coefficients, as `model_table` returns them.
    model : the model's section of the config.
    """
    shown = table[table["estimate"].notna()].head(MAX_COEFFICIENTS)
    if not len(shown):
        return
    more = (
        f" The figure shows the first {MAX_COEFFICIENTS} of {len(table)}."
        if len(table) > len(shown)
        else ""
    )
    yield CaptionedFigure(
        "coefficients",
        coefficients_figure(shown, alpha=alpha, title=title, units=units),
        "Coefficients",
        f"Coefficients of {model['formula']} with {100 * (1 - alpha):g}% confidence intervals "
        f"(Wald). Filled: Bonferroni-corrected p ≤ {alpha:g}.{more}",
        f"{len(shown)} coefficients, {int((shown['p_bonferroni'] <= alpha).sum())} of them "
        f"significant.",
    )
