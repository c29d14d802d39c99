"""Tables of the report: numbers are rounded on the page and complete in the TSV to download."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from groupwise.permutation.wording import number, statistic_words
from groupwise.stack import FeatureSpace

#: Titles of columns that only some feature spaces have; "peak_..." come after the coordinates.
SPACE_TITLES = FeatureSpace.all_titles()
#: Columns of the cluster table in the report: title, and factor to convert to the unit shown.
CLUSTER_COLUMNS = {
    "id": ("Cluster", None),
    "p": ("p", None),
    "p_low": ("p, 95% low", None),
    "p_high": ("p, 95% high", None),
    "mass": ("Mass", None),
    "p_size": ("p of size", None),
    "size": ("Points", None),
    **{name: (SPACE_TITLES[name], None) for name in SPACE_TITLES if not name.startswith("peak_")},
    "t_start": ("Start (ms)", 1e3),
    "t_stop": ("End (ms)", 1e3),
    "peak_time": ("Peak (ms)", 1e3),
    "peak_statistic": ("Peak {statistic}", None),
    "x": ("x (mm)", None),
    "y": ("y (mm)", None),
    "z": ("z (mm)", None),
    **{name: (SPACE_TITLES[name], None) for name in SPACE_TITLES if name.startswith("peak_")},
    "label": ("Label of the peak", None),
    "labels": ("Labels", None),
}
#: Counts, shown without rounding; of the columns of a space, those whose title has no unit.
COUNTS = {"id", "size", *(name for name, title in SPACE_TITLES.items() if "(" not in title)}
#: Largest number of rows of a table on the page.
ROWS_SHOWN = 20


def format_table(
    frame: pd.DataFrame,
    caption: str,
    *,
    strong: Sequence[bool] | None = None,
    css: Mapping[str, str] | None = None,
    whole: Sequence[str] = (),
) -> dict[str, Any]:
    """Return a table for the template, with numbers of three significant digits.

    Parameters
    ----------
    strong : for each row, whether it is bold.
    css : CSS class of the cells of a column, by the title of the column.
    whole : titles of columns with counts, which are shown with all digits.
    """
    columns: list[dict[str, Any]] = [
        {"title": str(name), "numeric": is_numeric(frame[name])} for name in frame
    ]
    rows: list[dict[str, Any]] = []
    for k, record in enumerate(frame.itertuples(index=False)):
        cells = []
        for column, value in zip(columns, record, strict=True):
            title, numeric = column["title"], column["numeric"]
            if pd.isna(value) or value == "":
                formatted = cell("", "–", numeric)
            elif numeric:
                formatted = cell(value, f"{value:,.0f}" if title in whole else number(value), True)
            else:
                formatted = cell(value, str(value), False)
            special = (css or {}).get(title)
            cells.append(formatted | {"css": special} if special else formatted)
        rows.append({"cells": cells, "strong": bool(strong[k]) if strong is not None else False})
    return assemble_table(caption, columns, rows)


def assemble_table(
    caption: str, columns: Sequence[Mapping], rows: Sequence[Mapping]
) -> dict[str, Any]:
    """Return a table for the template from its cells; it is sortable if it has several rows."""
    return {
        "caption": caption,
        "columns": columns,
        "rows": rows,
        "sortable": len(rows) > 1,
        "download": None,
    }


def cell(value: Any, text: str, numeric: bool, *, css: str = "") -> dict[str, Any]:
    """Return a cell: `value` is its sort key and `text` is shown."""
    return {"value": value, "text": text, "numeric": numeric, "css": "n" if numeric else css}


def is_numeric(column: pd.Series) -> bool:
    """Return whether a column has numbers, not booleans."""
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def download(frame: pd.DataFrame, file: str, what: str, shown: int) -> dict[str, Any]:
    """Return a link to download a complete table as TSV; `shown` is its number of rows shown."""
    text = frame.to_csv(sep="\t", index=False, na_rep="n/a", lineterminator="\n")
    return {
        "href": data_uri("text/tab-separated-values", text.encode()),
        "file": file,
        "what": what,
        "shown": shown,
        "all": len(frame),
    }


def data_uri(kind: str, content: bytes) -> str:
    """Return bytes of the media type `kind` as a data URI."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def cluster_table(clusters: pd.DataFrame, result: Mapping[str, Any], file: str) -> dict[str, Any]:
    """Return the table of the first `ROWS_SHOWN` clusters, which are sorted by mass."""
    # An exact p has no Monte Carlo interval.
    left_out = ("p_low", "p_high") if result["Exact"] else ()
    kept = [name for name in CLUSTER_COLUMNS if name in clusters and name not in left_out]
    columns: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    for name in kept:
        title = CLUSTER_COLUMNS[name][0].format(statistic=result["Statistic"])
        columns.append({"title": title, "numeric": is_numeric(clusters[name])})
    for record in clusters.head(ROWS_SHOWN).to_dict("records"):
        cells = []
        for name, column in zip(kept, columns, strict=True):
            value = record[name]
            if pd.isna(value) or value in ("", "n/a"):
                cells.append(cell("", "–", column["numeric"]))
            elif name in COUNTS and column["numeric"]:
                cells.append(cell(value, f"{float(value):,.0f}", True))
            elif column["numeric"]:
                value = float(value) * (CLUSTER_COLUMNS[name][1] or 1)
                cells.append(cell(value, number(value), True))
            else:
                cells.append(cell(value, str(value), False, css="wrap" * (name == "labels")))
        rows.append({"cells": cells, "strong": record["p"] <= result["Alpha"]})
    caption = (
        f"Clusters, sorted by mass. Bold: p ≤ {result['Alpha']:g}. The location, extent and "
        "latency of a cluster are descriptive."
    )
    return assemble_table(caption, columns, rows) | {
        "download": download(clusters, file, "clusters", len(rows))
    }


def peak_table(
    peaks: pd.DataFrame | None, clusters: pd.DataFrame, result: Mapping[str, Any], file: str
) -> dict[str, Any]:
    """Return the peaks of the significant clusters or, if there are none, of the largest one."""
    if peaks is None or not len(peaks):
        return format_table(pd.DataFrame(), "")
    shown = clusters.loc[clusters["p"] <= result["Alpha"], "id"].head(ROWS_SHOWN)
    shown = set(shown) or set(clusters["id"].head(1))
    table = peaks[peaks["cluster"].isin(shown)].copy()
    kind = "partial η²" if result["Statistic"] == "F" else "effect size"
    if "time" in table:
        table["time"] *= 1000
    titles = {
        "cluster": "Cluster", "rank": "Peak", "time": "ms", "x": "x (mm)", "y": "y (mm)",
        "z": "z (mm)", "statistic": result["Statistic"], "p_max": "p (max)",
        "effect_size": kind, "effect_low": "95% low", "effect_high": "95% high", "label": "Label",
    }  # fmt: skip
    kept = [name for name in titles if name in table]
    formatted = format_table(
        table[kept].rename(columns=titles),
        "Peaks: up to four local maxima per cluster, at least 8 mm apart. p (max) is corrected "
        "with the maximum statistic. Effect sizes at peaks are biased upwards, because peaks were "
        "selected for their large statistic.",
        whole=("Cluster", "Peak"),
    )
    return formatted | {"download": download(peaks, file, "peaks", len(table))}


def point_table(points: pd.DataFrame, result: Mapping[str, Any], file: str) -> dict[str, Any]:
    """Return the places with the smallest corrected p, for points without neighbours."""
    table = points.sort_values("p_max", kind="stable").head(ROWS_SHOWN)
    titles = {
        "place": "Place", **SPACE_TITLES, result["Statistic"]: result["Statistic"],
        "p_max": "p (max)", "p_uncorrected": "p uncorrected", "q_fdr": "q (FDR)",
        "p_bonferroni": "p (Bonferroni)", "x": "x (mm)", "y": "y (mm)", "z": "z (mm)",
    }  # fmt: skip
    kept = [name for name in titles if name in table and table[name].notna().any()]
    formatted = format_table(
        table[kept].rename(columns=titles),
        f"Places, sorted by p. Bold: p (max) ≤ {result['Alpha']:g}. p (max) is the permutation "
        "p, corrected over all points with the maximum statistic.",
        strong=list(table["p_max"] <= result["Alpha"]),
    )
    return formatted | {"download": download(points, file, "points", len(table))}


def count_significant(result: Mapping[str, Any]) -> int:
    """Return the number of significant clusters or, if points have no neighbours, points."""
    return int(result["SignificantClusters" if result["Neighbours"] else "SignificantPoints"])


def effects_table(analyses: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the overview of all tests, one row per effect."""
    rows, strong = [], []
    for analysis in analyses:
        for effect in analysis["effects"]:
            result = effect["result"]
            near = result["Neighbours"]
            p = result["SmallestClusterP"] if near else result["MaximumStatistic"]["p"]
            exact = " (exact)" if result["Exact"] else ""
            rows.append(
                {
                    "Analysis": analysis["name"],
                    "Effect": effect["name"],
                    "Smallest p": float("nan") if p is None else float(p),
                    "Significant": count_significant(result),
                    "Out of": f"{result['Clusters']:,} clusters"
                    if near
                    else f"{result['PointsTested']:,} points",
                    "Test": statistic_words(result),
                    "Subjects": int(result["Subjects"]),
                    "Permutations": f"{result['Permutations']:,}{exact}",
                }
            )
            strong.append(count_significant(result) > 0)
    return format_table(
        pd.DataFrame(rows),
        "All tests. Bold: at least one significant cluster, or point if points have no neighbours.",
        strong=strong,
        whole=("Significant", "Subjects"),
    )


def models_table(models: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the overview of all models, one row per model."""
    rows = [
        {
            "Model": model["name"],
            "Formula": model["facts"]["Model"]["formula"],
            "Coefficients": len(model["table"]),
            "Significant (Bonferroni)": int(
                (model["table"]["p_bonferroni"] <= float(model["facts"]["Model"]["alpha"])).sum()
            ),
            "Fits": ", ".join(dict.fromkeys(model["table"]["verdict"])),
        }
        for model in models
    ]
    return format_table(
        pd.DataFrame(rows),
        "All models",
        whole=("Coefficients", "Significant (Bonferroni)"),
    )


def coefficients_table(table: pd.DataFrame, facts: Mapping[str, Any], file: str) -> dict[str, Any]:
    """Return the coefficients of a model, sorted by p."""
    alpha = float(facts["Model"]["alpha"])
    titles = {
        "estimate": f"Estimate ({facts['estimate']['Units']})", "low": "95% low",
        "high": "95% high", "z": "z", "p": "p", "q_fdr": "q (FDR)",
        "p_bonferroni": "p (Bonferroni)", "verdict": "Fit", "participants": "Participants",
        "rows": "Rows",
    }  # fmt: skip
    shown = table.sort_values("p", kind="stable").head(ROWS_SHOWN)
    factors = [name for name in table if name not in (*facts["Fixed"], "term")]
    factors = factors if len(factors) and table[factors].notna().all(axis=None) else ["term"]
    formatted = format_table(
        shown[[*factors, *titles]].rename(columns=titles),
        f"Coefficients, sorted by p. Bold: Bonferroni-corrected p ≤ {alpha:g}.",
        strong=list(shown["p_bonferroni"] <= alpha),
        whole=("Participants", "Rows"),
    )
    return formatted | {"download": download(table, file, "coefficients", len(shown))}
