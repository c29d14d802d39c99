"""fNIRS: optical intensity to first-level estimates of channels and regions."""

FNIRS = STUDY.fnirs
if FNIRS:
    nirs_file = partial(file_of, FNIRS, "nirs")


if FNIRS:
    from groupwise.inputs.optodes import find_optodes

    OPTODES = told(find_optodes, STUDY)
    OPTODES_CHECKED = f"{OUT}/check/optodes.tsv"
    NIRS_RUNS = [run["name"] for run in OPTODES.of(OPTODES.names[0])]
    OPTODES_CHECK = OPTODES.to_check(STUDY)

    CHECKS.append(
        (
            *(OPTODES_CHECKED, OPTODES_CHECK, OPTODES.files),
            "groupwise.fnirs.check",
        )
    )

    rule check_optodes:
        """What is in every fNIRS recording, its montage and events, as a table."""
        input:
            OPTODES.files,
        output:
            table=OPTODES_CHECKED,
            sidecar=OPTODES_CHECKED.replace(".tsv", ".json"),
        log:
            log_of("check_optodes"),
        benchmark:
            benchmark_of("check_optodes")
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(600, 0),
            runtime=minutes(20),
        params:
            spec=OPTODES_CHECK,
            given=given,
            version=2,
        script:
            "../../scripts/check_optodes.py"

    rule haemoglobin:
        """Intensity to haemoglobin, and what each source-detector pair is worth."""
        input:
            lambda wildcards: OPTODES.files_of(wildcards.subject),
        output:
            **shareable(
                signals=[
                    nirs_file("nirs.snirf", desc=camel(f"haemoglobin {name}"))
                    for name in NIRS_RUNS
                ],
                pairs=[
                    nirs_file("quality.tsv", desc=camel(f"pairs {name}"))
                    for name in NIRS_RUNS
                ],
                sidecar=nirs_file("quality.json"),
            ),
        log:
            log_of("haemoglobin", "subject"),
        benchmark:
            benchmark_of("haemoglobin", "subject")
        wildcard_constraints:
            subject=one_of(OPTODES.names),
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(600, 12),
            runtime=minutes(15),
        params:
            runs=lambda wildcards: OPTODES.of(wildcards.subject),
            bad=lambda wildcards: [
                *FNIRS.bad_channels.get("all", []),
                *FNIRS.bad_channels.get(wildcards.subject, []),
            ],
            spec=fnirs_params("quality", "motion", "ppf", "resample", "long"),
            longest=FNIRS.short_channels.longest,
            given=given,
            version=2,
        script:
            "../../scripts/haemoglobin.py"

    rule fit_channels:
        """First-level GLM: estimates of each channel and region of one participant."""
        input:
            signals=rules.haemoglobin.output.signals,
            pairs=rules.haemoglobin.output.pairs,
            sidecar=rules.haemoglobin.output.sidecar,
            tables=lambda wildcards: [
                run[kind] or run["raw"]
                for run in OPTODES.of(wildcards.subject)
                for kind in ("events", "confounds")
                if run[kind] or kind == "events"
            ],
        output:
            **shareable(
                channels=nirs_file("glm.tsv", desc="channels"),
                channel_columns=nirs_file("glm.json", desc="channels"),
                rois=nirs_file("glm.tsv", desc="rois"),
                roi_columns=nirs_file("glm.json", desc="rois"),
                designs=[
                    nirs_file("design.tsv", desc=camel(name or "run"))
                    for name in NIRS_RUNS
                ],
                sidecar=nirs_file("design.json"),
            ),
        log:
            log_of("fit_channels", "subject"),
        benchmark:
            benchmark_of("fit_channels", "subject")
        wildcard_constraints:
            subject=one_of(OPTODES.names),
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(600, 12),
            runtime=minutes(30),
        params:
            runs=lambda wildcards: OPTODES.of(wildcards.subject),
            spec=fnirs_params(
                *("conditions", "contrasts", "short_channels", "stim_duration"),
                *("hrf", "drift", "high_pass", "noise", "rois", "roi_weights"),
            ),
            given=given,
            version=2,
        script:
            "../../scripts/fit_channels.py"

    rule quality_fnirs:
        """Pictures of a participant's signals, pairs, design and estimates."""
        input:
            signals=rules.haemoglobin.output.signals,
            pairs=rules.haemoglobin.output.pairs,
            designs=rules.fit_channels.output.designs,
            sidecar=rules.fit_channels.output.sidecar,
            channels=rules.fit_channels.output.channels,
            rois=rules.fit_channels.output.rois,
        output:
            folder=directory(f"{OUT}/sub-{{subject}}/nirs/figures"),
        log:
            log_of("quality_fnirs", "subject"),
        benchmark:
            benchmark_of("quality_fnirs", "subject")
        wildcard_constraints:
            subject=one_of(OPTODES.names),
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(600, 10),
            runtime=minutes(10),
        params:
            conditions=list(FNIRS.conditions),
            version=2,
        script:
            "../../scripts/quality_fnirs.py"

    rule channel_table:
        """All participants' estimates of channels and of regions in one table each."""
        input:
            channels=of_participants(rules.fit_channels.output.channels),
            rois=of_participants(rules.fit_channels.output.rois),
            columns=rules.fit_channels.output.channel_columns.format(
                subject=OPTODES.names[0]
            ),
            roi_columns=rules.fit_channels.output.roi_columns.format(
                subject=OPTODES.names[0]
            ),
        output:
            channels=f"{OUT}/group/first_level/channels.tsv",
            channel_columns=f"{OUT}/group/first_level/channels.json",
            rois=f"{OUT}/group/first_level/rois.tsv",
            roi_columns=f"{OUT}/group/first_level/rois.json",
        log:
            log_of("channel_table"),
        benchmark:
            benchmark_of("channel_table")
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
        """Pictures of all participants' pairs, montage and estimates beside each other."""
        input:
            pairs=[
                path.format(subject=name)
                for name in OPTODES.names
                for path in rules.haemoglobin.output.pairs
            ],
            signal=rules.haemoglobin.output.signals[0].format(subject=OPTODES.names[0]),
            channels=rules.channel_table.output.channels,
            rois=rules.channel_table.output.rois,
        output:
            folder=pictures(
                f"{OUT}/group/first_level/figures_fnirs",
                "first_level",
                "Quality of the data",
                "fNIRS, all",
            ),
        log:
            log_of("figures_fnirs"),
        benchmark:
            benchmark_of("figures_fnirs")
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(700, 10),
            runtime=minutes(10),
        params:
            subjects=OPTODES.names,
            runs=NIRS_RUNS,
            conditions=list(FNIRS.conditions),
            rois=FNIRS.rois,
            version=2,
        script:
            "../../scripts/figures_fnirs.py"
