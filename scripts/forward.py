"""Forward solution: the field of each source at each sensor."""

from groupwise.job import job

with job(snakemake):
    import mne

    from groupwise.files import write_json, write_whole
    from groupwise.meeg.forward import forward_solution, read_head_mri_trans
    from groupwise.meeg.recordings import read_recording
    from groupwise.provenance import provenance

    params = dict(snakemake.params.items())
    forward = forward_solution(
        read_recording(snakemake.input.raw, params["root"], montage=params["montage"]).info,
        read_head_mri_trans(snakemake.input.trans),
        mne.read_bem_solution(snakemake.input.bem),
        mne.read_source_spaces(snakemake.input.source_space),
        channels=params["channels"],
        mindist=params["spec"]["source_space"]["mindist"],
    )
    with write_whole(snakemake.output.forward) as part:
        mne.write_forward_solution(part, forward, overwrite=True)
    sources = [snakemake.input[name] for name in ("raw", "trans", "bem", "source_space")]
    write_json(
        snakemake.output.sidecar,
        {
            "Description": "Forward solution, free orientation",
            "Sources": int(forward["nsource"]),
            "Channels": int(forward["nchan"]),
            **provenance(params, sources),
        },
    )
