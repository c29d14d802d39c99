"""The report of the study: one HTML file with results, figures, quality, methods, provenance."""

from groupwise.job import job

with job(snakemake):
    from collections import defaultdict
    from importlib import import_module
    from pathlib import Path

    from groupwise.config.read import read_study
    from groupwise.files import write_text
    from groupwise.provenance import provenance, software
    from groupwise.report.build import build_report, group_effects, settings_of
    from groupwise.report.methods import methods_text
    from groupwise.report.read import read_effect, read_model
    from groupwise.report.ready_made import read_rows

    # params.config only tells Snakemake of changes: it has lost every null.
    study = read_study(snakemake.config)
    source, params = snakemake.input, snakemake.params
    views = defaultdict(dict)
    for path in map(Path, source.get("views", [])):
        for page in (path, path.with_name("surface.html")):
            views[path.parents[1]][page.stem] = page
    kinds = (source.results, source.clusters, source.peaks, source.figures, source.maps)
    effects = [
        named | read_effect(*paths, views[Path(paths[0]).parents[1]])
        for named, *paths in zip(params.analyses, *kinds, strict=True)
    ]
    parts = [source.get(kind, []) for kind in ("models", "model_facts", "model_figures")]
    models = [read_model(*model) for model in zip(params.models, *parts, strict=True)]
    modalities = [
        import_module(f"groupwise.{section}.report").read_modality(
            **about,
            **{
                key.removeprefix(f"{section}_"): files
                for key, files in source.items()
                if key.startswith(f"{section}_")
            },
            report_folder=Path(snakemake.output.report).parent,
        )
        for section, about in params.modalities.items()
    ]
    if ready_made := read_rows(source.get("observations", []), source.participants):
        modalities.append(ready_made)
    methods = methods_text(study, modalities, effects, models, params.left_out, software())
    report = build_report(
        study=params.study,
        config=settings_of(study),
        analyses=group_effects(effects),
        modalities=modalities,
        exclusions=params.left_out,
        methods=methods,
        models=models,
        provenance=provenance({}, [*source.results, *source.clusters]),
        command=params.command,
    )
    write_text(snakemake.output.report, report)
    write_text(snakemake.output.methods, methods.as_markdown(params.study))
