"""Evoked responses at sensors as maps of the group: channels, neighbours, bad channels, EEG."""

import mne
import numpy as np
import pytest
from mne.io.constants import FIFF

from groupwise.config.read import read_study
from groupwise.errors import InputError
from groupwise.meeg.preprocess import pick_channels
from groupwise.meeg.recordings import _find_unplaced_electrodes, set_standard_montage
from groupwise.meeg.sensors import (
    SCALES,
    plot_topographies,
    read_info,
    read_sensors,
    sensor_rows,
    sensor_space,
)
from groupwise.stack.space import FeatureSpace
from tests.unit.effects import make_effect

NAMES = ["Fp1", "Fp2", "F3", "F4", "C3", "C4", "P3", "P4", "O1", "O2", "Fz", "Cz", "Pz", "T7", "T8"]
TIMES = np.arange(20) / 100 - 0.05


def evoked_of(seed, names=NAMES, montage="colin27_1020", bads=()):
    info = mne.create_info(list(names), 100.0, "eeg")
    if montage:
        info.set_montage(montage)
    data = 1e-6 * np.random.default_rng(seed).normal(size=(len(names), len(TIMES)))
    evoked = mne.EvokedArray(data, info, tmin=TIMES[0], comment="face", nave=20)
    evoked.set_eeg_reference("average", projection=True)
    evoked.info["bads"] = list(bads)
    return evoked


def save(folder, seed, **options):
    path = folder / f"s{seed}_ave.fif"
    mne.write_evokeds(path, [evoked_of(seed, **options)], verbose="error")
    return str(path)


def test_rows_are_referenced_interpolated_and_in_microvolt(tmp_path):
    paths = [save(tmp_path, 0), save(tmp_path, 1, bads=["Cz", "O1"], names=NAMES[::-1])]
    first = read_sensors(paths[0], "face", "eeg")
    rows = [{"path": path, "condition": "face"} for path in paths]
    keep = first.times > 0
    made = list(sensor_rows(rows, "eeg", first, keep))
    expected = mne.read_evokeds(paths[1], "face", proj=True).interpolate_bads()
    assert expected.info["bads"] == []
    mine = made[1].reshape(len(NAMES), -1)
    np.testing.assert_allclose(mine, 1e6 * expected.get_data(NAMES)[:, keep])
    plain = evoked_of(0).get_data()
    np.testing.assert_allclose(
        made[0].reshape(len(NAMES), -1), 1e6 * (plain - plain.mean(0))[:, keep], atol=1e-6
    )
    assert SCALES["eeg"] == (1e6, "uV")


def test_neighbours_are_those_of_mne(tmp_path):
    info = read_info(save(tmp_path, 0), "eeg")
    space = sensor_space(info, "eeg", TIMES)
    theirs, names = mne.channels.find_ch_adjacency(info, "eeg")
    assert names == list(space.label)
    theirs = theirs.toarray().astype(bool)
    np.fill_diagonal(theirs, False)
    np.testing.assert_array_equal(space.adjacency.toarray(), theirs)
    np.testing.assert_allclose(space.coordinates[3], 1e3 * info["chs"][3]["loc"][:3], rtol=1e-6)
    space.save(tmp_path / "space.npz")
    assert FeatureSpace.load(tmp_path / "space.npz").digest == space.digest


@pytest.mark.parametrize(
    "options, words",
    [
        ({"names": NAMES[:-1]}, "T8 are in only one of them"),
        ({"names": [*NAMES[:-1], "Oz"]}, "Oz, T8 are in only one of them"),
    ],
)
def test_other_channels_are_reported(tmp_path, options, words):
    paths = [save(tmp_path, 0), save(tmp_path, 1, **options)]
    first = read_sensors(paths[0], "face", "eeg")
    rows = [{"path": path, "condition": "face"} for path in paths]
    with pytest.raises(InputError, match=words):
        list(sensor_rows(rows, "eeg", first, first.times > 0))


def test_channels_without_positions_are_reported(tmp_path):
    path = save(tmp_path, 0, montage=None, bads=["Cz"])
    with pytest.raises(InputError, match=r"Cz can not be interpolated.*meeg.montage"):
        read_sensors(path, "face", "eeg")
    with pytest.raises(InputError, match=r"no positions. Set meeg.montage"):
        sensor_space(read_info(path, "eeg"), "eeg", TIMES)
    with pytest.raises(InputError, match="no mag channels"):
        read_sensors(path, "face", "mag")


def raw_of(names):
    info = mne.create_info(list(names), 100.0, "eeg")
    data = np.random.default_rng(0).normal(size=(len(names), 300))
    return mne.io.RawArray(data, info, verbose="error")


def test_reference_and_montage():
    placed = raw_of(NAMES)
    set_standard_montage(placed, "colin27_1020")
    average = pick_channels(placed, ["eeg"])
    assert len(average.info["projs"]) == 1
    assert np.isfinite([c["loc"][:3] for c in average.info["chs"]]).all()
    linked = pick_channels(raw_of(NAMES), ["eeg"], reference=["T7", "T8"])
    np.testing.assert_allclose(linked.get_data(["T7", "T8"]).mean(0), 0, atol=1e-12)
    recorded = pick_channels(raw_of(NAMES), ["eeg"], reference="recorded")
    np.testing.assert_array_equal(recorded.get_data(), raw_of(NAMES).get_data())
    with pytest.raises(InputError, match=r"meeg.reference: M1 is not a channel"):
        pick_channels(raw_of(NAMES), ["eeg"], reference=["M1"])
    with pytest.raises(InputError, match=r"meeg.montage: no_such"):
        set_standard_montage(raw_of(NAMES), "no_such")
    with pytest.raises(InputError, match=r"meeg.montage: colin27_1020"):
        set_standard_montage(raw_of([*NAMES, "E99"]), "colin27_1020")


def test_electrodes_without_positions_are_reported_before_the_start():
    bare = raw_of(NAMES)
    (finding,) = _find_unplaced_electrodes(bare, "a.vhdr", None)
    assert "a.vhdr: its EEG electrodes have no positions" in finding and "meeg.montage" in finding
    assert _find_unplaced_electrodes(bare, "a.vhdr", "colin27_1020") == []
    assert _find_unplaced_electrodes(bare.copy().set_montage("colin27_1020"), "a.vhdr", None) == []
    (finding,) = _find_unplaced_electrodes(raw_of([*NAMES, "E99"]), "a.vhdr", "colin27_1020")
    assert "colin27_1020 has no E99" in finding
    assert "meeg.montage: ten is unknown" in _find_unplaced_electrodes(bare, "a.vhdr", "ten")[0]


def test_topographies(tmp_path):
    info = read_info(save(tmp_path, 0), "eeg")
    effect = make_effect(sensor_space(info, "eeg", TIMES), strength=5.0)
    figures = plot_topographies(effect, info)
    assert figures and figures[0].name == "topography_cluster-1"
    assert "nose up" in figures[0].caption and "t(6)" in figures[0].caption
    figures[0].figure.savefig(tmp_path / "a.png")


@pytest.mark.parametrize(
    "meeg, analysis, words",
    [
        ({}, {}, "sources need meeg.subjects_dir; add it, or set space to a sensor type"),
        ({}, {"space": "mag"}, r"space: mag is not among meeg.channels \(eeg\)"),
        ({}, {"space": "channels"}, "'channels' is unknown; known: sources, labels, mag, grad"),
        ({}, {"space": "eeg", "hemispheres": ["lh"]}, "hemispheres: sensors have no hemispheres"),
    ],
)
def test_spaces_that_do_not_fit_are_reported(meeg, analysis, words):
    config = {
        "study": "s",
        "bids_root": "bids",
        "meeg": {"task": "t", "channels": ["eeg"], "conditions": {"a": 1, "b": 2}, **meeg},
        "analyses": {"x": {"data": "meeg", "test": "paired", "conditions": ["a", "b"], **analysis}},
    }
    with pytest.raises(InputError, match=words):
        read_study(config)
    config["analyses"]["x"] = {
        "data": "meeg", "space": "eeg", "test": "paired", "conditions": ["a", "b"],
    }  # fmt: skip
    assert read_study(config).analyses["x"].on_sensors


def helmet(layout, coil, rename):
    """Sensors of a helmet, flattened, as a recording of the system names them."""
    layout = mne.channels.read_layout(layout)
    info = mne.create_info([rename(name) for name in layout.names], 100.0, "mag")
    for channel, (x, y, _, _) in zip(info["chs"], layout.pos, strict=True):
        channel["coil_type"] = coil
        channel["loc"][:3] = 0.2 * x, 0.2 * y, 0.05
    return layout.names, info


SYSTEMS = {
    "CTF": ("CTF275.lout", FIFF.FIFFV_COIL_CTF_GRAD, "{}-4304", "ctf275", "{}"),
    "BTi": ("magnesWH3600.lout", FIFF.FIFFV_COIL_MAGNES_MAG, "{}", "bti248", "A{:d}"),
}


@pytest.mark.parametrize("system", SYSTEMS)
def test_sensors_of_other_systems_have_the_neighbours_of_their_template(system):
    """Two channels of CTF 275 are often absent from a recording."""
    layout, coil, recorded, template, known = SYSTEMS[system]
    names, info = helmet(layout, coil, recorded.format)
    kept = [n for n in range(len(names)) if system != "CTF" or n not in (7, 100)]
    space = sensor_space(mne.pick_info(info, kept), "mag", TIMES)
    assert list(space.label) == [info["ch_names"][k] for k in kept]
    adjacency, listed = mne.channels.read_ch_adjacency(template)
    spelt = [known.format(int(n[4:]) if system == "BTi" else n) for n in names]
    order = [list(listed).index(spelt[k]) for k in kept]
    expected = adjacency.toarray()[np.ix_(order, order)]
    np.fill_diagonal(expected, False)
    np.testing.assert_array_equal(space.adjacency.toarray(), expected)


def test_sensors_whose_names_do_not_fit_their_places_are_refused():
    _, info = helmet("CTF275.lout", FIFF.FIFFV_COIL_CTF_GRAD, "{}-4304".format)
    turned = [channel["loc"].copy() for channel in info["chs"][::-1]]
    for channel, loc in zip(info["chs"], turned, strict=True):
        channel["loc"] = loc
    with pytest.raises(InputError, match=r"would be neighbours by their names, but are \d+ mm"):
        sensor_space(info, "mag", TIMES)
    _, info = helmet("CTF275.lout", FIFF.FIFFV_COIL_CTF_GRAD, "X{}".format)
    with pytest.raises(InputError, match=r"XMLC11, .* are not among those of MNE's template"):
        sensor_space(info, "mag", TIMES)
