"""Convert intensity to haemoglobin, and compute the quality of each source-detector pair."""

from groupwise.job import job

with job(snakemake):
    from groupwise.files import write_json, write_whole
    from groupwise.fnirs.haemoglobin import PAIR_COLUMNS, compute_haemoglobin, write_haemoglobin
    from groupwise.fnirs.recordings import list_pairs, read_bad_pairs, read_intensity
    from groupwise.provenance import provenance

    params, output = dict(snakemake.params.items()), snakemake.output
    rates = []
    for run, signal, pairs in zip(params["runs"], output.signals, output.pairs, strict=True):
        intensity = read_intensity(run["raw"])
        bad = [*params["bad"], *read_bad_pairs(run["channels"], list_pairs(intensity))]
        haemoglobin, table = compute_haemoglobin(
            intensity, bad=bad, longest=params["longest"], **params["spec"]
        )
        write_haemoglobin(signal, haemoglobin)
        with write_whole(pairs) as part:
            table.to_csv(part, sep="\t", index=False, na_rep="n/a", float_format="%.6g")
        rates.append(float(haemoglobin.info["sfreq"]))
    write_json(
        output.sidecar,
        {
            "Description": "Haemoglobin (mol/l) of every source-detector pair",
            "Runs": [run["name"] for run in params["runs"]],
            "SamplingFrequency": rates,
            **PAIR_COLUMNS,
            **provenance(params, snakemake.input),
        },
    )
