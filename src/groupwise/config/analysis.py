"""Keys common to all analyses, and keys shared by several kinds of data.

The analysis class of each kind of data is in the module of its section (`meeg.py` and so on).
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from groupwise.config.formula import weights_of
from groupwise.config.section import Name, Probability, Section
from groupwise.errors import InputError


class Threshold(Section):
    """Cluster-forming threshold: set one of the two keys."""

    p: Probability | None = Field(
        None,
        description="Uncorrected p, converted to t or F with the degrees of freedom of the design "
        "(for a two-sided t test: p/2 on each side).",
    )
    stat: float | None = Field(None, gt=0, description="Value of t or F.")

    @model_validator(mode="after")
    def _one(self) -> "Threshold":
        if (self.p is None) == (self.stat is None):
            raise ValueError("needs exactly one of the keys p and stat; add or remove one")
        return self


class Cluster(Section):
    """Cluster formation and cluster mass."""

    threshold: Threshold = Field(Threshold(p=0.001), description="Cluster-forming threshold.")
    mass: Literal["sum", "excess"] = Field(
        "sum",
        description="Cluster mass: the sum of the statistic, or of its excess over the threshold.",
    )
    connectivity: Literal["faces", "edges", "corners"] = Field(
        "faces",
        description="Number of neighbours of a voxel: 6 (faces), 18 (edges) or 26 (corners). Not "
        "used on surfaces, where the mesh defines neighbours.",
    )


class Analysis(Section):
    """One group analysis: its data, design, clusters and permutations."""

    data: str = Field(description="Kind of data. Each kind adds its own keys.")
    test: Literal["one-sample", "paired"] | None = Field(
        None,
        description="one-sample: test of one condition; paired: test of the first condition minus "
        "the second.",
    )
    conditions: list[str] = Field(
        [],
        description="For test: the condition (one-sample) or the two conditions (paired). May be "
        "empty for a one-sample test of ready-made maps whose table has no column condition.",
    )
    within: dict[Name, Annotated[list[str], Field(min_length=2)]] | None = Field(
        None,
        description="Within-subject factors and their levels; the first factor varies slowest. "
        "Exactly one condition must have all levels of a cell as tags.",
    )
    between: dict[Name, Annotated[list[str], Field(min_length=2)]] | None = Field(
        None,
        description="Groups of subjects: one column of the participants table and its levels. t is "
        "positive where the first group has the larger mean. More than two groups are tested by "
        "F. Together with within, a mixed design.",
    )
    covariates: list[Name] = Field(
        [],
        description="Numeric columns of the participants table. One regression on all of them is "
        "fitted to the maps (test: one-sample) or the differences (test: paired).",
    )
    variances: Literal["equal", "unequal"] = Field(
        "equal",
        description="Variances of two groups: equal (pooled variance) or unequal (Welch's t test).",
    )
    error: Literal["partitioned", "pooled"] = Field(
        "partitioned",
        description="Error term of a within design. partitioned: each effect has its own; pooled: "
        "one for all effects, from a model with subjects as regressors, which assumes sphericity.",
    )
    effects: Literal["all"] | list[str] = Field(
        "all",
        description="Effects to test: all, or a list of names. In a within design a name is a "
        "factor or an interaction such as modality:side. With covariates it is a covariate, mean "
        "(the mean at average covariates) or a joint test such as age+score.",
    )
    contrasts: dict[Name, str | Annotated[list[str], Field(min_length=1)]] = Field(
        {},
        description="For within, instead of effects: named weighted sums of cells, such as faces: "
        "famous + unfamiliar - 2 scrambled. A sum is tested by t, a list of sums by one F.",
    )
    hat: float = Field(
        0.0,
        ge=0,
        description="'Hat' variance added to each variance of a t test, as a share of the largest "
        "variance over the map (Ridgway et al. 2012).",
    )
    across_effects: bool = Field(
        False,
        description="Also correct the p-value of each cluster over all effects of the analysis.",
    )
    alternative: Literal["two-sided", "greater", "less"] = Field(
        "two-sided", description="Alternative hypothesis of a t test. Not used for F tests."
    )
    cluster: Cluster = Field(Cluster(), description="Cluster formation and cluster mass.")
    permutations: int = Field(
        10_000,
        ge=2,
        description="Number of resamplings, including the identity. If it is at least the number "
        "of distinct resamplings, each of these is computed once and the test is exact.",
    )
    alpha: Probability = Field(0.05, description="Family-wise error rate.")

    @model_validator(mode="after")
    def _design(self) -> "Analysis":
        if (self.test is None) == (self.within is None):
            raise ValueError("needs exactly one of the keys test and within; add or remove one")
        counts, what = {
            "one-sample": ((0, 1), "test: one-sample needs one condition; correct one"),
            "paired": ((2,), "test: paired needs two conditions; correct one"),
            None: ((0,), "a within design takes its conditions from within; remove them"),
        }[self.test]
        if len(self.conditions) not in counts:
            raise ValueError(f"conditions: has {len(self.conditions)} entries, but {what}")
        for part in ("within", "between"):
            for factor, levels in (getattr(self, part) or {}).items():
                if len(set(levels)) < len(levels):
                    raise ValueError(f"{part}.{factor}: has a level twice; remove one")
        if self.between and len(self.between) > 1:
            raise ValueError(
                f"between: has {len(self.between)} columns, but can have one; combine them into "
                "one column with levels such as patientMale"
            )
        if self.between and set(self.between) & set(self.within or {}):
            raise ValueError("between: has a factor of within; remove it from one of them")
        if self.covariates and (self.between or self.within):
            raise ValueError(
                "covariates: cannot be combined with between or within; code groups as a numeric "
                "column (0 and 1) and add it to covariates"
            )
        if len(set(self.covariates)) < len(self.covariates):
            raise ValueError("covariates: has a column twice; remove one")
        two = self.between and not self.within and len(next(iter(self.between.values()))) == 2
        if self.variances == "unequal" and not two:
            raise ValueError(
                "variances: unequal needs two groups (between with test); remove variances"
            )
        if self.error == "pooled" and (not self.within or self.between):
            raise ValueError("error: pooled needs a within design without between; remove error")
        return self

    @model_validator(mode="after")
    def _contrasts(self) -> "Analysis":
        if not self.contrasts:
            return self
        if not self.within or self.between:
            raise ValueError("contrasts: needs a within design without between; remove contrasts")
        if self.effects != "all":
            raise ValueError("effects: cannot be combined with contrasts; remove one of them")
        findings, plain = [], [name.replace("_", "").lower() for name in self.contrasts]
        if len(set(plain)) < len(plain):
            findings.append(
                "contrasts: two names have the same letters and digits, and files are named after "
                "them; rename one"
            )
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
            raise ValueError("effects: needs a within design or covariates; remove effects")
        if not self.effects:
            raise ValueError(
                "effects: is empty; add an effect, or remove the key to test all effects"
            )
        names = self.effect_names
        twice = sorted({e for e in names if names.count(e) > 1})
        if twice:
            raise ValueError(f"effects: has {', '.join(twice)} twice; remove one")
        if (self.within or self.covariates) and not self.contrasts:
            sign = "+" if self.covariates else ":"
            allowed = {*known, "mean"} if self.covariates else set(known)
            unknown = [e for e in names if not set(e.split(sign)) <= allowed]
            if unknown:
                what = "covariates" if self.covariates else "factors"
                raise ValueError(
                    f"effects: {', '.join(unknown)} is unknown; use the {what} {', '.join(known)}"
                )
        if self.has_f and self.alternative != "two-sided":
            raise ValueError(
                f"alternative: is {self.alternative}, but an F test has no direction; remove "
                "alternative"
            )
        group = next(iter(self.between or {}), None)
        if self.across_effects and len({group in e.split(":") for e in names}) > 1:
            raise ValueError(
                "across_effects: effects of groups are tested by permuting subjects and effects "
                "within subjects by sign flips, so they cannot be corrected together; list the "
                "effects of one kind in effects"
            )
        if self.hat and (self.has_f or self.covariates or self.variances == "unequal"):
            raise ValueError(
                "hat: needs a one-sample or paired t test, or two groups with equal variances; "
                "remove hat"
            )
        return self

    @property
    def section(self) -> str:
        """Key of the section of the study with the data."""
        return self.data

    @property
    def on_sensors(self) -> bool:
        """Whether the maps are evoked responses at sensors."""
        return False

    @property
    def statistic_options(self) -> dict[str, Any]:
        """Options of the statistic, in the order in which rule `prepare` records them."""
        return {"hat": self.hat, "tfce": False, "alternative": self.alternative}

    def check(self, section: Any) -> list[str]:
        """Return findings on what in the analysis contradicts the section of its data.

        Each finding starts with the key of the analysis to be changed.
        """
        return []

    def check_cells(self, conditions: Sequence[str]) -> list[str]:
        """Return findings on cells that do not match exactly one of these conditions."""
        key = "within" if self.within else "conditions"
        findings = []
        for cell in cells_of(self):
            fitting = conditions_with(cell["tags"], conditions)
            if len(fitting) != 1:
                tags = "/".join(cell["tags"])
                wanted = f"cell {tags} matches" if tags else "is empty, which matches"
                findings.append(
                    f"{key}: {wanted} {', '.join(fitting) or 'no condition'}; it must match "
                    f"exactly one of {', '.join(conditions)}"
                )
        return findings

    @property
    def without_neighbours(self) -> str:
        """Description of the places if they have no neighbours, so that there are no clusters."""
        return ""

    @property
    def unused_keys(self) -> set[str]:
        """Keys that have no meaning in this analysis."""
        return {"cluster", "tfce"} if self.without_neighbours else set()

    def check_clusters(self) -> list[str]:
        """Return findings on keys of clusters, if there can be no clusters."""
        return [
            f"{key}: {self.without_neighbours} have no neighbours, so there are no clusters, and "
            "the largest statistic is used; remove it"
            for key in sorted(self.unused_keys & self.model_fields_set)
            if getattr(self, key)
        ]

    @property
    def has_f(self) -> bool:
        """Whether any effect is tested by F."""
        groups = len(next(iter(self.between.values()))) if self.between else 0
        if self.contrasts:
            return any(not isinstance(sums, str) for sums in self.contrasts.values())
        joint = any("+" in effect for effect in self.effect_names)
        return self.within is not None or groups > 2 or joint

    def weights(self, name: str) -> list[float] | list[list[float]]:
        """Return the weights of a contrast: (cells,), or (cells, sums) if it is a list of sums."""
        cells = ["/".join(cell["factors"].values()) for cell in cells_of(self)]
        sums = self.contrasts[name]
        if isinstance(sums, str):
            return weights_of(sums, cells).tolist()
        columns = [weights_of(each, cells).tolist() for each in sums]
        return [list(row) for row in zip(*columns, strict=True)]

    @property
    def effect_names(self) -> list[str]:
        """Names of the effects, with the factors of an interaction in the order of the design."""
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
    """Analysis of points with neighbours."""

    tfce: bool = Field(
        False,
        description="Also compute threshold-free cluster enhancement (TFCE; E = 0.5, H = 2).",
    )

    @property
    def statistic_options(self) -> dict[str, Any]:
        """Options of the statistic, including TFCE."""
        return super().statistic_options | {"tfce": self.tfce}


class TimedAnalysis(ClusterAnalysis):
    """Analysis of time courses."""

    crop: tuple[float | None, float | None] | None = Field(
        None, description="Time window in s. null: the whole epoch."
    )
    average: bool = Field(
        False, description="Test the mean over the time window (crop) instead of each sample."
    )


class SourceAnalysis(TimedAnalysis):
    """Analysis of source estimates."""

    space: str | None = Field(None, description="Kind of places.")
    parcellation: str = Field(
        "aparc",
        description="For space: labels. Name of the parcellation, as in the template's "
        "label/?h.<parcellation>.annot. A cluster is then an interval of time in one label.",
    )
    hemispheres: list[Literal["lh", "rh"]] = Field(
        ["lh", "rh"], min_length=1, description="Hemispheres to test."
    )

    def check(self, section: Any) -> list[str]:
        """Return findings on keys that another space needs."""
        findings = self.check_clusters()
        if self.space != "labels" and "parcellation" in self.changed_keys:
            findings.append("parcellation: needs space: labels; remove it, or set space: labels")
        return findings

    @property
    def without_neighbours(self) -> str:
        """Description of labels without times, which have no neighbours."""
        averaged = self.space == "labels" and self.average
        return "labels without times (average: true)" if averaged else ""


def _rank_in(factors: list[str]) -> Callable[[str], int]:
    return lambda name: factors.index(name) if name in factors else len(factors)


def cells_of(analysis: Analysis) -> list[dict]:
    """Return the cells of the design as dicts of `factors` (a dict) and `tags` (a list).

    The first factor varies slowest.
    """
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
                # Recordings, not names of conditions, identify sessions.
                "tags": [*cell["tags"], *([] if factor == "session" else level.split("/"))],
            }
            for cell in cells
            for level in levels
        ]
    return cells


def conditions_with(tags: Sequence[str], conditions: Sequence[str]) -> list[str]:
    """Return the conditions whose tags (separated by /) include all of `tags`."""
    return [name for name in conditions if set(tags) <= set(name.split("/"))]
