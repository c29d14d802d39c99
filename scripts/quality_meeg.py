"""Figures of the epochs, evoked responses and noise covariance of one subject."""

from groupwise.job import job

with job(snakemake):
    import json
    from pathlib import Path

    import mne
    import pandas as pd

    from groupwise.figures.save import save_pictures
    from groupwise.meeg.explained import residual_picture
    from groupwise.meeg.quality import quality_figures

    source, subject = snakemake.input, " ses-".join(snakemake.wildcards)
    evokeds = mne.read_evokeds(source.evoked)
    pictures = quality_figures(
        pd.read_csv(source.drops, sep="\t", keep_default_na=False),
        evokeds,
        mne.read_cov(source.covariance),
        json.loads(Path(source.chosen).read_text(encoding="utf-8"))["LogLikelihood"],
    )
    if source.get("residual"):
        explained = json.loads(Path(source.explained).read_text(encoding="utf-8"))
        named = {residual.comment: residual for residual in mne.read_evokeds(source.residual)}
        residuals = [named[evoked.comment] for evoked in evokeds]
        pictures.append(residual_picture(evokeds, residuals, explained["ExplainedVariance"]))
    save_pictures(pictures, snakemake.output.folder, f"Subject {subject}", subject)
