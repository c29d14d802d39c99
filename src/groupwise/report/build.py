"""Build the report: one self-contained HTML file, readable offline, on a phone and on paper."""

import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import pandas as pd
import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import BaseModel

from groupwise.config.balance import contrast_cautions
from groupwise.permutation.wording import (
    effect_words,
    number,
    p_words,
    resampling_words,
    statistic_words,
    threshold_words,
)
from groupwise.report.design import (
    assumption_words,
    cautions,
    design_words,
    impulse_caution,
    uneven_trials,
)
from groupwise.report.embedded import Views, embed_figure, embed_thumbnail
from groupwise.report.methods import Methods
from groupwise.report.modality import Modality
from groupwise.report.tables import (
    ROWS_SHOWN,
    cluster_table,
    coefficients_table,
    count_significant,
    download,
    effects_table,
    format_table,
    models_table,
    peak_table,
    point_table,
)
from groupwise.stats.declared import design_of_result


def build_report(
    *,
    study: str,
    config: Mapping[str, Any],
    analyses: Sequence[Mapping[str, Any]],
    modalities: Sequence[Modality],
    exclusions: Mapping[str, str],
    methods: Methods,
    provenance: Mapping[str, Any],
    command: str,
    models: Sequence[Mapping[str, Any]] = (),
) -> str:
    """Return the report as the text of one HTML file that loads nothing from other files.

    Parameters
    ----------
    study : name of the study.
    config : the resolved study config; its `analyses` has the names of conditions and levels.
    analyses : each {"name", "effects": [{"name", "result" (result.json of `infer`), "clusters"
        (its table), "peaks" (its table, if there is one), "figures": [{"file", "title", "caption",
        "alt"}], "views" (name to the HTML of an interactive view), "points" (table of all points,
        if they have no neighbours)}]}. Files are PNG.
    modalities : data quality and exclusions of each modality; see `groupwise.report.modality`.
    exclusions : excluded subjects and the reasons.
    methods : the methods section.
    provenance : from `groupwise.provenance.provenance`; Software and SourceDigests are shown.
    command : command that runs the workflow.
    models : each {"name", "table" (of coefficients), "facts" (its sidecar), "figures"}.
    """
    views = Views()
    shown = [
        {
            "id": _slug("analysis", analysis["name"]),
            "name": analysis["name"],
            "effects": [
                _effect(analysis["name"], effect, config, modalities, views)
                for effect in analysis["effects"]
            ],
        }
        for analysis in analyses
    ]
    sources = {path: digest for each in modalities for path, digest in each.inputs.items()}
    sources |= provenance.get("SourceDigests", {})
    for analysis in analyses:
        for effect in analysis["effects"]:
            sources |= effect["result"].get("SourceDigests", {})
    environment = Environment(
        loader=PackageLoader("groupwise", "report"), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("report.html.j2").render(
        version=version("groupwise"),
        study=study,
        facts=[
            *(f"{each.name}: {_count(len(each.availability), 'subject')}" for each in modalities),
            _count(len(analyses), "group analysis", "group analyses"),
            _count(sum(len(a["effects"]) for a in analyses), "effect"),
        ],
        analyses=shown,
        overview=effects_table(analyses),
        models_overview=models_table(models),
        modalities=[_modality(each) for each in modalities],
        exclusions=dict(exclusions),
        models=[_model(model) for model in models],
        methods=methods,
        markdown=methods.as_markdown(study),
        config=yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True, width=100),
        command=command,
        software=format_table(
            pd.DataFrame(provenance.get("Software", {}).items(), columns=["Software", "Version"]),
            "Software versions",
        ),
        sources=format_table(
            pd.DataFrame(sources.items(), columns=["File", "SHA-256"]),
            "Input files of the results, with their digests",
            css={"SHA-256": "digest"},
        ),
        pieces=views.pieces,
    )


def _effect(
    analysis: str,
    effect: Mapping[str, Any],
    config: Mapping[str, Any],
    modalities: Sequence[Modality],
    views: Views,
) -> dict[str, Any]:
    result, clusters = effect["result"], effect["clusters"]
    design = design_of_result(result)
    spec = config.get("analyses", {}).get(analysis) or {}
    excess = result["Mass"] == "excess"
    points = effect.get("points")
    facts = {
        "Design": design_words(result, spec),
        "Assumption": f"{assumption_words(result)}.",
        "Statistic": f"{statistic_words(result)}, {int(result['Subjects'])} subjects",
        "Cluster-forming threshold": threshold_words(result),
        "Cluster mass": f"sum of {result['Statistic']}{' above the threshold' if excess else ''}",
        "Permutations": f"{resampling_words(result)}, seed {result['Seed']}",
        "Corrected over": f"{int(result['PointsTested']):,} points ({result['Space']}), "
        f"family-wise error rate {result['Alpha']:g}",
    }
    if (epsilon := result.get("Epsilon")) is not None:
        independent = (
            "" if design.assumes_sphericity else "; the permutation p does not depend on it"
        )
        facts["Sphericity"] = (
            f"Greenhouse-Geisser epsilon {epsilon:.2f} at the median point{independent}"
        )
    if points is not None:  # without neighbours there are no clusters
        facts = {
            k: v for k, v in facts.items() if k not in ("Cluster-forming threshold", "Cluster mass")
        }
    elif len(clusters):
        first = clusters.iloc[0].to_dict()
        facts["Largest cluster"] = f"mass {number(abs(first['mass']))}, {p_words(first)}"
    largest = result["MaximumStatistic"]
    facts["Largest statistic"] = (
        f"{number(largest['largest'])}, p = {number(largest['p'])} (corrected with the maximum "
        "statistic)"
    )
    name = f"{analysis}_{effect['name'].replace(':', 'X').replace(' ', '-')}"
    warnings = cautions(result, clusters)
    warnings += contrast_cautions(spec, config.get(spec.get("data")) or {}, effect["name"])
    for each in modalities:
        if each.section == spec.get("data") and each.recordings is not None:
            warnings += impulse_caution(each.recordings, each.section)
    if design.compares_conditions:
        for each in modalities:
            if each.section == spec.get("data") and each.unit == "trials":
                warnings += uneven_trials(each.availability)
    return {
        "id": _slug("effect", name),
        "name": effect["name"],
        "sentence": result["Sentence"],
        "significant": count_significant(result) > 0,
        "notes": [result["ClusterNote"]],
        "warnings": warnings,
        "facts": facts,
        "figures": [embed_figure(figure) for figure in effect["figures"]],
        "test_unit": "clusters" if points is None else "points",
        "table": cluster_table(clusters, result, f"{name}_clusters.tsv")
        if points is None
        else point_table(points, result, f"{name}_points.tsv"),
        "peaks": peak_table(
            effect.get("peaks") if points is None else None,
            clusters,
            result,
            f"{name}_peaks.tsv",
        ),
        "views": {kind: views.add(page) for kind, page in (effect.get("views") or {}).items()},
    }


def _model(model: Mapping[str, Any]) -> dict[str, Any]:
    table, facts = model["table"], model["facts"]
    spec = facts["Model"]
    alpha = float(spec["alpha"])
    estimators = {
        "mixed": f"linear mixed model (REML), random effect of {spec['groups']}: {spec['random']}",
        "gee": f"generalised estimating equations, exchangeable working correlation within "
        f"{spec['groups']}, bias-reduced standard errors",
        "rlm": "robust regression (Huber's M-estimator), rows treated as independent",
    }
    verdicts = table["verdict"].value_counts()
    found = int((table["p_bonferroni"] <= alpha).sum())
    return {
        "id": _slug("model", model["name"]),
        "name": model["name"],
        "facts": {
            "Formula": spec["formula"],
            "Estimator": estimators[spec["estimator"]],
            **({"One model per": ", ".join(spec["by"])} if spec["by"] else {}),
            **({"Rows": "; ".join(f"{k}: {', '.join(v)}" for k, v in spec["where"].items())}
               if spec["where"] else {}),
            "Fits": ", ".join(f"{verdict}: {count}" for verdict, count in verdicts.items())
            + f" of {len(table)} coefficients",
            "Significant": f"{found} of {len(table)} coefficients (Bonferroni), "
            f"{int((table['q_fdr'] <= alpha).sum())} (false discovery rate)",
        },
        "warnings": facts["Cautions"],
        "figures": [embed_figure(figure) for figure in model["figures"]],
        "table": coefficients_table(table, facts, f"{model['name']}_coefficients.tsv"),
    }  # fmt: skip


def _modality(own: Modality) -> dict[str, Any]:
    """Return the part of a modality in the template."""
    quality = own.quality.rename_axis("Subject").reset_index()
    left = own.exclusions
    name = _slug(own.name).lower()
    return {
        "id": _slug("quality", own.name),
        "name": own.name,
        "summary": _summary(own),
        "availability": _availability(own),
        "open": len(own.availability) <= ROWS_SHOWN,
        "quality": format_table(
            quality,
            "Data quality of each subject",
            whole=("Events", "Epochs", "Runs", "Volumes", "Left out", "Bad channels"),
        )
        | {"download": download(quality, f"{name}_quality.tsv", "subjects", len(quality))},
        "exclusions": format_table(left, "Exclusions and their reasons", css={"Why": "wrap"})
        | {"download": download(left, f"{name}_left_out.tsv", "rows", len(left))},
        "figures": [embed_figure(figure) for figure in own.figures],
        "subjects": [
            {"name": subject, "page": page, "figure": embed_thumbnail(representative)}
            for subject, (representative, page) in own.pages.items()
        ],
        "recordings": format_table(
            pd.DataFrame() if own.recordings is None else own.recordings.astype(str),
            f"{own.name}: properties of each recording",
        ),
    }


def _availability(own: Modality) -> dict[str, Any]:
    table = own.availability.rename_axis("Subject").reset_index()
    table.columns = [str(name) for name in table.columns]
    table_of_counts = format_table(
        table,
        f"{own.name}: {own.unit} used, per subject and condition",
        whole=list(table.columns),
    )
    for row in table_of_counts["rows"]:
        for each in row["cells"][1:]:
            if each["text"] == "–":
                each |= {"text": "missing", "css": "missing"}
    return table_of_counts


def _summary(own: Modality) -> str:
    """Return the number of subjects, conditions, trials and gaps in words."""
    table, unit = own.availability, own.unit
    gaps = int(table.isna().sum().sum())
    low, high = table.min().min(), table.max().max()
    each = _count(int(low), unit[:-1]) if low == high else f"{low:,.0f} to {high:,.0f} {unit}"
    missing = (
        f"Missing: {_count(gaps, 'combination')} of subject and condition."
        if gaps
        else "Nothing is missing."
    )
    return (
        f"{own.name}: {_count(len(table), 'subject')} and {_count(table.shape[1], 'condition')}, "
        f"with {each} per subject and condition. {missing}"
    )


def _slug(*parts: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", "-".join(parts)).strip("-")


def _count(n: int, one: str, many: str | None = None) -> str:
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def settings_of(section: BaseModel) -> dict[str, Any]:
    """Return all settings of a section of the config, except nulls that are defaults.

    A null is kept if the default is another value: without it, the config would mean the default.
    Keys without meaning in the section are omitted, because the config refuses them.
    """
    plain = section.model_dump(mode="json")
    fields = type(section).model_fields
    shown = {}
    for name, value in section:
        if value is None and fields[name].default is None:
            continue
        if name in getattr(section, "unused_keys", ()):
            continue
        if isinstance(value, BaseModel):
            shown[name] = settings_of(value)
        elif isinstance(value, dict) and any(isinstance(v, BaseModel) for v in value.values()):
            shown[name] = {key: settings_of(each) for key, each in value.items()}
        else:
            shown[name] = plain[name]
    return shown


def group_effects(effects: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Group effects by the name of their "analysis", as `build_report` takes them."""
    analyses: dict[str, list] = {}
    for effect in effects:
        named = {"name": effect_words(effect["result"])}
        analyses.setdefault(effect["analysis"], []).append({**effect, **named})
    return [{"name": name, "effects": found} for name, found in analyses.items()]
