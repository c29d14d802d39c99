"""Designs, contrasts, ANOVA, thresholds and corrections: arrays in, arrays out."""

from groupwise.stats.anova import f_of_scores, rm_anova, sphericity, t_of_scores
from groupwise.stats.contrasts import effects_of
from groupwise.stats.corrections import bonferroni, clopper_pearson, fdr
from groupwise.stats.designs import Design, OneSample, Paired, Within, design_from_dict, floor_of
from groupwise.stats.thresholds import cluster_threshold, p_of

__all__ = [
    "Design",
    "OneSample",
    "Paired",
    "Within",
    "bonferroni",
    "clopper_pearson",
    "cluster_threshold",
    "design_from_dict",
    "effects_of",
    "f_of_scores",
    "fdr",
    "floor_of",
    "p_of",
    "rm_anova",
    "sphericity",
    "t_of_scores",
]
