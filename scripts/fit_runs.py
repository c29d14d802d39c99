"""Fit the first-level GLM of one subject; write a map of each condition and contrast."""

from groupwise.job import freeze_imports, job

with job(snakemake):
    from groupwise.columns import describe
    from groupwise.config.formula import contrasts_of
    from groupwise.files import write_json, write_whole
    from groupwise.fmri.first_level import (
        MAPS,
        contrast_maps,
        effects_of_interest,
        fit_first_level,
    )
    from groupwise.provenance import provenance
    from groupwise.stack.volumes import write_image
    from groupwise.stats.collinearity import inflation

    freeze_imports()
    params = dict(snakemake.params.items())
    spec, output = dict(params["spec"]), snakemake.output
    named = contrasts_of(list(spec["conditions"]), spec.pop("contrasts"))
    fitted = fit_first_level(params["runs"], **spec)
    model = fitted.model
    source = provenance(params, [run["bold"] for run in params["runs"]])

    factors = [inflation(design, list(spec["conditions"])) for design in model.design_matrices_]
    regressors = dict.fromkeys(name for own in model.design_matrices_ for name in own)
    for path, design in zip(output.designs, model.design_matrices_, strict=True):
        with write_whole(path) as part:
            design.to_csv(part, sep="\t", index=False, float_format="%.8g")
    write_json(
        output.sidecar,
        {
            "Description": "First-level GLM of the BOLD runs",
            **describe(regressors, "Regressor (a condition's, drift or confound)"),
            "Runs": [run["name"] for run in params["runs"]],
            "RepetitionTime": fitted.timing[0],
            "SliceTimeReference": fitted.timing[1],
            "Volumes": [len(design) for design in model.design_matrices_],
            "VarianceInflation": factors,
            "VoxelsWithoutData": int(fitted.without_data.sum()),
            **source,
        },
    )
    for k, (name, weights) in enumerate(named.items()):
        maps, runs = contrast_maps(fitted, weights)
        for stat in MAPS:
            write_image(output.get(stat)[k], maps[stat])
        about = {"Description": f"{name}: effect, variance, t, z", "Weights": weights}
        units = {"effect": "percent", "variance": "percent squared"}
        write_json(output.sidecars[k], {**about, "Units": units, "Runs": runs, **source})
    for stat, image in effects_of_interest(fitted, list(spec["conditions"])).items():
        write_image(output.get(f"interest_{stat}"), image)
