"""First level of fNIRS: from optical intensity to estimates of channels and regions."""

FNIRS = PLAN.sources.get("fnirs")


if FNIRS:

    rule check_optodes:
        """Check the montage and events of every fNIRS recording."""
        input:
            FNIRS.input_check.files,
        output:
            table=FNIRS.input_check.table,
            sidecar=FNIRS.input_check.sidecar,
        log:
            PATHS.log("check_optodes"),
        benchmark:
            PATHS.benchmark("check_optodes")
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(600, 0),
            runtime=minutes(20),
        params:
            spec=FNIRS.input_check.parameters,
            given=given,
            version=3,
        script:
            "../../scripts/check_optodes.py"

    rule haemoglobin:
        """Convert intensity to haemoglobin, and compute the quality of each source-detector pair."""
        input:
            lambda wildcards: FNIRS.given_files(wildcards.subject),
        output:
            **shareable(
                signals=FNIRS.signals(),
                pairs=FNIRS.pairs(),
                sidecar=FNIRS.file("quality.json"),
            ),
        log:
            PATHS.log("haemoglobin", "subject"),
        benchmark:
            PATHS.benchmark("haemoglobin", "subject")
        wildcard_constraints:
            subject=one_of(FNIRS.subjects),
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(600, 12),
            runtime=minutes(15),
        params:
            runs=lambda wildcards: FNIRS.runs.of(wildcards.subject),
            bad=lambda wildcards: FNIRS.bad_channels(wildcards.subject),
            spec=FNIRS.params("quality", "motion", "ppf", "resample", "long"),
            longest=FNIRS.section.short_channels.longest,
            given=given,
            version=2,
        script:
            "../../scripts/haemoglobin.py"

    rule fit_channels:
        """Fit the first-level GLM of one participant; estimate each channel and region."""
        input:
            signals=rules.haemoglobin.output.signals,
            pairs=rules.haemoglobin.output.pairs,
            sidecar=rules.haemoglobin.output.sidecar,
            tables=lambda wildcards: FNIRS.event_files(wildcards.subject),
        output:
            **shareable(
                channels=FNIRS.file("glm.tsv", desc="channels"),
                channel_columns=FNIRS.file("glm.json", desc="channels"),
                rois=FNIRS.file("glm.tsv", desc="rois"),
                roi_columns=FNIRS.file("glm.json", desc="rois"),
                designs=FNIRS.designs(),
                sidecar=FNIRS.file("design.json"),
            ),
        log:
            PATHS.log("fit_channels", "subject"),
        benchmark:
            PATHS.benchmark("fit_channels", "subject")
        wildcard_constraints:
            subject=one_of(FNIRS.subjects),
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(600, 12),
            runtime=minutes(30),
        params:
            runs=lambda wildcards: FNIRS.runs.of(wildcards.subject),
            spec=FNIRS.params(
                *("conditions", "contrasts", "short_channels", "stim_duration"),
                *("hrf", "drift", "high_pass", "noise", "rois", "roi_weights"),
            ),
            given=given,
            version=2,
        script:
            "../../scripts/fit_channels.py"

    rule quality_fnirs:
        """Figures of the signals, pairs, design and estimates of one participant."""
        input:
            signals=rules.haemoglobin.output.signals,
            pairs=rules.haemoglobin.output.pairs,
            designs=rules.fit_channels.output.designs,
            sidecar=rules.fit_channels.output.sidecar,
            channels=rules.fit_channels.output.channels,
            rois=rules.fit_channels.output.rois,
        output:
            folder=directory(FNIRS.figures),
        log:
            PATHS.log("quality_fnirs", "subject"),
        benchmark:
            PATHS.benchmark("quality_fnirs", "subject")
        wildcard_constraints:
            subject=one_of(FNIRS.subjects),
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(600, 10),
            runtime=minutes(10),
        params:
            conditions=list(FNIRS.section.conditions),
            version=2,
        script:
            "../../scripts/quality_fnirs.py"

    rule channel_table:
        """Collect the estimates of all participants in a table of channels and one of regions."""
        input:
            channels=FNIRS.expand_subjects(rules.fit_channels.output.channels),
            rois=FNIRS.expand_subjects(rules.fit_channels.output.rois),
            columns=FNIRS.expand_subjects(rules.fit_channels.output.channel_columns)[0],
            roi_columns=FNIRS.expand_subjects(rules.fit_channels.output.roi_columns)[0],
        output:
            channels=PATHS.first_level("channels.tsv"),
            channel_columns=PATHS.first_level("channels.json"),
            rois=PATHS.first_level("rois.tsv"),
            roi_columns=PATHS.first_level("rois.json"),
        log:
            PATHS.log("channel_table"),
        benchmark:
            PATHS.benchmark("channel_table")
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(300, 10),
            runtime=minutes(10),
        params:
            version=1,
        script:
            "../../scripts/channel_table.py"

    rule figures_fnirs:
        """Figures that compare the pairs and estimates of all participants, and the montage."""
        input:
            pairs=FNIRS.all_pairs,
            signal=FNIRS.montage,
            channels=rules.channel_table.output.channels,
            rois=rules.channel_table.output.rois,
        output:
            folder=reported_figures(
                PATHS.first_level("figures_fnirs"),
                "first_level",
                "Quality of the data",
                "fNIRS, all",
            ),
        log:
            PATHS.log("figures_fnirs"),
        benchmark:
            PATHS.benchmark("figures_fnirs")
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(700, 10),
            runtime=minutes(10),
        params:
            subjects=FNIRS.subjects,
            runs=FNIRS.run_names,
            conditions=list(FNIRS.section.conditions),
            rois=FNIRS.section.rois,
            version=2,
        script:
            "../../scripts/figures_fnirs.py"
