"""The study config: unknown keys, all errors at once, and the files generated from it."""

import copy
import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from pydantic import Field, create_model

from groupwise.config import recorded
from groupwise.config.analysis import cells_of, conditions_with
from groupwise.config.document import generated
from groupwise.config.maps import MapsAnalysis
from groupwise.config.meeg import Epochs
from groupwise.config.read import read_study, read_study_file
from groupwise.config.recorded import recorded_config, recorded_keys
from groupwise.config.study import KINDS
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
        (lambda r: r.pop("bids_root"), "bids_root: is missing; add it for the section meeg"),
        (
            lambda r: r["meeg"]["conditions"].update({"visual/right": 3}),
            "meeg.conditions: two have the event 3",
        ),
        (
            lambda r: r["analyses"]["modality_by_side"].update(effects=["modality:hand"]),
            "effects: modality:hand is unknown; use the factors modality, side",
        ),
        (
            lambda r: r["analyses"]["modality_by_side"]["within"].update(side=["left", "up"]),
            "within: cell auditory/up matches no condition",
        ),
        (
            lambda r: r["analyses"]["modality_by_side"].update(
                effects=["modality:side", "side:modality"]
            ),
            "effects: has modality:side twice",
        ),
        (lambda r: r["analyses"]["modality_by_side"].update(effects=[]), "effects: is empty"),
        (
            lambda r: r["analyses"]["modality_by_side"].update(between={"side": ["a", "b"]}),
            "between: has a factor of within",
        ),
        (
            lambda r: r["analyses"]["modality_by_side"].update(
                between={"sex": ["f", "m"], "group": ["a", "b"]}
            ),
            "between: has 2 columns, but can have one",
        ),
        (
            lambda r: r["analyses"]["modality_by_side"].update(covariates=["age"]),
            "code groups as a numeric column",
        ),
        (
            lambda r: r["analyses"]["modality_by_side"].update(variances="unequal"),
            "variances: unequal needs two groups",
        ),
        (
            lambda r: r["analyses"]["modality_by_side"].update(
                between={"sex": ["f", "m"]}, error="pooled"
            ),
            "error: pooled needs a within design",
        ),
        (
            lambda r: r["analyses"]["modality_by_side"].update(
                between={"sex": ["f", "m"]}, effects="all", across_effects=True
            ),
            "cannot be corrected together",
        ),
        (
            lambda r: r["analyses"]["modality_by_side"].update(hat=0.1),
            "hat: needs a one-sample or paired t test",
        ),
        (
            lambda r: r["analyses"]["modality_by_side"]["within"].update(side=[False, True]),
            "must be text, but YAML reads a boolean (false); put it in quotes",
        ),
        (
            lambda r: r.update(subjects=[1, "02"]),
            "subjects.0: must be text, but YAML reads a number (1)",
        ),
        (
            lambda r: r["analyses"]["modality_by_side"].update(crop=[0, 0.9]),
            "0.9 s is outside the epochs",
        ),
        (
            lambda r: r["analyses"]["modality_by_side"].update(test="paired"),
            "one of the keys test and within",
        ),
        (
            lambda r: [
                r["analyses"]["modality_by_side"].update(data="maps"),
                r["analyses"]["modality_by_side"].pop("crop"),
            ],
            "data: maps needs the section maps, which is missing; add it",
        ),
        (
            lambda r: r["analyses"]["modality_by_side"].update(data="maps"),
            "analyses.modality_by_side.crop: unknown key with data: maps; only meeg, "
            "evokeds and estimates have it; remove it",
        ),
        (
            lambda r: r["meeg"]["epochs"].update(baseline=[None, 0.7]),
            "epochs.baseline: 0.7 s is outside the epoch",
        ),
        (
            lambda r: r["analyses"]["modality_by_side"]["cluster"].update(
                threshold={"p": 0.1, "stat": 3}
            ),
            "one of the keys p and stat",
        ),
        (
            lambda r: r["meeg"].update(coregistration={"trans": "x.fif"}),
            "trans: must contain {subject}",
        ),
        (
            lambda r: r["meeg"].update(coregistration={"trans": "{subject}_{run}.fif"}),
            "no other braces",
        ),
        (lambda r: r["meeg"]["inverse"].update(fixed=True), "fixed: true needs loose: 0"),
        (
            lambda r: r["meeg"]["inverse"].update(loose=0, orientation="vector"),
            "orientation: vector needs fixed: false and loose above 0",
        ),
        (lambda r: r["meeg"].update(artifacts={"method": "ica"}), "set covariance: {rank: null}"),
        (lambda r: r["meeg"]["conditions"].update(visual=5), "add a tag to the first"),
        (
            lambda r: r["meeg"]["conditions"].update({"visual-Right": 5}),
            "the names visual/right, visual-Right need distinct letters and digits",
        ),
    ],
)
def test_each_mistake_is_reported_with_its_remedy(raw, change, said):
    change(raw)
    assert said in "\n".join(findings_of(raw))


@pytest.mark.parametrize(
    ("analysis", "change", "finding"),
    [
        ("faces", {"data": "frmi"}, "faces.data: 'frmi' is unknown; did you mean fmri?"),
        ("faces", {"data": None}, f"faces.data: null is unknown; known: {', '.join(KINDS)}"),
        ("faces", {"permutation": 9}, "faces.permutation: unknown key; did you mean permutations?"),
        (
            "faces",
            {"space": "sources"},
            "faces.space: unknown key with data: fmri; only meeg, fnirs, evokeds and "
            "estimates have it; remove it",
        ),
        (
            "tapping",
            {"tfce": True},
            "tapping.tfce: unknown key with data: fnirs; only meeg, fmri, evokeds, "
            "estimates and maps have it; remove it",
        ),
        (
            "modality_by_side",
            {"chroma": ["hbo"]},
            "modality_by_side.chroma: unknown key with data: meeg; only fnirs has it; remove it",
        ),
        ("tapping", {"space": "mag"}, "tapping.space: 'mag' is unknown; known: channels, rois"),
        ("faces", {"alpha": 2}, "faces.alpha: input should be less than 1 (got 2)"),
        (
            "faces",
            {"cluster": {"threshold": {"q": 0.1}}},
            "faces.cluster.threshold.q: unknown key; known: p, stat",
        ),
        ("modality_by_side", {"parcellation": "x"}, "modality_by_side.parcellation: needs space"),
    ],
)
def test_keys_of_an_analysis_are_those_of_its_data(raw, analysis, change, finding):
    raw["analyses"][analysis].update(change)
    (found,) = findings_of(raw)
    assert found.startswith(f"my.yaml: analyses.{finding}")


def test_data_of_an_analysis_is_asked_for(raw):
    del raw["analyses"]["faces"]["data"]
    raw["analyses"]["tapping"] = "fnirs"
    raw["analyses"]["modality_by_side"]["data"] = "evokeds"
    assert findings_of(raw) == [
        "my.yaml: analyses.modality_by_side.space: is missing; add it (known: mag, grad, eeg)",
        f"my.yaml: analyses.faces.data: is missing; add it (known: {', '.join(KINDS)})",
        "my.yaml: analyses.tapping: must contain keys and values, but is 'fnirs'",
    ]


def test_a_finding_has_the_keys_as_they_were_written(raw):
    """Also those that look like the members of unions that pydantic tells of."""
    raw["meeg"]["conditions"].update({"int": 1.5, "b[1]": "five"})
    raw["meeg"]["session"] = ["pre", 2]
    raw["analyses"]["bad name"] = raw["analyses"]["faces"]
    raw["analyses"]["faces"] = raw["analyses"]["faces"] | {"contrasts": {"list[a]": ["a", 1]}}
    found = findings_of(raw)
    assert {line.split(": ")[1] for line in found} == {
        *("meeg.conditions.int", "meeg.session.1", "analyses.bad name"),
        *("analyses.faces.contrasts.list[a]", "analyses.faces.contrasts.list[a].1"),
    }


def test_schema_knows_the_keys_of_each_kind_of_data(raw):
    schema = json.loads((ROOT / "workflow/schemas/study.schema.json").read_text())
    raw["meeg"]["epochs"]["reject"] = {}
    faces = raw["analyses"]["faces"]
    for change in ({"crop": [0, 1]}, {"data": "values", "tfce": False}, {"data": "evokeds"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(raw | {"analyses": {"faces": faces | change}}, schema)
    good = faces | {"data": "evokeds", "space": "mag", "crop": [0, 1]}
    jsonschema.validate(raw | {"analyses": {"faces": good}}, schema)


RECORDS = json.loads((ROOT / "tests/unit/recorded_configs.json").read_text())


@pytest.mark.parametrize("name", RECORDS)
def test_a_config_is_recorded_as_version_0_1_did(name):
    """Those are made by its `model_dump(mode="json", exclude_none=True)`.

    Snakemake compares the repr of a parameter, so the order of keys counts, too.
    """
    record = RECORDS[name]
    assert repr(recorded_config(read_study(record["config"]))) == repr(record["recorded"])


def test_a_key_added_later_is_recorded_where_it_is_not_at_its_default():
    """In an analysis, in another section, and null where that is not the default."""
    later = create_model("Later", __base__=MapsAnalysis, added=(int | None, Field(3)))
    section = create_model("Section", __base__=type(study_of_maps().maps), added=(bool, False))
    base = study_of_maps()

    def recorded(maps=(), **keys):
        analysis = later.model_validate(RECORDS["ready-made"]["config"]["analyses"]["maps"] | keys)
        own = section.model_validate(base.maps.model_dump() | dict(maps))
        return recorded_config(base.model_copy(update={"maps": own, "analyses": {"a": analysis}}))

    plain = recorded()
    assert repr(plain["analyses"]["a"]) == repr(recorded_config(base)["analyses"]["maps"])
    assert "added" not in plain["maps"]
    assert recorded(added=4)["analyses"]["a"] == plain["analyses"]["a"] | {"added": 4}
    assert recorded(added=None)["analyses"]["a"] == plain["analyses"]["a"] | {"added": None}
    assert recorded({"added": True})["maps"] == plain["maps"] | {"added": True}


def study_of_maps():
    return read_study(RECORDS["ready-made"]["config"])


def test_parameters_of_stages_lack_later_keys_at_their_defaults(monkeypatch):
    """So that an upgrade reruns no stage of a finished study."""

    class LaterEpochs(Epochs):
        added: int = 3

    monkeypatch.setitem(recorded.KEYS, LaterEpochs, recorded.KEYS[Epochs])
    epochs = read_study(RECORDS["config/config.yaml"]["config"]).meeg.epochs
    known = recorded.KEYS[Epochs].split()
    before = {key: epochs.model_dump(mode="json")[key] for key in known}
    assert repr(recorded_keys(epochs)) == repr(before)
    assert repr(recorded_keys(LaterEpochs(**before))) == repr(before)
    assert recorded_keys(LaterEpochs(**before, added=4)) == before | {"added": 4}
    assert list(recorded_keys(epochs, "reject", "tmin")) == ["reject", "tmin"]


def test_options_of_the_statistic_are_recorded_in_the_order_of_version_0_1():
    """TFCE also for the kinds of data that cannot have it."""
    for record in RECORDS.values():
        for name, analysis in read_study(record["config"]).analyses.items():
            told = record["recorded"]["analyses"][name]
            expected = {key: told[key] for key in ("hat", "tfce", "alternative")}
            assert repr(analysis.statistic_options) == repr(expected)


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


def test_default_config_loads_and_states_the_defaults():
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
        analysis = MapsAnalysis(**common, **keys)
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


def test_participants_are_read_and_reported(tmp_path):
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
