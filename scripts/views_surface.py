"""Interactive view of an effect on the cortex, at the peak of the largest cluster."""

from groupwise.job import job

with job(snakemake):
    from groupwise.figures.colours import colour_limit
    from groupwise.figures.effect import Effect
    from groupwise.figures.views import interactive_surface
    from groupwise.files import write_text
    from groupwise.permutation.wording import statistic_words

    effect = Effect.read(snakemake.wildcards.analysis, snakemake.input, snakemake.params.within)
    threshold = abs(float(effect.result["Threshold"]["statistic"]))
    time, when = effect.peak_time
    page = interactive_surface(
        effect.stack.space,
        effect.statistic[:, time],
        title=f"{effect.title}: {statistic_words(effect.result)}{when}",
        limit=colour_limit(effect.statistic, threshold),
        threshold=threshold,
        signed=effect.result["Statistic"] == "t",
    )
    write_text(snakemake.output.surface, page)
