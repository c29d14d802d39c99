"""Share first-level stages with other studies of the same recordings.

This needs a folder in the environment variable SNAKEMAKE_OUTPUT_CACHE, and `--cache`.
"""

from snakemake.caching.rule import RuleCache

SHAREABLE = (
    *("bem", "source_space", "source_grid", "template_source_space", "template_grid"),
    *("coregistration", "preprocess", "evoked", "noise_covariance", "forward"),
    *("inverse_operator", "apply_inverse", "apply_beamformer", "morph"),
    *("fit_runs", "haemoglobin", "fit_channels"),
)

if "SNAKEMAKE_OUTPUT_CACHE" in os.environ:
    for stage in workflow.rules:
        if stage.name in SHAREABLE:
            # Snakemake allows no benchmark in a rule with the directive `cache`. Without a cache,
            # the rules keep their benchmarks.
            stage._benchmark = None
            stage.cache = RuleCache.from_rule(stage, True)
