"""Head-to-MRI transform from the landmarks in T1w.json, or from a file."""

from groupwise.job import job

with job(snakemake):
    from groupwise.files import write_json, write_whole
    from groupwise.meeg.forward import (
        fit_head_mri_trans,
        fit_template_trans,
        head_surface_distance,
        read_head_mri_trans,
    )
    from groupwise.meeg.recordings import read_recording
    from groupwise.provenance import provenance

    params = dict(snakemake.params.items())
    raw, transform = snakemake.input.raw, snakemake.input.get("transform")
    anatomy, folder = params["anatomy"], params["subjects_dir"]
    info = read_recording(raw, params["root"], montage=params["montage"]).info
    if not transform:
        trans = fit_template_trans(info, anatomy, folder)
    elif transform.endswith(".json"):
        trans = fit_head_mri_trans(raw, params["root"], anatomy, folder, transform)
    else:
        trans = read_head_mri_trans(transform)
    distance = head_surface_distance(info, trans, anatomy, folder)
    with write_whole(snakemake.output.trans) as part:
        trans.save(part)
    write_json(
        snakemake.output.sidecar,
        {
            "Description": "Head to MRI (surface RAS) transform",
            "HeadPointsToScalp": distance,
            **provenance(params, [raw, *filter(None, [transform])]),
        },
    )
