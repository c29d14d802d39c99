"""fNIRS for real: intensities of six participants to tests of channels and a mixed model."""

import json

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import statsmodels.formula.api as smf

from groupwise.permutation import permutation_test
from groupwise.stats import OneSample
from tests.stats.tapping import tapping
from tests.workflow.browser import read_as_a_reader
from tests.workflow.docs_pages import DOCS, config_of
from tests.workflow.study_trees import Plan, bids_errors, snakemake, undescribed, without_stamps

FIRST = "results/group/first_level"
CONDITIONS = ["Control", "Tapping/Left", "Tapping/Right"]


TUTORIAL = DOCS / "tutorials/fnirs.md"


def test_the_tutorial_runs_as_written(followed):
    _, said = followed
    assert "6 subjects, 6 complete" in said["groupwise check --configfile study.yaml"]
    assert "fit_model" in said["snakemake --configfile study.yaml -n"]
    assert "done" in said["groupwise status --configfile study.yaml"]


def test_the_report_in_a_browser(study, tmp_path):
    read_as_a_reader(study / "results/report.html", tmp_path)


def test_every_table_is_described_and_bids_has_no_errors(study):
    assert undescribed(study / "results") == {}
    assert bids_errors(study / "results") == []


def table(study, path, **options):
    return pd.read_csv(study / path, sep="\t", dtype={"ID": str}, na_values="n/a", **options)


def test_the_opposite_hand_responds_most_and_hbr_is_inverted(study):
    """Group coefficients of each hemisphere: opposite hand > same hand > control, HbR below 0."""
    found = table(study, "results/group/models/hemispheres/coefficients.tsv")
    assert set(found["verdict"]) <= {"converged", "boundary"}
    value = found.set_index(["ROI", "Condition", "Chroma"])["estimate"]
    p = found.set_index(["ROI", "Condition", "Chroma"])["p_bonferroni"]
    for side, opposite, same in (
        ("Left_Hemisphere", "Tapping/Right", "Tapping/Left"),
        ("Right_Hemisphere", "Tapping/Left", "Tapping/Right"),
    ):
        own = value[side]
        assert own[opposite, "hbo"] > own[same, "hbo"] > own["Control", "hbo"]
        assert own[opposite, "hbr"] < own[same, "hbr"] < own["Control", "hbr"]
        assert p[side, opposite, "hbo"] < 0.05 and p[side, opposite, "hbr"] < 0.05
        assert p[side, "Control", "hbo"] > 0.05 and p[side, "Control", "hbr"] > 0.05


def test_participants_are_recovered(study):
    """Each one's difference between hands has the sign that was put in, in both hemispheres."""
    truth = json.loads((study / "demo/tapping/truth.json").read_text())["Subjects"]
    rois = table(study, f"{FIRST}/rois.tsv")
    own = rois[(rois["Condition"] == "leftMinusRight") & (rois["Chroma"] == "hbo")]
    for side in ("Left", "Right"):
        found = own[own["ROI"] == f"{side}_Hemisphere"].set_index("ID")["theta"]
        put = {
            name: each["Responses"][side]["Tapping/Left"] - each["Responses"][side]["Tapping/Right"]
            for name, each in truth.items()
        }
        put = pd.Series(put)[found.index]
        assert (np.sign(found) == np.sign(put)).all()


def test_hands_differ_where_they_should(study):
    """Significant channels: left hemisphere negative, right positive in HbO; HbR inverted."""
    points = table(study, "results/group/tapping/oneSample/maps/effect-oneSample_statmap.tsv")
    found = points[points["p_max"] <= 0.05]
    assert len(found) >= 4
    side = np.where(found["x"] < 0, -1, 1) * np.where(found["Chroma"] == "hbo", 1, -1)
    assert (np.sign(found["t"]) == side).all()
    result = json.loads((study / "results/group/tapping/oneSample/infer/result.json").read_text())
    assert result["Exact"] and result["Permutations"] == 32 and not result["Neighbours"]
    report = (study / "results/report.html").read_text()
    assert "Coarse p: 32 permutations allow no p below 0.0312" in report


def test_statistics_are_scipys_and_the_engines(study):
    rows = table(study, f"{FIRST}/channels.tsv")
    own = rows[rows["Condition"] == "leftMinusRight"]
    wide = own.pivot(index="ID", columns="ch_name", values="theta").dropna(axis=1)
    points = table(study, "results/group/tapping/oneSample/maps/effect-oneSample_statmap.tsv")
    names = points["place"] + " " + points["Chroma"]
    assert set(names) == set(wide.columns) and len(names) == 38  # one pair is bad in one person
    x = wide[list(names)].to_numpy()
    np.testing.assert_allclose(points["t"], scipy.stats.ttest_1samp(x, 0).statistic, rtol=1e-5)
    test = permutation_test(x, OneSample(), threshold={"p": 0.001}, permutations=1024)
    np.testing.assert_array_equal(points["p_max"], test.p_max)


def test_a_bad_pair_is_left_out_and_reported(study):
    pairs = table(study, "results/sub-04/nirs/sub-04_task-tapping_desc-pairs_quality.tsv")
    bad = pairs[pairs["status"] == "bad"]
    assert list(bad["pair"]) == ["S7_D7"]  # detached in the simulation
    coverage = table(study, "results/group/tapping/stack/coverage.tsv", keep_default_na=False)
    assert list(coverage.loc[~coverage["included"], "pair"]) == ["S7_D7"] * 2
    assert "04: S7_D7" in (study / "results/report.html").read_text()
    channels = table(study, f"{FIRST}/channels.tsv")
    assert channels.query("pair == 'S7_D7'")["ID"].nunique() == 5  # the model has the others'


def test_models_coefficients_are_means_of_the_table(study):
    """Of a balanced table the coefficients are the cells' means, whatever the variances."""
    rois = table(study, f"{FIRST}/rois.tsv")
    means = rois[rois["Condition"].isin(CONDITIONS)]
    means = means.groupby(["Chroma", "ROI", "Condition"])["theta"].mean()
    found = table(study, "results/group/models/hemispheres/coefficients.tsv")
    found = found.set_index(["Chroma", "ROI", "Condition"])["estimate"]
    np.testing.assert_allclose(found[means.index], means, rtol=1e-6)
    channels = table(study, f"{FIRST}/channels.tsv")
    own = channels[(channels["Condition"] == "leftMinusRight") & (channels["Chroma"] == "hbr")]
    theirs = smf.mixedlm("theta ~ -1 + ch_name", own, groups=own["ID"]).fit(method=["powell"])
    mine = table(study, "results/group/models/channels/coefficients.tsv")
    mine = mine[mine["Chroma"] == "hbr"].set_index("term")
    np.testing.assert_allclose(mine["estimate"], theirs.fe_params[mine.index], rtol=1e-3, atol=1e-4)


def test_collinearity_is_reported(study):
    facts = json.loads((study / "results/sub-01/nirs/sub-01_task-tapping_design.json").read_text())
    assert set(facts["SharedWithShortChannels"][0]) == set(CONDITIONS)
    assert all(1 <= value < 5 for value in facts["VarianceInflation"][0].values())


def test_every_table_has_a_sidecar_of_its_columns(study):
    tables = [
        path
        for path in (study / "results").rglob("*.tsv")
        if path.parent.name in ("first_level", "hemispheres", "channels", "maps", "infer")
    ]
    assert len(tables) > 6
    for path in tables:
        notes = json.loads(path.with_suffix(".json").read_text())
        columns = path.read_text().splitlines()[0].split("\t")
        assert all("Description" in notes[name] for name in columns), path


@pytest.mark.parametrize(
    "change, rules",
    [
        ({}, set()),
        (
            {"models__hemispheres__estimator": "gee"},
            {"fit_model", "figures_model", "report"},
        ),
        (
            {"fnirs__noise": "ols"},
            {
                *("fit_channels", "quality_fnirs", "channel_table", "figures_fnirs", "fit_model"),
                *("figures_model", "stack_channels", "prepare", "permute_block", "merge", "infer"),
                *("export_channels", "figures_channels", "report"),
            },
        ),
    ],
)
def test_only_what_depends_on_a_change_runs_again(study, change, rules):
    config = config_of(TUTORIAL)
    for key, value in change.items():
        place = config
        *path, last = key.split("__")
        for part in path:
            place = place[part]
        place[last] = value
    run = Plan(study, config)
    assert not run.refused
    assert set(run.jobs) == rules, run.jobs


def ready_made(folder, lines):
    (folder / "values.tsv").write_text("ID\tCondition\tROI\tChroma\ttheta\n" + "\n".join(lines))
    return {
        "study": "ready",
        "output": "results",
        "values": {"table": "values.tsv", "place": "ROI"},
        "analyses": {
            "hands": {
                "data": "values",
                "test": "paired",
                "conditions": ["Tapping/Left", "Tapping/Right"],
                "alpha": 0.1,
            }
        },
        "models": {
            "tutorial": {
                "data": "values",
                "formula": "theta ~ -1 + ROI:Condition:Chroma",
            }
        },
    }


def tutorial_lines():
    return [
        "\t".join([row.ID, row.Condition, row.ROI, row.Chroma, repr(row.theta)])
        for row in tapping().itertuples()
    ]


def test_a_ready_made_table_enters_at_the_group(tmp_path):
    """The MNE-NIRS tutorial's own values give its published coefficients, and a test by flips."""
    run = snakemake(tmp_path, ready_made(tmp_path, tutorial_lines()), "--cores", "2")
    assert run.returncode == 0, run.text
    found = table(tmp_path, "results/group/models/tutorial/coefficients.tsv")
    found = found.sort_values(["Condition", "ROI"])["estimate"].round(3)
    assert list(found) == [-0.281, -0.783, 1.960, 9.629, 9.264, 3.497]
    points = table(tmp_path, "results/group/hands/paired/maps/effect-paired_statmap.tsv")
    assert list(points["place"]) == ["Left_Hemisphere", "Right_Hemisphere"]
    assert (points["p_max"] >= 1 / 16).all()


@pytest.mark.parametrize(
    "lines, words",
    [
        (lambda own: [*own, own[0]], "is repeated"),
        (lambda own: [line for line in own if not line.startswith("03\tTapping/Left")], "03"),
        (lambda own: [own[0].replace("0.372", "n"), *own[1:]], "line 2: theta is"),
    ],
)
def test_a_bad_table_of_values_is_reported(tmp_path, lines, words):
    run = snakemake(tmp_path, ready_made(tmp_path, lines(tutorial_lines())), "--cores", "1")
    assert run.returncode != 0
    assert words in run.text and "Traceback" not in run.text


def test_too_few_participants_for_the_test_are_reported(tmp_path):
    config = ready_made(tmp_path, tutorial_lines())
    del config["analyses"]["hands"]["alpha"]
    run = Plan(tmp_path, config)
    assert "5 subjects and 10000 permutations give 16 resamplings" in run.refused


def test_every_stage_looks_at_what_it_is_given(study):
    assert without_stamps(study, config_of(TUTORIAL)) == set()
