"""The report of the study: one HTML file with results, figures, quality and provenance."""

from groupwise.job import job

with job(snakemake):
    import json
    from pathlib import Path

    import pandas as pd

    from groupwise.files import provenance, read_manifest, write_text
    from groupwise.report.build import availability_of, build_report, grouped

    source, params = snakemake.input, snakemake.params
    effects = [
        {
            **named,
            "result": json.loads(Path(result).read_text(encoding="utf-8")),
            "clusters": pd.read_csv(clusters, sep="\t", na_values="n/a", keep_default_na=False),
            "figures": read_manifest(figures)["figures"],
        }
        for named, result, clusters, figures in zip(
            params.analyses, source.results, source.clusters, source.figures, strict=True
        )
    ]
    drops = [pd.read_csv(path, sep="\t") for path in source.get("drops", [])]
    rows = [pd.read_csv(path, sep="\t", dtype=str) for path in source.get("observations", [])]
    quality = [read_manifest(path) for path in source.get("quality", [])]
    checked = source.get("check")
    report = build_report(
        study=params.study,
        config=params.config,
        analyses=grouped(effects),
        availability=availability_of(dict(zip(params.subjects, drops, strict=False)), rows),
        exclusions=params.left_out,
        quality={manifest["subject"]: manifest["figures"] for manifest in quality},
        provenance=provenance({}, [*source.results, *source.clusters]),
        recordings=pd.read_csv(checked, sep="\t", dtype=str) if checked else None,
    )
    write_text(snakemake.output.report, report)
