"""Read the input files of the report."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from groupwise.figures.manifest import read_manifest


def read_effect(
    result: str, clusters: str, peaks: str, figures: str, maps: str, views: dict[str, str]
) -> dict[str, Any]:
    """Return an effect as `build_report` takes it, without its name.

    Parameters
    ----------
    result, clusters, peaks : files of `infer`.
    figures : folder of the effect's figures.
    maps : folder of the exported maps; it has a table if points have no neighbours.
    views : name to the HTML file of an interactive view.
    """
    content = json.loads(Path(result).read_text(encoding="utf-8"))
    effect: dict[str, Any] = {
        "result": content,
        "clusters": _table(clusters),
        "peaks": _table(peaks),
        "figures": read_manifest(figures)["figures"],
        "views": {name: Path(page).read_text(encoding="utf-8") for name, page in views.items()},
    }
    if not content["Neighbours"]:
        (points,) = Path(maps).glob("*_statmap.tsv")
        effect["points"] = _table(points)
    return effect


def read_model(name: str, table: str, facts: str, figures: str) -> dict[str, Any]:
    """Return a model as `build_report` takes it: coefficients, their sidecar and figures."""
    return {
        "name": name,
        "table": _table(table),
        "facts": json.loads(Path(facts).read_text(encoding="utf-8")),
        "figures": read_manifest(figures)["figures"],
    }


def _table(path: str | Path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", na_values="n/a", keep_default_na=False)
