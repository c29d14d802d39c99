"""The report: one HTML file with everything in it, readable offline, on a phone and on paper."""

import base64
import io
import re
import struct
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from groupwise.permutation.wording import (
    ALTERNATIVES,
    effect_words,
    groups_words,
    number,
    p_words,
    resampling_words,
    statistic_words,
    threshold_words,
)

#: Columns of the cluster table as the report shows them: title, and factor to the unit shown.
CLUSTER_COLUMNS = {
    "id": ("Cluster", None),
    "p": ("p", None),
    "p_low": ("p, 95% low", None),
    "p_high": ("p, 95% high", None),
    "mass": ("Mass", None),
    "p_size": ("p of size", None),
    "size": ("Points", None),
    "hemisphere": ("Hemisphere", None),
    "area_mm2": ("Area (mm²)", None),
    "volume_mm3": ("Volume (mm³)", None),
    "channels": ("Channels", None),
    "vertex_ms": ("Vertices × ms", None),
    "t_start": ("Start (ms)", 1e3),
    "t_stop": ("End (ms)", 1e3),
    "peak_time": ("Peak (ms)", 1e3),
    "peak_statistic": ("Peak {statistic}", None),
    "x": ("x (mm)", None),
    "y": ("y (mm)", None),
    "z": ("z (mm)", None),
    "peak_vertex": ("Peak vertex", None),
    "label": ("Label of the peak", None),
    "labels": ("Labels", None),
}
#: Shown as they are, without rounding.
COUNTS = {"id", "size", "channels", "peak_vertex", "vertex_ms"}
ROWS_SHOWN = 20


def build_report(
    *,
    study: str,
    config: Mapping[str, Any],
    analyses: Sequence[Mapping[str, Any]],
    availability: pd.DataFrame | None,
    exclusions: Mapping[str, str],
    quality: Mapping[str, Sequence[Mapping[str, str]]],
    provenance: Mapping[str, Any],
    recordings: Sequence[pd.DataFrame] = (),
    models: Sequence[Mapping[str, Any]] = (),
) -> str:
    """The report as the text of one HTML file that asks for nothing from outside.

    Parameters
    ----------
    study : its name.
    config : the resolved study config; `analyses` in it is read for names of levels.
    analyses : each {"name", "effects": [{"name", "result" (result.json of `infer`), "clusters"
        (its table), "peaks" (its table, if there is one), "figures": [{"file", "title", "caption",
        "alt"}], "views" (name to a page beside the report), "points" (table of all points, where
        they have no neighbours)}]}. Files are PNG.
    availability : subjects (index) by conditions (columns), trials or maps that took part; NaN
        where there is none.
    exclusions : subjects left out, each with the reason.
    quality : figures by subject or what else they are of, as above.
    provenance : from `groupwise.files.provenance`: Software and Sources are shown.
    recordings : tables of what was found, shown as they are.
    models : each {"name", "table" (of coefficients), "facts" (its sidecar), "figures"}.
    """
    shown = [
        {
            "id": _slug("analysis", analysis["name"]),
            "name": analysis["name"],
            "effects": [
                _effect(analysis["name"], effect, config.get("analyses", {}))
                for effect in analysis["effects"]
            ],
        }
        for analysis in analyses
    ]
    subjects = 0 if availability is None else len(availability)
    sources = dict(provenance.get("Sources", {}))
    for analysis in analyses:
        for effect in analysis["effects"]:
            sources |= effect["result"].get("Sources", {})
    environment = Environment(
        loader=PackageLoader("groupwise", "report"), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("report.html.j2").render(
        version=version("groupwise"),
        study=study,
        facts=[
            _count(max([subjects, *_subjects_of(analyses)]), "subject"),
            _count(len(analyses), "group analysis", "group analyses"),
            _count(sum(len(a["effects"]) for a in analyses), "effect"),
        ],
        analyses=shown,
        glance=_glance(analyses),
        models_glance=_models_glance(models),
        availability=_availability(availability),
        exclusions=dict(exclusions),
        quality=[
            {
                "name": name,
                "note": _count(len(figures), "figure"),
                "figures": [_figure(figure, small=True) for figure in figures],
            }
            for name, figures in quality.items()
        ],
        config=yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True, width=100),
        software=_table(
            pd.DataFrame(provenance.get("Software", {}).items(), columns=["Software", "Version"]),
            "Software that made the results",
        ),
        sources=_table(
            pd.DataFrame(sources.items(), columns=["File", "SHA-256"]),
            "Files that the results were made of, with their digests",
            css={"SHA-256": "digest"},
        ),
        models=[_model(model) for model in models],
        recordings=[_table(found, "What was found of each subject") for found in recordings],
    )


def cautions(result: Mapping[str, Any], clusters: pd.DataFrame) -> list[str]:
    """What a reader must know before believing a p: coarse steps, wide intervals, lost points."""
    found = []
    count, alpha = int(result["Permutations"]), float(result["Alpha"])
    if 1 / count > alpha / 5:
        more = (
            "the number of subjects allows no more"
            if result["Exact"]
            else "ask for more permutations"
        )
        found.append(
            f"Coarse p: {count:,} permutations allow no p below {number(1 / count)}, and alpha is "
            f"{alpha:g}; {more}."
        )
    if not result["Exact"] and len(clusters):
        wide = clusters[(clusters["p_low"] <= alpha) & (clusters["p_high"] > alpha)]
        if len(wide):
            names = ", ".join(str(i) for i in wide["id"])
            found.append(
                f"The Monte-Carlo interval of p holds alpha ({alpha:g}) for cluster {names}: more "
                "permutations could change the verdict."
            )
    lost = {why: int(k) for why, k in result["PointsExcluded"].items() if int(k)}
    if lost:
        total, tested = sum(lost.values()), int(result["PointsTested"])
        why = ", ".join(f"{name}: {k:,}" for name, k in lost.items())
        found.append(f"{total:,} of {total + tested:,} points were left out ({why}).")
    return found


def design_words(result: Mapping[str, Any], analysis: Mapping[str, Any]) -> str:
    """The design in words; `analysis` is its part of the config, for the names of levels."""
    design = result["Design"]
    kind = design.get("design")
    if kind == "Within":
        levels = analysis.get("within") or {}
        factors = " × ".join(
            f"{name} ({', '.join(levels[name]) if name in levels else f'{k} levels'})"
            for name, k in design["factors"].items()
        )
        sizes = " × ".join(str(k) for k in design["factors"].values())
        named = design["effect"].split(":")
        what = (
            f"main effect of {named[0]}" if len(named) == 1 else f"interaction {design['effect']}"
        )
        return f"Repeated measures, {sizes}: {factors}. Tested: {what}, with its own error term."
    conditions = analysis.get("conditions") or []
    value = " minus ".join(conditions) if len(conditions) == 2 else "one map"
    if kind in ("TwoSample", "Between"):
        test = "Welch's t" if design.get("variances") == "unequal" else result["Statistic"]
        return f"Groups of subjects: {groups_words(result)}; {value} of each subject, {test}."
    if kind == "Mixed":
        factors = " × ".join(f"{name} ({k} levels)" for name, k in design["factors"].items())
        return (
            f"Groups {groups_words(result)} × repeated measures {factors}. Tested: "
            f"{design['effect']}."
        )
    if kind == "Regression":
        others = [name for name in design["covariates"] if name not in design["effect"].split("+")]
        nuisance = f", given {', '.join(others)}" if others else ""
        return f"Regression: {value} of each subject on {effect_words(result)}{nuisance}."
    if kind == "Contrast":
        cells = len(design["weights"])
        return (
            f"Contrast of {cells} conditions of each subject{_formula(result, analysis)}, against "
            "zero, with its own error term."
        )
    if kind == "GLM":
        return (
            "Pooled-error model with a regressor for each subject. Tested: "
            f"{effect_words(result)}{_formula(result, analysis)}; errors are taken as "
            "exchangeable over conditions (sphericity)."
        )
    side = ALTERNATIVES.get(result["Alternative"], "two-sided")
    if kind == "Paired":
        pair = " minus ".join(conditions) if conditions else "first minus second condition"
        return f"Paired: {pair} of each subject, against zero, {side}."
    of = f" ({conditions[0]})" if conditions else ""
    return f"One sample: one map of each subject{of}, against zero, {side}."


def _formula(result: Mapping[str, Any], analysis: Mapping[str, Any]) -> str:
    """The sum or sums that the config gives for a contrast, in brackets."""
    sums = (analysis.get("contrasts") or {}).get(result["Effect"])
    if sums is None:
        return ""
    return f" ({sums if isinstance(sums, str) else '; '.join(sums)})"


def _effect(analysis: str, effect: Mapping[str, Any], specs: Mapping[str, Any]) -> dict[str, Any]:
    result, clusters = effect["result"], effect["clusters"]
    excess = result["Mass"] == "excess"
    points = effect.get("points")
    facts = {
        "Design": design_words(result, specs.get(analysis) or {}),
        "Statistic": f"{statistic_words(result)}, {int(result['Subjects'])} subjects",
        "Threshold": f"{threshold_words(result)}, to form clusters",
        "Cluster mass": f"sum of {result['Statistic']}{' above the threshold' if excess else ''}",
        "Permutations": f"{resampling_words(result)}, seed {result['Seed']}",
        "Corrected over": f"{int(result['PointsTested']):,} points ({result['Space']}), "
        f"family-wise error rate {result['Alpha']:g}",
    }
    if points is not None:  # without neighbours no cluster is formed
        facts = {k: v for k, v in facts.items() if k not in ("Threshold", "Cluster mass")}
    elif len(clusters):
        first = clusters.iloc[0].to_dict()
        facts["Largest cluster"] = f"mass {number(abs(first['mass']))}, {p_words(first)}"
    largest = result["MaximumStatistic"]
    facts["Largest statistic"] = (
        f"{number(largest['largest'])}, p = {number(largest['p'])} corrected by the maximum "
        "statistic"
    )
    name = f"{analysis}_{effect['name'].replace(':', 'X').replace(' ', '-')}"
    what = "clusters" if points is None else "points"
    told = clusters if points is None else points
    text = told.to_csv(sep="\t", index=False, na_rep="n/a", lineterminator="\n")
    return {
        "id": _slug("effect", name),
        "name": effect["name"],
        "sentence": result["Sentence"],
        "significant": _found(result) > 0,
        "notes": [result["ClusterNote"]],
        "warnings": cautions(result, clusters),
        "facts": facts,
        "figures": [_figure(figure) for figure in effect["figures"]],
        "what": what,
        "table": _cluster_table(clusters, result)
        if points is None
        else _point_table(points, result),
        "more": len(told) if len(told) > ROWS_SHOWN else 0,
        "peaks": _peak_table(effect.get("peaks") if points is None else None, clusters, result),
        "views": effect.get("views") or {},
        "download": _data_uri("text/tab-separated-values", text.encode()),
        "file": f"{name}_{what}.tsv",
    }


def _found(result: Mapping[str, Any]) -> int:
    """How many clusters are significant or, without neighbours, how many points."""
    return int(result["SignificantClusters" if result["Neighbours"] else "SignificantPoints"])


def _point_table(points: pd.DataFrame, result: Mapping[str, Any]) -> dict[str, Any]:
    """Places with the smallest corrected p, numbers rounded."""
    table = points.sort_values("p_max", kind="stable").head(ROWS_SHOWN)
    titles = {
        "place": "Place", "Chroma": "Chromophore", result["Statistic"]: result["Statistic"],
        "p_max": "p (max)", "p_uncorrected": "p uncorrected", "q_fdr": "q (FDR)",
        "p_bonferroni": "p (Bonferroni)", "x": "x (mm)", "y": "y (mm)", "z": "z (mm)",
    }  # fmt: skip
    kept = [name for name in titles if name in table and table[name].notna().any()]
    return _rounded(
        table[kept].rename(columns=titles),
        f"Places, the smallest p first; bold: p (max) ≤ {result['Alpha']:g}, the permutation p "
        "corrected over all by the largest statistic. Select a heading to sort.",
        list(table["p_max"] <= result["Alpha"]),
    )


def _model(model: Mapping[str, Any]) -> dict[str, Any]:
    table, facts = model["table"], model["facts"]
    spec = facts["Model"]
    alpha = float(spec["alpha"])
    estimators = {
        "mixed": f"linear mixed model (REML), random effect of {spec['groups']}: {spec['random']}",
        "gee": f"generalised estimating equations, exchangeable within {spec['groups']}, "
        "bias-reduced errors",
        "rlm": "Huber's M-estimator, rows as independent",
    }
    verdicts = table["verdict"].value_counts()
    shown = table.sort_values("p", kind="stable").head(ROWS_SHOWN)
    titles = {
        "estimate": f"Estimate ({facts['estimate']['Units']})", "se": "se", "z": "z", "p": "p",
        "q_fdr": "q (FDR)", "p_bonferroni": "p (Bonferroni)", "verdict": "Fit",
        "participants": "Participants", "rows": "Rows",
    }  # fmt: skip
    factors = [name for name in table if name not in (*facts["Fixed"], "term")]
    factors = factors if len(factors) and table[factors].notna().all(axis=None) else ["term"]
    found = int((table["p_bonferroni"] <= alpha).sum())
    text = table.to_csv(sep="\t", index=False, na_rep="n/a", lineterminator="\n")
    return {
        "id": _slug("model", model["name"]),
        "name": model["name"],
        "facts": {
            "Formula": spec["formula"],
            "Estimator": estimators[spec["estimator"]],
            **({"A model for each": ", ".join(spec["by"])} if spec["by"] else {}),
            **({"Rows": "; ".join(f"{k}: {', '.join(v)}" for k, v in spec["where"].items())}
               if spec["where"] else {}),
            "Fits": ", ".join(f"{verdict}: {count}" for verdict, count in verdicts.items())
            + f" of {len(table)} coefficients",
            "Significant": f"{found} of {len(table)} coefficients by Bonferroni, "
            f"{int((table['q_fdr'] <= alpha).sum())} by the false discovery rate",
        },
        "warnings": facts["Cautions"],
        "figures": [_figure(figure) for figure in model["figures"]],
        "table": _rounded(
            shown[[*factors, *titles]].rename(columns=titles),
            f"Coefficients, the smallest p first; bold: Bonferroni's p ≤ {alpha:g}. Select a "
            "heading to sort.",
            list(shown["p_bonferroni"] <= alpha),
        ),
        "more": len(table) if len(table) > ROWS_SHOWN else 0,
        "download": _data_uri("text/tab-separated-values", text.encode()),
        "file": f"{model['name']}_coefficients.tsv",
    }  # fmt: skip


def _cluster_table(clusters: pd.DataFrame, result: Mapping[str, Any]) -> dict[str, Any]:
    kept = [name for name in CLUSTER_COLUMNS if name in clusters]
    columns, rows = [], []
    for name in kept:
        title = CLUSTER_COLUMNS[name][0].format(statistic=result["Statistic"])
        columns.append({"title": title, "numeric": _numeric(clusters[name]), "description": ""})
    for record in clusters.head(ROWS_SHOWN).to_dict("records"):
        cells = []
        for name, column in zip(kept, columns, strict=True):
            value = record[name]
            if pd.isna(value) or value in ("", "n/a"):
                cells.append(_cell("", "–", column["numeric"]))
            elif name in COUNTS:
                cells.append(_cell(value, f"{float(value):,.0f}", True))
            elif column["numeric"]:
                value = float(value) * (CLUSTER_COLUMNS[name][1] or 1)
                cells.append(_cell(value, number(value), True))
            else:
                cells.append(_cell(value, str(value), False, wrap=name == "labels"))
        rows.append({"cells": cells, "strong": record["p"] <= result["Alpha"]})
    caption = (
        f"Clusters, the heaviest first; bold: p ≤ {result['Alpha']:g}. Place, extent and time "
    )
    caption += "are descriptive. Select a heading to sort."
    return {"caption": caption, "columns": columns, "rows": rows, "sortable": True}


def _peak_table(
    peaks: pd.DataFrame | None, clusters: pd.DataFrame, result: Mapping[str, Any]
) -> dict[str, Any]:
    """Peaks of the significant clusters, or else of the heaviest, numbers rounded."""
    if peaks is None or not len(peaks):
        return _table(pd.DataFrame(), "")
    shown = clusters.loc[clusters["p"] <= result["Alpha"], "id"].head(ROWS_SHOWN)
    shown = set(shown) or set(clusters["id"].head(1))
    table = peaks[peaks["cluster"].isin(shown)].copy()
    kind = "partial η²" if result["Statistic"] == "F" else "effect size"
    table["effect_size"] = [
        f"{size:.2f} [{low:.2f}, {high:.2f}]"
        for size, low, high in zip(
            table["effect_size"], table["effect_low"], table["effect_high"], strict=True
        )
    ]
    table = table.drop(columns=["effect_low", "effect_high"])
    for name in ("statistic", "p_max", "x", "y", "z"):
        table[name] = table[name].map(number)
    if "time" in table:
        table["time"] = (1000 * table["time"]).map(number)
    titles = {
        "cluster": "Cluster", "rank": "Peak", "time": "ms", "x": "x (mm)", "y": "y (mm)",
        "z": "z (mm)", "statistic": result["Statistic"], "p_max": "p (max)",
        "effect_size": f"{kind} [95%]", "label": "Label",
    }  # fmt: skip
    kept = [name for name in titles if name in table]
    return _table(
        table[kept].rename(columns=titles),
        "Peaks: local maxima 8 mm apart, up to four a cluster. p (max) is corrected by the largest "
        "statistic; effect sizes of peaks, which were chosen for their size, are too large.",
    )


def _glance(analyses: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    titles = {
        "Analysis": False,
        "Effect": False,
        "Smallest p": True,
        "Significant": True,
        "Clusters": True,
        "Test": False,
        "Subjects": True,
        "Permutations": True,
    }
    rows = []
    for analysis in analyses:
        for effect in analysis["effects"]:
            result = effect["result"]
            near = result["Neighbours"]
            smallest = result["SmallestClusterP"] if near else result["MaximumStatistic"]["p"]
            values = [
                (analysis["name"], analysis["name"]),
                (effect["name"], effect["name"]),
                ("", "–") if smallest is None else (smallest, number(smallest)),
                (_found(result), f"{_found(result)}"),
                (result["Clusters"], f"{result['Clusters']:,}")
                if near
                else (result["PointsTested"], f"{result['PointsTested']:,} points"),
                (statistic_words(result), statistic_words(result)),
                (result["Subjects"], f"{result['Subjects']}"),
                (
                    result["Permutations"],
                    f"{result['Permutations']:,}{' (exact)' if result['Exact'] else ''}",
                ),
            ]
            cells = [
                _cell(value, text, numeric)
                for (value, text), numeric in zip(values, titles.values(), strict=True)
            ]
            rows.append({"cells": cells, "strong": _found(result) > 0})
    columns = [{"title": t, "numeric": n, "description": ""} for t, n in titles.items()]
    return {
        "caption": "All tests; bold: a significant cluster (or point, without neighbours)",
        "columns": columns,
        "rows": rows,
        "sortable": len(rows) > 1,
    }


def _models_glance(models: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
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
    return _table(pd.DataFrame(rows), "All models of tables")


def _availability(table: pd.DataFrame | None) -> dict[str, Any]:
    if table is None:
        return _table(pd.DataFrame(), "") | {"summary": "", "open": False}
    rows = []
    for subject, counts in table.iterrows():
        cells = [_cell(str(subject), str(subject), False)]
        for value in counts:
            if pd.isna(value):
                cells.append(_cell("", "missing", True) | {"css": "missing"})
            else:
                cells.append(_cell(value, f"{float(value):,.0f}", True))
        rows.append({"cells": cells, "strong": False})
    columns = [{"title": "Subject", "numeric": False, "description": ""}]
    columns += [{"title": str(c), "numeric": True, "description": ""} for c in table.columns]
    caption = f"Subjects by conditions: {table.attrs.get('unit', 'trials')} that took part"
    shown = {"caption": caption, "columns": columns, "rows": rows, "sortable": False}
    return shown | {"summary": _summary(table), "open": len(table) <= ROWS_SHOWN}


def _summary(table: pd.DataFrame) -> str:
    """How complete the data are, in a sentence."""
    gaps, unit = int(table.isna().sum().sum()), table.attrs.get("unit", "trials")
    low, high = table.min().min(), table.max().max()
    each = _count(int(low), unit[:-1]) if low == high else f"{low:,.0f} to {high:,.0f} {unit}"
    return (
        f"{_count(len(table), 'subject')}, {_count(table.shape[1], 'condition')}, "
        f"{_count(gaps, 'cell') + ' missing' if gaps else 'nothing missing'}; {each} in "
        "each cell."
    )


def _table(
    table: pd.DataFrame, caption: str, css: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Any table as it is."""
    columns = [
        {"title": str(name), "numeric": _numeric(table[name]), "description": ""} for name in table
    ]
    rows = []
    for record in table.itertuples(index=False):
        cells = []
        for column, value in zip(columns, record, strict=True):
            text = "–" if pd.isna(value) else f"{value}"
            cell = _cell("" if pd.isna(value) else value, text, column["numeric"])
            special = (css or {}).get(column["title"])
            cells.append(cell | {"css": special} if special else cell)
        rows.append({"cells": cells, "strong": False})
    return {"caption": caption, "columns": columns, "rows": rows, "sortable": False}


def _rounded(table: pd.DataFrame, caption: str, strong: Sequence[bool]) -> dict[str, Any]:
    """A sortable table whose numbers have three digits."""
    columns = [
        {"title": str(name), "numeric": _numeric(table[name]), "description": ""} for name in table
    ]
    rows = []
    for record, bold in zip(table.itertuples(index=False), strong, strict=True):
        cells = []
        for column, value in zip(columns, record, strict=True):
            if pd.isna(value):
                cells.append(_cell("", "–", column["numeric"]))
            elif column["numeric"]:
                cells.append(_cell(value, number(value), True))
            else:
                cells.append(_cell(value, str(value), False))
        rows.append({"cells": cells, "strong": bool(bold)})
    return {"caption": caption, "columns": columns, "rows": rows, "sortable": len(rows) > 1}


def _cell(value: Any, text: str, numeric: bool, *, wrap: bool = False) -> dict[str, Any]:
    return {
        "value": value,
        "text": text,
        "numeric": numeric,
        "css": "n" if numeric else ("wrap" if wrap else ""),
    }


def _numeric(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _figure(figure: Mapping[str, str], *, small: bool = False) -> dict[str, Any]:
    """A PNG as part of the page. `small` reduces it to 256 colours where that saves space."""
    content = Path(figure["file"]).read_bytes()
    if content[:8] != b"\x89PNG\r\n\x1a\n":
        raise ValueError(f"{figure['file']} is not a PNG file")
    width, height = struct.unpack(">II", content[16:24])
    if small:
        content = min(content, _fewer_colours(content), key=len)
    return {
        "source": _data_uri("image/png", content),
        # 150 dpi to 100 pixels an inch: letters of all pictures have the size of the text.
        "width": round(width / 1.5),
        "height": round(height / 1.5),
        "title": figure["title"],
        "caption": figure["caption"],
        "alt": figure["alt"],
    }


def _fewer_colours(content: bytes) -> bytes:
    from PIL import Image

    with Image.open(io.BytesIO(content)) as image:
        white = Image.new("RGBA", image.size, "white")
        flat = Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    out = io.BytesIO()
    flat.quantize(256, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _slug(*parts: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", "-".join(parts)).strip("-")


def _count(n: int, one: str, many: str | None = None) -> str:
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def _subjects_of(analyses: Sequence[Mapping[str, Any]]) -> list[int]:
    return [int(e["result"]["Subjects"]) for a in analyses for e in a["effects"]]


def grouped(effects: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Effects, each with the name of its "analysis", as `build_report` takes them."""
    analyses: dict[str, list] = {}
    for effect in effects:
        named = {"name": effect_words(effect["result"])}
        analyses.setdefault(effect["analysis"], []).append({**effect, **named})
    return [{"name": name, "effects": found} for name, found in analyses.items()]


def availability_of(
    drops: Mapping[str, pd.DataFrame], observations: Sequence[pd.DataFrame] = ()
) -> pd.DataFrame | None:
    """Subjects by conditions: epochs kept or, where there are no epochs, maps.

    drops: of each subject, a table with condition and kept; observations: tables of the stacks'
    rows. NaN where there is nothing.
    """
    if drops:
        table = pd.DataFrame({s: drop.set_index("condition")["kept"] for s, drop in drops.items()})
        order = dict.fromkeys(c for drop in drops.values() for c in drop["condition"])
        table = table.T[list(order)]
    elif observations:
        # Analyses may share maps: a map counts once, by its path (or condition, without files).
        rows = pd.concat(observations).reindex(columns=["subject", "session", "condition", "path"])
        rows = rows.fillna("n/a").drop_duplicates()
        condition = rows["condition"].where(~rows["condition"].isin(["", "n/a"]), "map")
        table = pd.crosstab(rows["subject"], condition)
    else:
        return None
    table = table.astype(float).where(table > 0)
    table.attrs["unit"] = "trials" if drops else "maps"
    return table
