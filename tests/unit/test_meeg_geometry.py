"""Positions that can't be those of a head, in EEG and MEG."""

import json

import mne
import mne_bids
import numpy as np
import pytest

from groupwise.errors import InputError
from groupwise.meeg.geometry import find_implausible_positions, require_near_scalp
from groupwise.meeg.recordings import check_recordings
from tests.unit.recordings import make_raw

NAMES = ["Fp1", "Fp2", "F3", "F4", "C3", "C4", "P3", "P4", "O1", "O2", "T7", "T8", "Cz", "TP9"]


def eeg(names=NAMES, places=(), landmarks=1.0, scale=1.0):
    """EEG on the standard head; `places`: electrodes in head coordinates (m); factors on others."""
    standard = mne.channels.make_standard_montage("colin27_1020").get_positions()
    montage = mne.channels.make_dig_montage(
        {name: scale * standard["ch_pos"][name] for name in names},
        coord_frame=standard["coord_frame"],
        **{name: scale * landmarks * standard[name] for name in ("nasion", "lpa", "rpa")},
    )
    info = mne.create_info(list(names), 100.0, "eeg")
    data = np.random.default_rng(0).normal(size=(len(names), 2000)) * 1e-6
    raw = mne.io.RawArray(data, info, verbose="error").set_montage(montage)
    for name, place in dict(places).items():
        raw.info["chs"][names.index(name)]["loc"][:3] = place
    return raw


@pytest.mark.parametrize("scale", [0.6, 1.0, 1.2])
def test_heads_of_newborns_and_adults_pass(scale):
    assert find_implausible_positions(eeg(scale=scale), "a.vhdr", ["eeg"]) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"landmarks": 100.0}, "the landmarks are not those of a head: nasion to LPA 1"),
        ({"landmarks": 0.001}, "each must be 0.05 to 0.25 m"),
        ({"scale": 1000.0}, "the landmarks are not those of a head"),
        ({"places": {"Cz": (0, 0, 95.0)}}, "1 of 14 electrodes are not on a head, suc"),
        ({"places": {"C3": (0, 0, 0)}}, "electrodes are not on a head, such as C3"),
        ({"places": {"C3": (0.0, 0.0, 0.1), "C4": (0.0, 0.0, 0.1)}}, "at one place: C3 and C4"),
    ],
)
def test_implausible_electrodes_are_refused(options, words):
    findings = find_implausible_positions(eeg(**options), "a.vhdr", ["eeg"])
    assert any(words in line and line.startswith("a.vhdr: ") for line in findings), findings
    assert find_implausible_positions(eeg(**options), "a.vhdr", ["eeg"], "colin27_1020") == []


def test_bad_channels_and_other_types_may_be_anywhere():
    raw = eeg(places={"Cz": (0, 0, 95.0)})
    raw.info["bads"] = ["Cz"]
    assert find_implausible_positions(raw, "a.vhdr", ["eeg"]) == []
    raw.info["bads"] = []
    raw.set_channel_types({"Cz": "misc"})
    assert find_implausible_positions(raw, "a.vhdr", ["eeg"]) == []


def test_mirrored_and_swapped_electrodes_are_refused():
    raw = eeg()
    raw.rename_channels({"C3": "C4", "C4": "C3"})
    (finding,) = find_implausible_positions(raw, "a.vhdr", ["eeg"])
    assert "1 of 6 pairs of electrodes are on the wrong side, such as C3 and C4" in finding
    for channel in (mirrored := eeg()).info["chs"]:
        channel["loc"][0] *= -1
    (finding,) = find_implausible_positions(mirrored, "a.vhdr", ["eeg"])
    assert "6 of 6 pairs" in finding and "odd numbers are left" in finding


def test_caps_with_other_names_have_no_wrong_side():
    """BioSemi's C3 and C4 are no electrodes of the 10-20 system."""
    montage = mne.channels.make_standard_montage("biosemi128")
    raw = mne.io.RawArray(np.zeros((128, 9)), mne.create_info(montage.ch_names, 9.0, "eeg"))
    assert find_implausible_positions(raw.set_montage(montage), "a.bdf", ["eeg"]) == []


#: Caps of MNE, without those that list several names of each place.
CAPS = [
    name for name in mne.channels.get_builtin_montages() if not name.endswith(("fixed", "primed"))
]


@pytest.mark.parametrize("name", CAPS)
def test_every_cap_of_mne_passes(name):
    montage = mne.channels.make_standard_montage(name)
    aliases = ("T3", "T4", "T5", "T6", "M1", "M2", "A1", "A2")
    names = [n for n in montage.ch_names if n not in aliases]
    info = mne.create_info(names, 9.0, "eeg")
    raw = mne.io.RawArray(np.zeros((len(names), 9)), info).set_montage(montage)
    assert find_implausible_positions(raw, "a.vhdr", ["eeg"]) == []


def test_meg_is_checked_too():
    raw = make_raw(seconds=1.0)
    assert find_implausible_positions(raw, "a.fif", ["mag", "grad"]) == []
    raw = make_raw(seconds=1.0, move=9.0)
    (finding,) = find_implausible_positions(raw, "a.fif", ["mag", "grad"])
    assert finding.startswith("a.fif: the MEG sensors are 8.89 m from")
    raw = make_raw(seconds=1.0)
    raw.info["chs"][1]["loc"] = raw.info["chs"][0]["loc"]
    (finding,) = find_implausible_positions(raw, "a.fif", ["mag", "grad"])
    assert "at one place: MEG 0113 and MEG 0112" in finding
    raw = make_raw(seconds=1.0)
    points = {"nasion": (0, 90.0, 0), "lpa": (-80.0, 0, 0), "rpa": (80.0, 0, 0)}
    raw.set_montage(mne.channels.make_dig_montage(**points, coord_frame="head"))
    (finding,) = find_implausible_positions(raw, "a.fif", ["mag", "grad"])
    assert "nasion to LPA 120 m, LPA to RPA 160 m" in finding


def test_landmarks_in_another_unit_than_electrodes_are_reported_by_the_check(tmp_path):
    """Landmarks in mm that coordsystem.json calls cm: electrodes are far from the head."""
    raw, root = eeg(), tmp_path / "bids"
    raw.info["line_freq"] = 50
    path = mne_bids.BIDSPath(subject="01", task="a", datatype="eeg", suffix="eeg", root=root)
    events = np.array([[100, 0, 1], [300, 0, 2]])
    mne_bids.write_raw_bids(
        raw, path, events=events, event_id={"face": 1, "house": 2}, format="BrainVision",
        allow_preload=True, verbose="error",
    )  # fmt: skip
    recording = path.copy().update(extension=".vhdr").fpath
    arguments = ([recording], [recording.with_name("sub-01_task-a_events.tsv")])
    arguments += ({"face": "face", "house": "house"}, ["eeg"], root)
    assert check_recordings(*arguments, landmarks=True)[0] == []
    (sidecar,) = recording.parent.glob("*_coordsystem.json")
    content = json.loads(sidecar.read_text())
    marks = content["AnatomicalLandmarkCoordinates"]
    content["AnatomicalLandmarkCoordinates"] = {
        name: [1e3 * value for value in values] for name, values in marks.items()
    }
    sidecar.write_text(json.dumps(content | {"AnatomicalLandmarkCoordinateUnits": "cm"}))
    findings, _ = check_recordings(*arguments, landmarks=True)
    assert any(f"{recording}: the landmarks are not those of a head" in line for line in findings)
    assert check_recordings(*arguments, landmarks=True, montage="colin27_1020")[0] == []


def test_head_points_far_from_the_scalp_are_refused():
    require_near_scalp(12.0, 50.0)
    with pytest.raises(InputError, match="are 800 mm from the scalp of the MRI"):
        require_near_scalp(800.0, 50.0)
