"""Pictures of one subject's epochs, evoked responses and noise covariance."""

from groupwise.job import job

with job(snakemake):
    from pathlib import Path

    import mne
    import pandas as pd

    from groupwise.files import write_manifest, write_whole
    from groupwise.meeg.quality import quality_figures

    pictures = quality_figures(
        pd.read_csv(snakemake.input.drops, sep="\t", keep_default_na=False),
        mne.read_evokeds(snakemake.input.evoked),
        mne.read_cov(snakemake.input.covariance),
    )
    folder, subject = Path(snakemake.output.folder), snakemake.wildcards.subject
    for picture in pictures:
        picture["file"] = str(folder / f"{picture.pop('name')}.png")
        with write_whole(picture["file"]) as part:
            # No name of the writing program: the same numbers give the same bytes.
            picture.pop("figure").savefig(part, dpi=150, metadata={"Software": None})
    write_manifest(folder / "figures.json", pictures, title=f"Subject {subject}", subject=subject)
