"""Infer corrected maps and clusters from the observed maps and the null distribution.

Files of a result; all maps have the shape of the space, (places,) or (places, times):

maps.npz
    =============  =======  ==================================================================
    statistic      float64  t or F, computed in float64; NaN at excluded points (all p too)
    p_uncorrected  float64  parametric
    p_max          float64  permutation p, corrected for all points by the maximum statistic
    q_fdr          float64  Benjamini-Hochberg q of p_uncorrected
    p_bonferroni   float64  Bonferroni correction of p_uncorrected
    tfce, p_tfce   float64  threshold-free cluster enhancement and its corrected p, if computed
    p_cluster      float64  p of the point's cluster by its mass; 1 outside clusters
    labels         int32    id of the point's cluster, 0 outside
    significant    bool     the point's cluster has p <= alpha
    excluded       bool     the point was not tested
    eps_gg ...     float64  eps_gg, eps_hf, p_gg, p_hf: if d > 1 (eps_gg: also of pooled errors)
    =============  =======  ==================================================================
clusters.tsv, clusters.json
    Table of `table.describe_clusters`, and the meaning of its columns.
result.json
    `Result.summary` and provenance.
"""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from groupwise.errors import InputError
from groupwise.files import write_whole
from groupwise.permutation.clusters import mass_and_size, point_masses
from groupwise.permutation.merge import Null
from groupwise.permutation.prepared import Prepared
from groupwise.permutation.statistic import compute_statistics, tie_bounds
from groupwise.permutation.tfce_maps import tfce_of_map
from groupwise.stats.corrections import bonferroni, clopper_pearson, fdr, tail_p

if TYPE_CHECKING:
    import pandas as pd


#: TFCE values with a smaller relative difference count as tied: heights are rounded to float32.
TFCE_TIE = 1e-5


@dataclass(frozen=True, eq=False)
class Result:
    """Result of a permutation test.

    Attributes
    ----------
    maps : the arrays of maps.npz by name, in the shape of the maps.
    clusters : table of the clusters by descending mass: id, sign, mass (sum of the statistic,
        negative on the negative side), size (points), p, p_low, p_high (95% Monte Carlo interval),
        p_tail_approximate (from a fit of the tail of the null distribution), p_size (by cluster
        size), peak (point number; a tuple of indices if maps have several dimensions),
        peak_statistic.
    null : null distribution, the maxima by permutation and side.
    prepared : the prepared effect.
    alpha : significance level.
    which : index of the cluster-forming threshold if there are several.
    """

    maps: dict[str, np.ndarray]
    clusters: "pd.DataFrame"
    null: Null
    prepared: Prepared
    alpha: float
    which: int = 0

    @property
    def threshold(self) -> float:
        """The cluster-forming threshold as a value of the statistic."""
        return self.prepared.thresholds[self.which]

    @property
    def statistic(self) -> np.ndarray:
        """Observed t or F in the shape of the maps, NaN at excluded points."""
        return self.maps["statistic"]

    @property
    def labels(self) -> np.ndarray:
        """Cluster id of each point, 0 outside."""
        return self.maps["labels"]

    @property
    def p_max(self) -> np.ndarray:
        """p of each point, corrected for all points by the maximum statistic."""
        return self.maps["p_max"]

    @property
    def p_tfce(self) -> np.ndarray:
        """Corrected p of each point by threshold-free cluster enhancement.

        Raises
        ------
        InputError : it was not computed.
        """
        if "p_tfce" not in self.maps:
            raise InputError("threshold-free cluster enhancement was not computed; give tfce=True")
        return self.maps["p_tfce"]

    @property
    def exact(self) -> bool:
        """Whether all distinct resamplings were enumerated."""
        return self.null.exact

    @property
    def sentence(self) -> str:
        """The result as a sentence that says what differs, not where or when."""
        p = self.prepared
        what = "sign flips" if p.flips else "orders of the subjects"
        if not p.flips and p.blocks.max() > 0:
            what = "orders within blocks"
        how = (
            f"all {self.null.n} distinct {what}, exact"
            if self.exact
            else f"{self.null.n} of {_format_count(self.null.distinct)} distinct {what}, random"
        )
        if not self.has_neighbours:
            return self._sentence_by_maximum(how)
        if not len(self.clusters):
            return (
                f"No evidence that {p.design.claim}: no cluster formed above {p.design.statistic} "
                f"= {self.threshold:.4g} (cluster-based permutation test; {how})."
            )
        best = self.clusters.sort_values("p", kind="stable").iloc[0]
        found = best.p <= self.alpha
        p_value = f"{'p' if found else 'smallest p'} = {_format_p(best.p)}"
        if not self.exact:
            p_value += (
                f", 95% Monte-Carlo interval {_format_p(best.p_low)} to {_format_p(best.p_high)}"
            )
        test = f"(cluster-based permutation test, {p_value}; {how})"
        if found:
            return f"{p.design.claim[0].upper()}{p.design.claim[1:]} {test}."
        return f"No evidence that {p.design.claim} {test}."

    @property
    def has_neighbours(self) -> bool:
        """Whether points can form clusters; otherwise the maximum statistic is reported."""
        return bool(self.prepared.adjacency.nnz) or self.prepared.n_times > 1

    def _sentence_by_maximum(self, how: str) -> str:
        tested = self.maps["p_max"][~self.maps["excluded"]]
        best, claim = float(tested.min()), self.prepared.design.claim
        found = int((tested <= self.alpha).sum())
        low, high = monte_carlo_interval(np.array(round(best * self.null.n)), self.null)
        p_value = f"{'p' if found else 'smallest p'} = {_format_p(best)}"
        if not self.exact:
            p_value += (
                f", 95% Monte-Carlo interval {_format_p(float(low))} to {_format_p(float(high))}"
            )
        test = f"permutation test of the largest statistic, {p_value}; {how}"
        if not found:
            return f"No evidence that {claim} ({test})."
        where = f"at {found} of {len(tested)} points"
        return f"{claim[0].upper()}{claim[1:]} {where} ({test})."

    def summary(self) -> dict[str, Any]:
        """Return the sidecar of the result, without provenance and space."""
        p = self.prepared
        df = p.df
        tested = self.maps["p_max"][~self.maps["excluded"]]
        count = round(float(tested.min()) * self.null.n)
        low, high = monte_carlo_interval(np.array(count), self.null)
        return {
            "Description": "Cluster-based permutation test"
            if self.has_neighbours
            else "Permutation test of the largest statistic",
            "Sentence": self.sentence,
            "ClusterNote": (
                "A significant cluster says that the conditions differ, not where or when; extent "
                "and latency of a cluster are descriptive (Sassenhagen and Draschkow 2019)."
                if self.has_neighbours
                else "Each significant point is so by itself: its p is corrected over all points."
            ),
            "Neighbours": self.has_neighbours,
            "SignificantPoints": int((tested <= self.alpha).sum()),
            "Design": p.design.to_dict(),
            "Effect": p.design.effect,
            "Statistic": p.design.statistic,
            "DegreesOfFreedom": list(df) if p.design.statistic == "F" else [df[1]],
            "Subjects": len(set(p.blocks.tolist()))
            if p.kind == "models" and p.blocks.any()
            else p.n,
            "Groups": p.design.group_sizes,
            "Alternative": p.alternative,
            "Alpha": self.alpha,
            "Threshold": {"asked": p.asked[self.which], "statistic": self.threshold},
            "Mass": p.mass,
            # Median of the tested points; None if the design does not need sphericity.
            "Epsilon": None
            if "eps_gg" not in self.maps
            else float(np.median(self.maps["eps_gg"][~self.maps["excluded"]])),
            "Hat": p.hat,
            "TFCE": p.tfce,
            "Seed": p.seed,
            "Permutations": self.null.n,
            "DistinctResamplings": self.null.distinct,
            "Exchangeable": p.design.exchange,
            "Exact": self.exact,
            "PointsTested": len(p.kept),
            "PointsExcluded": {"not finite": p.not_finite, "no variation": p.no_variation},
            "Clusters": len(self.clusters),
            "SignificantClusters": int((self.clusters["p"] <= self.alpha).sum()),
            "SmallestClusterP": float(self.clusters["p"].min()) if len(self.clusters) else None,
            "MaximumStatistic": {
                "largest": float(self.null.statistic[0].max()),
                "p": float(tested.min()),
                "p_low": float(low),
                "p_high": float(high),
            },
            "AnalysisDigest": p.digest,
        }

    def save_maps(self, path: str | os.PathLike) -> None:
        """Write maps.npz, atomically."""
        with write_whole(path) as part, part.open("wb") as handle:
            np.savez_compressed(handle, allow_pickle=False, **self.maps)


def infer(prepared: Prepared, null: Null, alpha: float = 0.05, which: int = 0) -> Result:
    """Return corrected maps and clusters of the observed data.

    p = #{i: M_i >= M_obs} / N, the identity being one of the N permutations. Values that differ
    only by the rounding of the scores count as tied (`statistic.tie_bounds`). Two-sided p use the
    maximum of both sides.

    Parameters
    ----------
    prepared : the prepared effect, with its observed maps.
    null : null distribution of the same prepared effect.
    alpha : significance level; clusters with p <= alpha are significant.
    which : index of the cluster-forming threshold if there are several.

    Raises
    ------
    InputError : the null distribution is of other data, another design or version of the engine.
    """
    if prepared.observed is None:
        raise ValueError(
            "the prepared effect was loaded without its observed maps; load it with maps=True"
        )
    if null.digest != prepared.digest:
        raise InputError(
            f"the null distribution (digest {null.digest[:12]}) is of another analysis than the "
            f"prepared effect ({prepared.digest[:12]}); merge the blocks of this effect"
        )
    null = null.at(which)
    values = compute_statistics(prepared, prepared.draw(0, 1))[0]
    least = tie_bounds(prepared)
    p_max = np.full(prepared.n_points, np.nan)
    reached = count_reaching(null.statistic.max(axis=1), orient_values(prepared, least))
    p_max[prepared.kept] = reached / null.n

    clusters, labels = _observed_clusters(prepared, values, least, null, which)
    clusters["peak_statistic"] = prepared.observed["statistic"][clusters["peak"]]
    p_cluster = np.where(np.isnan(p_max), np.nan, 1.0)
    inside = labels > 0
    enhanced = {}
    if prepared.tfce:
        value = tfce_of_map(prepared, values, prepared.tfce)
        least = np.abs(value) * (1 - TFCE_TIE)
        p_tfce = np.full(prepared.n_points, np.nan)
        p_tfce[prepared.kept] = count_reaching(null.tfce.max(axis=1), least[prepared.kept]) / null.n
        value[np.isnan(p_tfce)] = np.nan
        enhanced = {"tfce": value, "p_tfce": p_tfce}
    p_cluster[inside] = clusters["p"].to_numpy()[labels[inside] - 1]
    uncorrected = prepared.observed["p_uncorrected"]
    maps = {
        **prepared.observed,
        "p_max": p_max,
        **enhanced,
        "q_fdr": fdr(uncorrected),
        "p_bonferroni": bonferroni(uncorrected),
        "p_cluster": p_cluster,
        "labels": labels,
        "significant": inside & (p_cluster <= alpha),
        "excluded": np.isnan(p_max),
    }
    if len(prepared.shape) > 1:
        clusters["peak"] = [
            tuple(int(k) for k in np.unravel_index(peak, prepared.shape))
            for peak in clusters["peak"]
        ]
    return Result(
        maps={name: values.reshape(prepared.shape) for name, values in maps.items()},
        clusters=clusters,
        null=null,
        prepared=prepared,
        alpha=alpha,
        which=which,
    )


def orient_values(prepared: Prepared, values: np.ndarray) -> np.ndarray:
    """Return values with the sign that makes the tested side positive; magnitudes if both are."""
    return np.abs(values) if len(prepared.sides) == 2 else values * prepared.sides[0]


def monte_carlo_interval(count: np.ndarray, null: Null) -> tuple[np.ndarray, np.ndarray]:
    """Return the 95% Monte Carlo interval of count / N; p itself if all resamplings were used."""
    if null.exact:
        return np.asarray(count) / null.n, np.asarray(count) / null.n
    return clopper_pearson(count, null.n)


def count_reaching(maxima: np.ndarray, least: np.ndarray) -> np.ndarray:
    """Return how many of the maxima are at least as large as each value."""
    return len(maxima) - np.searchsorted(np.sort(maxima), least, side="left")


def _observed_clusters(
    prepared: Prepared, values: np.ndarray, least: np.ndarray, null: Null, which: int
) -> tuple["pd.DataFrame", np.ndarray]:
    """Return the table of the observed clusters, and the cluster id of each point (points,).

    Parameters
    ----------
    values : (tested points,) observed statistic.
    least : (tested points,) lowest values that count as tied, from `tie_bounds`.
    """
    import pandas as pd  # not at the top, so that a block of permutations starts without it

    threshold = prepared.thresholds[which]
    above = np.zeros(len(values), bool)
    for side in prepared.sides:
        above |= values * side > threshold
    points, values = prepared.kept[above], values[above]
    count, component = prepared.neighbours.components(points, values > 0)
    weights = point_masses(values, threshold, prepared.mass)
    mass, size = mass_and_size(component, count, weights)
    # The lowest mass that counts as tied with the observed one.
    lower = point_masses(least[above], threshold, prepared.mass)
    lowest, _ = mass_and_size(component, count, lower)
    sign = np.ones(count, int)
    sign[component] = np.where(values > 0, 1, -1)
    # Peak: the point of the largest magnitude; of equal ones, the first.
    order = np.lexsort((points, -weights, component))
    peak = order[np.searchsorted(component[order], np.arange(count))]
    rank = np.lexsort((points[peak], -mass))
    identity = np.empty(count, np.int32)
    identity[rank] = np.arange(1, count + 1)
    labels = np.zeros(prepared.n_points, np.int32)
    labels[points] = identity[component]
    n_reaching = count_reaching(null.mass.max(axis=1), lowest)
    low, high = monte_carlo_interval(n_reaching, null)
    table = pd.DataFrame(
        {
            "id": identity,
            "sign": sign,
            "mass": sign * mass,
            "size": size,
            "p": n_reaching / null.n,
            "p_low": low,
            "p_high": high,
            "p_tail_approximate": tail_p(null.mass.max(axis=1), lowest),
            "p_size": count_reaching(null.size.max(axis=1), size) / null.n,
            "peak": points[peak],
        }
    )
    return table.iloc[rank].reset_index(drop=True), labels


def _format_p(p: float) -> str:
    return f"{p:.3g}"


def _format_count(number: int) -> str:
    return f"{number:,}" if number < 10**12 else f"{number:.2g}"
