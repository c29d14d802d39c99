"""Maxwell filter: parity with MNE, removal of interference, one head position for all runs."""

import mne
import numpy as np
import pytest

from groupwise.errors import InputError
from groupwise.meeg.check import check_subjects
from groupwise.meeg.maxwell import (
    filter_empty_room,
    find_unfiltered_shielding,
    make_run_filter,
    maxwell_filter,
)
from groupwise.meeg.preprocess import make_epochs, pick_channels
from groupwise.meeg.recordings import check_recordings, read_recording, read_runs
from tests.unit.recordings import CONDITIONS, write_run

OPTIONS = {"calibration": None, "cross_talk": None, "st_duration": None, "movement": False}


def helmet(move=0.0, interference=0.0, seconds=12.0, seed=0, extra=(), rate=100.0):
    """306 channels: a dipole in the head at 10 Hz, one a metre away at 3 Hz, noise."""
    info = mne.channels.read_meg_canonical_info("neuromag")
    info = mne.pick_info(info, mne.pick_types(info, meg=True))
    with info._unlock():
        info["sfreq"] = rate
        info["lowpass"], info["highpass"] = rate / 3, 0.0
        place = np.eye(4)
        place[:3, 3] = 0.0, move, 0.04
        info["dev_head_t"] = mne.transforms.Transform("meg", "head", place)
    # Points on a head of 90 mm, to which the origin of the expansion is fitted.
    rng = np.random.default_rng(7)
    scalp = rng.normal(size=(60, 3))
    scalp[:, 2] = np.abs(scalp[:, 2])
    scalp = 0.09 * scalp / np.linalg.norm(scalp, axis=1, keepdims=True) + (0.0, 0.0, 0.04)
    info.set_montage(
        mne.channels.make_dig_montage(
            nasion=(0, 0.09, 0), lpa=(-0.08, 0, 0), rpa=(0.08, 0, 0), hsp=scalp, coord_frame="head"
        )
    )
    times = np.arange(int(rate * seconds)) / rate
    sphere = mne.make_sphere_model((0.0, 0.0, 0.04), None, verbose="error")

    def field(position, direction):
        dipole = mne.Dipole([0], [position], [1e-8], [direction], [100])
        return mne.make_forward_dipole(dipole, sphere, info, verbose="error")[0]["sol"]["data"][
            :, 0
        ]

    inside = 1e-7 * np.outer(field((0.03, 0.02, 0.08), (0, 1, 0)), np.sin(2 * np.pi * 10 * times))
    coils = np.array([channel["loc"][:3] for channel in info["chs"]])
    types = np.array(info.get_channel_types())
    # A homogeneous field comes from outside; magnetometers see it along their normal.
    along = np.array([channel["loc"][9:12] for channel in info["chs"]])[:, 2]
    uniform = np.where(types == "mag", along, 0.0)
    assert len(coils) == 306
    data = inside + interference * np.outer(uniform, np.sin(2 * np.pi * 3 * times))
    noise = np.where(types == "mag", 3e-15, 3e-13)[:, None]
    data += noise * np.random.default_rng(seed).normal(size=data.shape)
    for index in extra:
        data[index] += 1e-9 * np.sign(np.sin(2 * np.pi * 7.7 * times))
    return mne.io.RawArray(data, info, verbose="error"), inside


@pytest.mark.parametrize("duration", [None, pytest.param(4.0, marks=pytest.mark.slow)])
def test_it_is_mnes(duration):
    raw, _ = helmet(interference=1e-11)
    theirs = mne.preprocessing.maxwell_filter(
        raw.copy(), st_duration=duration, destination=raw.info["dev_head_t"], verbose="error"
    )
    options = OPTIONS | {"st_duration": duration, "find_bads": False}
    mine, found = maxwell_filter(raw.copy(), first=raw, **options)
    np.testing.assert_array_equal(mine.get_data(), theirs.get_data())
    assert found == {"calibration": "none", "cross_talk": "none"}


def test_what_comes_from_outside_goes_and_what_comes_from_inside_stays():
    raw, inside = helmet(interference=1e-11)
    done, _ = maxwell_filter(raw.copy(), first=raw, **OPTIONS, find_bads=False)
    mags = mne.pick_types(raw.info, meg="mag")
    power = [np.abs(np.fft.rfft(r.get_data(mags), axis=1)) for r in (raw, done)]
    three, ten = 3 * 12, 10 * 12  # bins of 3 and 10 Hz
    assert power[1][:, three].max() < 0.02 * power[0][:, three].max()
    expected = np.abs(np.fft.rfft(inside[mags], axis=1))[:, ten]
    np.testing.assert_allclose(power[1][:, ten], expected, atol=0.05 * expected.max())


@pytest.mark.slow
def test_bad_channels_are_found_and_made_up():
    raw, inside = helmet(extra=[40])
    broken = raw.ch_names[40]
    done, found = maxwell_filter(raw.copy(), first=raw, **OPTIONS, find_bads=True)
    assert found["noisy"] == [broken] and found["flat"] == [] and done.info["bads"] == []
    made_up = np.corrcoef(done.get_data([broken])[0], inside[40])[0, 1]
    assert made_up > 0.95


def test_runs_come_to_the_head_position_of_the_first():
    first, seen = helmet()
    moved, _ = helmet(move=0.015, seed=1)
    files = {"calibration": (), "cross_talk": ()}
    found = []
    options = {"st_duration": None, "find_bads": False, "movement": False}
    clean = make_run_filter(options, files, found)
    brought = clean(moved.copy(), first)
    np.testing.assert_array_equal(
        brought.info["dev_head_t"]["trans"], first.info["dev_head_t"]["trans"]
    )
    mags = mne.pick_types(first.info, meg="mag")
    before = np.linalg.norm(moved.get_data(mags) - seen[mags])
    after = np.linalg.norm(brought.get_data(mags) - seen[mags])
    assert after < 0.3 * before and len(found) == 1
    assert make_run_filter(None, files, found) is None


def test_the_empty_room_goes_through_the_same():
    raw, _ = helmet()
    room, _ = helmet(interference=1e-11, seed=2)
    with room.info._unlock():
        room.info["dev_head_t"] = None
    done = filter_empty_room(room, run=raw, calibration=None, cross_talk=None, st_duration=None)
    head, _ = maxwell_filter(raw.copy(), first=raw, **OPTIONS, find_bads=False)
    ranks = [mne.compute_rank(each, rank="info", verbose="error") for each in (done, head)]
    assert ranks[0] == ranks[1] and ranks[0]["meg"] < 100


def test_runs_with_other_head_positions_pass_the_check_with_it_alone(tmp_path):
    root = tmp_path / "bids"
    runs = [write_run(tmp_path, root, k, move=0.02 * k) for k in (1, 2)]
    raws, events = zip(*runs, strict=True)
    findings, _ = check_recordings(raws, events, CONDITIONS, ["mag"], root)
    assert len(findings) == 1 and "meeg.maxwell: {}" in findings[0]
    assert check_recordings(raws, events, CONDITIONS, ["mag"], root, moved=True)[0] == []
    with pytest.raises(InputError, match="another head position"):
        read_runs(raws, events, CONDITIONS, root)
    # What cleans a run gets the first one beside it.
    seen = []
    read_runs(
        raws, events, CONDITIONS, root, filter_run=lambda raw, first: seen.append(first) or raw
    )
    assert len(seen) == 2 and seen[0] is seen[1]


def test_movement_without_coils_and_a_second_filter_are_reported():
    raw, _ = helmet(seconds=4.0)
    with pytest.raises(InputError, match=r"the Maxwell filter failed .* Correct meeg\.maxwell"):
        maxwell_filter(raw.copy(), first=raw, **OPTIONS | {"movement": True}, find_bads=False)
    done, _ = maxwell_filter(raw.copy(), first=raw, **OPTIONS, find_bads=False)
    with pytest.raises(InputError, match="the Maxwell filter failed"):
        maxwell_filter(done, first=raw, **OPTIONS, find_bads=False)


@pytest.fixture(scope="module")
def spoilt():
    """Epochs of 12 magnetometers; in every tenth one channel jumps."""
    pytest.importorskip("autoreject")
    raw, _ = helmet(seconds=62.0)
    raw.pick(raw.ch_names[2:36:3])
    samples = 50 + 100 * np.arange(60)
    jumps = samples[::10]
    for sample in jumps:
        raw._data[3, sample : sample + 30] += 2e-11
    events = np.column_stack([samples, 0 * samples, np.resize([1, 2], 60)])
    return raw, events, jumps


WINDOW = {"tmin": -0.1, "tmax": 0.4, "baseline": (None, 0), "equalize": False}


def test_learnt_limits_drop_what_jumps(spoilt):
    raw, events, jumps = spoilt
    epochs, drops = make_epochs(raw, events, ["a", "b"], ["mag"], **WINDOW, autoreject="global")
    # All that jump, and few of the others.
    assert len(jumps) <= drops["dropped_mag"].sum() < 15 and 0 < epochs.reject["mag"] < 2e-11
    assert not set(jumps) & set(epochs.events[:, 0])
    again, _ = make_epochs(raw, events, ["a", "b"], ["mag"], **WINDOW, autoreject="global")
    np.testing.assert_array_equal(again.get_data(), epochs.get_data())


def test_local_limits_repair_or_drop_what_jumps(spoilt):
    raw, events, _ = spoilt
    plain, _ = make_epochs(raw, events, ["a", "b"], ["mag"], **WINDOW)
    epochs, _ = make_epochs(raw, events, ["a", "b"], ["mag"], **WINDOW, autoreject="local")
    assert (
        np.ptp(plain.get_data(), axis=2).max() > 1.5e-11 > np.ptp(epochs.get_data(), axis=2).max()
    )
    assert len(epochs) >= 50


def coils_on(raw, speed):
    """Five head-position coils that sound while the head moves forward at `speed` m/s.

    What is recorded is moved by hand: the coils' fields from where they are at each time.
    """
    constants = mne.io.constants.FIFF
    frequencies = (83.0, 143.0, 203.0, 263.0, 323.0)
    places = np.array(
        [[0.0, 0.08, 0.06], [0.06, 0.04, 0.08], [-0.06, 0.04, 0.08], [0.04, -0.04, 0.12],
         [-0.05, -0.05, 0.1]]
    )  # fmt: skip
    info, trans = raw.info, raw.info["dev_head_t"]
    points = [
        {"r": place.astype(np.float32), "kind": constants.FIFFV_POINT_HPI, "ident": k,
         "coord_frame": constants.FIFFV_COORD_HEAD}
        for k, place in enumerate(places, start=1)
    ]  # fmt: skip
    inverse = np.linalg.inv(trans["trans"])
    fitted = [
        {**point, "r": mne.transforms.apply_trans(inverse, point["r"]).astype(np.float32),
         "coord_frame": constants.FIFFV_COORD_DEVICE}
        for point in points
    ]  # fmt: skip
    with info._unlock():
        info["dig"] = [*info["dig"], *map(mne._fiff._digitization.DigPoint, points)]
        info["hpi_results"] = [
            {"dig_points": fitted, "coord_trans": trans, "order": np.arange(1, 6),
             "used": np.arange(1, 6), "moments": np.zeros((5, 3)), "goodness": np.ones(5),
             "good_limit": 0.98, "dist_limit": 0.005}
        ]  # fmt: skip
        info["hpi_meas"] = [
            {"hpi_coils": [{"number": k, "coil_freq": f} for k, f in enumerate(frequencies, 1)]}
        ]
        info["line_freq"] = 50.0
    times = np.arange(0, raw.times[-1], 0.05)
    heads = np.tile(trans["trans"], (len(times), 1, 1))
    heads[:, 1, 3] += speed * times
    positions = np.array(
        [[time, *mne.chpi.rot_to_quat(head[:3, :3]), *head[:3, 3], 1.0, 0.0, 0.0]
         for time, head in zip(times, heads, strict=True)]
    )  # fmt: skip
    mne.simulation.add_chpi(raw, head_pos=positions, verbose="error")


@pytest.mark.slow
def test_a_moving_head_is_followed():
    raw, _ = helmet(seconds=1.0, rate=1000.0)
    coils_on(raw, speed=0.01)
    options = OPTIONS | {"movement": True, "find_bads": False}
    done, found = maxwell_filter(raw.copy(), first=raw, **options)
    # Ten millimetres in the second, seen through windows of some hundred milliseconds.
    assert found["headPositions"] > 5 and 6 < found["largestMovement"] < 10.5
    np.testing.assert_array_equal(done.info["dev_head_t"]["trans"], raw.info["dev_head_t"]["trans"])


@pytest.mark.parametrize(
    ("channels", "filtered", "refused"),
    [
        (["mag"], False, True),
        (["grad", "eeg"], False, True),
        (["mag"], True, False),
        (["eeg"], False, False),
    ],
)
def test_internal_active_shielding_needs_the_maxwell_filter(tmp_path, channels, filtered, refused):
    """MNE marks such files; mne-bids reads them without a word."""
    root = tmp_path / "bids"
    path, events = write_run(tmp_path, root, 1)
    shield(path)
    raw = read_recording(path, root)
    assert raw.info["maxshield"]
    findings, _ = check_recordings([path], [events], CONDITIONS, channels, root, moved=filtered)
    found = [line for line in findings if "internal active shielding" in line]
    assert len(found) == refused
    assert all(str(path) in line and "Set meeg.maxwell: {}, or" in line for line in found)
    if refused:
        with pytest.raises(InputError, match="internal active shielding"):
            pick_channels(raw, channels)


def test_internal_active_shielding_of_the_empty_room_is_found_once(tmp_path):
    root = tmp_path / "bids"
    path, events = write_run(tmp_path, root, 1)
    noise, _ = write_run(tmp_path, root, 2)
    shield(noise)
    subjects = [
        {"subject": name, "raw": [path], "events": [events], "empty_room": noise}
        for name in ("01", "02")
    ]
    options = {"channels": ["mag"], "bad_channels": {}, "reject": {}, "h_freq": None}
    _, findings = check_subjects(subjects, root, conditions=CONDITIONS, aux_channels=[], **options)
    assert len(findings) == 1 and findings[0].startswith(f"{noise}: it was recorded with internal")


def test_a_filtered_recording_is_not_refused():
    raw, _ = helmet(seconds=2.0)
    with raw.info._unlock():
        raw.info["maxshield"] = True
    filtered, _ = maxwell_filter(raw.copy(), first=raw, find_bads=False, **OPTIONS)
    assert find_unfiltered_shielding(raw.info, "raw", ["mag"], filtered=False)
    assert not find_unfiltered_shielding(filtered.info, "sss", ["mag"], filtered=False)
    with filtered.info._unlock():
        filtered.info["maxshield"] = True  # the history counts too
    assert not find_unfiltered_shielding(filtered.info, "sss", ["mag"], filtered=False)


def shield(path):
    """Mark a FIF file as recorded with internal active shielding."""
    raw = mne.io.read_raw_fif(path, preload=True, verbose="error")
    with raw.info._unlock():
        raw.info["maxshield"] = True
    raw.save(path, overwrite=True, verbose="error")
