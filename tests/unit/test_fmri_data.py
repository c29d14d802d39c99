"""First level of fMRI on small runs with voxels, conditions and runs that can't be estimated."""

import gc
import shutil

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from nilearn.glm.first_level import make_first_level_design_matrix

from groupwise.errors import InputError
from groupwise.files import write_json
from groupwise.fmri.first_level import MAPS, contrast_maps, effects_of_interest, fit_first_level
from groupwise.fmri.methods import _without_data
from groupwise.job import freeze_imports
from groupwise.stack.volumes import common_mask, rows_inside, write_image

TR, VOLUMES, SIZE, EFFECT = 2.0, 120, 5, 2.0
#: Centre of the grid, and a voxel beside it.
GAP, BESIDE = (2, 2, 2), (2, 2, 3)
OPTIONS = {
    "conditions": {"a": "a"},
    "hrf": "spm",
    "drift": "polynomial",
    "high_pass": 0.01,
    "confounds": {"strategy": []},
    "smoothing": None,
    "noise": "ols",
}
EVENTS = pd.DataFrame({"onset": np.arange(10, 220, 30.0), "duration": 10.0, "trial_type": "a"})


@pytest.fixture(autouse=True, scope="module")
def _frozen():
    """nilearn collects garbage a dozen times in a fit."""
    freeze_imports()
    yield
    gc.unfreeze()


def respond(events, volumes=VOLUMES):
    times = TR * np.arange(volumes)
    return make_first_level_design_matrix(times, events, hrf_model="spm", drift_model=None)["a"]


def simulate(seed=0, baseline=1000.0, dtype=np.float32, volumes=VOLUMES):
    """A run whose voxels respond by EFFECT percent, with noise of a tenth of a percent."""
    noise = np.random.default_rng(seed).normal(size=(SIZE,) * 3 + (volumes,))
    signal = respond(EVENTS, volumes).to_numpy()
    signal = 1 + EFFECT / 100 * (signal - signal.mean()) + 1e-3 * noise
    return (baseline * signal).astype(dtype)


def write_run(folder, data, events=EVENTS, name="sub-01_task-t"):
    folder.mkdir(exist_ok=True)
    paths = {kind: str(folder / f"{name}_{kind}.nii.gz") for kind in ("bold", "mask")}
    affine = np.diag([3.0, 3, 3, 1])
    image = nib.Nifti1Image(data, affine)
    nib.save(image, paths["bold"])
    nib.save(nib.Nifti1Image(np.ones(data.shape[:3], np.uint8), affine), paths["mask"])
    write_json(folder / f"{name}_bold.json", {"RepetitionTime": TR, "StartTime": 0.0})
    paths |= {"sidecars": [str(folder / f"{name}_bold.json")], "raw_sidecars": []}
    paths["events"] = str(folder / f"{name}_events.tsv")
    events.to_csv(paths["events"], sep="\t", index=False)
    return paths


def fit(runs, **changes):
    fitted = fit_first_level(runs, **OPTIONS | changes)
    return fitted, contrast_maps(fitted, {"a": 1.0})[0]


def fill(data, kind):
    """Take the data of the voxel GAP."""
    series = data[GAP]
    if kind == "zeros":
        series[:] = 0
    elif kind == "constant":
        series[:] = 517
    elif kind == "not finite":
        series[:] = np.nan
    elif kind == "not finite in some volumes":
        series[40:60] = np.nan
    elif kind == "zeros in some volumes":
        series[40:60] = 0
    elif kind == "one value":
        series[:] = 0
        series[50] = 800
    elif kind == "negative":
        series -= 2000
    return data


KINDS = (
    *("zeros", "constant", "not finite", "not finite in some volumes"),
    *("zeros in some volumes", "one value", "negative"),
)


@pytest.mark.parametrize("kind", KINDS)
def test_a_voxel_without_data_is_nan_in_all_maps(tmp_path, kind):
    runs = [write_run(tmp_path, fill(simulate(), kind))]
    fitted, maps = fit(runs)
    _, whole = fit([write_run(tmp_path / "whole", simulate())])
    for name in MAPS:
        expected = whole[name].get_fdata()
        expected[GAP] = np.nan
        np.testing.assert_array_equal(maps[name].get_fdata(), expected)
    for image in effects_of_interest(fitted, ["a"]).values():
        assert np.argwhere(np.isnan(image.get_fdata())).tolist() == [list(GAP)]
    assert fitted.without_data.sum() == 1
    assert "(up to 1 per participant)" in _without_data(1) and not _without_data(0)


@pytest.mark.parametrize("kind", ["not finite in some volumes", "zeros in some volumes"])
def test_smoothing_takes_no_gap_to_the_neighbours(tmp_path, kind):
    _, maps = fit([write_run(tmp_path, fill(simulate(), kind))], smoothing=6.0)
    assert maps["effect"].get_fdata()[BESIDE] == pytest.approx(EFFECT, rel=0.02)
    assert np.isnan(maps["effect"].get_fdata()[GAP])


def test_a_voxel_that_one_run_lacks_is_nan(tmp_path):
    runs = [
        write_run(tmp_path, simulate(), name="run-1"),
        write_run(tmp_path, fill(simulate(1), "zeros"), name="run-2"),
    ]
    _, maps = fit(runs)
    assert np.isnan(maps["effect"].get_fdata()[GAP])
    assert maps["effect"].get_fdata()[BESIDE] == pytest.approx(EFFECT, rel=0.02)


def test_the_group_mean_has_only_voxels_with_data(tmp_path):
    paths = []
    for subject in range(6):
        data = simulate(subject)
        _, maps = fit(
            [write_run(tmp_path / str(subject), fill(data, "zeros" if subject == 2 else ""))]
        )
        paths.append(tmp_path / f"{subject}.nii.gz")
        write_image(paths[-1], maps["effect"])
    inside, count, _ = common_mask(paths)
    assert count[GAP] == 5 and not inside[GAP] and inside.sum() == SIZE**3 - 1
    means = np.mean(list(rows_inside(paths, inside)), axis=0)
    np.testing.assert_allclose(means, EFFECT, rtol=0.02)


def test_dark_voxels_with_zeros_are_kept(tmp_path):
    """Integers of a dark voxel reach 0 by noise: they are values."""
    data = simulate()
    noise = np.random.default_rng(5).rayleigh(2.0, VOLUMES)
    data[GAP] = noise.round()
    data = data.astype(np.int16)
    assert (data[GAP] == 0).any()
    fitted, maps = fit([write_run(tmp_path, data)])
    assert not fitted.without_data.any()
    assert np.isfinite(maps["effect"].get_fdata()).all()


@pytest.mark.parametrize("smoothing", [None, 6.0])
@pytest.mark.parametrize("baseline", [1.5, 0.3, 1e-5])
def test_percent_is_that_of_the_mean_in_any_unit(tmp_path, baseline, smoothing):
    _, maps = fit([write_run(tmp_path, simulate(baseline=baseline))], smoothing=smoothing)
    _, usual = fit([write_run(tmp_path / "usual", simulate())], smoothing=smoothing)
    effect = maps["effect"].get_fdata()
    np.testing.assert_allclose(effect, usual["effect"].get_fdata(), rtol=1e-4)
    assert effect.mean() == pytest.approx(EFFECT, rel=0.01)


def test_images_without_a_mean_are_refused(tmp_path):
    data = simulate(dtype=np.float64)
    run = write_run(tmp_path, data - data.mean(-1, keepdims=True) + 1e-3)
    with pytest.raises(InputError, match=r"sub-01_task-t_bold\.nii\.gz: .* mean over time is"):
        fit([run])


def test_runs_without_a_common_voxel_with_data_are_refused(tmp_path):
    data = [simulate(), simulate(1)]
    data[0][:3], data[1][2:] = 0, 0
    runs = [write_run(tmp_path, own, name=f"run-{k}") for k, own in enumerate(data)]
    with pytest.raises(InputError, match="no voxel inside the masks has data in every run"):
        fit(runs)


def events_of(*rows):
    return pd.DataFrame(rows, columns=["onset", "duration", "trial_type"])


def refusal(function, *arguments, **options):
    with pytest.raises(InputError) as error:
        function(*arguments, **options)
    return "\n".join(error.value.findings)


@pytest.mark.parametrize("duration", [0.0, 1.0, 20.0])
def test_a_condition_whose_only_event_is_before_the_end_is_refused(tmp_path, duration):
    late = events_of((237.0, duration, "b"))
    run = write_run(tmp_path, simulate(), pd.concat([EVENTS, late]))
    text = refusal(fit, [run], conditions={"a": "a", "b": "b"})
    assert f"{run['events']}: condition b (b) can't be estimated: the data that are used" in text
    assert "condition a" not in text
    run = write_run(tmp_path, simulate(), EVENTS)  # the remedy: without this event
    fit([run], conditions={"a": "a", "b": "b"})


def test_one_complete_event_is_enough(tmp_path):
    once = events_of((200.0, 0.5, "b"))
    fit(
        [write_run(tmp_path, simulate(), pd.concat([EVENTS, once]))],
        conditions={"a": "a", "b": "b"},
    )


def write_confounds(folder, run, volumes=VOLUMES, **columns):
    """fMRIPrep's names, with which nilearn finds the confounds of a run."""
    stem = "sub-01_task-t"
    bold = folder / f"{stem}_space-MNI_desc-preproc_bold.nii.gz"
    shutil.copy(run["bold"], bold)
    write_json(folder / f"{stem}_space-MNI_desc-preproc_bold.json", {"RepetitionTime": TR})
    rng = np.random.default_rng(9)
    axes = [f"{kind}_{axis}" for kind in ("trans", "rot") for axis in "xyz"]
    table = pd.DataFrame({name: rng.normal(size=volumes) for name in axes})
    table = table.assign(**{"framewise_displacement": 0.1, "std_dvars": 1.0} | columns)
    path = folder / f"{stem}_desc-confounds_timeseries.tsv"
    table.to_csv(path, sep="\t", index=False)
    write_json(path.with_suffix(".json"), {})
    return run | {"bold": str(bold), "confounds": str(path)}


SCRUB = {
    "strategy": ["motion", "scrub"],
    "motion": "basic",
    "wm_csf": "basic",
    "global_signal": "basic",
    "compcor": "anat_combined",
    "n_compcor": 5,
    "fd_threshold": 0.5,
    "std_dvars_threshold": 1.5,
}


def test_scrubbing_that_removes_all_of_a_response_is_refused(tmp_path):
    once = events_of((200.0, 1.0, "b"))
    run = write_run(tmp_path, simulate(), pd.concat([EVENTS, once]))
    moved = np.full(VOLUMES, 0.1)
    moved[100:] = 2.0
    run = write_confounds(tmp_path, run, framewise_displacement=moved)
    options = {"conditions": {"a": "a", "b": "b"}, "confounds": SCRUB}
    assert "condition b (b) can't be estimated: the data" in refusal(fit, [run], **options)
    fit([run], **options | {"confounds": SCRUB | {"fd_threshold": 3.0}})


@pytest.mark.parametrize("used", [0, 8, 9])
def test_fewer_volumes_than_regressors_are_refused(tmp_path, used):
    """The response, 6 parameters of motion and 2 columns of drift."""
    moved = np.full(VOLUMES, 2.0)
    moved[:used] = 0.1
    run = write_run(tmp_path, simulate())
    run = write_confounds(tmp_path, run, framewise_displacement=moved)
    text = refusal(fit, [run], confounds=SCRUB)
    some = f"{used} volumes are used, but the design has 9 regressors"
    assert f"{run['bold']}: {some if used else 'fmri.confounds excludes all 120 volumes'}" in text
    fit([run], confounds=SCRUB | {"fd_threshold": 3.0})


def test_a_condition_that_a_confound_explains_is_refused(tmp_path):
    run = write_run(tmp_path, simulate())
    run = write_confounds(tmp_path, run)
    table = pd.read_csv(run["confounds"], sep="\t")
    table["trans_x"] = 3 * respond(EVENTS).to_numpy() + 1
    table.to_csv(run["confounds"], sep="\t", index=False)
    text = refusal(fit, [run], confounds=SCRUB)
    assert "condition a (a) can't be estimated: other columns of the design (trans_x" in text


def test_two_names_of_the_same_events_are_refused(tmp_path):
    run = write_run(tmp_path, simulate(), pd.concat([EVENTS, EVENTS.assign(trial_type="b")]))
    text = refusal(fit, [run], conditions={"a": "a", "b": "b"})
    assert "condition a (a)" in text and "condition b (b)" in text


def test_blocks_without_rest_keep_their_difference(tmp_path):
    """Neither condition is estimable, but their difference is."""
    onsets = np.arange(-40, 260, 20.0)
    blocks = pd.DataFrame({"onset": onsets, "duration": 20.0, "trial_type": ["a", "b"] * 7 + ["a"]})
    signal = respond(blocks).to_numpy()
    data = 1000 * (1 + EFFECT / 100 * signal) + np.random.default_rng(2).normal(
        size=(3, 3, 3, VOLUMES)
    )
    run = write_run(tmp_path, data.astype(np.float32), blocks)
    fitted = fit_first_level([run], **OPTIONS | {"conditions": {"a": "a", "b": "b"}})
    difference = contrast_maps(fitted, {"a": 1.0, "b": -1.0})[0]["effect"].get_fdata()
    # percent of the mean over time, which is above the baseline
    expected = EFFECT / (1 + EFFECT / 100 * signal.mean())
    np.testing.assert_allclose(difference, expected, rtol=0.05)
