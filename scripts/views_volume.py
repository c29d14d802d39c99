"""Interactive views of an effect, in slices and on the cortex."""

from groupwise.job import job

with job(snakemake):
    from groupwise.figures.colours import colour_limit
    from groupwise.figures.effect import Effect
    from groupwise.figures.views import interactive_volume
    from groupwise.files import write_text
    from groupwise.permutation.wording import statistic_words

    effect = Effect.read(snakemake.wildcards.analysis, snakemake.input, snakemake.params.within)
    threshold = abs(float(effect.result["Threshold"]["statistic"]))
    time, when = effect.peak_time
    pages = interactive_volume(
        effect.stack.space,
        effect.statistic[:, time],
        title=effect.title,
        label=f"{statistic_words(effect.result)}{when}",
        limit=colour_limit(effect.statistic, threshold),
        threshold=threshold,
        signed=effect.result["Statistic"] == "t",
    )
    for name, page in pages.items():
        write_text(snakemake.output.get(name), page)
