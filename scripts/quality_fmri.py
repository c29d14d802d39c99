"""Figures of the design, motion and responses of one subject."""

from groupwise.job import freeze_imports, job

with job(snakemake):
    import json
    from pathlib import Path

    import pandas as pd

    from groupwise.figures.save import save_figures
    from groupwise.fmri.quality import quality_figures

    freeze_imports()
    source, subject = snakemake.input, snakemake.wildcards.subject
    facts = json.loads(Path(source.sidecar).read_text(encoding="utf-8"))
    figures = quality_figures(
        [name or "run" for name in facts["Runs"]],
        [pd.read_csv(path, sep="\t") for path in source.designs],
        [pd.read_csv(path, sep="\t", na_values="n/a") for path in source.confounds],
        facts["VarianceInflation"],
        {f"sub-{subject}": source.interest},
        snakemake.params.conditions,
    )
    save_figures(figures, snakemake.output.folder, f"Subject {subject}", subject)
