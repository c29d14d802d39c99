"""Config of regression models of tables."""

from typing import Any, Literal

from pydantic import Field, model_validator

from groupwise.config.section import Name, Probability, Section


class Model(Section):
    """A regression of a table by formula, such as a linear mixed model (`statsmodels`)."""

    data: Literal["channels", "rois", "values"] = Field(
        description="Table to model. channels, rois: first-level estimates of all participants of "
        "the section fnirs; values: the table of the section values."
    )
    formula: str = Field(
        description="Patsy formula with columns of the table (ID, Condition, Chroma, ch_name or "
        "ROI, theta) and of participants.tsv, such as theta ~ -1 + ROI:Condition:Chroma. Text is a "
        "factor and numbers are a covariate; C(x) declares codes of groups, I(x) numbers."
    )
    where: dict[Name, list[str]] = Field(
        {}, description="Rows to include: columns and their values. Empty: all rows."
    )
    by: list[Name] = Field(
        [],
        description="Columns such as [ch_name, Chroma]: a separate model is fitted for each "
        "combination of their values. Coefficients whose terms differ only in levels are corrected "
        "together, over all models.",
    )
    estimator: Literal["mixed", "gee", "rlm"] = Field(
        "mixed",
        description="mixed: linear mixed model (REML). gee: generalised estimating equations with "
        "an exchangeable working correlation within participants and bias-reduced robust standard "
        "errors, which are valid if the working correlation is misspecified. rlm: Huber's "
        "M-estimator, which is robust to outliers but treats rows as independent.",
    )
    groups: Name = Field("ID", description="Column with the participant, which groups the rows.")
    random: str = Field(
        "1",
        description="For mixed: formula of the random effects. 1: intercepts; 1 + x: also slopes.",
    )
    optimizers: list[Literal["lbfgs", "bfgs", "cg", "powell", "nm"]] = Field(
        ["lbfgs", "bfgs", "cg", "powell", "nm"],
        min_length=1,
        description="For mixed: optimizers, tried in this order until one converges with a "
        "positive definite Hessian. The table of coefficients names it or states that there is "
        "none.",
    )
    alpha: Probability = Field(
        0.05, description="Significance level; the report has intervals of 1 - alpha."
    )

    @model_validator(mode="after")
    def _formula(self) -> "Model":
        if "~" not in self.formula:
            raise ValueError("formula: has no ~; write it as in theta ~ -1 + ROI:Condition:Chroma")
        return self

    @property
    def section(self) -> str:
        """Key of the section of the study with the data."""
        return "values" if self.data == "values" else "fnirs"

    def check(self, section: Any) -> list[str]:
        """Return findings on what in the model contradicts that section."""
        if self.data == "rois" and not section.rois:
            return ["data: rois needs regions in fnirs.rois; add them, or set data: channels"]
        return []
