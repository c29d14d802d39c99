"""Event tables of all modalities: what is read, left out, or refused with its line."""

import numpy as np
import pandas as pd
import pytest
from nilearn.glm.first_level import make_first_level_design_matrix

from groupwise.errors import InputError
from groupwise.inputs.events import (
    BINS,
    describe_durations,
    find_events_beyond_run,
    find_impulses,
    find_unequal_impulses,
    read_event_table,
    read_events,
)
from groupwise.meeg.events import count_events, find_missing_conditions, read_event_array
from groupwise.report.design import impulse_caution

CONDITIONS = {"face": "face", "house": "house"}


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.replace(" ", "\t").replace("~", " ").encode(encoding))
    return path


def refused(function, *arguments):
    with pytest.raises(InputError) as error:
        function(*arguments)
    return "\n".join(error.value.findings)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "events.tsv"


def test_blanks_do_not_divide_a_trial_type(path):
    """Names, cells, a byte order mark, Unicode's two forms of ö: eight rows are four events of two
    conditions."""
    write(
        path, "\ufeffonset duration~ trial_type\n1 1 face\n3 1 face~\n5 1 ~Größe\n7 1 Gro\u0308ße\n"
    )
    kinds = {"face": "face", "size": "Größe "}
    assert list(read_events(path, kinds)["trial_type"]) == ["face", "face", "size", "size"]
    array = read_event_array(path, kinds, 10.0)
    np.testing.assert_array_equal(array[:, [0, 2]], [[10, 1], [30, 1], [50, 2], [70, 2]])


def test_cells_beyond_the_header_do_not_move_the_columns(path):
    """pandas takes the first cell of such rows as index, and the durations as onsets."""
    write(path, "onset duration trial_type\n10 2 face \n20 2 face \n")
    assert list(read_events(path, CONDITIONS)["onset"]) == [10, 20]
    write(path, "onset duration trial_type\n10 2 face 5\n")
    assert "line 2: 4 cells, but the header has 3 columns" in refused(read_event_table, path)


def test_a_trial_type_with_the_name_of_a_condition_is_kept_apart(path):
    write(path, "onset duration trial_type\n1 1 stimulus\n3 1 face\n5 1 house\n7 1 other~face\n")
    events = read_events(path, {"face": "stimulus", "house": "house"})
    assert list(events["trial_type"]) == ["face", "other other face", "house", "other face"]
    swapped = read_events(path, {"face": "house", "house": "face"})
    assert list(swapped["trial_type"]) == ["stimulus", "house", "face", "other face"]


def test_rows_that_occur_twice_are_refused_with_their_lines(path):
    rows = "onset duration trial_type\n1 1 face\n2 1 cue\n3 1 house\n"
    write(path, rows + "1 1 face\n2 1 cue\n3 1 house\n")
    text = refused(read_events, path, CONDITIONS)
    assert (
        f"{path}, lines 5, 7: 2 events occur twice; the first, face at 1 s, is also in line 2"
        in text
    )
    assert "lines 2 and 5" in refused(read_event_array, path, CONDITIONS, 100.0)
    # Events of no interest and events of two conditions may coincide.
    write(path, rows + "2 1 cue\n1 1 house\n")
    assert len(read_events(path, CONDITIONS)) == 5


def test_impossible_values_are_refused_together_with_their_lines(path):
    write(path, "onset duration trial_type\n1 -1 face\n2 n/a face\n3 1,5 house\nsoon 1 cue\n")
    text = refused(read_events, path, CONDITIONS)
    assert "line 4: the duration '1,5' is not a number" in text
    assert "line 5: the onset 'soon' is not a number" in text
    write(path, "onset duration trial_type\n1 -1 face\n2 1 face\n3 -1 cue\n")
    text = refused(read_events, path, CONDITIONS)
    assert f"{path}, lines 2, 4: the duration is negative (-1 s)" in text
    write(path, "onset duration trial_type\n1 1 face\n2 n/a face\n")
    assert "line 3: the duration is unknown" in refused(read_events, path, CONDITIONS)
    assert list(read_events(path, CONDITIONS, 2.0)["duration"]) == [2, 2]


def test_events_without_an_onset_are_left_out_and_counted(path):
    write(
        path, "onset duration trial_type\nn/a 1 face\n-2 1 face\n3 1 face\n4 1 house\nn/a 1 cue\n"
    )
    assert list(read_events(path, CONDITIONS)["onset"]) == [-2, 3, 4]
    # An epoch before the recording would be cut from the run before it.
    np.testing.assert_array_equal(read_event_array(path, CONDITIONS, 10.0, 500)[:, 0], [530, 540])
    counts = {"events_left_out": 2, "face": 1, "house": 1}
    assert count_events(path, CONDITIONS, 10.0) == counts
    write(path, "onset trial_type\nn/a face\n4 house\n")
    (finding,) = find_missing_conditions([path], CONDITIONS)
    assert "no event of condition 'face' has an onset" in finding


def test_onsets_in_another_unit_are_refused(path):
    write(path, "onset duration trial_type\n1000 1 face\n250 1 face\n99.94 1 house\n")
    text = refused(read_event_array, path, CONDITIONS, 10.0, 0, 1000)
    assert f"{path}, lines 2, 3: an event begins at 1000 s, but the run ends at 99.95 s" in text
    (finding,) = find_events_beyond_run(read_events(path, CONDITIONS), 250.0, path)
    assert "lines 2, 3: an event begins at 1000 s, but the run ends at 250 s" in finding


@pytest.mark.parametrize(
    ("durations", "words"),
    [
        ([0.5] * 20, None),  # brief events
        ([20.0] * 15 + [120.0], None),  # blocks, the last of which outlasts the run
        ([40.0] * 10, None),  # events that overlap
        ([500.0] * 20, "lines 2, 3, 4, 5, 6 and 15 more: an event lasts 500 s, but the run lasts"),
        ([100.0] * 20, "the durations of trial_type face sum to 2000 s, but the run lasts 300 s"),
    ],
)
def test_durations_in_milliseconds_are_refused(path, durations, words):
    onsets = np.arange(len(durations)) * 14.0 + 1
    pd.DataFrame({"onset": onsets, "duration": durations, "trial_type": "face"}).to_csv(
        path, sep="\t", index=False
    )
    found = find_events_beyond_run(read_events(path, CONDITIONS), 300.0, path)
    assert (words in found[0]) if words else found == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the table is empty"),
        (b"\n\n", "the table is empty"),
        ("onset\tduration\ttrial_type\n1\t1\tGröße\n".encode("latin-1"), "UTF-8"),
        ("onset\tduration\ttrial_type\n1\t1\tface\n".encode("utf-16"), "UTF-8"),
        (b"onset,duration,trial_type\n1,1,face\n", "there is no column 'onset' .it has onset,dur"),
        (b"onset\tonset\tduration\ttrial_type\n1\t2\t1\tface\n", "'onset' occurs 2 times"),
        (b"\x89PNG\x00\x1a", "not a table of events"),
    ],
)
def test_files_that_are_no_table_are_refused(path, content, words):
    path.write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_events(path, CONDITIONS)
    with pytest.raises(InputError, match=str(path)):
        read_event_array(path, CONDITIONS, 100.0)


def response(duration, interval):
    """nilearn's regressor of one event, 6 s after its onset."""
    events = pd.DataFrame({"onset": [30.0], "duration": [duration], "trial_type": ["face"]})
    frames = np.arange(0, 120, interval)
    design = make_first_level_design_matrix(frames, events, hrf_model="spm", drift_model=None)
    return design.loc[36.0, "face"]


def test_impulses_are_those_of_nilearn():
    """The regressor of an impulse grows with the repetition time, that of an event does not."""
    assert response(0, 2.0) == pytest.approx(2 * response(0, 1.0), rel=0.05)
    assert response(1, 2.0) == pytest.approx(response(1, 1.0), rel=0.05)
    assert response(0.9 * 2 / BINS, 2.0) == pytest.approx(response(0, 2.0))
    events = pd.DataFrame(
        {"duration": [0, 0.039, 0, 1], "trial_type": ["face"] * 2 + ["house"] * 2}
    )
    assert find_impulses(events, CONDITIONS, 2.0) == {"face": True, "house": False}
    assert find_impulses(events, CONDITIONS, 1.0) == {"face": False, "house": False}
    assert describe_durations(events, ["house"]) == "0 to 1"
    assert describe_durations(events, ["tree"]) == "n/a"


@pytest.mark.parametrize(
    ("runs", "words"),
    [
        ([("sub-01", 2.0, {"face": True}), ("sub-02", 2.001, {"face": True})], None),
        ([("sub-01", 2.0, {"face": False}), ("sub-02", 1.0, {"face": False})], None),
        ([("sub-01", 2.0, {"face": True}), ("sub-02", 2.0, {"house": False})], None),
        (
            [("sub-01", 2.0, {"face": True}), ("sub-02", 1.0, {"face": True})],
            "which differs: 1 s (sub-02), 2 s (sub-01)",
        ),
        (
            [("sub-01", 2.0, {"face": True}), ("sub-02", 2.0, {"face": False})],
            "all events have a duration of 0 in sub-01, but not in sub-02",
        ),
    ],
)
def test_impulses_of_unequal_size_are_refused(runs, words):
    found = find_unequal_impulses(runs, "fmri.stim_duration")
    assert len(found) == (words is not None)
    if words:
        assert words in found[0] and "Set fmri.stim_duration" in found[0]


def test_impulses_have_a_caution():
    recordings = pd.DataFrame({"impulses": ["face, house", np.nan, "face"]})
    (caution,) = impulse_caution(recordings, "fmri")
    assert caution.startswith("All events of face and house had a duration of 0")
    assert "are not percent. Set `fmri.stim_duration`" in caution
    assert impulse_caution(recordings[1:2], "fmri") == []
