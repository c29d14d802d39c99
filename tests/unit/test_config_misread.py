"""Configs that were read in another sense than meant: repeated keys, other units, unused keys."""

import copy
from pathlib import Path

import pytest
import yaml

from groupwise.command.check import check_page
from groupwise.config.balance import contrast_cautions
from groupwise.config.read import read_study, read_study_file
from groupwise.errors import InputError
from groupwise.report.build import settings_of
from tests.workflow.study_trees import Plan, demo_config, make_config, make_tree

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "config/config.yaml").read_text()


@pytest.fixture
def raw():
    return copy.deepcopy(yaml.safe_load(TEXT))


def findings_of(raw):
    with pytest.raises(InputError) as error:
        read_study(raw)
    return error.value.findings


REPEATED = """
study: one
meeg: &meeg
  task: a
  conditions: {x: 1, y: 2, x: 3}
analyses:
  - {alpha: 0.1, "alpha": 0.2}
more:
  <<: *meeg
  task: b
study: two
"""


def test_a_key_given_twice_is_refused_with_its_lines(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(REPEATED)
    with pytest.raises(InputError) as error:
        read_study_file(str(path))
    found = [line.split(", and")[0] for line in error.value.findings if ", lines " in line]
    assert found == [
        f"{path}, lines 5, 5: the key meeg.conditions.x occurs 2 times",
        f"{path}, lines 7, 7: the key analyses.alpha occurs 2 times",
        f"{path}, lines 2, 11: the key study occurs 2 times",
    ]


def test_a_key_given_twice_in_json_with_tabs_is_refused(tmp_path):
    path = tmp_path / "study.json"
    path.write_text('{\n\t"study": "a",\n\t"seed": 1,\n\t"seed": 2\n}')
    with pytest.raises(InputError, match="lines 3, 4: the key seed occurs 2 times"):
        read_study({"study": "a", "seed": 2}, files=[path])


def test_snakemake_refuses_a_key_given_twice(tmp_path, monkeypatch):
    """Snakemake reads the file of --configfile itself, and keeps the last of the two."""
    make_tree(tmp_path)
    config = make_config(tmp_path)
    assert Plan(tmp_path, config).jobs["preprocess"] == 7
    safe_dump = yaml.safe_dump
    monkeypatch.setattr(yaml, "safe_dump", lambda *a, **k: safe_dump(*a, **k) + "seed: 1\nseed: 2")
    assert "lines 4, 64, 65: the key seed occurs 3 times" in Plan(tmp_path, config).refused


@pytest.mark.parametrize(
    ("section", "keys", "finding"),
    [
        ("meeg.epochs", {"reject": {"eeg": 150}}, "reject.eeg: is 150, but the unit is V"),
        ("meeg.epochs", {"reject": {"eeg": 0.15}}, "reject.eeg: is 0.15, but the unit is V"),
        ("meeg.epochs", {"reject": {"mag": 4000}}, "reject.mag: is 4000, but the unit is T,"),
        ("meeg.epochs", {"reject": {"mag": 4}}, "reject.mag: is 4, but the unit is T,"),
        ("meeg.epochs", {"reject": {"grad": 4000}}, "reject.grad: is 4000, but the unit is T/m"),
        ("meeg.epochs", {"flat": {"eog": 1}}, "flat.eog: is 1, but the unit is V"),
        (
            "meeg.epochs",
            {"reject": {"eeg": 1e-4}, "flat": {"eeg": 2e-4}},
            "flat.eeg: 0.0002 is not less than reject.eeg (0.0001)",
        ),
        ("meeg.epochs", {"tmin": -200, "tmax": 500}, "tmax: is 500, but the unit is s"),
        ("meeg", {"covariance": {"tmin": -200}}, "covariance.tmin: -200.0 s is outside the epochs"),
        (
            "meeg",
            {"inverse": {"method": "LCMV", "beamformer": {"tmin": 50}}},
            "inverse.beamformer.tmin: 50.0 s is outside the epochs",
        ),
        ("meeg", {"bem": {"conductivity": [300]}}, "conductivity.0: is 300, but the unit is S/m"),
        ("meeg", {"source_space": {"mindist": 0.005}}, "mindist: is 0.005, but the unit is mm"),
        ("fmri", {"smoothing": 0.006}, "smoothing: is 0.006, but the unit is mm"),
        ("fmri", {"high_pass": 128}, "high_pass: is 128, but the unit is Hz"),
        ("fnirs", {"high_pass": 128}, "high_pass: is 128, but the unit is Hz"),
        ("fnirs", {"long": [1.5, 4.5]}, "long.1: is 4.5, but the unit is mm"),
        ("fnirs", {"short_channels": {"longest": 1}}, "longest: is 1, but the unit is mm"),
    ],
)
def test_a_value_in_another_unit_is_refused(raw, section, keys, finding):
    place = raw
    for part in section.split("."):
        place = place[part]
    place.update(keys)
    assert f"config: {section}" in (found := "\n".join(findings_of(raw))) and finding in found


@pytest.mark.parametrize(
    ("section", "keys"),
    [
        ("epochs", {"reject": {"eeg": 800e-6, "mag": 1e-10, "grad": 1e-8, "ecg": 5e-3}}),
        ("epochs", {"flat": {"eeg": 1e-7, "mag": 1e-16, "grad": 1e-14}}),
        ("epochs", {"tmin": -2, "tmax": 60.0}),
        ("epochs", {"tmin": 0.1, "baseline": None}),
        ("covariance", {"source": "empty_room", "tmax": 200.0}),
    ],
)
def test_values_of_real_studies_are_plausible(section, keys):
    config = demo_config("meeg", analyses={})
    config["meeg"][section] = keys
    read_study(config)


def test_keys_of_clusters_are_refused_without_neighbours(raw):
    raw["analyses"]["tapping"]["cluster"] = {"threshold": {"p": 0.001}}  # also at the default
    raw["analyses"]["modality_by_side"] |= {"space": "labels", "average": True, "tfce": True}
    found = findings_of(raw)
    assert [line.split(",")[0] for line in found] == [
        "config: analyses.modality_by_side.cluster: labels without times (average: true) have no "
        "neighbours",
        "config: analyses.modality_by_side.tfce: labels without times (average: true) have no "
        "neighbours",
        "config: analyses.tapping.cluster: channels and regions of fNIRS have no neighbours",
    ]
    raw["values"] = {"table": "x.tsv"}
    raw["analyses"] = {"x": {"data": "values", "test": "one-sample", "cluster": {"mass": "excess"}}}
    assert "x.cluster: channels and regions in a table of values have no" in findings_of(raw)[0]
    raw["analyses"]["x"].pop("cluster")
    study = read_study(raw)
    assert read_study(settings_of(study)) == study  # the config as a report shows it


AV = {"within": {"c": ["av", "a", "v"]}}
FIRST = {"conditions": {"av": "x", "a": "y", "v": "z"}}


@pytest.mark.parametrize(
    ("formula", "total"),
    [
        ("av", None),
        ("av + a", None),
        ("-a", None),
        ("av - 1/2 a - 1/2 v", None),
        ("1/3 av + 1/3 a - 2/3 v", None),
        ("av - a - v", "-1"),
        ("0.33 av + 0.33 a - 0.67 v", "-0.01"),
    ],
)
def test_caution_of_contrasts_that_do_not_sum_to_zero(formula, total):
    """Of the group and of the first level; sums of one sign test against the baseline."""
    own = contrast_cautions({"data": "fmri", **AV, "contrasts": {"x": ["a - v", formula]}}, {})
    first = {"data": "fmri", "conditions": ["x"]}
    section = FIRST | {"contrasts": {"x": formula, "unused": "2 a - v"}}
    of_first = contrast_cautions(first, section)
    assert [line.split(",")[0] for line in own + of_first] == (
        [
            f"contrasts.x: the weights of {formula!r} sum to {total}",
            f"fmri.contrasts.x: the weights of {formula!r} sum to {total}",
        ]
        if total
        else []
    )
    assert contrast_cautions({**AV, "contrasts": {"x": "2 a - v"}}, {}, effect="y") == []


def test_check_shows_the_cautions(raw):
    raw["analyses"]["faces"] |= {"contrasts": {"c": "famous + unfamiliar - scrambled"}}
    lines = check_page(read_study(raw), [], []).lines
    (caution,) = [line for line in lines if line.startswith("Caution")]
    assert (
        "analyses.faces: contrasts.c: the weights of 'famous + unfamiliar - scrambled'" in caution
    )
