"""Figures of the epochs, evoked responses and noise covariance of one subject."""

from groupwise.job import job

with job(snakemake):
    import json
    from pathlib import Path

    import mne
    import pandas as pd

    from groupwise.figures.save import save_figures
    from groupwise.meeg.explained import plot_residuals
    from groupwise.meeg.quality import noise_figures, quality_figures

    source, subject = snakemake.input, " ses-".join(snakemake.wildcards)
    evokeds = mne.read_evokeds(source.evoked)
    drops = pd.read_csv(source.drops, sep="\t", keep_default_na=False)
    figures = quality_figures(drops, evokeds)
    if source.get("covariance"):
        chosen = json.loads(Path(source.chosen).read_text(encoding="utf-8"))
        covariance = mne.read_cov(source.covariance)
        figures += noise_figures(evokeds, covariance, chosen["LogLikelihood"])
    if source.get("residual"):
        explained = json.loads(Path(source.explained).read_text(encoding="utf-8"))
        named = {residual.comment: residual for residual in mne.read_evokeds(source.residual)}
        residuals = [named[evoked.comment] for evoked in evokeds]
        figures.append(plot_residuals(evokeds, residuals, explained["ExplainedVariance"]))
    save_figures(figures, snakemake.output.folder, f"Subject {subject}", subject)
