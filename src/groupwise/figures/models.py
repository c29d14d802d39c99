"""Pictures of a model of a table."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from groupwise.figures.channels import coefficients_figure
from groupwise.figures.save import Picture

#: Coefficients that a picture of rows can still show.
MOST = 60


def model_pictures(
    table: pd.DataFrame, model: Mapping[str, Any], *, title: str, alpha: float, units: str
) -> Iterator[Picture]:
    """Coefficients with their intervals.

    Parameters
    ----------
    table : of `model_table`.
    model : the config's section.
    """
    shown = table[table["estimate"].notna()].head(MOST)
    if not len(shown):
        return
    more = f" The first {MOST} of {len(table)}." if len(table) > len(shown) else ""
    yield Picture(
        "coefficients",
        coefficients_figure(shown, alpha=alpha, title=title, units=units),
        "Coefficients",
        f"{model['formula']}; estimate with its {100 * (1 - alpha):g}% interval (Wald); filled: "
        f"p ≤ {alpha:g} by Bonferroni.{more}",
        f"{len(shown)} coefficients, {int((shown['p_bonferroni'] <= alpha).sum())} of them "
        f"significant.",
    )
