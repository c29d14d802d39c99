"""The group part of the methods section: what was tested, how, and the mixed models."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from groupwise.config.analysis import Analysis
from groupwise.config.maps import Atlas
from groupwise.config.study import Study
from groupwise.permutation.wording import (
    ALTERNATIVES,
    effect_words,
    statistic_words,
    threshold_words,
)
from groupwise.report import ready_made
from groupwise.report.design import assumption_words, formula_words, study_names
from groupwise.report.modality import Tested
from groupwise.report.phrases import count, listed
from groupwise.report.references import Citations
from groupwise.stats.declared import design_of_result

#: Methods of optimisation, by statsmodels' names.
OPTIMIZERS = {
    "lbfgs": "L-BFGS",
    "bfgs": "BFGS",
    "cg": "conjugate-gradient",
    "powell": "Powell",
    "nm": "Nelder-Mead",
}
#: Outcomes of a fit, by the verdicts of `groupwise.stats.mixed_models`.
VERDICTS = {
    "boundary": "converged with a random-effect variance of zero",
    "unstable": "converged without a positive definite Hessian",
    "failed": "not converged",
}
#: The table that a mixed model is fitted to.
TABLES = {
    "channels": "the first-level estimates of all channels",
    "rois": "the first-level estimates of the regions of interest",
    "values": "the precomputed values",
}


def write_group(
    study: Study,
    effects: Sequence[Mapping[str, Any]],
    describe: Mapping[str, Callable[[Study, Analysis], Tested]],
    cite: Citations,
) -> tuple[list[str], list[str]]:
    """A paragraph per analysis, and one on what all have in common.

    Parameters
    ----------
    effects : each with the name of its "analysis" and its "result".
    describe : `data` of an analysis to what describes it; other data are ready-made.

    Returns
    -------
    paragraphs, packages : the text, and the distributions that processed the data.
    """
    by_name: dict[str, list] = {}
    for effect in effects:
        by_name.setdefault(effect["analysis"], []).append(effect["result"])
    paragraphs: list[str] = []
    packages: list[str] = []
    named = False
    for name, results in by_name.items():
        analysis = study.analyses[name]
        tested = describe.get(analysis.data, ready_made.describe_tested)(study, analysis)
        paragraphs.append(_analysis(name, analysis, tested, results, cite))
        packages += tested.packages
        in_mni = results[0]["Space"].upper().startswith("MNI")
        named |= tested.in_volume and in_mni
    paragraphs.append(_common([r for each in by_name.values() for r in each], cite))
    if named:
        paragraphs[-1] += f" {_labels(study.atlas, cite)}"
    return paragraphs, packages


def _analysis(
    name: str,
    analysis: Analysis,
    tested: Tested,
    results: Sequence[Mapping[str, Any]],
    cite: Citations,
) -> str:
    first, spec = results[0], analysis.model_dump(mode="json")
    sentences = [
        f"Analysis {name} tested {tested.data} of {count(int(first['Subjects']), 'participant')}"
        f"{tested.where} ({count(int(first['PointsTested']), 'point')}; space: {first['Space']}; "
        f"units: {first['Units']})."
    ]
    sentences += dict.fromkeys(_design(result, spec) for result in results)
    tests = "; ".join(
        f"{effect_words(result)}{formula_words(result, spec)}, {statistic_words(result)}"
        f"{_formed(result)}, {_how_many(result)}"
        for result in results
    )
    sentences.append(f"{'Test' if len(results) == 1 else 'Tests'}: {tests}.")
    sentences += dict.fromkeys(_resampling(result, cite) for result in results)
    sentences.append(_correction(analysis, tested, first, cite))
    assumed = list(dict.fromkeys(assumption_words(result) for result in results))
    sentences.append(f"The tests assume that {'; and that '.join(assumed)}.")
    if len(results) > 1:
        sentences.append(
            "Each effect was corrected separately; clusters were also corrected across all "
            f"{len(results)} effects of the analysis by the smallest p-value."
            if analysis.across_effects
            else "Each effect was corrected separately; no correction was made across the "
            f"{len(results)} effects."
        )
    return " ".join(sentences)


def _design(result: Mapping[str, Any], spec: Mapping[str, Any]) -> str:
    """Describe what the designs of an analysis' effects have in common."""
    return design_of_result(result).describe_model(study_names(result, spec))


def _formed(result: Mapping[str, Any]) -> str:
    """The cluster-forming threshold of an effect."""
    if not result["Neighbours"]:
        return ""
    return f", cluster-forming threshold {threshold_words(result)}"


def _how_many(result: Mapping[str, Any]) -> str:
    number, distinct = int(result["Permutations"]), int(result["DistinctResamplings"])
    kind = {"signs": "sign flips", "orders": "permutations"}[result["Exchangeable"]]
    if result["Exact"]:
        return f"all {number:,} {kind} (exact test)"
    of = f"{distinct:,}" if distinct < 10**9 else f"{distinct:.2g}"
    return f"{number:,} random {kind} out of {of}"


def _resampling(result: Mapping[str, Any], cite: Citations) -> str:
    """Describe how the null distribution is generated."""
    design = design_of_result(result)
    cited = f" {cite('freedman', 'winkler')}" if design.model() is not None else ""
    return f"To generate the null distribution, {design.resampled}{cited}."


def _correction(
    analysis: Analysis, tested: Tested, result: Mapping[str, Any], cite: Citations
) -> str:
    side = ALTERNATIVES.get(result["Alternative"], "two-sided")
    sided = f" ({side})" if result["Statistic"] == "t" else ""
    rate = f"at a family-wise error rate of {result['Alpha']:g}"
    words = []
    if not result["Neighbours"]:
        words.append(
            "P-values were corrected for multiple comparisons over all points by the maximum "
            f"statistic{sided}, {rate}."
        )
    else:
        excess = " in excess of the threshold" if result["Mass"] == "excess" else ""
        near = f" Neighbours were {tested.neighbours}." if tested.neighbours else ""
        words.append(
            f"Neighbouring points beyond the cluster-forming threshold{sided} were grouped into "
            f"clusters.{near} The mass of each cluster (the sum of the statistic{excess}) was "
            "compared with the null distribution of the largest cluster mass "
            f"{cite('maris')}, {rate}."
        )
        if result.get("TFCE"):
            words.append(
                f"Threshold-free cluster enhancement {cite('smith')} was computed in addition."
            )
    if result.get("Hat"):
        words.append(
            f"To stabilise low variances, {analysis.hat:g} times the largest variance was added to "
            f"the variance of every point {cite('ridgway')}."
        )
    return " ".join(words)


def _common(results: Sequence[Mapping[str, Any]], cite: Citations) -> str:
    """What holds for all analyses."""
    sentences = [
        "A p-value is the proportion of resamplings, including the observed data, whose maximum "
        "over all points is at least as extreme as the observed value "
        f"{cite('phipson', 'nichols2002')}; it is therefore never zero, and it controls the "
        "family-wise error rate."
    ]
    if not all(result["Exact"] for result in results):
        sentences.append(
            "P-values from random resampling are reported with their 95% Monte Carlo confidence "
            f"intervals {cite('clopper')}."
        )
    if any(result["Neighbours"] for result in results):
        sentences.append(
            "Cluster-based inference shows that an effect exists; the extent and latency of a "
            f"cluster are descriptive {cite('sassenhagen')}."
        )
    sentences.append(
        f"Effect sizes at peaks are reported with 95% confidence intervals {cite('steiger')}."
    )
    seeds = sorted({str(result["Seed"]) for result in results})
    verb = "was" if len(seeds) == 1 else "were"
    sentences.append(f"The random {'seed' if verb == 'was' else 'seeds'} {verb} {listed(seeds)}.")
    return " ".join(sentences)


def _labels(atlas: Atlas, cite: Citations) -> str:
    """Where the anatomical names of voxels are from."""
    if atlas.image is not None:
        return f"Locations in volumes were labelled with the atlas {atlas.image}."
    if atlas.fetch is None:
        return (
            "Locations in volumes were labelled with the nearest coordinate of "
            f"{cite.named('dosenbach')}, if it was within 20 mm."
        )
    name, key = {
        "aal": ("the AAL atlas", "tzourio"),
        "harvard_oxford": ("the Harvard-Oxford cortical atlas", "desikan"),
        "schaefer_2018": ("the Schaefer parcellation", "schaefer"),
    }[atlas.fetch]
    return f"Locations in volumes were labelled with {name} {cite(key)}."


def write_model(study: Study, model: Mapping[str, Any], cite: Citations) -> str:
    """A paragraph on a mixed model, as `build_report` takes it."""
    spec, table = model["facts"]["Model"], model["table"]
    data = TABLES[study.models[model["name"]].data]
    separately = f", separately for each {' and '.join(spec['by'])}" if spec["by"] else ""
    sentences = [
        f"Model {model['name']} ({spec['formula']}) was fitted to {data}{separately}, with "
        f"statsmodels {cite('seabold')}."
    ]
    if spec["where"]:
        chosen = [f"{column} was {listed(v, 'or')}" for column, v in spec["where"].items()]
        sentences.append(f"It was restricted to the rows in which {listed(chosen)}.")
    sentences.append(ESTIMATORS[spec["estimator"]](spec, cite))
    sentences.append(
        "Coefficients were tested with Wald z tests and corrected for multiple comparisons, both "
        "with the Bonferroni method and with the Benjamini-Hochberg procedure "
        f"{cite('benjamini')}, which controls the false discovery rate."
    )
    verdicts = table["verdict"].value_counts()
    fits = listed([f"{VERDICTS.get(name, name)} ({n})" for name, n in verdicts.items()])
    sentences.append(f"Fit status of the {count(len(table), 'coefficient')}: {fits}.")
    if table["participants"].min() < 10:
        sentences.append(
            "Wald tests treat the estimated variances as known and are therefore liberal with few "
            "participants."
        )
    return " ".join(sentences)


def _mixed(spec: Mapping[str, Any], cite: Citations) -> str:
    random = (
        f"a random intercept for each {spec['groups']}"
        if str(spec["random"]) == "1"
        else f"random effects of each {spec['groups']} ({spec['random']})"
    )
    tried = [OPTIMIZERS[name] for name in spec["optimizers"]]
    how = (
        f"with the {tried[0]} optimiser"
        if len(tried) == 1
        else f"with the first of the {listed(tried)} optimisers to converge"
    )
    return (
        f"The model was a linear mixed model with {random}, estimated by restricted maximum "
        f"likelihood {how}."
    )


def _gee(spec: Mapping[str, Any], cite: Citations) -> str:
    return (
        "Coefficients were estimated by generalised estimating equations with an exchangeable "
        f"working correlation within each {spec['groups']}, and their standard errors by a "
        f"bias-reduced robust covariance estimator {cite('mancl')}."
    )


def _rlm(spec: Mapping[str, Any], cite: Citations) -> str:
    return (
        f"Coefficients were estimated by robust linear regression with Huber's M-estimator "
        f"{cite('huber')}, which treats rows as independent."
    )


ESTIMATORS = {"mixed": _mixed, "gee": _gee, "rlm": _rlm}
