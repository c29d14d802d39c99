"""Subjects, designs, resamplings and blocks of each effect."""


def subjects_of(analysis: str) -> list[str]:
    """Subjects of an analysis, in the order of its maps."""
    if STUDY.analyses[analysis].data == "meeg":
        return sorted(RECORDINGS.names)
    return sorted({row["subject"] for row in MAP_ROWS[analysis]})


def people_of(analysis: str) -> tuple[dict, str]:
    """Groups and covariates by subject, and where they stand."""
    spec = STUDY.analyses[analysis]
    if not (spec.between or spec.covariates):
        return {}, ""
    if (
        spec.data in ("maps", "estimates", "evokeds", "values")
        and STUDY.participants is None
    ):
        given = (
            MAP_TABLES[spec.data]
            if spec.data in MAP_TABLES
            else value_table.rename(columns={"ID": "subject"}).astype(str)
        )
        table = constant_columns(given.to_dict("records"))
        wanted = {*(spec.between or {}), *spec.covariates}
        if wanted <= {name for row in table.values() for name in row} or not (
            PARTICIPANTS and Path(PARTICIPANTS).is_file()
        ):
            return table, getattr(STUDY, spec.data).table
    participants = PARTICIPANTS
    if spec.data in ("fmri", "fnirs") and STUDY.participants is None:
        section = getattr(STUDY, spec.data)
        participants = f"{section.bids_root or STUDY.bids_root}/participants.tsv"
    if participants is None:
        raise InputError(
            f"config: participants is missing; analyses.{analysis} needs it"
        )
    return read_participants(participants), participants


def designs_of() -> dict[tuple[str, str], dict]:
    """The design of every effect of every analysis, and all that is wrong with them."""
    designs, findings = {}, []
    for name, analysis in STUDY.analyses.items():
        try:
            people, origin = people_of(name)
            for effect in analysis.effect_names:
                subjects = subjects_of(name)
                design = design_dict(analysis, effect, subjects, people, origin)
                # What the design itself refuses is told here, before any work.
                made = design_from_dict(design)
                made.df(
                    len(subjects)
                    if design["design"] != "Pooled"
                    else len(made.model()[0])
                )
                designs[name, effect] = design
        except InputError as error:
            findings += [
                f if f.startswith("config: ") else f"analyses.{name}: {f}"
                for f in error.findings
            ]
    refuse(list(dict.fromkeys(findings)))
    return designs


def design_of(analysis: str, effect: str) -> dict:
    """The design of one effect, as a plain dict that the library reads."""
    return DESIGNS[analysis, effect]


@cache
def resamplings(analysis: str, effect: str) -> int:
    """Distinct resamplings of an effect's design."""
    spec, design = STUDY.analyses[analysis], DESIGNS[analysis, effect]
    made = design_from_dict(design)
    rows = (
        len(subjects_of(analysis))
        if design["design"] != "Pooled"
        else len(made.model()[0])
    )
    return floor_of(made, rows, spec.alternative)[0]


def permutations(analysis: str, effect: str) -> int:
    """Resamplings that are computed: those asked for, or all there are."""
    return min(STUDY.analyses[analysis].permutations, resamplings(analysis, effect))


def check_floors() -> list[str]:
    """Findings on analyses whose smallest possible p cannot reach alpha."""
    findings = []
    for name, analysis in STUDY.analyses.items():
        # Effects between groups and within subjects differ in their resamplings.
        effect = min(analysis.effect_names, key=lambda e: resamplings(name, e))
        count = permutations(name, effect)
        if 1 / count > analysis.alpha:
            more = "" if count == resamplings(name, effect) else " or permutations"
            findings.append(
                f"config: analyses.{name}: {len(subjects_of(name))} subjects and "
                f"{analysis.permutations} permutations give {count} resamplings, so no p can be "
                f"below {1 / count:.3g}, and alpha is {analysis.alpha}; add subjects{more}"
            )
    return findings


def blocks(wildcards) -> list[str]:
    """Block files of an effect: fixed ranges of indices, so that more permutations add files."""
    effect = effect_named(wildcards.analysis, wildcards.effect)
    return [
        f"{EFFECT}/blocks/block-{start:08d}_size-{STUDY.block_size}.npz".format(
            **wildcards
        )
        for start in range(
            0, permutations(wildcards.analysis, effect), STUDY.block_size
        )
    ]


def stop_of(wildcards) -> int:
    """End of a block: its size further on, or where the distinct resamplings end.

    Not where the permutations asked for end: the block stays valid when more are asked for.
    """
    count = resamplings(
        wildcards.analysis, effect_named(wildcards.analysis, wildcards.effect)
    )
    return min(int(wildcards.start) + int(wildcards.size), count)


def minutes_of_block(wildcards, input, attempt) -> int:
    """Time of a block: three times what the slowest design took on a core of today.

    A permutation takes 0.001 to 0.015 ms a megabyte of values, and with TFCE 0.9 to 1.4 ms
    (docs/benchmarks.md).
    """
    tfce = STUDY.analyses[wildcards.analysis].statistic_options["tfce"]
    each = (5 if tfce else 0.05) * input_mb(wildcards, input)  # ms
    count = stop_of(wildcards) - int(wildcards.start)
    return int((10 + count * each / 60_000) * attempt)


def nulls_of_analysis(wildcards) -> list[str]:
    """Null distributions of all effects of an analysis, where it corrects across them."""
    spec = STUDY.analyses[wildcards.analysis]
    return [
        f"{EFFECT}/null.npz".format(analysis=wildcards.analysis, effect=slug(effect))
        for effect in (spec.effect_names if spec.across_effects else [])
    ]
