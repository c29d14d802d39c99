"""Tables and figures of the noise covariance and explained variance of all subjects."""

from groupwise.job import job

with job(snakemake):
    import json
    from pathlib import Path

    from groupwise.figures.save import save_figures
    from groupwise.files import write_json, write_whole
    from groupwise.meeg.explained import (
        COVARIANCE_COLUMNS,
        EXPLAINED_COLUMNS,
        covariance_table,
        explained_table,
        plot_first_level,
    )
    from groupwise.provenance import provenance

    source, output, params = snakemake.input, snakemake.output, dict(snakemake.params.items())
    facts = {
        kind: {
            subject: json.loads(Path(path).read_text(encoding="utf-8"))
            for subject, path in zip(params["subjects"], source.get(kind), strict=False)
        }
        for kind in ("covariances", "estimates")
    }
    covariances = covariance_table(facts["covariances"])
    explained = explained_table(facts["estimates"])
    for path, columns, table in (
        (output.covariances, COVARIANCE_COLUMNS, covariances),
        (output.explained, EXPLAINED_COLUMNS, explained),
    ):
        with write_whole(path) as part:
            table.to_csv(part, sep="\t", index=False, float_format="%.6g", na_rep="n/a")
        about = provenance(params, [*source.covariances, *source.estimates])
        write_json(path.replace(".tsv", ".json"), {**columns, **about})
    save_figures(plot_first_level(explained, covariances), output.folder, "All subjects")
