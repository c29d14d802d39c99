"""Boundary-element model of the head."""

from groupwise.job import job

with job(snakemake):
    import mne

    from groupwise.files import write_json, write_whole
    from groupwise.meeg.forward import head_model
    from groupwise.provenance import provenance

    params = dict(snakemake.params.items())
    bem = head_model(snakemake.wildcards.anatomy, params["subjects_dir"], **params["spec"]["bem"])
    with write_whole(snakemake.output.bem) as part:
        mne.write_bem_solution(part, bem, overwrite=True)
    write_json(
        snakemake.output.sidecar,
        {
            "Description": "Boundary-element model of the head",
            "Triangles": [int(surface["ntri"]) for surface in bem["surfs"]],
            **provenance(params, list(snakemake.input.layers)),
        },
    )
