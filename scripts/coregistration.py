"""Head-to-MRI transform from the landmarks in T1w.json, or the one that is given."""

from groupwise.job import job

with job(snakemake):
    from groupwise.files import provenance, write_json, write_whole
    from groupwise.meeg.forward import (
        fit_head_mri_trans,
        head_surface_distance,
        read_head_mri_trans,
    )
    from groupwise.meeg.recordings import read_recording

    params = dict(snakemake.params.items())
    raw, transform = snakemake.input.raw, snakemake.input.transform
    subject = f"sub-{snakemake.wildcards.subject}"
    if transform.endswith(".json"):
        trans = fit_head_mri_trans(raw, params["root"], subject, params["subjects_dir"], transform)
    else:
        trans = read_head_mri_trans(transform)
    info = read_recording(raw, params["root"]).info
    distance = head_surface_distance(info, trans, subject, params["subjects_dir"])
    with write_whole(snakemake.output.trans) as part:
        trans.save(part)
    write_json(
        snakemake.output.sidecar,
        {
            "Description": "Head to MRI (surface RAS) transform",
            "HeadPointsToScalp": distance,
            **provenance(params, [raw, transform]),
        },
    )
