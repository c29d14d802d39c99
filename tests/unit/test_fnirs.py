"""fNIRS: recordings, haemoglobin, GLM of channels, against MNE and MNE-NIRS; and bad input."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import mne
import mne_nirs.statistics
import numpy as np
import pandas as pd
import pytest
from mne_bids import BIDSPath, read_raw_bids
from mne_nirs.channels import get_long_channels, get_short_channels, picks_pair_to_idx
from mne_nirs.experimental_design import make_first_level_design_matrix

from groupwise.config.read import read_study
from groupwise.demo.tapping import CONDITIONS, RATE, make_tapping
from groupwise.errors import InputError
from groupwise.fnirs.check import check_subjects
from groupwise.fnirs.first_level import (
    channel_table,
    combine_runs,
    describe_estimate_columns,
    fit_participant,
    make_short_regressors,
    pick_long_channels,
    region_table,
)
from groupwise.fnirs.haemoglobin import (
    PAIR_COLUMNS,
    compute_haemoglobin,
    read_haemoglobin,
    write_haemoglobin,
)
from groupwise.fnirs.recordings import (
    list_pairs,
    read_bad_pairs,
    read_intensity,
    read_regressors,
    read_run_events,
)
from groupwise.inputs.checked import require_no_findings
from groupwise.inputs.optodes import find_optical_runs
from tests.unit.optodes import write_nirx

NAMES = {name: name for name in CONDITIONS}
PAIRS = ["S1_D1", "S1_D12", "S2_D3"]
ROIS = {
    "Left": ["S1_D1", "S1_D2", "S1_D4", "S2_D1", "S2_D3"],
    "Right": ["S5_D6", "S5_D7", "S5_D9", "S6_D6", "S6_D8"],
}
CHAIN = {
    "bad": [],
    "quality": {"sci": 0.5, "saturation": 0.05},
    "motion": "tddr",
    "ppf": 6.0,
    "resample": 0.6,
    "long": (15.0, 45.0),
    "longest": 10.0,
}
MODEL = {
    "conditions": NAMES,
    "contrasts": {"leftMinusRight": "Tapping/Left - Tapping/Right"},
    "short_channels": {"regressors": "mean", "n_components": 2},
    "stim_duration": None,
    "hrf": "glover",
    "drift": "cosine",
    "high_pass": 0.01,
    "noise": "ar1",
}
CHECK = {
    "conditions": NAMES,
    "bad_channels": {},
    "rois": ROIS,
    "long": (15.0, 45.0),
    "short_channels": {"regressors": "mean", "n_components": 2, "longest": 10.0},
    "ppf": 6.0,
}


def close(mine, theirs):
    """Equal to 1e-10, in micromol/l or as t."""
    np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-10)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Four participants; the fourth has a detached pair."""
    folder = tmp_path_factory.mktemp("tapping")
    make_tapping(folder / "demo", 4, jobs=2, tell=lambda _: None)
    return folder / "demo"


def study_of(folder, **changes):
    fnirs = {"task": "tapping", "conditions": NAMES} | changes
    return read_study({"study": "s", "bids_root": str(folder / "bids"), "fnirs": fnirs})


def runs_of(folder, **changes):
    found = find_optical_runs(study_of(folder, **changes))
    return {name: found.of(name) for name in found.names}


@pytest.fixture(scope="module")
def first(demo):
    """The first participant's run, haemoglobin and pairs."""
    run = runs_of(demo)["01"][0]
    haemoglobin, pairs = compute_haemoglobin(read_intensity(run["raw"]), **CHAIN)
    return run, haemoglobin, pairs


@pytest.fixture(scope="module")
def theirs(demo):
    """The chain of the MNE-NIRS tutorial, by its own calls."""
    path = BIDSPath(subject="01", task="tapping", datatype="nirs", suffix="nirs",
                    extension=".snirf", root=demo / "bids")  # fmt: skip
    raw = read_raw_bids(path).load_data()
    density = mne.preprocessing.nirs.optical_density(raw)
    density = mne.preprocessing.nirs.temporal_derivative_distribution_repair(density)
    haemoglobin = mne.preprocessing.nirs.beer_lambert_law(density, ppf=6.0)
    haemoglobin.resample(0.6)
    short, long = get_short_channels(haemoglobin), get_long_channels(haemoglobin)
    design = make_first_level_design_matrix(long, stim_dur=5.0, high_pass=0.01)
    for chroma in ("hbo", "hbr"):  # in micromol/l: columns of 1e-6 cost the tutorial four digits
        design[f"Short{chroma}"] = 1e6 * np.mean(short.copy().pick(chroma).get_data(), axis=0)
    return haemoglobin, long, design


def test_haemoglobin_is_that_of_mne(first, theirs):
    _, haemoglobin, pairs = first
    np.testing.assert_array_equal(haemoglobin.get_data(), theirs[0].get_data())
    assert list(pairs["kind"]).count("long") == 20 and list(pairs["kind"]).count("short") == 8
    assert list(pairs) == list(PAIR_COLUMNS) and set(pairs["status"]) == {"good"}


def test_haemoglobin_comes_back_from_its_file(first, tmp_path):
    _, haemoglobin, _ = first
    write_haemoglobin(str(tmp_path / "a_nirs.snirf"), haemoglobin)
    back = read_haemoglobin(str(tmp_path / "a_nirs.snirf"), 0.6)
    assert back.ch_names == haemoglobin.ch_names and back.info["sfreq"] == 0.6
    np.testing.assert_array_equal(back.get_data(), haemoglobin.get_data())


@pytest.mark.parametrize("noise", ["ols", "ar1", pytest.param("ar3", marks=pytest.mark.slow)])
def test_glm_is_that_of_mne_nirs(first, theirs, noise):
    """theta, se and t of every channel and the contrast, to 1e-10."""
    run, haemoglobin, pairs = first
    made = fit_participant([haemoglobin], [pairs], [run], **MODEL | {"noise": noise})
    _, long, design = theirs
    glm = mne_nirs.statistics.run_glm(long, design, noise_model=noise)
    table = glm.to_dataframe()
    for condition in CONDITIONS:
        own = table[table["Condition"] == condition].set_index("ch_name")
        for channel, values in made.estimates[condition].items():
            for mine, other in (("theta", 1e6), ("se", 1e6), ("t", 1.0)):
                close(values[mine], other * own[mine][channel])
    basis = dict(zip(design.columns, np.eye(design.shape[1]), strict=True))
    contrast = glm.compute_contrast(basis["Tapping/Left"] - basis["Tapping/Right"])
    found = made.estimates["leftMinusRight"]
    assert list(found) == long.ch_names
    effect = np.ravel(contrast.data.effect_size())
    close([v["theta"] for v in found.values()], 1e6 * effect)
    close([v["t"] for v in found.values()], np.ravel(contrast.data.stat()))


def test_regions_are_those_of_mne_nirs(first, theirs):
    run, haemoglobin, pairs = first
    made = fit_participant([haemoglobin], [pairs], [run], **MODEL)
    mine = region_table(channel_table(made.estimates, "01"), ROIS, "se")
    _, long, design = theirs
    glm = mne_nirs.statistics.run_glm(long, design)
    groups = {
        name: picks_pair_to_idx(long, [[int(p[1]), int(p[4])] for p in pairs])
        for name, pairs in ROIS.items()
    }
    table = glm.to_dataframe_region_of_interest(groups, list(CONDITIONS))
    both = mine.merge(table, on=["ROI", "Condition", "Chroma"], suffixes=("", "_theirs"))
    assert len(both) == 12
    close(both["theta"], 1e6 * both["theta_theirs"])
    close(both["se"], both["se_theirs"])
    assert set(describe_estimate_columns(mine)) == set(mine)
    equal = region_table(channel_table(made.estimates, "01"), ROIS, "equal")
    channels = channel_table(made.estimates, "01")
    own = channels[channels["pair"].isin(ROIS["Left"]) & (channels["Chroma"] == "hbo")]
    own = own[own["Condition"] == "Control"]["theta"]
    row = equal.query("ROI == 'Left' and Chroma == 'hbo' and Condition == 'Control'")
    np.testing.assert_allclose(row["theta"], own.mean())


def test_runs_are_averaged_and_a_run_without_a_condition_is_left_out(first):
    run, haemoglobin, pairs = first
    fit = fit_participant([haemoglobin], [pairs], [run], **MODEL)
    twice = fit_participant([haemoglobin] * 2, [pairs] * 2, [run] * 2, **MODEL)
    one, two = (f.estimates["Control"]["S1_D1 hbo"] for f in (fit, twice))
    np.testing.assert_allclose(two["theta"], one["theta"])
    np.testing.assert_allclose(two["se"], one["se"] / 2**0.5)
    assert two["runs"] == 2 and two["df"] == 2 * one["df"]

    class Result:
        def Tcontrast(self, vector):
            return type("T", (), {"effect": vector.sum(), "sd": 1.0, "df_den": 5})

    designs = [{"hbo": pd.DataFrame({"a": [1], "b": [1]})}, {"hbo": pd.DataFrame({"b": [1]})}]
    fits = [{"S1_D1 hbo": Result()}, {"S1_D1 hbo": Result(), "S2_D2 hbo": Result()}]
    assert combine_runs(fits, designs, {"a": 1.0})["S1_D1 hbo"]["runs"] == 1
    assert combine_runs(fits, designs, {"b": 1.0})["S2_D2 hbo"]["runs"] == 1


def test_conditions_that_cannot_be_estimated_are_refused(first, tmp_path):
    run, haemoglobin, pairs = first
    own = run | {"events": str(tmp_path / "events.tsv")}
    last = haemoglobin.times[-1]
    rows = [(onset, 5.0, "Control") for onset in np.arange(20, 800, 60.0)]
    rows += [(onset + 30, 5.0, "Tapping/Left") for onset in np.arange(20, 800, 60.0)]

    def fit(rows, path=own, **changes):
        table = pd.DataFrame(rows, columns=["onset", "duration", "trial_type"])
        table.to_csv(own["events"], sep="\t", index=False)
        model = MODEL | {"contrasts": {}} | changes
        return fit_participant([haemoglobin], [pairs], [path], **model)

    with pytest.raises(InputError) as error:
        fit([*rows, (last - 2, 5.0, "Tapping/Right")])
    [finding] = error.value.findings
    assert finding.startswith(f"{own['events']}: condition Tapping/Right (Tapping/Right) can't be")
    assert "less" not in finding and "only" in finding and "at an end of the run" in finding
    two = {name: name for name in ("Control", "Tapping/Left")}
    assert set(fit(rows, conditions=two).estimates) == set(two)

    signal = fit(rows, conditions=two).designs[0]["hbo"]["Control"].to_numpy()
    copy = pd.DataFrame({"time": haemoglobin.times, "breath": 1 + 5 * signal})
    copy.to_csv(tmp_path / "c.tsv", sep="\t", index=False)
    with pytest.raises(InputError, match=r"Control .*other columns of the design \(breath"):
        fit(rows, own | {"confounds": str(tmp_path / "c.tsv")}, conditions=two)

    short = haemoglobin.copy().crop(0, 25)
    with pytest.raises(InputError, match=r"its design has 16 samples and \d+ regressors"):
        fit_participant([short], [pairs], [own], **MODEL | {"contrasts": {}, "high_pass": 0.3})


@pytest.mark.parametrize(
    "kind, columns",
    [
        ("none", ([], [])),
        ("mean", (["short_hbo", "short_hbr"],) * 2),
        ("chromophore", (["short_hbo"], ["short_hbr"])),
        ("components", (["short_1", "short_2"],) * 2),
    ],
)
def test_short_channels_as_regressors(first, kind, columns):
    _, haemoglobin, pairs = first
    made = make_short_regressors(haemoglobin, pairs, kind, 2)
    assert (list(made["hbo"]), list(made["hbr"])) == columns
    if kind == "mean":
        short = get_short_channels(haemoglobin).pick("hbr").get_data().mean(0)
        np.testing.assert_allclose(made["hbo"]["short_hbr"], 1e6 * short)
    if kind == "components":
        np.testing.assert_allclose(made["hbo"].T @ made["hbo"], np.eye(2), atol=1e-12)


@pytest.mark.slow
def test_short_channels_take_the_scalp_out(demo):
    """A task response of the scalp biases every estimate, unless short channels measure it."""
    gains = []
    for run, *_ in runs_of(demo).values():
        haemoglobin, pairs = compute_haemoglobin(read_intensity(run["raw"]), **CHAIN)
        raw, plain = (
            fit_participant(
                [haemoglobin], [pairs], [run],
                **MODEL | {"short_channels": {"regressors": kind, "n_components": 2}},
            ).estimates["Control"]
            for kind in ("none", "mean")
        )  # fmt: skip
        hbo = [channel for channel in raw if channel.endswith("hbo")]
        gains.append([np.mean([e[c]["theta"] for c in hbo]) for e in (raw, plain)])
    without, with_short = np.abs(np.array(gains)).mean(0)
    assert with_short < without / 2


def test_unusable_pairs_are_left_out_with_the_reason(demo):
    run = runs_of(demo)["04"][0]
    raw = read_intensity(run["raw"])
    raw._data[raw.ch_names.index("S1_D1 760")] = 2.0
    saturated = raw._data[raw.ch_names.index("S1_D2 850")]
    saturated[:] = np.minimum(saturated, np.quantile(saturated, 0.9))
    raw._data[raw.ch_names.index("S1_D4 760"), :100] = np.nan
    raw._data[raw.ch_names.index("S2_D1 760"), ::2] = -1
    haemoglobin, pairs = compute_haemoglobin(raw, **CHAIN | {"bad": ["S3_D1"]})
    reasons = pairs[pairs["status"] == "bad"].set_index("pair")["reason"]
    assert reasons["S1_D1"] == "flat"
    assert reasons["S1_D2"] == "saturated in 10% of samples"
    assert reasons["S1_D4"] == "1% of samples are no number"
    assert reasons["S2_D1"] == "intensity is not positive in 50% of samples"
    assert reasons["S3_D1"] == "named as bad"
    assert reasons["S7_D7"].startswith("scalp coupling index")  # the detached one
    assert len(reasons) == 6 and len(haemoglobin.info["bads"]) == 12
    assert len(pick_long_channels(haemoglobin, pairs).ch_names) == 2 * 14
    assert np.isfinite(haemoglobin.get_data()).all()


def test_no_good_channel_is_reported(demo):
    raw = read_intensity(runs_of(demo)["01"][0]["raw"])
    raw._data[:] = 1.0
    with pytest.raises(InputError, match=r"no good channel with a distance of 15 to 45 mm.*flat"):
        compute_haemoglobin(raw, **CHAIN)
    slow = read_intensity(runs_of(demo)["01"][0]["raw"]).resample(2.0)
    with pytest.raises(InputError, match=r"sampled at 2 Hz.*sci: -1"):
        compute_haemoglobin(slow, **CHAIN)
    compute_haemoglobin(slow, **CHAIN | {"quality": {"sci": -1, "saturation": 0.05}})


def test_the_check_returns_a_table(demo):
    table = require_no_findings(check_subjects(runs_of(demo), **CHECK))
    assert list(table["subject"]) == ["01", "02", "03", "04"]
    assert set(table["long_pairs"]) == {20} and set(table["short_pairs"]) == {8}
    assert set(table["Tapping/Left"]) == {18}


@pytest.mark.parametrize(
    "change, words",
    [
        ({"rois": {"Left": ["S1_D1", "S9_D9"]}}, "fnirs.rois.Left: S9_D9 is not in the montage"),
        ({"conditions": NAMES | {"Rest": "rest"}}, r"sub-01: no event of Rest \(rest\).*Control"),
        (
            {"long": (100.0, 200.0)},
            "no pair has a distance within fnirs.long. Its distances are 8 to",
        ),
        (
            {"short_channels": {"regressors": "mean", "longest": 5.0}},
            "no pair is shorter than 5 mm.*regressors: none",
        ),
        ({"bad_channels": {"01": ["S9_D1"]}}, "fnirs.bad_channels.01: S9_D1 is not a pair"),
        ({"ppf": [6.0, 6.0, 6.0]}, "fnirs.ppf: 3 values, .* has 2 wavelengths"),
    ],
)
def test_bad_config_for_the_recordings_is_reported(demo, change, words):
    with pytest.raises(InputError, match=words):
        require_no_findings(check_subjects(runs_of(demo), **CHECK | change))


def test_another_montage_is_reported(demo, tmp_path):
    from mne_nirs.io.snirf import write_raw_snirf

    runs = runs_of(demo)
    raw = read_intensity(runs["02"][0]["raw"])
    raw.drop_channels(["S1_D1 760", "S1_D1 850"])
    write_raw_snirf(raw, tmp_path / "other.snirf")
    runs["02"][0]["raw"] = str(tmp_path / "other.snirf")
    with pytest.raises(InputError, match=r"its montage is not that of .*lacks S1_D1"):
        require_no_findings(check_subjects(runs, **CHECK))


def test_broken_recordings_are_reported(demo, tmp_path):
    runs = runs_of(demo)
    (tmp_path / "broken.snirf").write_bytes(b"no hdf5")
    runs["01"][0]["raw"] = str(tmp_path / "broken.snirf")
    late = pd.read_csv(runs["02"][0]["events"], sep="\t").assign(onset=5000.0)
    late.to_csv(tmp_path / "late.tsv", sep="\t", index=False)
    runs["02"][0]["events"] = str(tmp_path / "late.tsv")
    write_haemoglobin(
        str(tmp_path / "done.snirf"),
        compute_haemoglobin(read_intensity(runs["03"][0]["raw"]), **CHAIN)[0],
    )
    runs["03"][0]["raw"] = str(tmp_path / "done.snirf")
    with pytest.raises(InputError) as caught:
        require_no_findings(check_subjects(runs, **CHECK))
    text = str(caught.value)
    assert "broken.snirf: the fNIRS recording can't be read" in text
    assert "late.tsv, lines 2, 3, 4, 5, 6 and 49 more: an event begins at 5000 s" in text
    assert "but the run ends at 899.84 s" in text
    assert "done.snirf: its channels are hbo, hbr. Use a recording of continuous-wave" in text


def test_missing_files_are_reported(demo, tmp_path):
    copy = tmp_path / "demo"
    shutil.copytree(demo, copy)
    shutil.rmtree(copy / "bids/sub-02/nirs")
    found = find_optical_runs(study_of(copy))
    assert found.names == ["01", "03", "04"]  # a subject without any recording is none of fNIRS
    one = copy / "bids/sub-03/nirs/sub-03_task-tapping_nirs.snirf"
    one.rename(one.with_name("sub-03_task-tapping_run-1_nirs.snirf"))
    assert "sub-03: no run without entities" in "\n".join(
        find_optical_runs(study_of(copy)).findings
    )
    given = study_of(demo, confounds=str(tmp_path / "confounds/{subject}.tsv"))
    assert "confounds/04.tsv is missing" in "\n".join(find_optical_runs(given).findings)
    (none,) = find_optical_runs(study_of(demo, task="rest")).findings
    assert "no fNIRS recording of task rest" in none


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"recordings": "raw/all"}, "recordings: must contain {subject}"),
        ({"confounds": "c/{subject}_{site}.tsv"}, "confounds: must contain {subject}"),
        ({"long": [45, 15]}, "long: 45.0 must be less than 15.0"),
        ({"short_channels": {"longest": 20}}, "short_channels.longest: 20.0 is above the shortest"),
        ({"contrasts": {"a": "Tapping - Nothing"}}, "contrasts.a: .*Nothing is not a condition"),
        ({"rois": {"Left": ["1-1"]}}, "rois.Left.0"),
        ({"noise": "ar"}, "noise"),
    ],
)
def test_bad_config_is_reported(tmp_path, changes, words):
    with pytest.raises(InputError, match=words):
        study_of(tmp_path, **changes)


def test_events_and_channels_are_inherited(demo, tmp_path):
    """One table for all runs, and one for those of a participant."""
    shutil.copytree(demo / "bids", tmp_path / "bids")
    own = runs_of(demo)["01"][0]
    for run in runs_of(tmp_path)["01"]:
        Path(run["events"]).unlink()
        Path(run["channels"]).unlink()
    shared = tmp_path / "bids/task-tapping_events.tsv"
    shutil.copy(own["events"], shared)
    channels = tmp_path / "bids/sub-01/sub-01_task-tapping_channels.tsv"
    shutil.copy(own["channels"], channels)
    (run,) = runs_of(tmp_path)["01"]
    assert (run["events"], run["channels"]) == (str(shared), str(channels))


def test_bad_channels_of_bids(tmp_path):
    (tmp_path / "c.tsv").write_text(
        "name\ttype\tstatus\nS1_D1 760\tNIRSCWAMPLITUDE\tbad\nS1_D1 850\tNIRSCWAMPLITUDE\tgood\n"
        "S2-D3 760\tNIRSCWAMPLITUDE\tbad\n"
    )
    assert read_bad_pairs(str(tmp_path / "c.tsv"), PAIRS) == ["S1_D1", "S2_D3"]
    assert read_bad_pairs("", PAIRS) == []


@pytest.mark.parametrize(
    "table",
    [
        "name\tstatus\ns01-d12 760\tBad \n",
        "name\tstatus\nS1D12\tbad\n",
        "name\tstatus\nS1_D12-760\tbad\n",
        "\ufeffname\ttype\tstatus\nS1 - D12\tNIRSCWAMPLITUDE\tbad\nAccX\tACCEL\tbad\n",
        "name\tsource\tdetector\tstatus\nch 7\tS1\tD12\tbad\n",
        "source\tdetector\tstatus\nRx01\tTx12\tbad\nRx1\tTx1\tgood\n",
    ],
)
def test_bad_pairs_are_found_in_every_spelling(tmp_path, table):
    (tmp_path / "c.tsv").write_text(table)
    assert read_bad_pairs(str(tmp_path / "c.tsv"), PAIRS) == ["S1_D12"]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("channel\tstatus\nS1_D1\tbad\n", "no column name .it has channel, status"),
        ("name\tstatus\nS1_D1\tgood\nP7\tbad\n", "row 3: 'P7' is bad, but is not a channel"),
        ("name\tstatus\nS9_D9 760\tbad\n", "row 2: 'S9_D9 760' is bad, but is not a channel"),
        ("name\tstatus\nS1_D1\trejected\n", "row 2: its status is rejected. Write good or bad"),
        ("", "the table of channels can't be read"),
    ],
)
def test_bad_pairs_that_cannot_be_used_are_refused(tmp_path, table, words):
    (tmp_path / "c.tsv").write_text(table)
    with pytest.raises(InputError, match=words):
        read_bad_pairs(str(tmp_path / "c.tsv"), PAIRS)


def test_a_bad_pair_outside_the_recording_is_refused(demo):
    own = runs_of(demo)["01"][0]
    with pytest.raises(InputError, match="S1_D99: marked as bad, but the recording has S1_D1"):
        compute_haemoglobin(read_intensity(own["raw"]), **CHAIN | {"bad": ["S1_D99"]})
    _, findings = check_subjects({"01": [own]}, **CHECK | {"bad_channels": {"all": ["S01_D01"]}})
    assert ["fnirs.bad_channels.all: S01_D01 is not a pair" in line for line in findings] == [True]


@pytest.mark.parametrize(
    ("start", "unit", "scale"), [(100.0, "s", 1), (-7.0, "s", 1), (1e5, "ms", 1e3)]
)
def test_events_of_a_snirf_file_have_the_time_origin_of_its_samples(
    demo, tmp_path, start, unit, scale
):
    """Times from 100 s, and in ms: MNE takes onsets for seconds from the first sample."""
    own = runs_of(demo)["01"][0] | {"events": ""}
    right = read_run_events(own, read_intensity(own["raw"], preload=False), NAMES)
    path = tmp_path / "P01.snirf"
    shift_times(own["raw"], path, start, unit, scale)
    raw = read_intensity(str(path), preload=False)
    own |= {"raw": str(path)}
    moved = read_run_events(own, raw, NAMES)
    pd.testing.assert_frame_equal(moved, right, atol=1e-6)
    with h5py.File(path, "a") as file:
        stimulus = next(key for key in file["nirs"] if key.startswith("stim"))
        file[f"nirs/{stimulus}/data"][0, 0] = start - 5 * scale
    with pytest.raises(InputError, match=r"1 events of conditions are before the first .* by 5 s"):
        read_run_events(own, raw, NAMES)


def shift_times(source, path, start, unit, scale):
    """Copy a SNIRF file with times that start at `start`, in the unit of 1 / `scale` s."""
    shutil.copy(source, path)
    with h5py.File(path, "a") as file:
        recording = file["nirs"]
        recording["data1/time"][...] = np.asarray(recording["data1/time"]) * scale + start
        for key in [key for key in recording if key.startswith("stim")]:
            data = np.asarray(recording[f"{key}/data"])
            data[:, 0] = data[:, 0] * scale + start
            data[:, 1] *= scale
            recording[f"{key}/data"][...] = data
        del recording["metaDataTags/TimeUnit"]
        recording["metaDataTags/TimeUnit"] = unit


def test_confounds_enter_the_design(first, tmp_path):
    run, haemoglobin, pairs = first
    table = pd.DataFrame({"time": np.arange(0, 910, 10.0)})
    table["breath"] = np.sin(table["time"])
    table.to_csv(tmp_path / "c.tsv", sep="\t", index=False)
    own = run | {"confounds": str(tmp_path / "c.tsv")}
    made = fit_participant([haemoglobin], [pairs], [own], **MODEL)
    assert "breath" in made.designs[0]["hbo"]
    for content, words in (
        ("time\tbreath\n0\t1\n10\tx\n", "breath: some values are not numbers"),
        ("time\tbreath\n0\t1\n10\t2\n", "must ascend and span the recording"),
        ("breath\n1\n", "needs a column time"),
    ):
        (tmp_path / "d.tsv").write_text(content)
        with pytest.raises(InputError, match=words):
            read_regressors(str(tmp_path / "d.tsv"), haemoglobin.times)


def test_recordings_that_are_not_bids(demo, tmp_path):
    """One SNIRF file per subject, with events from its annotations."""
    for name, (run, *_) in runs_of(demo).items():
        shutil.copy(run["raw"], tmp_path / f"P{name}.snirf")
    runs = runs_of(demo, recordings=str(tmp_path / "{subject}.snirf"))
    assert list(runs) == ["P01", "P02", "P03", "P04"]
    assert set(require_no_findings(check_subjects(runs, **CHECK))["Control"]) == {18}
    own = runs_of(demo)["01"][0]
    raw = read_intensity(own["raw"])
    bids, bare = (read_run_events(run, raw, NAMES) for run in (own, runs["P01"][0]))
    bare = bare.sort_values("onset")
    assert list(bids["trial_type"]) == list(bare["trial_type"])
    assert np.abs(bids["onset"].to_numpy() - bare["onset"].to_numpy()).max() < 1 / RATE


def test_annotations_are_checked_like_tables_of_events(demo, tmp_path):
    (own,) = runs_of(demo)["01"]
    raw = read_intensity(own["raw"])
    run = {"raw": "raw/01", "events": ""}  # as of a NIRx folder
    marks = raw.annotations.copy()
    raw.set_annotations(
        mne.Annotations(
            [*marks.onset, marks.onset[0]],
            [*marks.duration, 1.0],
            [*marks.description, marks.description[0]],
        )
    )
    with pytest.raises(InputError) as caught:
        read_run_events(run, raw, NAMES)
    text = "\n".join(caught.value.findings)
    assert "raw/01, annotation 2: 1 events occur twice" in text
    raw.set_annotations(mne.Annotations([5.0, 30.0], [1.0, 1.0], ["Control ", "Control"]))
    assert list(read_run_events(run, raw, NAMES)["trial_type"]) == ["Control"] * 2
    short = tmp_path / "ms_events.tsv"
    table = pd.read_csv(own["events"], sep="\t")
    table.assign(duration=5000).to_csv(short, sep="\t", index=False)
    runs = {"01": [own | {"events": str(short)}]}
    with pytest.raises(InputError, match="an event lasts 5000 s, but the run lasts 899"):
        require_no_findings(check_subjects(runs, **CHECK))


def test_a_nirx_folder_goes_through(tmp_path):
    """Files as NIRStar writes them, to haemoglobin and a GLM without short channels' help."""
    rng = np.random.default_rng(0)
    times = np.arange(3000) / 10.0
    heart = 0.02 * np.sin(2 * np.pi * 1.1 * times)
    shape = np.exp(-0.5 * ((times[:, None] - np.arange(20, 290, 30)[None] - 5) / 3) ** 2).sum(1)
    signal = np.exp(heart + 0.02 * shape[:] + 0.002 * rng.normal(size=times.size))
    intensity = np.repeat(np.stack([signal, signal**1.5])[:, :, None], 4, axis=2)
    events = {int(10 * onset): 1 + k % 2 for k, onset in enumerate(np.arange(20, 290, 30))}
    folder = write_nirx(tmp_path / "raw/01", intensity, 10.0, events)
    study = read_study(
        {
            "study": "s",
            "fnirs": {
                "task": "tapping",
                "recordings": str(tmp_path / "raw/{subject}"),
                "conditions": {"left": "1.0", "right": "2.0"},
            },
        }
    )
    (run,) = find_optical_runs(study).of("01")
    assert run["raw"] == str(folder)
    raw = read_intensity(run["raw"])
    assert list_pairs(raw) == ["S1_D1", "S2_D2"] and raw.info["sfreq"] == 10.0
    options = CHECK | {
        "conditions": {"left": "1.0", "right": "2.0"},
        "rois": {},
        "short_channels": {"regressors": "none", "n_components": 1, "longest": 10.0},
    }
    table = require_no_findings(check_subjects({"01": [run]}, **options))
    assert set(table["event_durations"]) == {"1"}  # MNE's duration of all events of NIRx
    slow = write_nirx(tmp_path / "slow/02", intensity, 5.0, events)
    both = {"01": [run], "02": [run | {"raw": str(slow)}]}
    as_recorded = {"stim_duration": 0.0, "resample": None}
    text = "\n".join(check_subjects(both, **options | as_recorded)[1])
    assert "which differs: 0.1 s (sub-01), 0.2 s (sub-02)" in text
    table = require_no_findings(check_subjects(both, **options | as_recorded | {"resample": 0.6}))
    assert set(table["impulses"]) == {"left, right"}
    events = read_run_events(run, raw, {"left": "1.0", "right": "2.0"}, stim_duration=5.0)
    assert list(events["trial_type"]) == [["left", "right"][k % 2] for k in range(9)]
    assert set(events["duration"]) == {5.0}
    haemoglobin, pairs = compute_haemoglobin(raw, **CHAIN)
    assert list(pairs["kind"]) == ["long", "short"]
    write_haemoglobin(str(tmp_path / "h_nirs.snirf"), haemoglobin)
    model = MODEL | {
        "conditions": {"left": "1.0", "right": "2.0"},
        "contrasts": {},
        "stim_duration": 5.0,
        "short_channels": {"regressors": "none", "n_components": 1},
    }
    back = read_haemoglobin(str(tmp_path / "h_nirs.snirf"), 0.6)
    made = fit_participant([back], [pairs], [run], **model)
    assert set(made.estimates["left"]) == {"S1_D1 hbo", "S1_D1 hbr"}


def test_saturation_that_the_device_flagged(demo):
    raw = read_intensity(runs_of(demo)["01"][0]["raw"])
    raw.annotations.append(10.0, 100.0, "BAD_SATURATED", [("S1_D1 760", "S1_D1 850")])
    _, pairs = compute_haemoglobin(raw, **CHAIN)
    assert pairs.set_index("pair")["reason"]["S1_D1"] == "saturated in 11% of samples"


def test_the_demo_is_valid_bids(demo):
    """The official BIDS validator finds no error."""
    validator = Path(sys.executable).with_name("bids-validator-deno")
    done = subprocess.run([validator, demo / "bids", "--json"], capture_output=True, text=True)
    issues = json.loads(done.stdout)["issues"]["issues"]
    assert [issue for issue in issues if issue["severity"] == "error"] == []
