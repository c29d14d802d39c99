"""The group stage, the same for every kind of data: prepare, permute in blocks, merge, infer."""

from groupwise.inputs.design import design_of as design_dict
from groupwise.inputs.participants import constant_columns, read_participants
from groupwise.stats.declared import design_from_dict, floor_of

DESIGNS = told(designs_of)


told(refuse, check_floors())


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
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(300, 6),
        runtime=minutes(15),
    params:
        design=lambda wildcards: design_of(
            wildcards.analysis, effect_named(wildcards.analysis, wildcards.effect)
        ),
        within=lambda wildcards: within_of(wildcards.analysis),
        cluster=lambda wildcards: STUDY.analyses[
            wildcards.analysis
        ].cluster.model_dump(include={"threshold", "mass"}, exclude_none=True),
        options=lambda wildcards: STUDY.analyses[wildcards.analysis].statistic_options,
        seed=STUDY.seed,
        version=3,
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
    conda:
        "../../envs/groupwise.yaml"
    threads: 1
    resources:
        mem_mb=megabytes(500, 1),
        runtime=minutes_of_block,
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
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(300, 2),
        runtime=minutes(10),
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
        nulls=nulls_of_analysis,
    output:
        maps=f"{EFFECT}/infer/maps.npz",
        clusters=told_table(f"{EFFECT}/infer/clusters.tsv", "clusters"),
        columns=f"{EFFECT}/infer/clusters.json",
        peaks=told_table(f"{EFFECT}/infer/peaks.tsv", "peaks"),
        peak_columns=f"{EFFECT}/infer/peaks.json",
        result=f"{EFFECT}/infer/result.json",
    log:
        log_of("infer", "analysis", "effect"),
    benchmark:
        benchmark_of("infer", "analysis", "effect")
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(400, 10),
        runtime=minutes(15),
    params:
        alpha=lambda wildcards: STUDY.analyses[wildcards.analysis].alpha,
        version=5,
    script:
        "../../scripts/infer.py"
