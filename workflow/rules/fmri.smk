"""fMRI: preprocessed BOLD runs to first-level maps."""

FMRI = STUDY.fmri
if FMRI:
    bold_file = partial(file_of, FMRI, "func")


if FMRI:

    from groupwise.inputs.runs import find_runs

    RUNS = told(find_runs, STUDY)
    RUNS_CHECKED = f"{OUT}/check/runs.tsv"
    RUN_NAMES = [run["name"] for run in RUNS.of(RUNS.names[0])]
    RUNS_CHECK = RUNS.to_check(STUDY)
    if FMRI.mask != "intersection" and not Path(FMRI.mask).is_file():
        told(refuse, [f"config: fmri.mask: {FMRI.mask} is not there; check the path"])
    MAP_ROWS |= {name: fmri_rows(name) for name in analyses_of("fmri")}

    CHECKS.append((RUNS_CHECKED, RUNS_CHECK, RUNS.files, "groupwise.fmri.check"))

    rule check_runs:
        """What is in every run, its events and confounds, as a table."""
        input:
            RUNS.files,
        output:
            table=RUNS_CHECKED,
            sidecar=RUNS_CHECKED.replace(".tsv", ".json"),
        log:
            log_of("check_runs"),
        benchmark:
            benchmark_of("check_runs")
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(1000, 0),
            runtime=minutes(20),
        params:
            spec=RUNS_CHECK,
            given=given,
            version=2,
        script:
            "../../scripts/check_runs.py"

    rule fit_runs:
        """First-level GLM: maps of each condition and contrast of one subject."""
        input:
            lambda wildcards: [
                run[kind]
                for run in RUNS.of(wildcards.subject)
                for kind in ("bold", "mask", "confounds", "events")
            ],
        output:
            **shareable(
                **{
                    stat: list(first_level_maps(stat).values())
                    for stat in ("effect", "variance", "t", "z")
                },
                sidecars=list(first_level_maps("").values()),
                interest_F=interest_map("F"),
                interest_z=interest_map("z"),
                designs=[
                    bold_file("design.tsv", desc=camel(name or "run"))
                    for name in RUN_NAMES
                ],
                sidecar=bold_file("design.json"),
            ),
        log:
            log_of("fit_runs", "subject"),
        benchmark:
            benchmark_of("fit_runs", "subject")
        wildcard_constraints:
            subject=one_of(RUNS.names),
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(1000, 12),
            runtime=minutes(60),
        params:
            runs=lambda wildcards: RUNS.of(wildcards.subject),
            spec=FMRI.model_dump(
                mode="json",
                include={
                    "conditions",
                    "contrasts",
                    "hrf",
                    "drift",
                    "high_pass",
                    "confounds",
                    "smoothing",
                    "noise",
                },
            ),
            given=given,
            version=2,
        script:
            "../../scripts/fit_runs.py"

    rule quality_fmri:
        """Pictures of a subject's design, motion and responses."""
        input:
            designs=rules.fit_runs.output.designs,
            sidecar=rules.fit_runs.output.sidecar,
            interest=rules.fit_runs.output.interest_z,
            confounds=lambda wildcards: [
                run["confounds"] for run in RUNS.of(wildcards.subject)
            ],
        output:
            folder=directory(f"{OUT}/sub-{{subject}}/func/figures"),
        log:
            log_of("quality_fmri", "subject"),
        benchmark:
            benchmark_of("quality_fmri", "subject")
        wildcard_constraints:
            subject=one_of(RUNS.names),
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(700, 10),
            runtime=minutes(10),
        params:
            conditions=list(FMRI.conditions),
            given=given,
            version=2,
        script:
            "../../scripts/quality_fmri.py"

    rule figures_first_level:
        """Pictures of all subjects' first level beside each other."""
        input:
            interest=[
                rules.fit_runs.output.interest_z.format(subject=name)
                for name in RUNS.names
            ],
        output:
            folder=pictures(
                f"{OUT}/group/first_level/figures",
                "first_level",
                "Quality of the data",
                "fMRI, all",
            ),
        log:
            log_of("figures_first_level"),
        benchmark:
            benchmark_of("figures_first_level")
        conda:
            "../../envs/groupwise.yaml"
        resources:
            mem_mb=megabytes(700, 10),
            runtime=minutes(10),
        params:
            subjects=RUNS.names,
            conditions=list(FMRI.conditions),
            contrasts=FMRI.contrasts,
            version=2,
        script:
            "../../scripts/figures_first_level.py"
