"""The report of the study: one HTML file with results, figures, quality and provenance."""

from groupwise.job import job

with job(snakemake):
    import json
    from collections import defaultdict
    from pathlib import Path

    import pandas as pd

    from groupwise.files import provenance, read_manifest, write_text
    from groupwise.report.build import availability_of, build_report, grouped

    source, params = snakemake.input, snakemake.params
    views_of = defaultdict(dict)  # the pages lie beside the report, which links to them
    report = Path(snakemake.output.report)
    for path in map(Path, source.get("views", [])):
        for page in (path, path.with_name("surface.html")):
            views_of[path.parents[1]][page.stem] = page.relative_to(report.parent).as_posix()
    effects = [
        {
            **named,
            "result": json.loads(Path(result).read_text(encoding="utf-8")),
            "clusters": pd.read_csv(clusters, sep="\t", na_values="n/a", keep_default_na=False),
            "peaks": pd.read_csv(peaks, sep="\t", na_values="n/a", keep_default_na=False),
            "figures": read_manifest(figures)["figures"],
            "views": views_of[Path(result).parents[1]],
        }
        for named, result, clusters, peaks, figures in zip(
            *(params.analyses, source.results, source.clusters, source.peaks, source.figures),
            strict=True,
        )
    ]
    for effect, folder in zip(effects, source.maps, strict=True):
        if not effect["result"]["Neighbours"]:
            (table,) = Path(folder).glob("*_statmap.tsv")
            effect["points"] = pd.read_csv(table, sep="\t", na_values="n/a")
    drops = [pd.read_csv(path, sep="\t") for path in source.get("drops", [])]
    rows = [pd.read_csv(path, sep="\t", dtype=str) for path in source.get("observations", [])]
    quality = [read_manifest(path) for path in source.get("quality", [])]
    fmri = [read_manifest(path) for path in source.get("quality_fmri", [])]
    fnirs = [read_manifest(path) for path in source.get("quality_fnirs", [])]
    models = [
        {
            "name": name,
            "table": pd.read_csv(table, sep="\t", na_values="n/a", keep_default_na=False),
            "facts": json.loads(Path(facts).read_text(encoding="utf-8")),
            "figures": read_manifest(figures)["figures"],
        }
        for name, table, facts, figures in zip(
            params.models,
            *(source.get(key, []) for key in ("models", "model_facts", "model_figures")),
            strict=True,
        )
    ]
    checked = [pd.read_csv(path, sep="\t", dtype=str) for path in source.get("check", [])]
    report = build_report(
        study=params.study,
        config=params.config,
        analyses=grouped(effects),
        availability=availability_of(dict(zip(params.subjects, drops, strict=False)), rows),
        exclusions=params.left_out,
        quality={f"sub-{each['subject']}": each["figures"] for each in quality}
        | {f"{each['title']}, fMRI": each["figures"] for each in fmri}
        | {f"{each['title']}, fNIRS": each["figures"] for each in fnirs},
        models=models,
        provenance=provenance({}, [*source.results, *source.clusters]),
        recordings=checked,
    )
    write_text(snakemake.output.report, report)
