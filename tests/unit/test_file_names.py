"""Files of one recording that were joined as runs, or of which one was used without a word."""

import pytest

from groupwise.config.read import read_study
from groupwise.inputs.optodes import find_optical_runs
from groupwise.inputs.recordings import find_recordings
from groupwise.inputs.runs import find_runs
from tests.workflow.study_trees import touch


def meeg(root, *names, **keys):
    """Recordings of one subject with these endings, found in the tree."""
    for name in names:
        touch(root / f"sub-01/eeg/sub-01_task-a_{name}")
    section = {"task": "a", "datatype": "eeg", "channels": ["eeg"], "conditions": {"x": "x"}}
    study = {"study": "s", "bids_root": str(root), "meeg": section | keys}
    return find_recordings(read_study(study))


@pytest.mark.parametrize(
    ("names", "remedy"),
    [
        (["eeg.vhdr", "eeg.set"], "recording; move all but one out of the data set"),
        (["eeg.fif", "proc-sss_eeg.fif"], "set meeg.entities to {proc: null} or {proc: sss}, or"),
        (["run-1_eeg.fif", "run-01_eeg.fif"], "recording; move all but one"),
        (["eeg.fif", "split-01_eeg.fif", "split-02_eeg.fif"], "recording; move all but one"),
        (["desc-1_eeg.fif", "desc-2_eeg.fif"], '{desc: "1"} or {desc: "2"}, or move all but one'),
    ],
)
def test_files_of_one_recording_are_refused(tmp_path, names, remedy):
    touch(tmp_path / "sub-01/eeg/sub-01_task-a_events.tsv")
    (finding,) = [f for f in meeg(tmp_path, *names).findings if "hold the same" in f]
    assert remedy in finding
    assert all(f"sub-01_task-a_{n}" in finding for n in names if "split-02" not in n)


@pytest.mark.parametrize(
    ("names", "keys", "chosen"),
    [
        (["run-1_eeg.edf", "run-2_eeg.edf"], {}, ["run-1_eeg.edf", "run-2_eeg.edf"]),
        (["acq-a_eeg.fif", "acq-b_eeg.fif"], {}, ["acq-a_eeg.fif", "acq-b_eeg.fif"]),
        (["eeg.set", "eeg.fdt"], {}, ["eeg.set"]),
        (["eeg.vhdr", "eeg.eeg", "eeg.vmrk", "eeg.json"], {}, ["eeg.vhdr"]),
        (["split-1_eeg.fif", "split-2_eeg.fif"], {}, ["split-1_eeg.fif"]),
        (["proc-sss_eeg.fif"], {}, ["proc-sss_eeg.fif"]),
        (["eeg.fif", "proc-x_eeg.fif"], {"entities": {"proc": "x"}}, ["proc-x_eeg.fif"]),
        (["eeg.fif", "proc-x_eeg.fif"], {"entities": {"proc": None}}, ["eeg.fif"]),
    ],
)
def test_runs_and_chosen_files_are_found(tmp_path, names, keys, chosen):
    for run in ("", "run-1_", "run-2_", "acq-a_", "acq-b_"):
        touch(tmp_path / f"sub-01/eeg/sub-01_task-a_{run}events.tsv")
    found = meeg(tmp_path, *names, **keys)
    assert found.findings == []
    assert [p.rpartition("task-a_")[2] for p in found.of("01").raw] == chosen
    assert not any("proc-" in path for path in found.of("01").events)


def fmri(root, *endings, **keys):
    """Images of one subject with these names after the space, with all that belongs to them."""
    func = root / "sub-01/func"
    for ending in endings:
        touch(func / f"sub-01_task-a_{ending}")
        touch(func / f"sub-01_task-a_{ending}".replace("preproc_bold", "brain_mask"))
    for part in ("", "echo-1_", "echo-2_"):
        touch(func / f"sub-01_task-a_{part}events.tsv")
        touch(func / f"sub-01_task-a_{part}desc-confounds_timeseries.tsv")
    section = {"task": "a", "derivatives": str(root), "conditions": {"x": "x"}, "space": "P"}
    study = {"study": "s", "bids_root": str(root), "fmri": section | keys}
    return find_runs(read_study(study))


BOLD = "desc-preproc_bold.nii.gz"


@pytest.mark.parametrize(
    ("names", "keys", "chosen"),
    [
        ([f"space-P_{BOLD}", "space-P_desc-preproc_bold.nii"], None, "recording; move all but"),
        (
            [f"space-P_cohort-{k}_{BOLD}" for k in (1, 2)],
            {"cohort": "2"},
            'fmri.entities to {cohort: "1"} or {cohort: "2"}, or move',
        ),
        (
            [f"echo-{k}_space-P_{BOLD}" for k in (1, 2)],
            {"echo": "2"},
            'fmri.entities to {echo: "1"} or {echo: "2"}, or move',
        ),
        ([f"space-P_{BOLD}", f"echo-1_space-P_{BOLD}"], {"echo": None}, '{echo: "1"} or {echo: nu'),
    ],
)
def test_images_of_one_run_are_refused_or_chosen(tmp_path, names, keys, chosen):
    (finding,) = fmri(tmp_path, *names).findings
    assert chosen in finding and all(f"sub-01_task-a_{name}" in finding for name in names)
    if keys:
        found = fmri(tmp_path, entities=keys)
        assert found.findings == [] and len(found.of("01")) == 1
        ((key, value),) = keys.items()
        assert (f"{key}-{value}" if value else "task-a_space") in found.of("01")[0]["bold"]


def test_confounds_of_two_versions_of_fmriprep_are_refused(tmp_path):
    touch(tmp_path / "sub-01/func/sub-01_task-a_desc-confounds_regressors.tsv")
    (finding,) = fmri(tmp_path, f"space-P_{BOLD}").findings
    assert "_regressors.tsv and sub-01_task-a_desc-confounds_timeseries.tsv hold" in finding


def fnirs(root, **keys):
    section = {"task": "a", "conditions": {"x": "x"}} | keys
    return find_optical_runs(read_study({"study": "s", "bids_root": str(root), "fnirs": section}))


def test_two_files_of_one_fnirs_run_are_refused_or_chosen(tmp_path):
    for part in ("", "recording-b_"):
        touch(tmp_path / f"sub-01/nirs/sub-01_task-a_{part}nirs.snirf")
    (finding,) = fnirs(tmp_path).findings
    assert "set fnirs.entities to {recording: null} or {recording: b}, or move" in finding
    chosen = fnirs(tmp_path, entities={"recording": "b"})
    assert "recording-b" in chosen.of("01")[0]["raw"] and len(chosen.of("01")) == 1
