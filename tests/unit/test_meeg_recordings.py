"""Reading of recordings and events, and findings on them."""

import numpy as np
import pandas as pd
import pytest

from groupwise.errors import InputError
from groupwise.meeg.events import read_event_array
from groupwise.meeg.recordings import (
    check_recordings,
    find_fif_damage,
    read_recording,
    read_runs,
)
from tests.unit.recordings import CONDITIONS, SFREQ, write_run


@pytest.fixture
def study(tmp_path):
    """Root of a BIDS tree with one run, and the paths of recording and events."""
    root = tmp_path / "bids"
    return root, *write_run(tmp_path, root, 1)


def write_table(path, **columns):
    pd.DataFrame(columns).to_csv(path, sep="\t", index=False)
    return path


def test_events_by_value_and_by_name_are_the_same(tmp_path):
    path = write_table(
        tmp_path / "events.tsv",
        onset=[2.004, 1.0, 3.0, "n/a", 0.5],
        trial_type=["house", "face", "face", "face", "button"],
        value=["2", "1", "1", "1", "n/a"],
    )
    by_value = read_event_array(path, CONDITIONS, SFREQ, 50)
    by_name = read_event_array(path, {"face": "face", "house": "house"}, SFREQ, 50)
    np.testing.assert_array_equal(by_value, [[150, 0, 1], [250, 0, 2], [350, 0, 1]])
    np.testing.assert_array_equal(by_name, by_value)


def test_codes_follow_the_order_of_the_conditions(tmp_path):
    path = write_table(tmp_path / "events.tsv", onset=[1.0, 2.0], value=[7, 3])
    events = read_event_array(path, {"late": 3, "early": 7}, SFREQ)
    np.testing.assert_array_equal(events[:, 2], [2, 1])


def test_an_event_of_two_conditions_is_refused(tmp_path):
    path = write_table(tmp_path / "events.tsv", onset=[1.0], value=[1], trial_type=["face"])
    with pytest.raises(InputError, match="'all' and 'face' at once"):
        read_event_array(path, {"all": 1, "face": "face"}, SFREQ)


def test_two_events_on_one_sample_are_refused(tmp_path):
    path = write_table(tmp_path / "events.tsv", onset=[1.0, 1.001], value=[1, 2])
    with pytest.raises(InputError, match=r"events\.tsv: 1 pairs .* first at 1\.000 s"):
        read_event_array(path, CONDITIONS, SFREQ)


def test_a_missing_column_is_named(tmp_path):
    path = write_table(tmp_path / "events.tsv", onset=[1.0], value=[1])
    with pytest.raises(InputError, match=r"no column 'trial_type' \(it has onset, value\)"):
        read_event_array(path, {"face": "face"}, SFREQ)


def test_a_missing_events_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"events\.tsv: there is no such file"):
        read_event_array(tmp_path / "events.tsv", CONDITIONS, SFREQ)


def test_a_condition_without_events_names_file_content_and_remedy(study):
    root, raw, events = study
    with pytest.raises(InputError) as caught:
        read_runs([raw], [events], {"face": "fcae", "house": 2, "tree": 5}, root)
    first, second = caught.value.findings
    assert str(events) in first and "Did you mean 'face'?" in first and "face (9x)" in first
    assert "'tree'" in second and "has no value 5" in second and "1 (9x), 2 (8x)" in second


def test_a_good_study_has_no_findings(study):
    root, raw, events = study
    findings, rows = check_recordings([raw], [events], CONDITIONS, ["mag", "grad"], root)
    assert findings == []
    assert rows[0]["events"] == {"events_left_out": 0, "face": 9, "house": 8}
    assert (rows[0]["n_mag"], rows[0]["n_grad"], rows[0]["sampling_rate"]) == (4, 8, 100.0)


def test_all_findings_are_reported_at_once(study):
    root, raw, events = study
    findings, rows = check_recordings(
        [raw],
        [events],
        {"face": 1, "tree": 5},
        ["mag", "eeg"],
        root,
        bad_channels=["MEG 9999"],
        reject={"ecg": 1e-3},
        h_freq=60,
        aux_channels=["EOG 062"],
    )
    text = "\n".join(findings)
    assert len(findings) == 6 and len(rows) == 1
    for part in (
        "no channel 'MEG 9999', which is listed as bad",
        "no channel 'EOG 062', which is named in meeg.artifacts. Did you mean 'EOG 061'?",
        "no channels of type 'eeg'",
        "limit for 'ecg'",
        "filter.h_freq must be below 50 Hz, not 60",
        "condition 'tree' has no event",
    ):
        assert part in text
    assert all(str(raw) in line or str(events) in line for line in findings)


@pytest.mark.parametrize("keep", [0, 10, 2000, 0.5, -1])
def test_a_recording_that_was_cut_off_is_found(study, keep):
    root, raw, events = study
    whole = raw.read_bytes()
    assert find_fif_damage(raw) is None
    raw.write_bytes(whole[: int(keep * len(whole)) if isinstance(keep, float) else keep])
    findings, rows = check_recordings([raw], [events], CONDITIONS, ["mag"], root)
    assert rows == [] and len(findings) == 1
    assert str(raw) in findings[0] and "Restore the file" in findings[0]
    with pytest.raises(InputError, match="list the subject under 'exclude'"):
        read_recording(raw, root)


def test_a_recording_of_noise_is_found(study):
    root, raw, _ = study
    raw.write_bytes(np.random.default_rng(1).bytes(5000))
    with pytest.raises(InputError, match="damaged"):
        read_recording(raw, root)


def test_an_unknown_bad_channel_is_refused(study):
    root, raw, _ = study
    with pytest.raises(InputError, match="Did you mean 'MEG 0113'"):
        read_recording(raw, root, ["MEG0113"])


def test_bad_channels_of_table_and_config_come_together(tmp_path):
    root = tmp_path / "bids"
    raw, _ = write_run(tmp_path, root, 1, bads=["MEG 0121"])
    assert read_recording(raw, root, ["MEG 0112"]).info["bads"] == ["MEG 0112", "MEG 0121"]


def test_runs_become_one_recording(tmp_path):
    root = tmp_path / "bids"
    first = write_run(tmp_path, root, 1, codes=(1,), bads=["MEG 0121"])
    second = write_run(tmp_path, root, 2, codes=(2,), move=1e-5)
    raws, tables = zip(first, second, strict=True)
    raw, events = read_runs(raws, tables, CONDITIONS, root, ["MEG 0112"])
    assert raw.n_times == 4000
    assert raw.info["bads"] == ["MEG 0112", "MEG 0121"]
    assert [np.sum(events[:, 2] == code) for code in (1, 2)] == [17, 17]
    # Each event lies where it lay in its own run.
    own = read_event_array(tables[1], CONDITIONS, SFREQ)[:, 0]
    np.testing.assert_array_equal(events[17:, 0] - raw.first_samp, own + 2000)
    assert "EDGE boundary" in raw.annotations.description


def test_runs_that_cannot_be_joined_are_all_reported(tmp_path):
    root = tmp_path / "bids"
    runs = [
        write_run(tmp_path, root, 1),
        write_run(tmp_path, root, 2, move=0.005),
        write_run(tmp_path, root, 3, sfreq=200.0),
    ]
    raws, tables = zip(*runs, strict=True)
    with pytest.raises(InputError) as caught:
        read_runs(raws, tables, CONDITIONS, root)
    moved, faster = caught.value.findings
    assert str(raws[1]) in moved and "another head position" in moved and "Maxwell" in moved
    assert str(raws[2]) in faster and "sampled at 200 Hz" in faster
    findings, rows = check_recordings(raws, tables, CONDITIONS, ["mag"], root)
    assert findings == caught.value.findings and len(rows) == 3
