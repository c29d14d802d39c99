"""The study config: unknown keys, all errors at once, and the files generated from it."""

import copy
from pathlib import Path

import jsonschema
import pytest
import yaml

from groupwise.config.analysis import Analysis, cells_of, conditions_with
from groupwise.config.document import generated
from groupwise.config.read import read_study, read_study_file
from groupwise.errors import InputError
from groupwise.inputs.participants import constant_columns, read_participants, values_of
from groupwise.plan.design import declare_design
from groupwise.stats import design_from_dict

ROOT = Path(__file__).parents[2]


@pytest.fixture
def raw():
    return copy.deepcopy(yaml.safe_load((ROOT / "config/config.yaml").read_text()))


def findings_of(raw):
    with pytest.raises(InputError) as error:
        read_study(raw, "my.yaml")
    return error.value.findings


def test_demo_config_is_valid_and_fits_its_schema(raw):
    study = read_study(raw)
    assert study.meeg.inverse.snr == 3
    assert study.meeg.epochs.reject["mag"] == pytest.approx(4e-12)
    import json

    schema = json.loads((ROOT / "workflow/schemas/study.schema.json").read_text())
    raw["meeg"]["epochs"]["reject"] = study.meeg.epochs.reject  # YAML 1.1 reads 1e-12 as a text
    jsonschema.validate(raw, schema)


def test_all_errors_at_once_each_with_its_key_path(raw):
    raw["meeg"]["invrse"] = {}
    raw["meeg"]["filter"]["h_frq"] = 40
    raw["analyses"]["modality_by_side"]["cluster"]["threshold"] = {"p": 3}
    raw["subjcts"] = "all"
    found = findings_of(raw)
    assert "my.yaml: meeg.invrse: unknown key; did you mean inverse?" in found
    assert "my.yaml: meeg.filter.h_frq: unknown key; did you mean h_freq?" in found
    assert "my.yaml: subjcts: unknown key; did you mean subjects?" in found
    threshold = [f for f in found if "analyses.modality_by_side.cluster.threshold.p" in f]
    assert len(found) == 4 and "less than 1 (got 3)" in threshold[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: r["meeg"]["inverse"].update(method="dspm"), "did you mean dSPM?"),
        (lambda r: r["meeg"].pop("task"), "meeg.task: is missing; add it"),
        (lambda r: r.pop("bids_root"), "bids_root is missing; the section meeg needs it"),
        (lambda r: r["meeg"]["conditions"].update({"visual/right": 3}), "share the event 3"),
        (
            lambda r: r["analyses"]["modality_by_side"].update(effects=["modality:hand"]),
            "factors are modality, side",
        ),
        (
            lambda r: r["analyses"]["modality_by_side"]["within"].update(side=["left", "up"]),
            "cell auditory/up fits no condition",
        ),
        (
            lambda r: r["analyses"]["modality_by_side"].update(
                effects=["modality:side", "side:modality"]
            ),
            "effects names modality:side twice",
        ),
        (lambda r: r["analyses"]["modality_by_side"].update(effects=[]), "effects is empty"),
        (
            lambda r: r["analyses"]["modality_by_side"].update(between={"side": ["a", "b"]}),
            "between and within name the same factor",
        ),
        (
            lambda r: r["analyses"]["modality_by_side"].update(
                between={"sex": ["f", "m"], "group": ["a", "b"]}
            ),
            "between takes one column",
        ),
        (
            lambda r: r["analyses"]["modality_by_side"].update(covariates=["age"]),
            "code groups as a numeric column",
        ),
        (
            lambda r: r["analyses"]["modality_by_side"].update(variances="unequal"),
            "unequal is for two groups",
        ),
        (
            lambda r: r["analyses"]["modality_by_side"].update(
                between={"sex": ["f", "m"]}, error="pooled"
            ),
            "pooled is for a within design",
        ),
        (
            lambda r: r["analyses"]["modality_by_side"].update(
                between={"sex": ["f", "m"]}, effects="all", across_effects=True
            ),
            "cannot be corrected together",
        ),
        (lambda r: r["analyses"]["modality_by_side"].update(hat=0.1), "hat is for a t"),
        (
            lambda r: r["analyses"]["modality_by_side"]["within"].update(side=[False, True]),
            "YAML reads a yes or no here (False), not text; put it in quotes",
        ),
        (lambda r: r.update(subjects=[1, "02"]), "subjects.0: YAML reads a number here (1)"),
        (
            lambda r: r["analyses"]["modality_by_side"].update(crop=[0, 0.9]),
            "0.9 s lies outside the epochs",
        ),
        (lambda r: r["analyses"]["modality_by_side"].update(test="paired"), "one of the two"),
        (
            lambda r: r["analyses"]["modality_by_side"].update(data="maps"),
            "section maps is missing",
        ),
        (
            lambda r: r["analyses"]["modality_by_side"].update(data="maps"),
            "crop: belongs to source estimates",
        ),
        (lambda r: r["meeg"]["epochs"].update(baseline=[None, 0.7]), "baseline edge 0.7"),
        (
            lambda r: r["analyses"]["modality_by_side"]["cluster"].update(
                threshold={"p": 0.1, "stat": 3}
            ),
            "give p or stat, one of the two",
        ),
        (lambda r: r["meeg"].update(coregistration={"trans": "x.fif"}), "must hold {subject}"),
        (
            lambda r: r["meeg"].update(coregistration={"trans": "{subject}_{run}.fif"}),
            "no other braces",
        ),
        (lambda r: r["meeg"]["inverse"].update(fixed=True), "fixed: true needs loose: 0"),
        (
            lambda r: r["meeg"]["inverse"].update(loose=0, orientation="vector"),
            "vector needs loose above 0",
        ),
        (lambda r: r["meeg"].update(artifacts={"method": "ica"}), "set covariance: {rank: null}"),
        (lambda r: r["meeg"]["conditions"].update(visual=5), "give it a tag of its own"),
        (
            lambda r: r["meeg"]["conditions"].update({"visual-Right": 5}),
            "visual/right, visual-Right: their letters and digits do not tell them apart",
        ),
    ],
)
def test_each_mistake_is_told_with_its_remedy(raw, change, said):
    change(raw)
    assert said in "\n".join(findings_of(raw))


def test_effects_are_named_in_the_order_of_the_design(raw):
    analysis = raw["analyses"]["modality_by_side"]
    analysis["effects"] = ["side:modality"]
    assert read_study(raw).analyses["modality_by_side"].effect_names == ["modality:side"]
    analysis["effects"] = "all"
    names = read_study(raw).analyses["modality_by_side"].effect_names
    assert names == ["modality", "side", "modality:side"]


def test_cells_run_with_the_first_factor_slowest_and_ignore_the_order_of_tags(raw):
    cells = cells_of(read_study(raw).analyses["modality_by_side"])
    assert [cell["tags"] for cell in cells] == [
        ["auditory", "left"],
        ["auditory", "right"],
        ["visual", "left"],
        ["visual", "right"],
    ]
    assert conditions_with(["left", "visual"], ["visual/left", "visual/right"]) == ["visual/left"]


def test_generated_files_are_in_step_with_the_typed_config():
    for name, text in generated().items():
        assert (ROOT / name).read_text() == text, f"{name} is stale; run make generate"


def test_default_config_loads_and_says_the_defaults():
    text = (ROOT / "config/default.yaml").read_text()
    study = read_study(yaml.safe_load(text) | {"study": "x"})
    assert study == read_study({"study": "x"})


def test_unreadable_files_are_named(tmp_path):
    with pytest.raises(InputError, match=r"absent\.yaml: cannot be read"):
        read_study_file(str(tmp_path / "absent.yaml"))
    bad = tmp_path / "bad.yaml"
    bad.write_text("a: [1\n")
    with pytest.raises(InputError, match="is not valid YAML"):
        read_study_file(str(bad))


def test_effects_of_groups_and_covariates():
    """Their names, and the design that each becomes."""
    people = {
        f"{k:02d}": {"group": "ab"[k % 2], "age": str(20 + k * k), "iq": str(100 - k)}
        for k in range(6)
    }
    common = {"data": "maps", "conditions": []}

    def designs(**keys):
        analysis = Analysis(**common, **keys)
        subjects = sorted(people)
        return {
            effect: declare_design(analysis, effect, subjects, people, "participants.tsv")
            for effect in analysis.effect_names
        }

    group = {"group": ["b", "a"]}
    two = designs(test="one-sample", between=group)
    assert list(two) == ["group"] and two["group"]["design"] == "TwoSample"
    assert two["group"]["groups"] == list("ababab") and two["group"]["levels"] == ["b", "a"]
    mixed = designs(within={"side": ["l", "r"]}, between=group)
    assert list(mixed) == ["group", "side", "group:side"]
    assert all(design["design"] == "Mixed" for design in mixed.values())
    slopes = designs(test="one-sample", covariates=["age", "iq"], effects=["iq", "mean", "age+iq"])
    assert [d["effect"] for d in slopes.values()] == ["iq", "intercept", "age+iq"]
    pooled = designs(within={"side": ["l", "r"]}, error="pooled")
    assert pooled["side"] == {
        "design": "Pooled", "factors": {"side": 2}, "effect": "side", "subjects": 6,
    }  # fmt: skip
    for found in (two, mixed, slopes, pooled):
        for design in found.values():
            assert design_from_dict(design).claim


def test_participants_are_read_and_told(tmp_path):
    path = tmp_path / "participants.tsv"
    path.write_text("participant_id\tage\nsub-01\t31\n02\tn/a\n")
    people = read_participants(str(path))
    assert people == {"01": {"age": "31"}, "02": {"age": "n/a"}}
    assert values_of(people, ["01"], "age", "p.tsv") == [31.0]
    with pytest.raises(InputError, match="subject 02 has no age"):
        values_of(people, ["01", "02"], "age", "p.tsv")
    path.write_text("participant_id\tage\nsub-01\t31\n01\t32\n")
    with pytest.raises(InputError, match="line 3: subject 01 has a second row"):
        read_participants(str(path))
    path.write_text("subject\tage\n01\t31\n")
    with pytest.raises(InputError, match="has no column participant_id"):
        read_participants(str(path))
    with pytest.raises(InputError, match="cannot be read"):
        read_participants(str(tmp_path / "absent.tsv"))
    rows = [
        {"subject": "01", "group": "a", "path": "x"},
        {"subject": "01", "group": "a", "path": "y"},
    ]
    assert constant_columns(rows) == {"01": {"subject": "01", "group": "a"}}
