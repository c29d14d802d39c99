"""Ready-made evoked responses, several in a file, through the workflow."""

import json

import mne
import numpy as np
import pandas as pd
import pytest
import scipy.stats

from groupwise.config.read import read_study
from groupwise.errors import InputError
from tests.workflow.study_trees import Plan, snakemake

SUBJECTS, TIMES = 7, np.arange(-10, 30) / 100
NAMES = [
    *("Fp1", "Fp2", "F7", "F3", "Fz", "F4", "F8", "T7", "C3", "Cz", "C4", "T8"),
    *("P7", "P3", "Pz", "P4", "P8", "O1", "Oz", "O2"),
]


def responses_of(subject):
    """Two responses with an average reference; oddballs are larger at Pz around 150 ms."""
    info = mne.create_info(NAMES, 100.0, "eeg").set_montage("colin27_1020")
    rng, made = np.random.default_rng([5, subject]), []
    for name, strength in (("oddball", 5e-6), ("frequent", 1e-6)):
        data = 1e-6 * rng.normal(size=(len(NAMES), len(TIMES)))
        wave = strength * np.exp(-0.5 * ((TIMES - 0.15) / 0.04) ** 2)
        for site, share in (("Pz", 1.0), ("P3", 0.6), ("P4", 0.6), ("Cz", 0.6)):
            data[NAMES.index(site)] += share * wave
        evoked = mne.EvokedArray(data, info, tmin=TIMES[0], comment=name, nave=50)
        made.append(evoked.set_eeg_reference("average", projection=False, verbose="error"))
    return made


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """A file a subject, and their table."""
    folder, rows = tmp_path_factory.mktemp("evokeds"), []
    for subject in range(SUBJECTS):
        name = f"s{subject}-ave.fif"
        mne.write_evokeds(folder / name, responses_of(subject), verbose="error")
        rows += [(f"{subject:02d}", kind, name) for kind in ("oddball", "frequent")]
    table = pd.DataFrame(rows, columns=["subject", "condition", "path"])
    table.to_csv(folder / "evokeds.tsv", sep="\t", index=False)
    return folder


def config_of(folder, **analysis):
    chosen = {
        "data": "evokeds",
        "space": "eeg",
        "test": "paired",
        "conditions": ["oddball", "frequent"],
        "cluster": {"threshold": {"p": 0.01}},
        **analysis,
    }
    return {
        "study": "oddball",
        "output": "results",
        "evokeds": {"table": str(folder / "evokeds.tsv")},
        "analyses": {"p3": chosen},
    }


def test_the_effect_is_found_and_t_is_scipys(given):
    run = snakemake(given, config_of(given, crop=[0, 0.29]), "--cores", "2")
    assert run.returncode == 0, run.text
    effect = given / "results/group/p3/paired"
    first = pd.read_csv(effect / "infer/clusters.tsv", sep="\t").iloc[0]
    assert first["p"] == 1 / 64 and first["label"] == "Pz"
    assert first["t_start"] < 0.15 < first["t_stop"]
    table = pd.read_csv(effect / "maps/effect-paired_statmap.tsv", sep="\t")
    data = np.array(
        [[evoked.data[:, TIMES > -1e-6] for evoked in responses_of(s)] for s in range(SUBJECTS)]
    )
    expected = scipy.stats.ttest_rel(data[:, 0], data[:, 1]).statistic
    place = table.pivot(index="place", columns="time", values="t").loc[NAMES]
    np.testing.assert_allclose(place.to_numpy(), expected, rtol=1e-4, atol=1e-4)
    figures = json.loads((effect / "figures/figures.json").read_text())["figures"]
    assert any("topography" in each["file"] for each in figures)
    assert "The conditions differ" in (given / "results/report.html").read_text()


@pytest.mark.slow
def test_the_mean_over_a_window_is_tested(given):
    config = config_of(given, crop=[0.1, 0.2], average=True)
    config["analyses"] = {"window": config["analyses"]["p3"]}
    run = snakemake(given, config, "--cores", "2", "group", "results/group/window/paired/figures")
    assert run.returncode == 0, run.text
    effect = given / "results/group/window/paired"
    table = pd.read_csv(effect / "maps/effect-paired_statmap.tsv", sep="\t").set_index("place")
    inside = (TIMES > 0.1 - 1e-6) & (TIMES < 0.2 + 1e-6)
    data = np.array(
        [[own.data[:, inside].mean(1) for own in responses_of(s)] for s in range(SUBJECTS)]
    )
    expected = scipy.stats.ttest_rel(data[:, 0], data[:, 1]).statistic
    np.testing.assert_allclose(table.loc[NAMES, "t"], expected, rtol=1e-4)
    assert "time" not in table
    first = pd.read_csv(effect / "infer/clusters.tsv", sep="\t").iloc[0]
    assert first["p"] == 1 / 64 and "t_start" not in first
    meta = json.loads((given / "results/group/window/stack/stack.json").read_text())
    np.testing.assert_allclose(meta["Window"], [0.1, 0.2])
    told = json.loads((effect / "figures/figures.json").read_text())
    assert "mean of 100 to 200 ms" in told["title"]


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"space": None}, "space: null is unknown; known: mag, grad, eeg"),
        ({"space": "sources"}, "space: 'sources' is unknown; known: mag, grad, eeg"),
        ({"hemispheres": ["lh"]}, "hemispheres: unknown key with data: evokeds; only"),
    ],
)
def test_what_does_not_fit_is_reported_at_planning(given, changes, words):
    with pytest.raises(InputError, match=words):
        read_study(config_of(given, **changes))


def test_a_condition_that_the_table_lacks_is_reported(given):
    run = Plan(given, config_of(given, conditions=["oddball", "rare"]))
    assert "no row of the table of maps has condition rare" in " ".join(run.refused.split())


def test_a_response_that_the_file_lacks_is_named(given, tmp_path):
    table = pd.read_csv(given / "evokeds.tsv", sep="\t", dtype=str)
    table["path"] = str(given) + "/" + table["path"]
    table["condition"] = table["condition"].replace("oddball", "deviant")
    table.to_csv(tmp_path / "evokeds.tsv", sep="\t", index=False)
    config = config_of(tmp_path, conditions=["deviant", "frequent"])
    run = snakemake(tmp_path, config, "--cores", "1", "group")
    assert run.returncode != 0
    assert "0 responses are named deviant. Its responses are oddball, frequent" in run.text
    assert not list(tmp_path.glob("results/group/p3/stack/stack.npy"))
