"""The group stage, the same for every kind of data: prepare, permute in blocks, merge, infer."""

from groupwise.stats.declared import design_from_dict, floor_of


def n_subjects(analysis: str) -> int:
    """Subjects of an analysis."""
    if STUDY.analyses[analysis].data == "meeg":
        return len(RECORDINGS.names)
    return len({row["subject"] for row in MAP_ROWS[analysis]})


def design_of(analysis: str, effect: str) -> dict:
    """The design of one effect, as a plain dict that the library reads."""
    spec = STUDY.analyses[analysis]
    if spec.within is None:
        return {"design": {"one-sample": "OneSample", "paired": "Paired"}[spec.test]}
    factors = {factor: len(levels) for factor, levels in spec.within.items()}
    return {"design": "Within", "factors": factors, "effect": effect}


def resamplings(analysis: str, effect: str) -> int:
    """Distinct resamplings of an effect's design."""
    design = design_from_dict(design_of(analysis, effect))
    return floor_of(design, n_subjects(analysis), STUDY.analyses[analysis].alternative)[
        0
    ]


def permutations(analysis: str, effect: str) -> int:
    """Resamplings that are computed: those asked for, or all there are."""
    return min(STUDY.analyses[analysis].permutations, resamplings(analysis, effect))


def check_floors() -> list[str]:
    """Findings on analyses whose smallest possible p cannot reach alpha."""
    findings = []
    for name, analysis in STUDY.analyses.items():
        # The number of flips is the same for all effects of an analysis.
        effect = analysis.effect_names[0]
        count = permutations(name, effect)
        if 1 / count > analysis.alpha:
            more = "" if count == resamplings(name, effect) else " or permutations"
            findings.append(
                f"config: analyses.{name}: {n_subjects(name)} subjects and "
                f"{analysis.permutations} permutations give {count} resamplings, so no p can be "
                f"below {1 / count:.3g}, and alpha is {analysis.alpha}; add subjects{more}"
            )
    return findings


told(refuse, check_floors())


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


rule prepare:
    """Contrast scores, normalised for exact sums, and the threshold in their units."""
    input:
        data=f"{STACK}/stack.npy",
        observations=f"{STACK}/observations.tsv",
        space=f"{STACK}/space.npz",
        sidecar=f"{STACK}/stack.json",
    output:
        values=f"{EFFECT}/prepared/values.npy",
        meta=f"{EFFECT}/prepared/meta.npz",
        observed=f"{EFFECT}/prepared/observed.npz",
    log:
        log_of("prepare", "analysis", "effect"),
    benchmark:
        benchmark_of("prepare", "analysis", "effect")
    resources:
        mem_mb=megabytes(300, 6),
        runtime=15,
    params:
        design=lambda wildcards: design_of(
            wildcards.analysis, effect_named(wildcards.analysis, wildcards.effect)
        ),
        within=lambda wildcards: within_of(wildcards.analysis),
        cluster=lambda wildcards: STUDY.analyses[
            wildcards.analysis
        ].cluster.model_dump(include={"threshold", "mass"}, exclude_none=True),
        alternative=lambda wildcards: STUDY.analyses[wildcards.analysis].alternative,
        seed=STUDY.seed,
        version=2,
    script:
        "../../scripts/prepare.py"


rule permute_block:
    """Largest statistic, cluster mass and cluster size of a fixed range of resamplings."""
    input:
        values=rules.prepare.output.values,
        meta=rules.prepare.output.meta,
    output:
        block=f"{EFFECT}/blocks/block-{{start}}_size-{{size}}.npz",
    log:
        log_of("permute_block", "analysis", "effect", "start", "size"),
    benchmark:
        benchmark_of("permute_block", "analysis", "effect", "start", "size")
    threads: 1
    resources:
        mem_mb=megabytes(500, 1),
        runtime=60,
    params:
        start=lambda wildcards: int(wildcards.start),
        stop=lambda wildcards: stop_of(wildcards),
        version=2,
    script:
        "../../scripts/permute_block.py"


rule merge:
    """The null distribution from all its blocks."""
    input:
        blocks=blocks,
    output:
        null=f"{EFFECT}/null.npz",
    log:
        log_of("merge", "analysis", "effect"),
    benchmark:
        benchmark_of("merge", "analysis", "effect")
    resources:
        mem_mb=megabytes(300, 2),
        runtime=10,
    params:
        permutations=lambda wildcards: permutations(
            wildcards.analysis, effect_named(wildcards.analysis, wildcards.effect)
        ),
        version=2,
    script:
        "../../scripts/merge.py"


rule infer:
    """Corrected p of points and clusters, the cluster table, the sentence of the result."""
    input:
        data=f"{STACK}/stack.npy",
        observations=f"{STACK}/observations.tsv",
        space=f"{STACK}/space.npz",
        stack=f"{STACK}/stack.json",
        values=rules.prepare.output.values,
        meta=rules.prepare.output.meta,
        observed=rules.prepare.output.observed,
        null=rules.merge.output.null,
    output:
        maps=f"{EFFECT}/infer/maps.npz",
        clusters=f"{EFFECT}/infer/clusters.tsv",
        columns=f"{EFFECT}/infer/clusters.json",
        result=f"{EFFECT}/infer/result.json",
    log:
        log_of("infer", "analysis", "effect"),
    benchmark:
        benchmark_of("infer", "analysis", "effect")
    resources:
        mem_mb=megabytes(400, 10),
        runtime=15,
    params:
        alpha=lambda wildcards: STUDY.analyses[wildcards.analysis].alpha,
        version=2,
    script:
        "../../scripts/infer.py"
