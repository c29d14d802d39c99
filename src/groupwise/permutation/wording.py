"""Words for the numbers of a result, for titles, captions and the report."""

from collections.abc import Mapping
from typing import Any

from groupwise.stats.declared import design_of_result
from groupwise.stats.names import ALTERNATIVES as SIDES

ALTERNATIVES = {name: words for name, words in SIDES.items() if name != "two-sided"}


def effect_words(result: Mapping[str, Any]) -> str:
    """Return the name of an effect: its factors, or the test if the design has no factors."""
    return design_of_result(result).label


def groups_words(result: Mapping[str, Any]) -> str:
    """Return the groups with their sizes, such as "patients (n = 7), controls (n = 8)"."""
    return ", ".join(f"{name} (n = {n})" for name, n in (result.get("Groups") or {}).items())


def number(value: float) -> str:
    """Return a number with three significant digits; only tiny and huge ones have an exponent."""
    value = float(value)
    if value != 0 and not 1e-4 <= abs(value) < 1e6:
        return f"{value:.2e}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def statistic_words(result: Mapping[str, Any]) -> str:
    """Return the statistic with its degrees of freedom, such as "F(1, 7)"."""
    return f"{result['Statistic']}({', '.join(number(df) for df in result['DegreesOfFreedom'])})"


def threshold_words(result: Mapping[str, Any]) -> str:
    """Return the cluster-forming threshold, such as "|t| > 3.66 (uncorrected p < 0.001)"."""
    name, sign, value = result["Statistic"], ">", float(result["Threshold"]["statistic"])
    if name == "t" and result["Alternative"] == "two-sided":
        name = "|t|"
    elif result["Alternative"] == "less":
        sign, value = "<", -abs(value)
    asked = result["Threshold"]["asked"].get("p")
    return f"{name} {sign} {value:.3g}" + (f" (uncorrected p < {asked:g})" if asked else "")


def resampling_words(result: Mapping[str, Any]) -> str:
    """Return the number of permutations, and whether they are exact or random."""
    count = f"{int(result['Permutations']):,}"
    if result["Exact"]:
        return f"all {count} distinct permutations (exact test)"
    distinct = int(result["DistinctResamplings"])
    of = f"{distinct:,}" if distinct < 10**9 else f"{distinct:.2g}"
    return f"{count} random permutations out of {of} distinct ones"


def setting_words(result: Mapping[str, Any]) -> str:
    """Return threshold and number of permutations, for a title."""
    kind = "exact" if result["Exact"] else "random"
    return (
        f"{threshold_words(result).split(' (')[0]}, {int(result['Permutations']):,} permutations "
        f"({kind})"
    )


def test_words(result: Mapping[str, Any]) -> str:
    """Return the complete test in one line, for a caption."""
    side = ALTERNATIVES.get(result["Alternative"])
    groups = f": {groups_words(result)}" if result.get("Groups") else ""
    formed = f"cluster-forming threshold {threshold_words(result)}, "
    return (
        f"{statistic_words(result)}{f', {side}' if side and result['Statistic'] == 't' else ''}, "
        f"{int(result['Subjects'])} subjects{groups}, {formed if result['Neighbours'] else ''}"
        f"{resampling_words(result)}"
    )


def p_words(cluster: Mapping[str, Any]) -> str:
    """Return the p of a cluster, with its Monte Carlo interval unless the test is exact."""
    if str(cluster["exact"]).lower() == "true":
        return f"p = {number(cluster['p'])}"
    low, high = number(cluster["p_low"]), number(cluster["p_high"])
    return f"p = {number(cluster['p'])}, 95% Monte Carlo interval {low} to {high}"
