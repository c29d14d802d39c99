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


@pytest.mark.parametrize(
    ("pattern", "files", "found"),
    [
        ("raw/{subject}.snirf", ["raw/a1.snirf", "raw/a2.snirf"], {"a1": 0, "a2": 1}),
        ("./raw/{subject}/", ["raw/a1/x.wl1"], {"a1": "raw/a1"}),
        ("raw/P_{subject}.snirf", ["raw/P_1.snirf", "raw/P_2.snirf"], {"1": 0, "2": 1}),
        ("raw/{subject}/{subject}.snirf", ["raw/1/1.snirf", "raw/2/2.snirf"], {"1": 0, "2": 1}),
        ("raw/{subject}/*.snirf", ["raw/1/day [a].snirf"], {"1": 0}),
        ("raw [1]/*/{subject}.snirf", ["raw [1]/a-b/1.snirf"], {"1": 0}),
        ("raw/{subject}", ["raw/1/x.wl1", "raw/old_notes/a.txt", "raw/READ_ME.md"], {"1": "raw/1"}),
    ],
)
def test_fnirs_recordings_outside_of_bids(tmp_path, monkeypatch, pattern, files, found):
    for name in files:
        touch(tmp_path / name)
    for where, before in ((tmp_path, ""), (tmp_path.parent, f"{tmp_path.name}/")):
        monkeypatch.chdir(where)
        runs = fnirs(tmp_path, recordings=f"{before}{pattern.removeprefix('./')}")
        assert runs.findings == []
        expected = {k: v if isinstance(v, str) else files[v] for k, v in found.items()}
        assert {k: runs.of(k)[0]["raw"] for k in runs.names} == {
            k: f"{before}{v}" for k, v in expected.items()
        }
    monkeypatch.chdir(tmp_path)
    assert fnirs(tmp_path, recordings=pattern).names == list(found)
    assert fnirs(tmp_path, recordings=str(tmp_path / pattern)).names == list(found)


@pytest.mark.parametrize(
    ("pattern", "files", "finding"),
    [
        ("raw/{subject}", ["raw/1/x.wl1", "raw/P_2/x.wl1"], "raw/P_2: does not match"),
        ("raw/{subject}.snirf", ["raw/1.snirf", "raw/a-2.snirf"], "raw/a-2.snirf: does not match"),
        ("raw/{subject}/{subject}.snirf", ["raw/1/1.snirf", "raw/2/3.snirf"], "raw/2/3.snirf: do"),
        ("raw/{subject}/*.snirf", ["raw/1/a.snirf", "raw/1/b.snirf"], "raw/1/b.snirf for subject"),
    ],
)
def test_recordings_that_match_in_part_are_named(tmp_path, monkeypatch, pattern, files, finding):
    monkeypatch.chdir(tmp_path)
    for name in files:
        touch(tmp_path / name)
    (found,) = fnirs(tmp_path, recordings=pattern).findings
    assert finding in found
    if "does not match" in found:  # other files do not matter where subjects are listed
        study = {"study": "s", "subjects": ["1"], "fnirs": {"task": "a", "conditions": {"x": "x"}}}
        study["fnirs"]["recordings"] = pattern
        assert find_optical_runs(read_study(study)).findings == []


def test_sessions_that_are_symbolic_links_are_found(tmp_path):
    store = tmp_path / "store"
    touch(store / "ses-a/func" / f"sub-01_ses-a_task-a_space-P_{BOLD}")
    touch(store / "ses-a/func/sub-01_ses-a_task-a_space-P_desc-brain_mask.nii.gz")
    touch(store / "ses-a/func/sub-01_ses-a_task-a_desc-confounds_timeseries.tsv")
    touch(store / "ses-a/func/sub-01_ses-a_task-a_events.tsv")
    touch(store / "ses-a/nirs/sub-01_ses-a_task-a_nirs.snirf")
    touch(store / "ses-a/nirs/._sub-01_ses-a_task-a_nirs.snirf")  # of macOS
    (tmp_path / "bids/sub-01").mkdir(parents=True)
    (tmp_path / "bids/sub-01/ses-a").symlink_to(store / "ses-a")
    optical = fnirs(tmp_path / "bids")
    assert optical.findings == [] and len(optical.of("01")) == 1
    section = {
        "task": "a", "derivatives": str(tmp_path / "bids"), "conditions": {"x": "x"}, "space": "P",
    }  # fmt: skip
    study = {"study": "s", "bids_root": str(tmp_path / "bids"), "fmri": section}
    runs = find_runs(read_study(study))
    assert runs.findings == [] and runs.of("01")[0]["name"] == "ses-a"


def test_no_folder_of_a_subject_is_skipped(tmp_path):
    for name in ("01", "02"):
        touch(tmp_path / f"sub-{name}/nirs/sub-{name}_task-{'ab'[name == '02']}_nirs.snirf")
    touch(tmp_path / "sub-04/anat/sub-04_T1w.nii.gz")  # takes no part in fNIRS
    touch(tmp_path / "sub-P_3/nirs/sub-P_3_task-a_nirs.snirf")
    touch(tmp_path / "sub-emptyroom/meg/sub-emptyroom_task-a_meg.fif")
    found = fnirs(tmp_path)
    assert "sub-P_3: the label of a subject has letters and digits only" in found.findings[0]
    assert found.findings[1] == "sub-02: no fNIRS recording of task a"
    assert found.names == ["01"] and len(found.findings) == 3  # the last is the remedy
    touch(tmp_path / "sub-01/eeg/sub-01_task-a_eeg.fif")
    assert any("sub-P_3: the label" in line for line in meeg(tmp_path).findings)
    assert any("sub-P_3: the label" in line for line in fmri(tmp_path).findings)
