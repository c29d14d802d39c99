"""Pictures of one subject's epochs, evoked responses and noise covariance."""

from groupwise.job import job

with job(snakemake):
    import mne
    import pandas as pd

    from groupwise.figures.save import save_pictures
    from groupwise.meeg.quality import quality_figures

    pictures = quality_figures(
        pd.read_csv(snakemake.input.drops, sep="\t", keep_default_na=False),
        mne.read_evokeds(snakemake.input.evoked),
        mne.read_cov(snakemake.input.covariance),
    )
    subject = snakemake.wildcards.subject
    save_pictures(pictures, snakemake.output.folder, f"Subject {subject}", subject)
