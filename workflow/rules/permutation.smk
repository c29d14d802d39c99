"""Group level, the same for every data source: prepare, permute in blocks, merge, infer."""


rule prepare:
    """Normalise the contrast scores for exact sums, and convert the cluster-forming threshold."""
    input:
        data=STACKED["data"],
        observations=STACKED["observations"],
        space=STACKED["space"],
        sidecar=STACKED["sidecar"],
    output:
        values=f"{EFFECT}/prepared/values.npy",
        meta=f"{EFFECT}/prepared/meta.npz",
        observed=f"{EFFECT}/prepared/observed.npz",
    log:
        PATHS.log("prepare", "analysis", "effect"),
    benchmark:
        PATHS.benchmark("prepare", "analysis", "effect")
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(300, 6),
        runtime=minutes(15),
    params:
        design=lambda wildcards: effect_of(wildcards).design,
        within=lambda wildcards: within_levels(analysis_of(wildcards)),
        cluster=lambda wildcards: analysis_of(wildcards).cluster.model_dump(
            include={"threshold", "mass"}, exclude_none=True
        ),
        options=lambda wildcards: analysis_of(wildcards).statistic_options,
        seed=STUDY.seed,
        version=3,
    script:
        "../../scripts/prepare.py"


rule permute_block:
    """Maximum statistic, cluster mass and cluster size of each resampling of a block."""
    input:
        values=rules.prepare.output.values,
        meta=rules.prepare.output.meta,
    output:
        block=f"{EFFECT}/blocks/block-{{start}}_size-{{size}}.npz",
    log:
        PATHS.log("permute_block", "analysis", "effect", "start", "size"),
    benchmark:
        PATHS.benchmark("permute_block", "analysis", "effect", "start", "size")
    conda:
        "../../envs/groupwise.yaml"
    threads: 1
    resources:
        mem_mb=megabytes(500, 1),
        runtime=minutes_of_block,
    params:
        start=lambda wildcards: int(wildcards.start),
        stop=stop_of,
        version=2,
    script:
        "../../scripts/permute_block.py"


rule merge:
    """Merge the blocks of an effect into its null distribution."""
    input:
        blocks=lambda wildcards: PLAN.blocks(wildcards.analysis, wildcards.effect),
    output:
        null=f"{EFFECT}/null.npz",
    log:
        PATHS.log("merge", "analysis", "effect"),
    benchmark:
        PATHS.benchmark("merge", "analysis", "effect")
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(300, 2),
        runtime=minutes(10),
    params:
        permutations=lambda wildcards: effect_of(wildcards).permutations,
        version=2,
    script:
        "../../scripts/merge.py"


rule infer:
    """Corrected p of points and clusters, tables of clusters and peaks, and the result."""

    # `data` and `observations` are not read. Remove them when the version is raised; until then,
    # their removal would rerun this stage in every finished study.
    input:
        data=STACKED["data"],
        observations=STACKED["observations"],
        space=STACKED["space"],
        stack=STACKED["sidecar"],
        values=rules.prepare.output.values,
        meta=rules.prepare.output.meta,
        observed=rules.prepare.output.observed,
        null=rules.merge.output.null,
        nulls=lambda wildcards: PLAN.nulls_across(wildcards.analysis),
    output:
        maps=f"{EFFECT}/infer/maps.npz",
        clusters=reported_table(f"{EFFECT}/infer/clusters.tsv", "clusters"),
        columns=f"{EFFECT}/infer/clusters.json",
        peaks=reported_table(f"{EFFECT}/infer/peaks.tsv", "peaks"),
        peak_columns=f"{EFFECT}/infer/peaks.json",
        result=f"{EFFECT}/infer/result.json",
    log:
        PATHS.log("infer", "analysis", "effect"),
    benchmark:
        PATHS.benchmark("infer", "analysis", "effect")
    conda:
        "../../envs/groupwise.yaml"
    resources:
        mem_mb=megabytes(400, 4, "values", "meta", "observed", "null"),
        runtime=minutes(15),
    params:
        alpha=lambda wildcards: analysis_of(wildcards).alpha,
        version=5,
    script:
        "../../scripts/infer.py"
