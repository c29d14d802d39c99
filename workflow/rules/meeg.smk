"""First level of M/EEG: from recordings to source estimates on the template."""

MEEG = PLAN.sources.get("meeg")


if MEEG:
    VISIT, SUBJECTS_DIR = MEEG.visit_wildcards, MEEG.section.subjects_dir

    rule check_inputs:
        """Check the header and events of every recording."""
        input:
            MEEG.input_check.files,
        output:
            table=MEEG.input_check.table,
            sidecar=MEEG.input_check.sidecar,
        log:
            PATHS.log("check_inputs"),
        benchmark:
            PATHS.benchmark("check_inputs")
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(400, 0),
            runtime=minutes(10),
        params:
            spec=MEEG.input_check.parameters,
            given=given,
            version=3,
        script:
            "../../scripts/check_inputs.py"

    rule coregistration:
        """Head-to-MRI transform from the landmarks in T1w.json, or from a file."""
        input:
            raw=lambda wildcards: MEEG.visit(wildcards).raw[0],
            transform=lambda wildcards: MEEG.visit(wildcards).transform or [],
        output:
            **shareable(
                trans=MEEG.file("trans.fif"),
                sidecar=MEEG.file("trans.json"),
            ),
        log:
            PATHS.log("coregistration", *VISIT),
        benchmark:
            PATHS.benchmark("coregistration", *VISIT)
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(500, 0),
            runtime=minutes(5),
        params:
            root=STUDY.bids_root,
            subjects_dir=SUBJECTS_DIR,
            anatomy=lambda wildcards: MEEG.anatomy_of(wildcards.subject),
            montage=MEEG.section.montage,
            given=given,
            version=1,
        script:
            "../../scripts/coregistration.py"

    rule preprocess:
        """Filter the recording, repair artifacts, and select and equalize epochs."""
        input:
            raw=lambda wildcards: MEEG.visit(wildcards).raw,
            events=lambda wildcards: MEEG.visit(wildcards).events,
            channels=lambda wildcards: MEEG.visit(wildcards).channels,
            calibration=lambda wildcards: MEEG.visit(wildcards).calibration,
            cross_talk=lambda wildcards: MEEG.visit(wildcards).cross_talk,
        output:
            **shareable(
                epochs=MEEG.file("epo.fif", proc="clean"),
                drops=MEEG.file("drops.tsv", proc="clean"),
                drop_columns=MEEG.file("drops.json", proc="clean"),
                sidecar=MEEG.file("epo.json", proc="clean"),
            ),
        log:
            PATHS.log("preprocess", *VISIT),
        benchmark:
            PATHS.benchmark("preprocess", *VISIT)
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(500, 8),
            runtime=minutes(10, 15),
        params:
            root=STUDY.bids_root,
            bad_channels=lambda wildcards: MEEG.bad_channels(wildcards.subject),
            spec=MEEG.params(
                *("filter", "artifacts", "epochs", "conditions", "channels"),
                *("reference", "montage", "maxwell"),
            ),
            seed=MEEG.preprocess_seed,
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
                evoked=MEEG.file("ave.fif"),
                sidecar=MEEG.file("ave.json"),
            ),
        log:
            PATHS.log("evoked", *VISIT),
        benchmark:
            PATHS.benchmark("evoked", *VISIT)
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(400, 4),
            runtime=minutes(5),
        params:
            spec=MEEG.params("conditions", "resample"),
            version=1,
        script:
            "../../scripts/evoked.py"

    rule noise_covariance:
        """Noise covariance; cross-validation selects the estimator."""
        input:
            epochs=rules.preprocess.output.epochs,
            empty_room=lambda wildcards: MEEG.visit(wildcards).empty_room or [],
            # Parts of the recording that the Maxwell filter of the empty room needs.
            raw=lambda wildcards: MEEG.maxwell_reference(wildcards, "raw"),
            calibration=lambda wildcards: MEEG.maxwell_reference(
                wildcards, "calibration"
            ),
            cross_talk=lambda wildcards: MEEG.maxwell_reference(wildcards, "cross_talk"),
        output:
            **shareable(
                covariance=MEEG.file("cov.fif"),
                sidecar=MEEG.file("cov.json"),
            ),
        log:
            PATHS.log("noise_covariance", *VISIT),
        benchmark:
            PATHS.benchmark("noise_covariance", *VISIT)
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(600, 6),
            runtime=minutes(20),
        params:
            root=STUDY.bids_root,
            spec=MEEG.params("covariance", "filter", "maxwell"),
            given=given,
            version=1,
        script:
            "../../scripts/noise_covariance.py"

    rule bem:
        """Boundary-element model of the head."""
        input:
            layers=[
                f"{SUBJECTS_DIR}/{{anatomy}}/bem/{name}.surf"
                for name in MEEG.section.bem.surfaces
            ],
        output:
            **shareable(
                bem=PATHS.anatomy_file("bem-sol.fif"),
                sidecar=PATHS.anatomy_file("bem-sol.json"),
            ),
        log:
            PATHS.log("bem", "anatomy"),
        benchmark:
            PATHS.benchmark("bem", "anatomy")
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(1500, 0),
            runtime=minutes(20),
        params:
            subjects_dir=lambda wildcards: SUBJECTS_DIR,
            spec=MEEG.params("bem"),
            given=given,
            version=1,
        script:
            "../../scripts/bem.py"

    if MEEG.on_grid:

        rule source_grid:
            """Transform the grid of the template to the head of a subject."""
            input:
                template=MEEG.template(),
                transforms=lambda wildcards: [
                    f"{SUBJECTS_DIR}/{name}/mri/transforms/talairach.xfm"
                    for name in dict.fromkeys(
                        [wildcards.anatomy, MEEG.section.morph.to]
                    )
                ],
            output:
                **shareable(
                    source_space=PATHS.anatomy_file("src.fif"),
                    sidecar=PATHS.anatomy_file("src.json"),
                ),
            log:
                PATHS.log("source_grid", "anatomy"),
            benchmark:
                PATHS.benchmark("source_grid", "anatomy")
            conda:
                "../../envs/groupwise.yaml"
            resources:
                mem_mb=megabytes(800, 0),
                runtime=minutes(10),
            params:
                subjects_dir=SUBJECTS_DIR,
                given=given,
                version=1,
            script:
                "../../scripts/source_grid.py"

    else:

        rule source_space:
            """Source space on the white surface of a subject."""
            input:
                surfaces=lambda wildcards: surfaces(wildcards.anatomy, SUBJECTS_DIR),
            output:
                **shareable(
                    source_space=PATHS.anatomy_file("src.fif"),
                    sidecar=PATHS.anatomy_file("src.json"),
                ),
            log:
                PATHS.log("source_space", "anatomy"),
            benchmark:
                PATHS.benchmark("source_space", "anatomy")
            conda:
                "../../envs/groupwise.yaml"
            resources:
                mem_mb=megabytes(1000, 0),
                runtime=minutes(15),
            params:
                subjects_dir=SUBJECTS_DIR,
                spec=MEEG.params("source_space"),
                given=given,
                version=1,
            script:
                "../../scripts/source_space.py"

    rule forward:
        """Forward solution: the field of each source at each sensor."""
        input:
            raw=lambda wildcards: MEEG.visit(wildcards).raw[0],
            trans=rules.coregistration.output.trans,
            bem=lambda wildcards: MEEG.head_file("bem-sol.fif", wildcards.subject),
            source_space=lambda wildcards: MEEG.head_file("src.fif", wildcards.subject),
        output:
            **shareable(
                forward=MEEG.file("fwd.fif"),
                sidecar=MEEG.file("fwd.json"),
            ),
        log:
            PATHS.log("forward", *VISIT),
        benchmark:
            PATHS.benchmark("forward", *VISIT)
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(2000, 0),
            runtime=minutes(30),
        params:
            root=STUDY.bids_root,
            channels=MEEG.section.channels,
            montage=MEEG.section.montage,
            spec=MEEG.params("source_space"),
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
                inverse=MEEG.file("inv.fif"),
                sidecar=MEEG.file("inv.json"),
            ),
        log:
            PATHS.log("inverse_operator", *VISIT),
        benchmark:
            PATHS.benchmark("inverse_operator", *VISIT)
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(600, 8),
            runtime=minutes(15),
        params:
            # Only parameters of the operator; method and SNR are parameters of its application.
            spec={
                "loose": 1.0 if MEEG.on_grid else MEEG.section.inverse.loose,
                "depth": MEEG.section.inverse.depth,
                "fixed": MEEG.section.inverse.fixed,
            },
            rank=MEEG.section.covariance.rank,
            version=1,
        script:
            "../../scripts/inverse_operator.py"

    if MEEG.section.inverse.method == "LCMV":

        rule apply_beamformer:
            """Source estimate of each condition by an LCMV beamformer."""
            input:
                evoked=rules.evoked.output.evoked,
                epochs=rules.preprocess.output.epochs,
                forward=rules.forward.output.forward,
                covariance=rules.noise_covariance.output.covariance,
            output:
                **shareable(
                    estimates=list(MEEG.estimates().values()),
                    sidecar=MEEG.file("stc.json", inv=MEEG.section.inverse.method),
                ),
            log:
                PATHS.log("apply_beamformer", *VISIT),
            benchmark:
                PATHS.benchmark("apply_beamformer", *VISIT)
            conda:
                "../../envs/groupwise.yaml"
            resources:
                mem_mb=megabytes(700, 8),
                runtime=minutes(20),
            params:
                conditions=list(MEEG.section.conditions),
                spec=recorded_keys(MEEG.section.inverse.beamformer)
                | {
                    "orientation": MEEG.section.inverse.orientation,
                    "rank": MEEG.section.covariance.rank,
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
                    estimates=list(MEEG.estimates().values()),
                    residual=MEEG.file(
                        "ave.fif", inv=MEEG.section.inverse.method, desc="residual"
                    ),
                    sidecar=MEEG.file("stc.json", inv=MEEG.section.inverse.method),
                ),
            log:
                PATHS.log("apply_inverse", *VISIT),
            benchmark:
                PATHS.benchmark("apply_inverse", *VISIT)
            conda:
                "../../envs/groupwise.yaml"
            resources:
                mem_mb=megabytes(600, 8),
                runtime=minutes(15),
            params:
                conditions=list(MEEG.section.conditions),
                spec={
                    key: value
                    for key, value in MEEG.params("inverse")["inverse"].items()
                    if key in ("method", "snr", "orientation")
                },
                version=2,
            script:
                "../../scripts/apply_inverse.py"

    rule morph:
        """Morph source estimates to the vertices of the template."""
        input:
            estimates=list(MEEG.estimates().values()),
            spheres=lambda wildcards: [
                f"{SUBJECTS_DIR}/{name}/surf/{hemi}.sphere.reg"
                for name in dict.fromkeys(
                    [MEEG.anatomy_of(wildcards.subject), MEEG.section.morph.to]
                )
                for hemi in ("lh", "rh")
            ],
            template=PATHS.template_file(
                MEEG.section.morph.to, MEEG.section.morph.spacing
            ),
        output:
            **shareable(
                estimates=list(MEEG.estimates(space=MEEG.section.morph.to).values()),
                sidecar=MEEG.file(
                    "stc.json",
                    space=MEEG.section.morph.to,
                    inv=MEEG.section.inverse.method,
                ),
            ),
        log:
            PATHS.log("morph", *VISIT),
        benchmark:
            PATHS.benchmark("morph", *VISIT)
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(800, 8),
            runtime=minutes(15),
        params:
            subjects_dir=SUBJECTS_DIR,
            anatomy=lambda wildcards: MEEG.anatomy_of(wildcards.subject),
            spec=MEEG.params("morph")["morph"],
            given=given,
            version=1,
        script:
            "../../scripts/morph.py"

    rule quality_meeg:
        """Figures of the epochs, responses, noise covariance and residuals of one subject."""
        input:
            epochs=rules.preprocess.output.epochs,
            drops=rules.preprocess.output.drops,
            evoked=rules.evoked.output.evoked,
            covariance=(
                rules.noise_covariance.output.covariance if MEEG.has_sources else []
            ),
            chosen=rules.noise_covariance.output.sidecar if MEEG.has_sources else [],
            residual=rules.apply_inverse.output.residual if MEEG.has_residuals else [],
            explained=rules.apply_inverse.output.sidecar if MEEG.has_residuals else [],
        output:
            folder=directory(MEEG.figures),
        log:
            PATHS.log("quality_meeg", *VISIT),
        benchmark:
            PATHS.benchmark("quality_meeg", *VISIT)
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
        """Tables and figures of the noise covariance and explained variance of all subjects."""
        input:
            covariances=MEEG.expand_visits(rules.noise_covariance.output.sidecar),
            estimates=(
                MEEG.expand_visits(rules.apply_inverse.output.sidecar)
                if MEEG.has_residuals
                else []
            ),
        output:
            folder=reported_figures(
                PATHS.first_level("figures_meeg"),
                "first_level",
                "Quality of the data",
                "M/EEG, all",
            ),
            covariances=PATHS.first_level("noise_covariances.tsv"),
            covariance_columns=PATHS.first_level("noise_covariances.json"),
            explained=PATHS.first_level("explained_variance.tsv"),
            explained_columns=PATHS.first_level("explained_variance.json"),
        log:
            PATHS.log("figures_meeg"),
        benchmark:
            PATHS.benchmark("figures_meeg")
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(400, 4),
            runtime=minutes(5),
        params:
            subjects=MEEG.labels,
            version=2,
        script:
            "../../scripts/figures_meeg.py"
