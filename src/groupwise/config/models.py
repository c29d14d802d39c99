"""The part of the config on mixed models of tables."""

from typing import Any, Literal

from pydantic import Field, model_validator

from groupwise.config.section import Name, Probability, Section


class Model(Section):
    """A model of a table by formula, with a random effect of the participant (`statsmodels`)."""

    data: Literal["channels", "rois", "values"] = Field(
        description="The table: all participants' channels or regions of the section fnirs, or the "
        "section values."
    )
    formula: str = Field(
        description="Patsy formula over its columns (ID, Condition, Chroma, ch_name or ROI, theta) "
        "and those of participants.tsv, such as theta ~ -1 + ROI:Condition:Chroma."
    )
    where: dict[Name, list[str]] = Field(
        {}, description="Rows that take part: column and its values."
    )
    by: list[Name] = Field(
        [],
        description="Columns; each combination of their values has a model of its own, such as "
        "[ch_name, Chroma]. Coefficients whose terms differ in levels alone are corrected "
        "together, over all models.",
    )
    estimator: Literal["mixed", "gee", "rlm"] = Field(
        "mixed",
        description="mixed: linear mixed model, REML; gee: generalised estimating equations, "
        "exchangeable within a participant, with bias-reduced robust errors, which need no right "
        "covariance; rlm: Huber's M-estimator, which bears outliers but takes rows as independent.",
    )
    groups: Name = Field("ID", description="Column of the participant, whose effect is random.")
    random: str = Field(
        "1", description="mixed: random effects by formula; 1: intercepts; 1 + x: slopes too."
    )
    optimizers: list[Literal["lbfgs", "bfgs", "cg", "powell", "nm"]] = Field(
        ["lbfgs", "bfgs", "cg", "powell", "nm"],
        min_length=1,
        description="mixed: tried in this order until one converges with a positive definite "
        "Hessian; the table tells which, or that none did.",
    )
    alpha: Probability = Field(0.05, description="Level of the report's verdicts and intervals.")

    @model_validator(mode="after")
    def _formula(self) -> "Model":
        if "~" not in self.formula:
            raise ValueError("formula: needs a ~, such as theta ~ -1 + ROI:Condition:Chroma")
        return self

    @property
    def section(self) -> str:
        """Key of the section of the study that the table comes from."""
        return "values" if self.data == "values" else "fnirs"

    def check(self, section: Any) -> list[str]:
        """Findings where the model does not fit that section."""
        if self.data == "rois" and not section.rois:
            return ["data is rois, but fnirs.rois names none"]
        return []
