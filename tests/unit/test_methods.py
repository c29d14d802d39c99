"""The methods text: every value of every enumerated key, and null where allowed, has words.

The cases are generated from the typed config, so that a new value without words fails here.
"""

import copy
import re
import subprocess
import sys
from dataclasses import replace
from types import NoneType
from typing import Annotated, Literal, get_args, get_origin

import pandas as pd
import pytest
from pydantic import BaseModel

from groupwise.config.read import read_study
from groupwise.config.study import Study
from groupwise.plan.design import declare_design
from groupwise.report.build import settings_of
from groupwise.report.methods import methods_text
from groupwise.stats.declared import design_from_dict
from tests.modalities import all_cases

SUBJECTS = [f"{k:02d}" for k in range(1, 13)]
MODALITIES = all_cases()
OF = {each.data: each for each in MODALITIES}
#: Sections of recordings.
RECORDED = {each.data for each in MODALITIES if each.sample is not None}
BASE = {"study": "s", "bids_root": "bids"} | {each.data: each.section for each in MODALITIES}
ONE = OF["meeg"].analysis
OF_MAPS = OF["maps"].analysis
SIDES = {"within": {"x": ["a", "b"]}}
#: What other sections must have for a value.
BESIDE = {place: more for each in MODALITIES for place, more in each.beside.items()}
#: Words as in `tests.modalities.Cases`, of what is no section of a modality.
WORDED = {
    ("", "bids_root"): {None: ("", {})},
    ("", "participants"): {None: ("", {})},
    ("", "subjects"): {"all": ("", {})},
    # The text names those who were excluded or dropped, with the reason.
    ("", "missing"): {"fail": ("", {}), "drop": ("", {})},
    ("atlas", "image"): {None: ("the nearest coordinate of Dosenbach et al. (2010)", {})},
    ("atlas", "labels"): {None: ("the nearest coordinate of Dosenbach et al. (2010)", {})},
    ("atlas", "fetch"): {
        None: ("the nearest coordinate of Dosenbach et al. (2010)", {}),
        "aal": ("labelled with the AAL atlas (Tzourio-Mazoyer et al., 2002)", {}),
        "harvard_oxford": ("with the Harvard-Oxford cortical atlas (Desikan et al., 2006)", {}),
        "schaefer_2018": ("with the Schaefer parcellation (Schaefer et al., 2018)", {}),
    },
    ("analyses", "test"): {
        "one-sample": ("One map of each participant (a) was tested", ONE),
        "paired": ("The difference a minus b of each", ONE | {"conditions": ["a", "b"]}),
        None: ("repeated-measures ANOVA", {"data": "meeg"} | SIDES),
    },
    ("analyses", "within"): {None: ("One map of each participant (a) was tested", ONE)},
    ("analyses", "between"): {None: ("One map of each participant (a) was tested", ONE)},
    ("analyses", "variances"): {
        "equal": ("(equal variances)", ONE | {"between": {"g": ["p", "q"]}}),
        "unequal": ("Welch's t", ONE | {"between": {"g": ["p", "q"]}}),
    },
    ("analyses", "error"): {
        "partitioned": ("each effect was tested with its own error term", {"data": "meeg"} | SIDES),
        "pooled": ("residuals were permuted within participants", {"data": "meeg"} | SIDES),
    },
    ("analyses", "effects"): {"all": ("", ONE)},
    ("analyses", "alternative"): {
        "two-sided": ("the cluster-forming threshold (two-sided)", ONE),
        "greater": ("the cluster-forming threshold (one-sided, greater)", ONE),
        "less": ("the cluster-forming threshold (one-sided, less)", ONE),
    },
    ("analyses", "crop"): {
        None: ("from -100 to 400 ms (9 points", ONE),
        (None, 0.2): ("from -100 to 200 ms (9 points", ONE),
        (0.1, None): ("from 100 to 400 ms (9 points", ONE),
        (None, None): ("from -100 to 400 ms (9 points", ONE),
    },
    ("analyses", "hemispheres"): {
        "lh": ("source estimates of the left hemisphere of 12", ONE),
        "rh": ("source estimates of the right hemisphere of 12", ONE),
    },
    ("analyses.cluster", "mass"): {
        "sum": ("(the sum of the statistic)", ONE),
        "excess": ("(the sum of the statistic in excess of the threshold)", ONE),
    },
    ("analyses.cluster.threshold", "p"): {
        None: ("|t| > 3", ONE | {"cluster": {"threshold": {"stat": 3}}})
    },
    ("analyses.cluster.threshold", "stat"): {
        None: ("(uncorrected p < 0.001)", ONE | {"cluster": {"threshold": {"p": 0.001}}})
    },
    ("models", "estimator"): {
        "mixed": ("a linear mixed model with a random intercept for each ID", {}),
        "gee": ("by generalised estimating equations with an exchangeable working", {}),
        "rlm": ("robust linear regression with Huber's M-estimator", {}),
    },
    ("models", "optimizers"): {
        "lbfgs": ("with the L-BFGS optimiser", {}),
        "bfgs": ("with the BFGS optimiser", {}),
        "cg": ("with the conjugate-gradient optimiser", {}),
        "powell": ("with the Powell optimiser", {}),
        "nm": ("with the Nelder-Mead optimiser", {}),
    },
}  # fmt: skip
for each in MODALITIES:
    for place, worded in each.words.items():
        WORDED[place] = WORDED.get(place, {}) | worded


def sections(annotation, path=""):
    """(path, model) of every section that an annotation can hold."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield path, annotation
        for name, field in annotation.model_fields.items():
            yield from sections(field.annotation, f"{path}.{name}".strip("."))
    else:
        for part in get_args(annotation):
            yield from sections(part, path)


def values(annotation, within=None):
    """(value, container) of everything enumerated in an annotation; of a tuple, its open ends."""
    origin = get_origin(annotation)
    if annotation is NoneType:
        yield None, within if within is dict else None
    elif origin is Literal:
        yield from ((value, within) for value in get_args(annotation))
    elif origin is tuple:
        if any(NoneType in get_args(part) for part in get_args(annotation)):
            yield from (((None, 0.2), None), ((0.1, None), None), ((None, None), None))
    elif origin is Annotated:
        yield from values(get_args(annotation)[0], within)
    else:
        for part in get_args(annotation):
            yield from values(part, origin if origin in (list, dict) else within)


CASES = list(
    dict.fromkeys(
        (path, key, value, container)
        for path, model in sections(Study)
        for key, field in model.model_fields.items()
        for value, container in values(field.annotation)
    )
)


def written(value, container):
    """The value as a user writes it."""
    if container is list:
        return [value]
    if container is dict and value is None:
        return {"proc": None}  # an entity that file names lack
    if container is dict:
        return {value: 1e-9 if value == "mag" else 1e-6}
    return list(value) if isinstance(value, tuple) else value


def merged(base, more):
    """Nested dicts as one."""
    out = copy.deepcopy(base)
    for key, value in more.items():
        nested = isinstance(value, dict) and isinstance(out.get(key), dict)
        out[key] = merged(out[key], value) if nested else value
    return out


def config_of(path, key, value, container):
    """A study in which the key of a section has the value."""
    more, beside = WORDED[path, key][value][1], BESIDE.get((path, key, value), {})
    value = written(value, container)
    own = {**more, key: value}
    root, *rest = path.split(".")
    for name in reversed(rest):
        own = {name: own}
    if root == "analyses":
        # What an analysis needs is given with its words; the value stands where its key is.
        own = {**more, key: value} if not rest else merged(more, _at(rest, {key: value}))
        return BASE | {"analyses": {"x": own}}
    analyses = {name: OF[name].analysis for name in ("meeg", "fmri", "maps")}
    if root == "models":
        return BASE | {"models": {"m": {"formula": "theta ~ 1", "data": "rois"} | own}}
    if not root:
        kept = {n: a for n, a in analyses.items() if a["data"] != key and key != "bids_root"}
        study = BASE | {"analyses": kept, key: value}
        if key == "bids_root":
            study |= dict.fromkeys(RECORDED)
        return study
    if path == "meeg" and key == "subjects_dir":
        analyses["meeg"] = ONE | {"space": "mag"}
    study = BASE | {"analyses": analyses}
    if root in RECORDED:  # alone, so that no words are those of another modality
        kept = {name: own for name, own in analyses.items() if own["data"] in (root, "maps")}
        study |= dict.fromkeys(RECORDED - {root}) | {"analyses": kept}
    return merged(merged(study, {root: own}), beside)


def _at(rest, own):
    for name in reversed(rest):
        own = {name: own}
    return own


def modalities_of(study):
    """What each modality's package would read of two participants."""
    people = pd.DataFrame({"age": ["21", "30"], "sex": ["F", "M"]}, index=SUBJECTS[:2])
    recorded = [each for each in MODALITIES if each.sample and getattr(study, each.data)]
    return [replace(each.sample, people=people) for each in recorded]


def result_of(analysis):
    """What `infer` would state of the first effect of an analysis."""
    effect, between = analysis.effect_names[0], analysis.between or {}
    people = {
        subject: {name: levels[k % 2] for name, levels in between.items()}
        | {name: str((7 * k) % 5) for name in analysis.covariates}
        for k, subject in enumerate(SUBJECTS)
    }
    made = design_from_dict(declare_design(analysis, effect, SUBJECTS, people, "participants.tsv"))
    design, flips = made.to_dict(), made.exchange == "signs"
    groups = dict(made.group_sizes)
    asked = analysis.cluster.threshold
    return {
        "Design": design, "Effect": analysis.effect_names[0] if analysis.within else None,
        "Statistic": "F" if analysis.within else "t", "DegreesOfFreedom": [11], "Subjects": 12,
        "Groups": groups, "Alternative": analysis.alternative, "Alpha": analysis.alpha,
        "Threshold": {"asked": {"p": asked.p} if asked.p else {"stat": asked.stat},
                      "statistic": asked.stat or 4.4},
        "Mass": analysis.cluster.mass, "Hat": analysis.hat or None,
        "TFCE": analysis.statistic_options["tfce"] or None,
        "Seed": 0, "Permutations": 1000, "DistinctResamplings": 2048, "Exact": False,
        "Exchangeable": "signs" if flips else "orders", "PointsTested": 9, "Units": "u",
        "Space": "fsaverage", "Neighbours": True,
    } | OF[analysis.data].result  # fmt: skip


def model_of(name, spec):
    table = pd.DataFrame({"verdict": ["converged", "boundary"], "participants": 9})
    keys = ("formula", "where", "by", "estimator", "groups", "random", "optimizers")
    return {"name": name, "table": table, "facts": {"Model": {k: getattr(spec, k) for k in keys}}}


def text_of(raw):
    """The methods text of a config, on one line."""
    study = read_study(raw)
    effects = [{"analysis": k, "result": result_of(own)} for k, own in study.analyses.items()]
    models = [model_of(name, spec) for name, spec in study.models.items()]
    software = {"groupwise": "1", "python": "3", "mne": "1", "nilearn": "1", "numpy": "2"}
    methods = methods_text(study, modalities_of(study), effects, models, {}, software)
    return " ".join(methods.as_markdown(study.study).split())


@pytest.mark.parametrize(
    ("path", "key", "value", "container"), CASES, ids=[f"{p}.{k}={v}" for p, k, v, _ in CASES]
)
def test_every_value_is_worded(path, key, value, container):
    assert value in WORDED.get((path, key), {}), f"no words for {path}.{key}: {value}"
    words = WORDED[path, key][value][0]
    text = text_of(config_of(path, key, value, container))
    assert words in text, text
    assert not re.search(r"\b(None|nan|True|False)\b", text), text
    others = {other for other, _ in WORDED[path, key].values() if other and other not in words}
    assert not [other for other in others if other in text], text


def test_a_fixed_duration_of_events_is_worded():
    raw = config_of("fmri", "stim_duration", None, None)
    text = text_of(merged(raw, {"fmri": {"stim_duration": 2}}))
    assert "The events of each condition, with a duration of 2 s, were convolved with" in text


def test_no_words_are_kept_for_values_that_are_no_more():
    assert {(p, k, v) for p, k, v, _ in CASES} == {
        (p, k, v) for (p, k), worded in WORDED.items() for v in worded
    }


def test_the_report_starts_without_the_libraries_of_the_modalities():
    code = "import sys, groupwise.report.build, groupwise.meeg.report, groupwise.fmri.report, "
    code += "groupwise.fnirs.report; print({'mne', 'nilearn', 'nibabel'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_config_shown_means_the_config():
    """A null whose default is another value is not lost."""
    raw = merged(BASE, {"meeg": {"filter": {"h_freq": None}, "covariance": {"tmax": None}}})
    raw["analyses"] = {"x": ONE | {"crop": [0, None]}}
    shown = settings_of(read_study(raw))
    assert read_study(shown) == read_study(raw)
    assert shown["meeg"]["filter"] == {"h_freq": None, "notch": []}
    assert "montage" not in shown["meeg"] and shown["analyses"]["x"]["crop"] == [0.0, None]
