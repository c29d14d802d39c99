"""The plan without Snakemake: sources, rows, effects, paths and findings."""

import pandas as pd
import pytest

from groupwise.config.read import read_study
from groupwise.plan.build import SOURCES, SPACES, Plan
from groupwise.plan.paths import Paths, camel, slug
from tests.workflow.study_trees import make_config, make_tree, touch


def plan_of(raw):
    return Plan(read_study(raw), "out")


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return make_tree(tmp_path_factory.mktemp("tree"))


def test_every_section_with_data_has_a_source():
    fields = set(read_study({"study": "s"}).model_dump())
    assert {kind.data for kind in SOURCES} <= fields
    assert len({kind.data for kind in SOURCES}) == len(SOURCES)


def test_paths_hold_one_fact_per_entity_in_one_order():
    paths = Paths("out")
    kept = paths.subject_file("meg", "stc.h5", task="faces", cond="famous", space="fsaverage")
    assert (
        kept == "out/sub-{subject}/meg/sub-{subject}_task-faces_space-fsaverage_cond-famous_stc.h5"
    )
    one = paths.subject_file("meg", "epo.fif", task="faces", session="a", proc="clean")
    assert one == "out/sub-{subject}/meg/sub-{subject}_ses-a_task-faces_proc-clean_epo.fif"
    each = paths.subject_file("meg", "epo.fif", task="faces", session=["a", "b"])
    assert (
        each == "out/sub-{subject}/ses-{session}/meg/sub-{subject}_ses-{session}_task-faces_epo.fif"
    )
    assert camel("auditory/left") == "auditoryLeft" and slug("modality:side") == "modalityXside"
    assert slug("one-sample") == "oneSample"


def test_rows_are_one_per_subject_and_cell_with_the_first_factor_slowest(tree):
    plan = plan_of(make_config(tree))
    rows = plan.source("modality_by_side").rows("modality_by_side")
    assert len(rows) == 7 * 4 and not plan.findings
    assert [row["condition"] for row in rows[:4]] == [
        *("auditory/left", "auditory/right", "visual/left", "visual/right")
    ]
    assert list(rows[0]) == ["subject", "session", "modality", "side", "condition", "path"]
    assert rows[0]["path"].startswith("out/sub-01/meg/sub-01_task-audvis_space-fsaverage_cond-")


def test_sessions_are_a_factor_only_where_the_study_has_several(tmp_path):
    for session in ("pre", "post"):
        make_tree(tmp_path, session=session)
    within = {"session": ["pre", "post"], "side": ["left", "right"]}
    conditions = {"left": 1, "right": 2}
    spec = {"data": "meeg", "within": within, "effects": ["session"]}
    raw = make_config(tmp_path, meeg__session=["pre", "post"], meeg__conditions=conditions)
    plan = plan_of(raw | {"analyses": {"training": spec}})
    rows = plan.source("training").rows("training")
    assert [(row["session"], row["side"]) for row in rows[:4]] == [
        *(("pre", "left"), ("pre", "right"), ("post", "left"), ("post", "right"))
    ]
    assert "/ses-post/" in rows[2]["path"]


def test_blocks_are_fixed_ranges_and_end_where_the_resamplings_do(tree):
    raw = make_config(tree, block_size=25)
    effect = plan_of(raw).effects["modality_by_side", "modalityXside"]
    # 7 subjects have 2^6 = 64 two-sided sign flips; 1,024 were asked for.
    assert (effect.resamplings, effect.permutations) == (64, 64)
    assert effect.blocks == [(0, 25), (25, 25), (50, 25)]
    assert [effect.stop(start, size) for start, size in effect.blocks] == [25, 50, 64]


def test_all_findings_come_at_once_and_incomplete_subjects_count_in_designs(tmp_path):
    make_tree(tmp_path)
    (tmp_path / "bids/sub-02/meg/sub-02_task-audvis_meg.fif").unlink()
    touch(tmp_path / "maps.tsv", "subject\tpath\n01\tabsent.nii\n02\tabsent.nii\n")
    raw = make_config(tmp_path) | {"maps": {"table": str(tmp_path / "maps.tsv")}}
    analysis = {"data": "meeg", "test": "one-sample", "conditions": ["auditory/left"]}
    raw["analyses"]["age"] = analysis | {"covariates": ["age"]}
    touch(
        tmp_path / "bids/participants.tsv",
        "participant_id\tage\n" + "".join(f"sub-{k:02d}\t{k}\n" for k in (1, 3, 4, 5, 6, 7)),
    )
    findings = "\n".join(plan_of(raw).findings)
    assert "sub-02: no recording" in findings
    assert "maps.tsv, line 2: " in findings
    assert "subject 02 has no age" in findings  # it is analysed after its recording is added


def test_a_source_returns_the_space_of_an_analysis(tree):
    raw = make_config(tree)
    common = {"data": "meeg", "test": "one-sample", "conditions": ["auditory/left"]}
    raw["analyses"] = {
        "cortex": common,
        "sensors": common | {"space": "grad"},
        "labels": common | {"space": "labels", "parcellation": "none"},
    }
    plan = plan_of(raw)
    assert {name: plan.source(name).space(name) for name in raw["analyses"]} == {
        "cortex": "surface",
        "sensors": "sensors",
        "labels": "labels",
    }
    assert plan.analyses_in(*SPACES) == list(raw["analyses"])
    assert any("lh.none.annot does not exist" in each for each in plan.findings)
    assert plan.views() == ["out/group/cortex/oneSample/views/surface.html"]


def test_groups_come_from_the_table_of_maps_where_it_has_them(tmp_path):
    rows = [{"subject": f"{k:02d}", "path": f"{k}.nii", "group": "ab"[k % 2]} for k in range(10)]
    for row in rows:
        touch(tmp_path / row["path"])
    pd.DataFrame(rows).to_csv(tmp_path / "maps.tsv", sep="\t", index=False)
    analysis = {"data": "maps", "test": "one-sample", "between": {"group": ["a", "b"]}}
    raw = {"study": "s", "maps": {"table": str(tmp_path / "maps.tsv")}}
    plan = plan_of(raw | {"analyses": {"groups": analysis}})
    assert not plan.findings
    assert plan.effects["groups", "group"].design["groups"] == ["a", "b"] * 5
    assert plan.effects["groups", "group"].resamplings == 252  # 10 choose 5


def test_incomplete_subjects_of_one_analysis_are_not_those_of_another(tmp_path):
    rows = [
        {"subject": f"{k:02d}", "path": f"{k}-{level}.nii", "side": level}
        for k in range(6)
        for level in ("left", "right")
        if (k, level) != (0, "right")
    ]
    for row in rows:
        touch(tmp_path / row["path"])
    pd.DataFrame(rows).to_csv(tmp_path / "maps.tsv", sep="\t", index=False)
    common = {"data": "maps", "test": "paired"}
    raw = {"study": "s", "maps": {"table": str(tmp_path / "maps.tsv")}} | {
        "analyses": {
            "sides": {"data": "maps", "within": {"side": ["left", "right"]}, "effects": ["side"]},
            "wrong": common | {"conditions": ["up", "down"]},
        }
    }
    findings = plan_of(raw).findings
    assert any("subject 00: no map of side right" in each for each in findings)
    assert any("column condition is not in the table" in each for each in findings)
    assert not any("analyses.wrong: 1 subjects" in each for each in findings)


def test_values_may_have_a_column_of_subjects_beside_their_ids(tmp_path):
    rows = [
        {"ID": f"{k:02d}", "subject": "name", "Condition": level, "ch_name": "S1_D1", "theta": k}
        for k in range(6)
        for level in ("tap", "rest")
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "values.tsv", sep="\t", index=False)
    analysis = {"data": "values", "test": "paired", "conditions": ["tap", "rest"]}
    raw = {"study": "s", "values": {"table": str(tmp_path / "values.tsv")}}
    plan = plan_of(raw | {"analyses": {"taps": analysis}})
    assert plan.source("taps").subjects_of("taps") == [f"{k:02d}" for k in range(6)]
    assert plan.source("taps").subjects == plan.source("taps").subjects_of("taps")


def test_an_absent_transform_of_several_sessions_is_a_finding(tmp_path):
    for session in ("pre", "post"):
        make_tree(tmp_path, session=session)
    trans = str(tmp_path / "trans/sub-{subject}_ses-{session}_trans.fif")
    within = {"session": ["pre", "post"]}
    raw = make_config(
        tmp_path,
        meeg__session=["pre", "post"],
        meeg__coregistration={"trans": trans},
        analyses={"training": {"data": "meeg", "within": within, "effects": ["session"]}},
        meeg__conditions={"left": 1},
    )
    findings = plan_of(raw).findings
    assert any("trans/sub-01_ses-post_trans.fif is not there" in each for each in findings)


def test_the_report_of_recordings_without_a_bids_root_reads_no_participants(tmp_path):
    for k in range(6):
        touch(tmp_path / f"raw/{k:02d}.snirf")
    touch(tmp_path / "people.tsv", "participant_id\tage\n")
    fnirs = {"task": "tap", "recordings": str(tmp_path / "raw/{subject}.snirf")}
    raw = {"study": "s", "participants": str(tmp_path / "people.tsv")}
    plan = plan_of(raw | {"fnirs": fnirs | {"conditions": {"tap": "tap"}}})
    assert not plan.findings and plan.sources["fnirs"].participants_file
    assert plan.report_inputs()["fnirs_participants"] == []
