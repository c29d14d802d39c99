"""One tested effect with the data that its figures need."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from groupwise.digests import digest_of_file
from groupwise.errors import InputError
from groupwise.permutation.merge import Null
from groupwise.permutation.stored import read_maps
from groupwise.permutation.wording import effect_words, number
from groupwise.stack.store import SIDECAR, Stack, read_stack
from groupwise.stats.declared import design_of_result
from groupwise.stats.designs import Design


@dataclass(frozen=True)
class Effect:
    """Data for the figures of one effect.

    Attributes
    ----------
    title : names of the analysis and the effect.
    result, clusters, maps : outputs of `infer`.
    null : (N,) maxima of the cluster mass, or of the statistic if points have no neighbours.
    stack : the stack of the analysis.
    within : factors of the design's cells with their levels; None if a subject has one map.
    shown : largest number of clusters with their own figures.
    """

    title: str
    result: Mapping[str, Any]
    clusters: pd.DataFrame
    maps: Mapping[str, np.ndarray]
    null: np.ndarray
    stack: Stack
    within: Mapping[str, Sequence[str]] | None
    shown: int = 3

    @classmethod
    def read(
        cls,
        title: str,
        files: Mapping[str, str],
        within: Mapping[str, Sequence[str]] | None,
    ) -> "Effect":
        """Read an effect from the inputs of a rule of figures.

        The maps of the stack are not checked again: `prepare` has compared them with the digest
        in the sidecar, and the result has the digest of this sidecar.

        Parameters
        ----------
        files : result, clusters and maps of `infer`, null of `merge`, and data: the stack's array,
            in the folder of the stack's other files.

        Raises
        ------
        InputError : a file is damaged, or the stack or the null distribution is not the one that
            the result was computed from.
        """
        result = json.loads(Path(files["result"]).read_text(encoding="utf-8"))
        maxima = Null.load(files["null"])
        folder = Path(files["data"]).parent
        _check_sources(result, files, maxima, folder / SIDECAR)
        stack = read_stack(folder, check_data=False)
        window = [f"{1e3 * edge:.0f}" for edge in stack.meta.get("Window", [])]
        when = f", mean of {' to '.join(window)} ms" if window else ""
        return cls(
            title=f"{title}, {effect_words(result)}{when}",
            result=result,
            clusters=pd.read_csv(
                files["clusters"], sep="\t", na_values="n/a", keep_default_na=False
            ),
            maps=read_maps(files["maps"]),
            null=(maxima.mass if result["Neighbours"] else maxima.statistic).max(axis=1),
            stack=stack,
            within=within,
        )

    @property
    def design(self) -> Design:
        """The tested design."""
        return design_of_result(self.result)

    @property
    def keep(self) -> list[str]:
        """Factors in the name of the effect; all factors if it has none, as for a contrast."""
        factors, named = list(self.within or {}), (self.result["Effect"] or "").split(":")
        return [name for name in factors if name in named] or factors

    @property
    def units(self) -> str:
        """Units of the maps, for the label of an axis."""
        units = self.stack.meta["Units"]
        return "no unit" if units in ("1", "") else units

    @property
    def significant(self) -> pd.DataFrame:
        """Clusters with p <= alpha."""
        return self.clusters[self.clusters["p"] <= self.result["Alpha"]]

    @property
    def shown_clusters(self) -> list[dict[str, Any]]:
        """The first significant clusters or, if there are none, the largest cluster."""
        chosen = self.significant if len(self.significant) else self.clusters.head(1)
        return chosen.head(self.shown).to_dict("records")

    @property
    def statistic(self) -> np.ndarray:
        """Statistic (places, times) with 0 at excluded points; one time if maps have no times."""
        return self.stack.space.by_place(np.nan_to_num(self.maps["statistic"]))

    @property
    def labels(self) -> np.ndarray:
        """Cluster of each point (places, times), 0 for none."""
        return self.stack.space.by_place(self.maps["labels"])

    def peak_of(self, cluster: Mapping[str, Any] | None) -> tuple[int, int, str]:
        """Return place, time index and time in words of the peak of a cluster.

        Without a cluster (None), the peak is the largest value. The words follow the statistic:
        " at 100 ms".
        """
        space = self.stack.space
        peak = np.argmax(np.abs(self.statistic)) if cluster is None else cluster["peak"]
        (place,), (time,) = space.places_and_times(np.array([int(peak)]))
        when = "" if space.times is None else f" at {1e3 * space.times[time]:.0f} ms"
        return int(place), int(time), when

    @property
    def peak_time(self) -> tuple[int, str]:
        """Time index of the largest cluster's peak, and that time in words."""
        return self.peak_of(self.shown_clusters[0] if self.shown_clusters else None)[1:]

    @property
    def verdict(self) -> str:
        """Number of significant clusters in words, for a line below a title."""
        if len(self.significant):
            n = len(self.significant)
            return f"{n} significant cluster{'s' if n > 1 else ''}"
        if len(self.clusters):
            first = self.shown_clusters[0]
            return f"not significant; hatched: the largest cluster, p = {number(first['p'])}"
        return "not significant; no point exceeds the threshold"

    def name_of(self, cluster: Mapping[str, Any]) -> str:
        """Return the name of a cluster, which states if it is not significant."""
        word = "" if cluster["p"] <= self.result["Alpha"] else " (not significant)"
        return f"cluster {cluster['id']}{word}"


def _check_sources(
    result: Mapping[str, Any], files: Mapping[str, str], null: Null, sidecar: Path
) -> None:
    """Raise InputError if the null distribution or the stack is not the one of the result."""
    findings = []
    if null.digest != result["AnalysisDigest"]:
        findings.append(
            f"{files['null']}: not the null distribution that {files['result']} was computed from "
            "(its analysis has another digest); infer again"
        )
    recorded = {Path(path).name: digest for path, digest in result["SourceDigests"].items()}
    if not sidecar.is_file() or digest_of_file(sidecar) != recorded.get(SIDECAR):
        findings.append(
            f"{sidecar}: not the stack that {files['result']} was computed from (its digest "
            "differs); prepare and infer again"
        )
    if findings:
        raise InputError(findings)
