"""Pages in which to move through the map of an effect."""

from groupwise.job import job

with job(snakemake):
    import json
    from pathlib import Path

    from groupwise.figures.colours import colour_limit
    from groupwise.figures.volume import interactive_views
    from groupwise.files import write_text
    from groupwise.permutation.infer import read_maps
    from groupwise.permutation.wording import effect_words, statistic_words
    from groupwise.stack.space import FeatureSpace

    result = json.loads(Path(snakemake.input.result).read_text(encoding="utf-8"))
    statistic = read_maps(snakemake.input.maps)["statistic"]
    threshold = abs(float(result["Threshold"]["statistic"]))
    pages = interactive_views(
        FeatureSpace.load(snakemake.input.space),
        statistic,
        title=f"{snakemake.wildcards.analysis}, {effect_words(result)}",
        label=statistic_words(result),
        limit=colour_limit(statistic, threshold),
        threshold=threshold,
        signed=result["Statistic"] == "t",
    )
    for name, page in pages.items():
        write_text(snakemake.output.get(name), page)
