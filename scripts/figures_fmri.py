"""Figures that compare the first level of all subjects."""

from groupwise.job import freeze_imports, job

with job(snakemake):
    from groupwise.config.formula import contrasts_of
    from groupwise.figures.contrasts import contrast_figure
    from groupwise.figures.save import CaptionedFigure, save_figures
    from groupwise.fmri.quality import Z_THRESHOLD, responses_figure

    freeze_imports()
    params = snakemake.params
    images = dict(zip([f"sub-{s}" for s in params.subjects], snakemake.input.interest, strict=True))
    figures = [
        CaptionedFigure(
            name="responses",
            figure=responses_figure(images),
            title="Effects of interest, all subjects",
            caption=f"z of the F test of all conditions together, drawn where z > {Z_THRESHOLD} "
            "(uncorrected p < .001); one scale for all.",
            alt=f"Glass brains of {len(images)} subjects.",
        )
    ]
    named = contrasts_of(params.conditions, params.contrasts)
    shown = {name: named[name] for name in params.contrasts}
    if shown:
        figures.append(
            CaptionedFigure(
                name="contrasts",
                figure=contrast_figure(shown, params.conditions),
                title="First-level contrasts",
                caption="Weights of the conditions in each contrast.",
                alt="; ".join(f"{name}: {params.contrasts[name]}" for name in shown),
            )
        )
    save_figures(figures, snakemake.output.folder, "All subjects", "all")
