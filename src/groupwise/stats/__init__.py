"""Designs, contrasts, ANOVA, thresholds and corrections; functions of arrays, without files."""

from groupwise.stats.anova import f_of_scores, rm_anova, sphericity, t_of_scores
from groupwise.stats.between import Between, Mixed, TwoSample
from groupwise.stats.contrasts import effects_of
from groupwise.stats.corrections import bonferroni, clopper_pearson, fdr
from groupwise.stats.declared import design_from_dict, design_of_result, floor_of
from groupwise.stats.designs import Contrast, Design, OneSample, Paired, Within
from groupwise.stats.linear import (
    GLM,
    Regression,
    pooled_anova,
    pooled_contrast,
    pooled_model,
)
from groupwise.stats.names import StudyNames
from groupwise.stats.thresholds import cluster_threshold, p_of

__all__ = [
    "GLM",
    "Between",
    "Contrast",
    "Design",
    "Mixed",
    "OneSample",
    "Paired",
    "Regression",
    "StudyNames",
    "TwoSample",
    "Within",
    "bonferroni",
    "clopper_pearson",
    "cluster_threshold",
    "design_from_dict",
    "design_of_result",
    "effects_of",
    "f_of_scores",
    "fdr",
    "floor_of",
    "p_of",
    "pooled_anova",
    "pooled_contrast",
    "pooled_model",
    "rm_anova",
    "sphericity",
    "t_of_scores",
]
