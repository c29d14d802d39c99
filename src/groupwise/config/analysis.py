"""Keys that every analysis has, and those that several kinds of data share.

The analysis of each kind of data stands beside the section of its data (`meeg.py` and so on).
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from groupwise.config.formula import weights_of
from groupwise.config.section import Name, Probability, Section
from groupwise.errors import InputError


class Threshold(Section):
    """Cluster-forming threshold: one of the two."""

    p: Probability | None = Field(
        None, description="Uncorrected p, converted with the df of the design (two-sided t: p/2)."
    )
    stat: float | None = Field(None, gt=0, description="Value of t or F.")

    @model_validator(mode="after")
    def _one(self) -> "Threshold":
        if (self.p is None) == (self.stat is None):
            raise ValueError("give p or stat, one of the two")
        return self


class Cluster(Section):
    """How clusters are formed and measured."""

    threshold: Threshold = Field(Threshold(p=0.001), description="Cluster-forming threshold.")
    mass: Literal["sum", "excess"] = Field(
        "sum", description="Mass: sum of the statistic, or of its excess over the threshold."
    )
    connectivity: Literal["faces", "edges", "corners"] = Field(
        "faces", description="Voxel neighbours: 6, 18 or 26. Surfaces use their mesh."
    )


class Analysis(Section):
    """One group analysis: data, design, clusters, permutations."""

    data: str = Field(description="Where the maps come from; each kind of data adds its own keys.")
    test: Literal["one-sample", "paired"] | None = Field(
        None, description="Test of one condition, or of the first minus the second of two."
    )
    conditions: list[str] = Field(
        [],
        description="For test: the condition (one-sample) or the two (paired). May stay empty for "
        "one-sample maps whose table has no column condition.",
    )
    within: dict[Name, Annotated[list[str], Field(min_length=2)]] | None = Field(
        None,
        description="Repeated-measures factors and their levels, first factor slowest. Each cell "
        "is the one condition that carries all its levels as tags.",
    )
    between: dict[Name, Annotated[list[str], Field(min_length=2)]] | None = Field(
        None,
        description="Groups of subjects: one column of the participants table and its levels. t is "
        "positive where the first has the larger mean; more than two levels give an F. With "
        "within: a mixed design.",
    )
    covariates: list[Name] = Field(
        [],
        description="Numeric columns of the participants table, all in one regression of the maps "
        "(test: one-sample) or differences (paired).",
    )
    variances: Literal["equal", "unequal"] = Field(
        "equal", description="Of two groups: equal (pooled) or unequal (Welch's t)."
    )
    error: Literal["partitioned", "pooled"] = Field(
        "partitioned",
        description="Error of a within design: partitioned (each effect its own), or pooled over "
        "conditions, with subjects as regressors, which assumes sphericity.",
    )
    effects: Literal["all"] | list[str] = Field(
        "all",
        description="Effects: all, or names such as modality:side; of covariates, their names, "
        "mean (at average covariates), or age+score (both together).",
    )
    contrasts: dict[Name, str | Annotated[list[str], Field(min_length=1)]] = Field(
        {},
        description="For within, instead of effects: sums of its cells by name, such as faces: "
        "famous + unfamiliar - 2 scrambled, each tested by t; a list of sums by one F.",
    )
    hat: float = Field(
        0.0,
        ge=0,
        description="Added to the variance of a t, as a share of the largest variance over the map "
        "(Ridgway et al. 2012).",
    )
    across_effects: bool = Field(
        False,
        description="Also correct each cluster for the clusters of all effects of the analysis.",
    )
    alternative: Literal["two-sided", "greater", "less"] = Field(
        "two-sided", description="Side of a t test; an F has none."
    )
    cluster: Cluster = Field(Cluster(), description="Clusters.")
    permutations: int = Field(
        10_000,
        ge=2,
        description="Resamplings, the identity included. At or above the number of distinct ones: "
        "all of them, once each, and the test is exact.",
    )
    alpha: Probability = Field(0.05, description="Family-wise error rate.")

    @model_validator(mode="after")
    def _design(self) -> "Analysis":
        if (self.test is None) == (self.within is None):
            raise ValueError("give test or within, one of the two")
        counts, what = {
            "one-sample": ((0, 1), "one condition"),
            "paired": ((2,), "two conditions"),
            None: ((0,), "no conditions (its cells come from within)"),
        }[self.test]
        if len(self.conditions) not in counts:
            raise ValueError(f"{self.test or 'a within design'} takes {what}")
        for part in ("within", "between"):
            for factor, levels in (getattr(self, part) or {}).items():
                if len(set(levels)) < len(levels):
                    raise ValueError(f"{part}.{factor} names a level twice")
        if self.between and len(self.between) > 1:
            raise ValueError("between takes one column; join several into one, e.g. patientMale")
        if self.between and set(self.between) & set(self.within or {}):
            raise ValueError("between and within name the same factor")
        if self.covariates and (self.between or self.within):
            raise ValueError(
                "covariates go with test alone; code groups as a numeric column (0 and 1) and "
                "name it among the covariates"
            )
        if len(set(self.covariates)) < len(self.covariates):
            raise ValueError("covariates names a column twice")
        two = self.between and not self.within and len(next(iter(self.between.values()))) == 2
        if self.variances == "unequal" and not two:
            raise ValueError("variances: unequal is for two groups (between, with a test)")
        if self.error == "pooled" and (not self.within or self.between):
            raise ValueError("error: pooled is for a within design without groups")
        return self

    @model_validator(mode="after")
    def _contrasts(self) -> "Analysis":
        if not self.contrasts:
            return self
        if not self.within or self.between:
            raise ValueError("contrasts are for a within design without groups")
        if self.effects != "all":
            raise ValueError("give effects or contrasts, one of the two")
        findings, plain = [], [name.replace("_", "").lower() for name in self.contrasts]
        if len(set(plain)) < len(plain):
            findings.append("contrasts: letters and digits of their names do not tell them apart")
        for name in self.contrasts:
            try:
                self.weights(name)
            except InputError as error:
                findings += [f"contrasts.{name}: {line}" for line in error.findings]
        if findings:
            raise ValueError("\n".join(findings))
        return self

    @model_validator(mode="after")
    def _effects(self) -> "Analysis":
        known = [*(self.between or {}), *(self.within or {}), *self.covariates]
        if self.test and not self.covariates and self.effects != "all":
            raise ValueError("effects belong to within designs and covariates; remove them")
        if not self.effects:
            raise ValueError("effects is empty; name an effect, or leave it out for all")
        names = self.effect_names
        twice = sorted({e for e in names if names.count(e) > 1})
        if twice:
            raise ValueError(f"effects names {', '.join(twice)} twice")
        if (self.within or self.covariates) and not self.contrasts:
            sign = "+" if self.covariates else ":"
            allowed = {*known, "mean"} if self.covariates else set(known)
            unknown = [e for e in names if not set(e.split(sign)) <= allowed]
            if unknown:
                what = "covariates are" if self.covariates else "factors are"
                raise ValueError(f"effects names {', '.join(unknown)}; {what} {', '.join(known)}")
        if self.has_f and self.alternative != "two-sided":
            raise ValueError("an F test has no side; remove alternative")
        group = next(iter(self.between or {}), None)
        if self.across_effects and len({group in e.split(":") for e in names}) > 1:
            raise ValueError(
                "across_effects: effects with the groups exchange subjects, effects without flip "
                "signs, and cannot be corrected together; name the effects of one kind"
            )
        if self.hat and (self.has_f or self.covariates or self.variances == "unequal"):
            raise ValueError(
                "hat is for a t of one sample, of pairs and of two groups with equal variances"
            )
        return self

    @property
    def section(self) -> str:
        """Key of the section of the study that the maps come from."""
        return self.data

    @property
    def on_sensors(self) -> bool:
        """Whether evoked responses at sensors are tested."""
        return False

    @property
    def statistic_options(self) -> dict[str, Any]:
        """Options of the statistic, in the order that rule `prepare` records them in."""
        return {"hat": self.hat, "tfce": False, "alternative": self.alternative}

    def check(self, section: Any) -> list[str]:
        """Findings where the analysis does not fit the section of its data.

        Each begins with the analysis' key that is to be changed.
        """
        return []

    def check_cells(self, conditions: Sequence[str]) -> list[str]:
        """Findings where a cell is not one of these conditions."""
        key = "within" if self.within else "conditions"
        findings = []
        for cell in cells_of(self):
            fitting = conditions_with(cell["tags"], conditions)
            if len(fitting) != 1:
                wanted = "/".join(cell["tags"]) or "(no condition named)"
                findings.append(
                    f"{key}: cell {wanted} fits {', '.join(fitting) or 'no condition'}; it must "
                    f"fit one of {', '.join(conditions)}"
                )
        return findings

    @property
    def has_f(self) -> bool:
        """Whether an effect is tested by F."""
        groups = len(next(iter(self.between.values()))) if self.between else 0
        if self.contrasts:
            return any(not isinstance(sums, str) for sums in self.contrasts.values())
        joint = any("+" in effect for effect in self.effect_names)
        return self.within is not None or groups > 2 or joint

    def weights(self, name: str) -> list[float] | list[list[float]]:
        """Weights of the cells in a contrast: (cells,), or (cells, sums) where it is a list."""
        cells = ["/".join(cell["factors"].values()) for cell in cells_of(self)]
        sums = self.contrasts[name]
        if isinstance(sums, str):
            return weights_of(sums, cells).tolist()
        columns = [weights_of(each, cells).tolist() for each in sums]
        return [list(row) for row in zip(*columns, strict=True)]

    @property
    def effect_names(self) -> list[str]:
        """Effects by name, an interaction's factors in the order of the design."""
        if self.contrasts:
            return list(self.contrasts)
        if self.covariates:
            return list(self.covariates) if self.effects == "all" else list(self.effects)
        if self.test:
            return list(self.between) if self.between else [self.test]
        factors = [*(self.between or {}), *(self.within or {})]
        if self.effects == "all":
            subsets = range(1, 2 ** len(factors))
            chosen = [[f for i, f in enumerate(factors) if s >> i & 1] for s in subsets]
            return [":".join(names) for names in sorted(chosen, key=len)]
        return [":".join(sorted(e.split(":"), key=_rank_in(factors))) for e in self.effects]


class ClusterAnalysis(Analysis):
    """An analysis of points that have neighbours."""

    tfce: bool = Field(
        False, description="Threshold-free cluster enhancement beside clusters (E 0.5, H 2)."
    )

    @property
    def statistic_options(self) -> dict[str, Any]:
        """The same, with TFCE."""
        return super().statistic_options | {"tfce": self.tfce}


class TimedAnalysis(ClusterAnalysis):
    """An analysis of time courses."""

    crop: tuple[float | None, float | None] | None = Field(
        None, description="Time window in s; null: the whole epoch."
    )
    average: bool = Field(
        False, description="Test the mean over crop, the time window, in place of each time."
    )


class SourceAnalysis(TimedAnalysis):
    """An analysis that can be of source estimates."""

    space: str | None = Field(None, description="Where the points are.")
    parcellation: str = Field(
        "aparc",
        description="space: labels: name of the template's label/?h.<parcellation>.annot. A "
        "cluster is then a stretch of time of one label.",
    )
    hemispheres: list[Literal["lh", "rh"]] = Field(
        ["lh", "rh"], min_length=1, description="Hemispheres that are tested."
    )

    def check(self, section: Any) -> list[str]:
        """The same, of keys that belong to one space alone."""
        if self.space != "labels" and "parcellation" in self.changed_keys:
            return ["parcellation: belongs to space: labels; remove it"]
        return []


def _rank_in(factors: list[str]) -> Callable[[str], int]:
    return lambda name: factors.index(name) if name in factors else len(factors)


def cells_of(analysis: Analysis) -> list[dict]:
    """Cells of the design in order, first factor slowest: `factors` (a dict) and `tags`."""
    if analysis.within is None:
        return [
            {"factors": {"condition": name}, "tags": name.split("/")}
            for name in analysis.conditions
        ] or [{"factors": {}, "tags": []}]
    cells: list[dict] = [{"factors": {}, "tags": []}]
    for factor, levels in analysis.within.items():
        cells = [
            {
                "factors": {**cell["factors"], factor: level},
                # Sessions are told by their recordings, not by the names of conditions.
                "tags": [*cell["tags"], *([] if factor == "session" else level.split("/"))],
            }
            for cell in cells
            for level in levels
        ]
    return cells


def conditions_with(tags: Sequence[str], conditions: Sequence[str]) -> list[str]:
    """Conditions whose tags (parted by /) include all of `tags`."""
    return [name for name in conditions if set(tags) <= set(name.split("/"))]
