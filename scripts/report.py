"""The report of the study: one HTML file with results, figures, quality and provenance."""

from groupwise.job import job

with job(snakemake):
    from collections import defaultdict
    from pathlib import Path

    import pandas as pd

    from groupwise.files import provenance, read_manifest, write_text
    from groupwise.report.build import availability_of, build_report, grouped
    from groupwise.report.read import read_effect, read_model

    source, params = snakemake.input, snakemake.params
    views_of = defaultdict(dict)  # the pages lie beside the report, which links to them
    report = Path(snakemake.output.report)
    for path in map(Path, source.get("views", [])):
        for page in (path, path.with_name("surface.html")):
            views_of[path.parents[1]][page.stem] = page.relative_to(report.parent).as_posix()
    kinds = (source.results, source.clusters, source.peaks, source.figures, source.maps)
    effects = [
        named | read_effect(*paths, views_of[Path(paths[0]).parents[1]])
        for named, *paths in zip(params.analyses, *kinds, strict=True)
    ]
    parts = [source.get(kind, []) for kind in ("models", "model_facts", "model_figures")]
    models = [read_model(*model) for model in zip(params.models, *parts, strict=True)]
    drops = [pd.read_csv(path, sep="\t") for path in source.get("drops", [])]
    rows = [pd.read_csv(path, sep="\t", dtype=str) for path in source.get("observations", [])]
    kinds = {"quality": ", M/EEG", "quality_fmri": ", fMRI", "quality_fnirs": ", fNIRS"}
    quality = {
        f"{each['title']}{kind}": each["figures"]
        for key, kind in kinds.items()
        for each in map(read_manifest, source.get(key, []))
    }
    checked = [pd.read_csv(path, sep="\t", dtype=str) for path in source.get("check", [])]
    report = build_report(
        study=params.study,
        config=params.config,
        analyses=grouped(effects),
        availability=availability_of(dict(zip(params.subjects, drops, strict=False)), rows),
        exclusions=params.left_out,
        quality=quality,
        models=models,
        provenance=provenance({}, [*source.results, *source.clusters]),
        recordings=checked,
    )
    write_text(snakemake.output.report, report)
