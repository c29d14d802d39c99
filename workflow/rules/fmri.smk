"""First level of fMRI: from preprocessed BOLD runs to effect maps."""

FMRI = PLAN.sources.get("fmri")


if FMRI:

    rule check_runs:
        """Check the images, events and confounds of every run."""
        input:
            FMRI.input_check.files,
        output:
            table=FMRI.input_check.table,
            sidecar=FMRI.input_check.sidecar,
        log:
            PATHS.log("check_runs"),
        benchmark:
            PATHS.benchmark("check_runs")
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(1000, 0),
            runtime=minutes(20),
        params:
            spec=FMRI.input_check.parameters,
            given=given,
            version=2,
        script:
            "../../scripts/check_runs.py"

    rule fit_runs:
        """Fit the first-level GLM of one subject; write a map of each condition and contrast."""
        input:
            lambda wildcards: FMRI.run_files(
                wildcards.subject, "bold", "mask", "confounds", "events"
            ),
        output:
            **shareable(
                **{
                    stat: list(FMRI.maps(stat).values())
                    for stat in ("effect", "variance", "t", "z")
                },
                sidecars=list(FMRI.maps("").values()),
                interest_F=FMRI.interest_map("F"),
                interest_z=FMRI.interest_map("z"),
                designs=FMRI.designs(),
                sidecar=FMRI.file("design.json"),
            ),
        log:
            PATHS.log("fit_runs", "subject"),
        benchmark:
            PATHS.benchmark("fit_runs", "subject")
        wildcard_constraints:
            subject=one_of(FMRI.subjects),
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(1000, 12),
            runtime=minutes(60),
        params:
            runs=lambda wildcards: FMRI.runs.of(wildcards.subject),
            spec=FMRI.params(
                *("conditions", "contrasts", "hrf", "drift", "high_pass", "confounds"),
                *("smoothing", "noise"),
            ),
            given=given,
            version=3,
        script:
            "../../scripts/fit_runs.py"

    rule quality_fmri:
        """Figures of the design, motion and responses of one subject."""
        input:
            designs=rules.fit_runs.output.designs,
            sidecar=rules.fit_runs.output.sidecar,
            interest=rules.fit_runs.output.interest_z,
            confounds=lambda wildcards: FMRI.run_files(wildcards.subject, "confounds"),
        output:
            folder=directory(FMRI.figures),
        log:
            PATHS.log("quality_fmri", "subject"),
        benchmark:
            PATHS.benchmark("quality_fmri", "subject")
        wildcard_constraints:
            subject=one_of(FMRI.subjects),
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(700, 10),
            runtime=minutes(10),
        params:
            conditions=list(FMRI.section.conditions),
            given=given,
            version=2,
        script:
            "../../scripts/quality_fmri.py"

    rule figures_fmri:
        """Figures that compare the first level of all subjects."""
        input:
            interest=FMRI.expand_subjects(FMRI.interest_map("z")),
        output:
            folder=reported_figures(
                PATHS.first_level("figures"),
                "first_level",
                "Quality of the data",
                "fMRI, all",
            ),
        log:
            PATHS.log("figures_fmri"),
        benchmark:
            PATHS.benchmark("figures_fmri")
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(700, 10),
            runtime=minutes(10),
        params:
            subjects=FMRI.subjects,
            conditions=list(FMRI.section.conditions),
            contrasts=FMRI.section.contrasts,
            version=2,
        script:
            "../../scripts/figures_fmri.py"
