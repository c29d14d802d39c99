"""Epochs, their rejection and the table of dropped epochs."""

import mne
import numpy as np
import pytest

from groupwise.errors import InputError
from groupwise.meeg.evoked import average_conditions
from groupwise.meeg.preprocess import (
    filter_raw,
    find_overlapping_names,
    make_epochs,
    pick_channels,
    remove_artifacts,
)
from groupwise.meeg.quality import count_drops_by_channel

NAMES = ["face/left", "face/right"]
WINDOW = {"tmin": -0.1, "tmax": 0.3, "baseline": (None, 0)}


@pytest.fixture
def raw():
    """40 s at 100 Hz on 30 Neuromag channels and one EOG with blinks of 300 µV.

    The noise is not Gaussian, so that ICA converges.
    """
    info = mne.pick_info(mne.channels.read_meg_canonical_info("neuromag"), range(30))
    with info._unlock():
        info["sfreq"], info["lowpass"], info["highpass"] = 100.0, 33.0, 0.0
    rng = np.random.default_rng(0)
    data = rng.laplace(size=(31, 4000))
    data[:30] *= np.array([1e-13 if k == "mag" else 1e-12 for k in info.get_channel_types()])[
        :, None
    ]
    data[30] *= 5e-6
    for start in (1000, 2000, 3000):
        data[30, start : start + 30] += 300e-6 * np.hanning(30)
    eog = mne.create_info(["EOG 061"], 100.0, ["eog"])
    with eog._unlock():
        eog["lowpass"], eog["highpass"] = 33.0, 0.0
        eog["dev_head_t"] = info["dev_head_t"]
    raw = mne.io.RawArray(data[:30], info, verbose=False)
    raw.add_channels([mne.io.RawArray(data[30:], eog, verbose=False)], force_update_info=True)
    return raw


@pytest.fixture
def events():
    """One event every half second, conditions in turn; the first two of the second are missing."""
    samples = np.arange(100, 3900, 50)
    table = np.column_stack([samples, 0 * samples, 1 + np.arange(len(samples)) % 2])
    return np.delete(table, [1, 3], axis=0)


def test_epochs_equal_those_of_mne(raw, events):
    reject = {"mag": 4e-12, "eog": 150e-6}
    epochs, _ = make_epochs(
        raw, events, NAMES, ["mag", "grad"], **WINDOW, reject=reject, equalize=True
    )
    theirs = mne.Epochs(
        raw,
        events,
        {"face/left": 1, "face/right": 2},
        -0.1,
        0.3,
        picks=["meg", "eog"],
        baseline=(None, 0),
        reject=reject,
        preload=True,
    )
    theirs.equalize_event_counts(["face/left", "face/right"])
    theirs.pick("meg")
    np.testing.assert_array_equal(epochs.get_data(), theirs.get_data())
    assert epochs.ch_names == theirs.ch_names
    evokeds = average_conditions(epochs, NAMES, 50)
    for name, evoked in zip(NAMES, evokeds, strict=True):
        np.testing.assert_allclose(
            evoked.data, theirs[name].average().resample(50).data, rtol=1e-12, atol=1e-27
        )
        assert evoked.comment == name


def test_the_drop_table_adds_up(raw, events):
    epochs, drops = make_epochs(raw, events, NAMES, ["mag"], **WINDOW, reject={"eog": 150e-6})
    assert list(drops["condition"]) == NAMES
    assert list(drops["events"]) == [38, 36]
    np.testing.assert_array_equal(drops["events"], drops["kept"] + drops["dropped"])
    assert drops["kept"].nunique() == 1 and drops["kept"].sum() == len(epochs)
    blinks = drops["dropped_eog"].sum()
    assert blinks >= 3 and drops["dropped_mag"].sum() == 0
    assert (drops["dropped_equalize"] == drops["dropped"] - drops["dropped_eog"]).all()
    assert drops.loc[0, "channels"] == f"EOG 061: {drops.loc[0, 'dropped_eog']}"


def test_epochs_outside_the_recording_count_as_other(raw, events):
    late = np.vstack([events, [[3990, 0, 1]]])
    _, drops = make_epochs(raw, late, NAMES, ["mag"], **WINDOW, equalize=False)
    assert list(drops["dropped_other"]) == [1, 0]


def test_no_epoch_left_names_condition_and_channel(raw, events):
    raw._data[4] *= 1e3
    name = raw.ch_names[4]
    with pytest.raises(InputError) as caught:
        make_epochs(raw, events, NAMES, ["mag", "grad"], **WINDOW, reject={"grad": 1e-10})
    message = str(caught.value)
    assert "face/left, face/right" in message and f"{name} (74x)" in message
    assert "channels.tsv" in message and "epochs.reject" in message


def test_a_bad_channel_costs_no_epoch(raw, events):
    raw._data[4] *= 1e3
    raw.info["bads"] = [raw.ch_names[4]]
    epochs, drops = make_epochs(
        raw, events, NAMES, ["mag", "grad"], **WINDOW, reject={"grad": 1e-10}, equalize=False
    )
    assert drops["dropped"].sum() == 0 and epochs.info["bads"] == [raw.ch_names[4]]


def test_limits_of_types_that_are_not_analysed_are_not_used(raw, events):
    picked = pick_channels(raw, ["mag"], {"grad": 1e-20, "mag": 1e-9})
    assert set(picked.get_channel_types()) == {"mag"}
    _, drops = make_epochs(
        picked, events, NAMES, ["mag"], **WINDOW, reject={"grad": 1e-20}, equalize=False
    )
    assert drops["dropped"].sum() == 0


def test_channels_for_cleaning_stay_until_the_epochs_are_cut(raw, events):
    assert "eog" not in pick_channels(raw.copy(), ["grad"]).get_channel_types()
    picked = pick_channels(raw.copy(), ["grad"], {"eog": 150e-6})
    assert set(picked.get_channel_types()) == {"grad", "eog"}
    assert "eog" in pick_channels(raw.copy(), ["mag"], {}, {"method": "ssp"}).get_channel_types()
    epochs, _ = make_epochs(picked, events, NAMES, ["grad"], **WINDOW, reject={"eog": 150e-6})
    assert set(epochs.get_channel_types()) == {"grad"}
    with pytest.raises(InputError, match="no channels of type eeg"):
        pick_channels(raw, ["mag", "eeg"])


def test_reference_sensors_stay_with_the_data(raw, events):
    names = raw.ch_names[:3]
    raw.set_channel_types(dict.fromkeys(names, "ref_meg"))
    picked = pick_channels(raw, ["mag"])
    epochs, drops = make_epochs(picked, events, NAMES, ["mag"], **WINDOW, reject={"mag": 1e-9})
    assert epochs.ch_names[:3] == names and set(epochs.get_channel_types()) == {"mag", "ref_meg"}
    assert count_drops_by_channel(drops.replace("", "n/a")) == []


def test_eeg_gets_an_average_reference(events):
    info = mne.create_info([f"EEG {k:03d}" for k in range(8)], 100.0, "eeg")
    raw = mne.io.RawArray(np.random.default_rng(0).normal(size=(8, 4000)) * 1e-6, info)
    epochs, _ = make_epochs(pick_channels(raw, ["eeg"]), events, NAMES, ["eeg"], **WINDOW)
    np.testing.assert_allclose(epochs.get_data().mean(axis=1), 0, atol=1e-18)


def test_names_that_select_each_other_are_refused(raw, events):
    assert find_overlapping_names(["a", "b", "a/b"]) and not find_overlapping_names(["a/b", "a/c"])
    with pytest.raises(InputError, match="'face' would also select 'face/left'"):
        make_epochs(raw, events, ["face", "face/left"], ["mag"], **WINDOW)


def test_a_filter_beyond_half_the_sampling_rate_is_refused(raw):
    with pytest.raises(InputError, match=r"filter\.h_freq: 60 Hz"):
        filter_raw(raw, None, 60.0)
    with pytest.raises(InputError, match=r"filter\.notch: 50 Hz"):
        filter_raw(raw, None, None, [50.0])


def test_filter_equals_that_of_mne(raw):
    theirs = raw.copy().notch_filter([20.0], picks="all").filter(1.0, 30.0, picks="all")
    ours = filter_raw(raw.copy(), 1.0, 30.0, [20.0])
    np.testing.assert_array_equal(ours.get_data(), theirs.get_data())


def test_ica_removes_the_blink_and_is_the_same_each_time(raw):
    # The blink reaches the sensors, each with a gain of its own.
    raw._data[:30] += np.outer(np.linspace(-1, 1, 30), raw._data[30]) * 1e-8
    blink = raw.get_data()[30]
    before = max(abs(np.corrcoef(blink, channel)[0, 1]) for channel in raw.get_data()[:30])
    cleaned, found = remove_artifacts(raw.copy(), "ica", 20, random_state=3)
    again, _ = remove_artifacts(raw.copy(), "ica", 20, random_state=3)
    after = max(abs(np.corrcoef(blink, channel)[0, 1]) for channel in cleaned.get_data()[:30])
    assert len(found["blinks"]) >= 1 and after < before / 3
    np.testing.assert_array_equal(cleaned.get_data(), again.get_data())


def test_ssp_projects_the_blink_out_of_the_epochs(raw, events):
    raw._data[:30] += np.outer(np.linspace(-1, 1, 30), raw._data[30]) * 1e-8
    raw, found = remove_artifacts(raw, "ssp", 1, l_freq=1.0)
    assert any("EOG" in name for name in found["projectors"])
    epochs, _ = make_epochs(raw, events, NAMES, ["mag", "grad"], **WINDOW)
    assert all(projector["active"] for projector in epochs.info["projs"])


def test_an_unknown_method_of_cleaning_is_refused(raw):
    with pytest.raises(InputError, match="none, ssp, ica"):
        remove_artifacts(raw, "magic")
