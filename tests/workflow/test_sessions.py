"""Several sessions of each subject: found, planned each for itself, told apart in the group."""

import json

import mne
import mne_bids
import numpy as np
import pandas as pd
import pytest

from groupwise.config.read import read_study
from groupwise.errors import InputError
from tests.workflow.study_trees import Plan, make_config, make_tree, snakemake

SUBJECTS = ("01", "02", "03", "04", "05", "06")
NAMES = ["Fp1", "Fp2", "F3", "F4", "C3", "C4", "P3", "P4", "O1", "O2", "Fz", "Cz", "Pz", "T7", "T8"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    folder = tmp_path_factory.mktemp("visits")
    for session in ("pre", "post"):
        make_tree(folder, subjects=SUBJECTS, session=session)
    return folder


def study(folder, **changes):
    within = {
        "session": ["pre", "post"], "modality": ["auditory", "visual"], "side": ["left", "right"],
    }  # fmt: skip
    raw = make_config(folder, meeg__session=["pre", "post"], **changes)
    raw["analyses"] = {"training": {"data": "meeg", "within": within, "effects": ["session"]}}
    return raw


def test_every_session_has_its_own_stages_and_one_anatomy(tree):
    jobs = Plan(tree, study(tree)).jobs
    stages = ("preprocess", "evoked", "noise_covariance", "coregistration", "forward", "morph")
    assert {jobs[rule] for rule in stages} == {12}
    assert jobs["bem"] == jobs["source_space"] == 6 and jobs["infer"] == 1
    wanted = "results/sub-03/ses-post/meg/sub-03_ses-post_task-audvis_ave.fif"
    run = snakemake(tree, study(tree), "-n", str(tree / wanted))
    assert run.jobs == {"preprocess": 1, "evoked": 1}


def test_contrasts_name_sessions(tree):
    raw = study(tree)
    analysis = raw["analyses"]["training"]
    del analysis["effects"]
    analysis["contrasts"] = {"gain": "post/auditory/left - pre/auditory/left"}
    assert Plan(tree, raw).jobs["infer"] == 1


def test_a_subject_without_a_session_is_reported_or_left_out(tmp_path):
    make_tree(tmp_path, subjects=(*SUBJECTS, "07"), session="pre")
    make_tree(tmp_path, subjects=SUBJECTS, session="post")
    run = Plan(tmp_path, study(tmp_path))
    assert "sub-07: no recording" in run.refused and "ses-post" in run.refused
    assert Plan(tmp_path, study(tmp_path, missing="drop")).jobs["morph"] == 12


@pytest.mark.parametrize(
    "within, words",
    [
        ({"side": ["left", "right"]}, "within: lacks the factor session, .*; add session with"),
        ({"session": ["pre", "late"]}, "within.session: late is not in meeg.session"),
    ],
)
def test_sessions_that_do_not_fit_are_reported(tree, within, words):
    raw = study(tree)
    modality = {"modality": ["auditory", "visual"], "side": ["left", "right"]}
    raw["analyses"]["training"] = {"data": "meeg", "within": modality | within}
    with pytest.raises(InputError, match=words):
        read_study(raw)


def test_the_group_gets_each_sessions_responses(tmp_path):
    """Two people, two sessions; the second session's response is three times the first's."""
    for subject in ("01", "02"):
        for session, strength in (("pre", 1.0), ("post", 3.0)):
            rng = np.random.default_rng([int(subject), int(strength)])
            info = mne.create_info(NAMES, 100.0, "eeg").set_montage("colin27_1020")
            info["line_freq"] = 50
            samples = 100 + 100 * np.arange(12)
            data = 1e-7 * rng.normal(size=(len(NAMES), samples[-1] + 200))
            for sample in samples:
                data[NAMES.index("Pz"), sample + 10 : sample + 20] += strength * 1e-5
            path = mne_bids.BIDSPath(
                root=tmp_path / "bids", subject=subject, session=session, task="rest",
                datatype="eeg",
            )  # fmt: skip
            mne_bids.write_raw_bids(
                mne.io.RawArray(data, info, verbose="error"), path, format="BrainVision",
                events=np.column_stack([samples, 0 * samples, 1 + 0 * samples]),
                event_id={"flash": 1}, allow_preload=True, verbose="error",
            )  # fmt: skip
    raw = {
        "study": "visits", "bids_root": "bids", "output": "results",
        "meeg": {
            "task": "rest", "datatype": "eeg", "channels": ["eeg"], "session": ["pre", "post"],
            "conditions": {"flash": "flash"}, "reference": "recorded", "filter": {"h_freq": None},
            "epochs": {"tmin": -0.05, "tmax": 0.3},
        },
        "analyses": {
            "gain": {"data": "meeg", "space": "eeg", "within": {"session": ["pre", "post"]},
                     "alpha": 0.9},
        },
    }  # fmt: skip
    stack = "results/group/gain/stack"
    quality = "results/sub-02/ses-post/figures"
    run = snakemake(tmp_path, raw, "--cores", "2", f"{stack}/stack.npy", quality, "check")
    assert run.returncode == 0, run.text
    table = pd.read_csv(tmp_path / stack / "observations.tsv", sep="\t", dtype=str)
    assert list(table["session"]) == ["pre", "post"] * 2
    space = np.load(tmp_path / stack / "space.npz")
    maps = np.load(tmp_path / stack / "stack.npy").reshape(4, len(NAMES), -1)
    pz = maps[:, list(space["label"]).index("Pz")][:, np.abs(space["times"] - 0.15) < 0.03]
    np.testing.assert_allclose(pz.mean(axis=1), [10, 30, 10, 30], rtol=0.02)  # uV
    title = json.loads((tmp_path / quality / "figures.json").read_text())["title"]
    assert title == "Subject 02 ses-post"
    checked = pd.read_csv(tmp_path / "results/check/inputs.tsv", sep="\t", dtype=str)
    assert list(checked["session"]) == ["pre", "post"] * 2
