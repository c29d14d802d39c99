"""M/EEG: raw recording to source estimates on the template."""

MEEG = STUDY.meeg
if MEEG:
    meeg_file = partial(file_of, MEEG, MEEG.datatype)
MEEG_ON_GRID = bool(MEEG) and MEEG.source_space.kind == "volume"


#: Wildcards of a subject's recordings: several sessions are told apart.
VISIT = ("subject", "session") if MEEG and MEEG.sessions else ("subject",)


if MEEG:
    CHECKED = f"{OUT}/check/inputs.tsv"
    TEMPLATE = template_file(MEEG.morph.to, MEEG.morph.spacing)

    CHECK = RECORDINGS.to_check(STUDY)
    CHECKS.append((CHECKED, CHECK, RECORDINGS.files, "groupwise.meeg.check"))

    rule check_inputs:
        """What is in every recording's header and events, as a table."""
        input:
            RECORDINGS.files,
        output:
            table=CHECKED,
            sidecar=f"{OUT}/check/inputs.json",
        log:
            log_of("check_inputs"),
        benchmark:
            benchmark_of("check_inputs")
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(400, 0),
            runtime=minutes(10),
        params:
            spec=CHECK,
            given=given,
            version=2,
        script:
            "../../scripts/check_inputs.py"

    rule coregistration:
        """Head-to-MRI transform from the landmarks in T1w.json, or the one that is given."""
        input:
            raw=lambda wildcards: visit_of(wildcards).raw[0],
            transform=lambda wildcards: visit_of(wildcards).transform or [],
        output:
            **shareable(
                trans=meeg_file("trans.fif"),
                sidecar=meeg_file("trans.json"),
            ),
        log:
            log_of("coregistration", *VISIT),
        benchmark:
            benchmark_of("coregistration", *VISIT)
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(500, 0),
            runtime=minutes(5),
        params:
            root=STUDY.bids_root,
            subjects_dir=MEEG.subjects_dir,
            anatomy=lambda wildcards: anatomy_of(wildcards.subject),
            montage=MEEG.montage,
            given=given,
            version=1,
        script:
            "../../scripts/coregistration.py"

    rule preprocess:
        """Filter, repair, cut, reject and equalize epochs."""
        input:
            raw=lambda wildcards: visit_of(wildcards).raw,
            events=lambda wildcards: visit_of(wildcards).events,
            channels=lambda wildcards: visit_of(wildcards).channels,
            calibration=lambda wildcards: visit_of(wildcards).calibration,
            cross_talk=lambda wildcards: visit_of(wildcards).cross_talk,
        output:
            **shareable(
                epochs=meeg_file("epo.fif", proc="clean"),
                drops=meeg_file("drops.tsv", proc="clean"),
                drop_columns=meeg_file("drops.json", proc="clean"),
                sidecar=meeg_file("epo.json", proc="clean"),
            ),
        log:
            log_of("preprocess", *VISIT),
        benchmark:
            benchmark_of("preprocess", *VISIT)
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(500, 8),
            runtime=minutes(10, 15),
        params:
            root=STUDY.bids_root,
            bad_channels=bad_channels,
            spec=meeg_params(
                *("filter", "artifacts", "epochs", "conditions", "channels"),
                *("reference", "montage", "maxwell"),
            ),
            # Only these two draw numbers here: else a new seed leaves the epochs alone.
            seed=(
                STUDY.seed
                if MEEG.artifacts.method == "ica" or MEEG.epochs.autoreject
                else 0
            ),
            given=given,
            version=2,
        script:
            "../../scripts/preprocess.py"

    rule evoked:
        """Average the epochs of each condition."""
        input:
            epochs=rules.preprocess.output.epochs,
        output:
            **shareable(
                evoked=meeg_file("ave.fif"),
                sidecar=meeg_file("ave.json"),
            ),
        log:
            log_of("evoked", *VISIT),
        benchmark:
            benchmark_of("evoked", *VISIT)
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(400, 4),
            runtime=minutes(5),
        params:
            spec=meeg_params("conditions", "resample"),
            version=1,
        script:
            "../../scripts/evoked.py"

    ROOM_AS_HEAD = (
        MEEG.maxwell is not None and MEEG.covariance.source == "empty_room"
    )

    rule noise_covariance:
        """Noise covariance, the estimator chosen by cross-validation."""
        input:
            epochs=rules.preprocess.output.epochs,
            empty_room=lambda wildcards: visit_of(wildcards).empty_room or [],
            # What the Maxwell filter of the empty room takes from the recording.
            raw=lambda wildcards: (visit_of(wildcards).raw[0] if ROOM_AS_HEAD else []),
            calibration=lambda wildcards: (
                visit_of(wildcards).calibration if ROOM_AS_HEAD else []
            ),
            cross_talk=lambda wildcards: (
                visit_of(wildcards).cross_talk if ROOM_AS_HEAD else []
            ),
        output:
            **shareable(
                covariance=meeg_file("cov.fif"),
                sidecar=meeg_file("cov.json"),
            ),
        log:
            log_of("noise_covariance", *VISIT),
        benchmark:
            benchmark_of("noise_covariance", *VISIT)
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(600, 6),
            runtime=minutes(20),
        params:
            root=STUDY.bids_root,
            spec=meeg_params("covariance", "filter", "maxwell"),
            given=given,
            version=1,
        script:
            "../../scripts/noise_covariance.py"

    rule bem:
        """Boundary-element model of the head."""
        input:
            layers=[
                f"{MEEG.subjects_dir}/{{anatomy}}/bem/{name}.surf"
                for name in MEEG.bem.surfaces
            ],
        output:
            **shareable(
                bem=anatomy_file("bem-sol.fif"),
                sidecar=anatomy_file("bem-sol.json"),
            ),
        log:
            log_of("bem", "anatomy"),
        benchmark:
            benchmark_of("bem", "anatomy")
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(1500, 0),
            runtime=minutes(20),
        params:
            subjects_dir=lambda wildcards: MEEG.subjects_dir,
            spec=meeg_params("bem"),
            given=given,
            version=1,
        script:
            "../../scripts/bem.py"

    if MEEG_ON_GRID:
        TEMPLATE_GRID = f"{OUT}/template/{MEEG.morph.to}_grid-{MEEG.source_space.grid:g}_src.fif"

        rule source_grid:
            """The template's grid of sources in a subject's head."""
            input:
                template=TEMPLATE_GRID,
                transforms=lambda wildcards: [
                    f"{MEEG.subjects_dir}/{name}/mri/transforms/talairach.xfm"
                    for name in dict.fromkeys([wildcards.anatomy, MEEG.morph.to])
                ],
            output:
                **shareable(
                    source_space=anatomy_file("src.fif"),
                    sidecar=anatomy_file("src.json"),
                ),
            log:
                log_of("source_grid", "anatomy"),
            benchmark:
                benchmark_of("source_grid", "anatomy")
            conda:
                "../../envs/groupwise.yaml"
            resources:
                mem_mb=megabytes(800, 0),
                runtime=minutes(10),
            params:
                subjects_dir=MEEG.subjects_dir,
                given=given,
                version=1,
            script:
                "../../scripts/source_grid.py"

    else:

        rule source_space:
            """Sources on the subject's white surface."""
            input:
                surfaces=lambda wildcards: surfaces(
                    wildcards.anatomy, MEEG.subjects_dir
                ),
            output:
                **shareable(
                    source_space=anatomy_file("src.fif"),
                    sidecar=anatomy_file("src.json"),
                ),
            log:
                log_of("source_space", "anatomy"),
            benchmark:
                benchmark_of("source_space", "anatomy")
            conda:
                "../../envs/groupwise.yaml"
            resources:
                mem_mb=megabytes(1000, 0),
                runtime=minutes(15),
            params:
                subjects_dir=MEEG.subjects_dir,
                spec=meeg_params("source_space"),
                given=given,
                version=1,
            script:
                "../../scripts/source_space.py"

    rule forward:
        """Forward solution: what each source gives at each sensor."""
        input:
            raw=lambda wildcards: visit_of(wildcards).raw[0],
            trans=rules.coregistration.output.trans,
            bem=lambda wildcards: rules.bem.output.bem.format(
                anatomy=anatomy_of(wildcards.subject)
            ),
            source_space=lambda wildcards: anatomy_file("src.fif").format(
                anatomy=anatomy_of(wildcards.subject)
            ),
        output:
            **shareable(
                forward=meeg_file("fwd.fif"),
                sidecar=meeg_file("fwd.json"),
            ),
        log:
            log_of("forward", *VISIT),
        benchmark:
            benchmark_of("forward", *VISIT)
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(2000, 0),
            runtime=minutes(30),
        params:
            root=STUDY.bids_root,
            channels=MEEG.channels,
            montage=MEEG.montage,
            spec=meeg_params("source_space"),
            given=given,
            version=1,
        script:
            "../../scripts/forward.py"

    rule inverse_operator:
        """Inverse operator from forward solution and noise covariance."""
        input:
            evoked=rules.evoked.output.evoked,
            forward=rules.forward.output.forward,
            covariance=rules.noise_covariance.output.covariance,
        output:
            **shareable(
                inverse=meeg_file("inv.fif"),
                sidecar=meeg_file("inv.json"),
            ),
        log:
            log_of("inverse_operator", *VISIT),
        benchmark:
            benchmark_of("inverse_operator", *VISIT)
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(600, 8),
            runtime=minutes(15),
        params:
            # Only what shapes the operator: method and SNR come at its application.
            spec={
                "loose": 1.0 if MEEG_ON_GRID else MEEG.inverse.loose,
                "depth": MEEG.inverse.depth,
                "fixed": MEEG.inverse.fixed,
            },
            rank=MEEG.covariance.rank,
            version=1,
        script:
            "../../scripts/inverse_operator.py"

    if MEEG.inverse.method == "LCMV":

        rule apply_beamformer:
            """Source estimate of each condition by an LCMV beamformer."""
            input:
                evoked=rules.evoked.output.evoked,
                epochs=rules.preprocess.output.epochs,
                forward=rules.forward.output.forward,
                covariance=rules.noise_covariance.output.covariance,
            output:
                **shareable(
                    estimates=list(estimates().values()),
                    sidecar=meeg_file("stc.json", inv=MEEG.inverse.method),
                ),
            log:
                log_of("apply_beamformer", *VISIT),
            benchmark:
                benchmark_of("apply_beamformer", *VISIT)
            conda:
                "../../envs/groupwise.yaml"
            resources:
                mem_mb=megabytes(700, 8),
                runtime=minutes(20),
            params:
                conditions=list(MEEG.conditions),
                spec=MEEG.inverse.beamformer.model_dump()
                | {
                    "orientation": MEEG.inverse.orientation,
                    "rank": MEEG.covariance.rank,
                },
                version=1,
            script:
                "../../scripts/apply_beamformer.py"

    else:

        rule apply_inverse:
            """Source estimate of each condition."""
            input:
                evoked=rules.evoked.output.evoked,
                inverse=rules.inverse_operator.output.inverse,
            output:
                **shareable(
                    estimates=list(estimates().values()),
                    residual=meeg_file(
                        "ave.fif", inv=MEEG.inverse.method, desc="residual"
                    ),
                    sidecar=meeg_file("stc.json", inv=MEEG.inverse.method),
                ),
            log:
                log_of("apply_inverse", *VISIT),
            benchmark:
                benchmark_of("apply_inverse", *VISIT)
            conda:
                "../../envs/groupwise.yaml"
            resources:
                mem_mb=megabytes(600, 8),
                runtime=minutes(15),
            params:
                conditions=list(MEEG.conditions),
                spec={
                    key: value
                    for key, value in meeg_params("inverse")["inverse"].items()
                    if key in ("method", "snr", "orientation")
                },
                version=2,
            script:
                "../../scripts/apply_inverse.py"

    rule morph:
        """Source estimates on the template's vertices."""
        input:
            estimates=list(estimates().values()),
            spheres=lambda wildcards: [
                f"{MEEG.subjects_dir}/{name}/surf/{hemi}.sphere.reg"
                for name in dict.fromkeys(
                    [anatomy_of(wildcards.subject), MEEG.morph.to]
                )
                for hemi in ("lh", "rh")
            ],
            template=TEMPLATE,
        output:
            **shareable(
                estimates=list(estimates(space=MEEG.morph.to).values()),
                sidecar=meeg_file(
                    "stc.json", space=MEEG.morph.to, inv=MEEG.inverse.method
                ),
            ),
        log:
            log_of("morph", *VISIT),
        benchmark:
            benchmark_of("morph", *VISIT)
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(800, 8),
            runtime=minutes(15),
        params:
            subjects_dir=MEEG.subjects_dir,
            anatomy=lambda wildcards: anatomy_of(wildcards.subject),
            spec=meeg_params("morph")["morph"],
            given=given,
            version=1,
        script:
            "../../scripts/morph.py"

    # A beamformer does not model the response: it leaves no residual.
    RESIDUALS = bool(MEEG.subjects_dir) and MEEG.inverse.method != "LCMV"
    FIGURES = "/".join(
        [
            f"{OUT}/sub-{{subject}}",
            *(["ses-{session}"] if MEEG.sessions else []),
            "figures",
        ]
    )

    rule quality_meeg:
        """Pictures of one subject's epochs, responses, noise covariance and residuals."""
        input:
            epochs=rules.preprocess.output.epochs,
            drops=rules.preprocess.output.drops,
            evoked=rules.evoked.output.evoked,
            covariance=rules.noise_covariance.output.covariance,
            chosen=rules.noise_covariance.output.sidecar,
            residual=rules.apply_inverse.output.residual if RESIDUALS else [],
            explained=rules.apply_inverse.output.sidecar if RESIDUALS else [],
        output:
            folder=directory(FIGURES),
        log:
            log_of("quality_meeg", *VISIT),
        benchmark:
            benchmark_of("quality_meeg", *VISIT)
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(800, 4),
            runtime=minutes(10),
        params:
            version=3,
        script:
            "../../scripts/quality_meeg.py"

    rule figures_meeg:
        """Noise covariances and explained variances of all subjects, as tables and pictures."""
        input:
            covariances=of_visits(rules.noise_covariance.output.sidecar),
            estimates=(
                of_visits(rules.apply_inverse.output.sidecar) if RESIDUALS else []
            ),
        output:
            folder=pictures(
                f"{OUT}/group/first_level/figures_meeg",
                "first_level",
                "Quality of the data",
                "M/EEG, all",
            ),
            covariances=f"{OUT}/group/first_level/noise_covariances.tsv",
            covariance_columns=f"{OUT}/group/first_level/noise_covariances.json",
            explained=f"{OUT}/group/first_level/explained_variance.tsv",
            explained_columns=f"{OUT}/group/first_level/explained_variance.json",
        log:
            log_of("figures_meeg"),
        benchmark:
            benchmark_of("figures_meeg")
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(400, 4),
            runtime=minutes(5),
        params:
            subjects=[own.label for own in RECORDINGS.subjects],
            version=2,
        script:
            "../../scripts/figures_meeg.py"
