"""First level of fMRI: parity with nilearn's first_level_from_bids, and findings on runs."""

import json
import shutil

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from nilearn.glm.first_level import FirstLevelModel, first_level_from_bids

from groupwise.command.check import check_page, check_study
from groupwise.config.formula import contrasts_of
from groupwise.config.read import read_study
from groupwise.demo.faces import CONDITIONS, REGIONS, SPACE, TASK, make_faces
from groupwise.errors import InputError
from groupwise.fmri.check import check_subjects
from groupwise.fmri.first_level import (
    contrast_maps,
    effects_of_interest,
    fit_first_level,
)
from groupwise.fmri.runs import read_timing
from groupwise.inputs.checked import require_no_findings
from groupwise.inputs.runs import find_runs
from groupwise.report.modality import events_left_out
from groupwise.stack.volumes import write_image
from groupwise.stats.collinearity import inflation

FACES = "famous + unfamiliar - 2 scrambled"


def study_of(folder, **fmri):
    return read_study(
        {
            "study": "faces",
            "fmri": {
                "bids_root": str(folder / "bids"),
                "derivatives": str(folder / "derivatives/fmriprep"),
                "task": TASK,
                "conditions": CONDITIONS,
                "confounds": {"strategy": ["motion", "high_pass", "wm_csf"]},
                "hrf": "spm",
                "smoothing": 8,
                **fmri,
            },
        }
    )


def options_of(study):
    keys = ("conditions", "hrf", "drift", "high_pass", "confounds", "smoothing", "noise")
    return study.fmri.model_dump(mode="json", include=set(keys))


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faces") / "faces"
    make_faces(folder, subjects=2, jobs=2, tell=lambda _: None)
    return folder


@pytest.fixture(scope="module")
def model(faces):
    study = study_of(faces)
    return fit_first_level(find_runs(study).of("01"), **options_of(study))


@pytest.fixture
def copy(faces, tmp_path):
    shutil.copytree(faces, tmp_path / "copy")
    return tmp_path / "copy"


def files(folder, pattern):
    return sorted(folder.glob(f"derivatives/fmriprep/{pattern}"))


def test_maps_are_those_of_nilearns_own_way_from_bids(faces, model, tmp_path):
    """`first_level_from_bids` on the same files, with its expressions of contrasts."""
    (theirs, *_), images, events, confounds = first_level_from_bids(
        faces / "bids",
        TASK,
        space_label=SPACE,
        sub_labels=["01"],
        derivatives_folder="../derivatives/fmriprep",
        hrf_model="spm",
        drift_model=None,
        smoothing_fwhm=8,
        noise_model="ar1",
        signal_scaling=0,
        slice_time_ref=None,
        confounds_strategy=("motion", "high_pass", "wm_csf"),
        confounds_motion="basic",
        confounds_wm_csf="basic",
    )
    plain = [e[["onset", "duration", "trial_type"]] for e in events[0]]
    theirs.mask_img = model.model.masker_.mask_img_
    theirs.fit(images[0], events=plain, confounds=confounds[0])
    expression = " + ".join(
        f"({weight!r}) * {CONDITIONS[name]}"
        for name, weight in contrasts_of(list(CONDITIONS), {"faces": FACES})["faces"].items()
    )
    expected = theirs.compute_contrast(expression, output_type="all")
    maps, runs = contrast_maps(model, contrasts_of(list(CONDITIONS), {"faces": FACES})["faces"])
    assert runs == 2
    for name, output in (
        *(("effect", "effect_size"), ("variance", "effect_variance")),
        *(("t", "stat"), ("z", "z_score")),
    ):
        write_image(tmp_path / "map.nii.gz", maps[name])  # as a file, whose type may be coarse
        mine = nib.load(tmp_path / "map.nii.gz").get_fdata()
        assert np.abs(mine).max() > 0 and (mine == 0).any()
        np.testing.assert_allclose(mine, np.asarray(expected[output].dataobj), atol=1e-6)


def test_demo_responses_are_recovered(faces, model):
    """A region that responds to all conditions is found by their mean and by their F test."""
    truth = json.loads((faces / "truth.json").read_text())["Subjects"]["01"]["Regions"]
    occipital = next(region for region in truth if region["Name"] == "occipital-rh")
    weights = dict.fromkeys(CONDITIONS, 1 / 9)
    maps, _ = contrast_maps(model, weights)
    voxel = np.round(
        nib.affines.apply_affine(np.linalg.inv(maps["z"].affine), occipital["Place"])
    ).astype(int)
    near = tuple(slice(k - 1, k + 2) for k in voxel)
    assert maps["z"].get_fdata()[near].max() > 3.09
    interest = effects_of_interest(model, list(CONDITIONS))
    assert interest["z"].get_fdata()[near].max() > 3.09
    assert {region["Name"] for region in truth} == {region.name for region in REGIONS}


def test_variance_inflation_is_that_of_the_correlations():
    rng = np.random.default_rng(0)
    base = rng.normal(size=(300, 3))
    design = pd.DataFrame(
        {"a": base[:, 0], "b": base[:, 0] + 0.5 * base[:, 1], "c": base[:, 2], "constant": 1.0}
    )
    factors = inflation(design, ["a", "b", "c"])
    expected = np.diag(np.linalg.inv(np.corrcoef(design[["a", "b", "c"]].T)))
    np.testing.assert_allclose([factors[k] for k in "abc"], expected, rtol=1e-9)
    assert inflation(design.assign(d=design["a"] - design["c"]), ["a"])["a"] == float("inf")


def test_the_same_study_in_any_size_and_again(faces, tmp_path):
    alone = make_faces(tmp_path / "faces", subjects=1, jobs=1, tell=lambda _: None)
    stamp = json.loads(alone.read_text())["Stamp"]["Files"]
    other = json.loads((faces / "truth.json").read_text())["Stamp"]["Files"]
    own = {name: digest for name, digest in stamp.items() if "sub-01" in name}
    assert own and own.items() <= other.items()
    said = []
    make_faces(tmp_path / "faces", subjects=1, jobs=1, tell=said.append)
    assert said == [f"{tmp_path / 'faces'}: the demo study is complete"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/data.txt").write_text("precious")
    with pytest.raises(InputError, match="is not a demo study"):
        make_faces(tmp_path / "mine", subjects=1)


def check(study):
    runs = find_runs(study)
    options = study.fmri.model_dump(mode="json", include={"conditions", "confounds"})
    return require_no_findings(
        check_subjects({name: runs.of(name) for name in runs.names}, **options)
    )


def test_the_check_returns_a_table(faces):
    table = check(study_of(faces))
    assert list(table["run"]) == ["run-1", "run-2"] * 2
    assert (table["volumes"] == 200).all() and (table["repetition_time"] == 2).all()
    assert (table[list(CONDITIONS)] == 14).all().all()
    assert (table["confounds"] == 6 + 4 + 2).all()


def findings(function, *arguments):
    with pytest.raises(InputError) as error:
        function(*arguments)
    return "\n".join(error.value.findings)


def test_a_missing_run_is_reported_with_its_subject(copy):
    for path in files(copy, "sub-02/func/*run-2*bold.nii.gz"):
        path.unlink()
    study = study_of(copy)
    assert "sub-02: no run-2, which other subjects have" in "\n".join(find_runs(study).findings)
    runs = find_runs(study.model_copy(update={"missing": "drop"}))
    assert runs.names == ["01"] and "run-2" in runs.left_out["02"]
    (copy / "bids/sub-01/func/sub-01_task-faces_run-1_events.tsv").unlink()
    assert "sub-01_task-faces_run-1_events.tsv is missing" in "\n".join(find_runs(study).findings)


def test_another_space_is_reported_with_the_present_ones(copy):
    text = "\n".join(find_runs(study_of(copy, space="MNI152Lin")).findings)
    assert f"there are task-faces space-{SPACE}" in text


def test_mixed_grids_are_reported(copy):
    path = files(copy, "sub-02/func/*run-1*bold.nii.gz")[0]
    image = nib.load(path)
    affine = image.affine.copy()
    affine[0, 3] += 3
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj), affine, image.header), path)
    assert f"{path}: its grid" in findings(check, study_of(copy))


def test_an_empty_mask_is_reported(copy):
    path = files(copy, "sub-01/func/*run-2*brain_mask.nii.gz")[0]
    mask = nib.load(path)
    nib.save(nib.Nifti1Image(np.zeros(mask.shape, np.uint8), mask.affine), path)
    assert f"{path}: the mask is empty" in findings(check, study_of(copy))


def test_confounds_without_values_are_reported(copy):
    path = files(copy, "sub-01/func/*run-1*timeseries.tsv")[0]
    table = pd.read_csv(path, sep="\t")
    table["csf"] = np.nan
    table.to_csv(path, sep="\t", index=False, na_rep="n/a")
    short = files(copy, "sub-02/func/*run-1*timeseries.tsv")[0]
    pd.read_csv(short, sep="\t")[:150].to_csv(short, sep="\t", index=False, na_rep="n/a")
    text = findings(check, study_of(copy))
    assert "confounds csf have values that are not numbers" in text
    assert f"{short}: 150 rows" in text


def test_events_that_do_not_fit_are_reported(copy):
    path = copy / "bids/sub-01/func/sub-01_task-faces_run-1_events.tsv"
    events = pd.read_csv(path, sep="\t")
    events.loc[0, "onset"] = 5000
    events.to_csv(path, sep="\t", index=False)
    conditions = CONDITIONS | {"known/other": "nothing"}
    text = findings(check, study_of(copy, conditions=conditions))
    assert "an event begins at 5000 s" in text
    assert "sub-02: no event of known/other (nothing) in any run" in text


def one_run(folder, header=2.0, unit="sec", own=None, raw=None):
    """A run of four volumes; `own` and `raw`: sidecars of the derivatives and of the raw data."""
    derivatives, bids = folder / "derivatives/fmriprep", folder / "bids"
    func = derivatives / "sub-01/func"
    func.mkdir(parents=True)
    (bids / "sub-01/func").mkdir(parents=True)
    image = nib.Nifti1Image(np.ones((2, 2, 2, 4), np.int16), np.eye(4))
    image.header.set_zooms((1, 1, 1, header))
    image.header.set_xyzt_units("mm", unit)
    stem = f"sub-01_task-{TASK}"
    nib.save(image, func / f"{stem}_space-{SPACE}_desc-preproc_bold.nii.gz")
    nib.save(image.slicer[..., 0], func / f"{stem}_space-{SPACE}_desc-brain_mask.nii.gz")
    (func / f"{stem}_desc-confounds_timeseries.tsv").write_text("trans_x\n" + "0\n" * 4)
    for root, sidecars in ((derivatives, own), (bids, raw)):
        for name, content in (sidecars or {}).items():
            (root / name).write_text(json.dumps(content))
    (bids / f"task-{TASK}_events.tsv").write_text("onset\tduration\ttrial_type\n")
    found = find_runs(study_of(folder))
    assert not found.findings
    return found.of("01")[0]


BESIDE = f"sub-01/func/sub-01_task-{TASK}_space-{SPACE}_desc-preproc_bold.json"
SHARED = f"task-{TASK}_bold.json"


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"header": 2.5}, (2.5, 0.0)),
        ({"header": 2500.0, "unit": "msec"}, (2.5, 0.0)),
        ({"header": 2.5e6, "unit": "usec"}, (2.5, 0.0)),
        ({"header": 2.5, "unit": "unknown"}, (2.5, 0.0)),
        # BIDS inheritance: the nearest sidecar of the preprocessed image, then of the raw image.
        ({"header": 3.0, "own": {SHARED: {"RepetitionTime": 2.0}}}, (2.0, 0.0)),
        ({"header": 3.0, "own": {"bold.json": {"RepetitionTime": 2.0}}}, (2.0, 0.0)),
        ({"header": 3.0, "raw": {SHARED: {"RepetitionTime": 2.0}}}, (2.0, 0.0)),
        ({"header": 3.0, "raw": {f"sub-01/sub-01_{SHARED}": {"RepetitionTime": 2.0}}}, (2.0, 0.0)),
        ({"own": {SHARED: {"RepetitionTime": 9.0}, BESIDE: {"RepetitionTime": 2.0}}}, (2.0, 0.0)),
        ({"own": {SHARED: {"StartTime": 0.5}, BESIDE: {"RepetitionTime": 2.0}}}, (2.0, 0.25)),
        ({"header": 0, "raw": {SHARED: {"VolumeTiming": [0, 2, 4, 6]}}}, (2.0, 0.0)),
        ({"own": {BESIDE: {"SliceTimingCorrected": False}}}, (2.0, 0.0)),
        ({"raw": {SHARED: {"SliceTiming": [0, 0]}}}, (2.0, 0.0)),
        (
            {"own": {SHARED: {"StartTime": 1}}, "raw": {SHARED: {"SliceTiming": [0, 1]}}},
            (2.0, 0.5),
        ),
        (
            {
                "own": {SHARED: {"SliceTimingCorrected": False}},
                "raw": {SHARED: {"SliceTiming": [0, 1]}},
            },
            (2.0, 0.0),
        ),
    ],
)
def test_timing_is_inherited_and_in_seconds(tmp_path, inputs, expected):
    assert read_timing(one_run(tmp_path, **inputs)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"header": 2000.0}, "header: the repetition time is 2000.0, but must be 0.02 to 60 s"),
        ({"header": 0.0}, "header: the repetition time is 0.0"),
        ({"own": {BESIDE: {"RepetitionTime": 2000}}}, "bold.json: the repetition time is 2000,"),
        ({"own": {BESIDE: {"RepetitionTime": "2"}}}, "Set RepetitionTime in seconds in sub-01_"),
        ({"own": {BESIDE: {"StartTime": 1000}}}, "its StartTime is 1000, which is not in seconds"),
        ({"own": {BESIDE: {"SliceTimingCorrected": True}}}, "corrected .* but there is no StartT"),
        ({"raw": {SHARED: {"SliceTiming": [0, 1]}}}, "no sidecar states whether slices were cor"),
        ({"raw": {SHARED: {"VolumeTiming": [0, 2, 4, 9]}}}, "VolumeTiming is not regular"),
        ({"own": {SHARED: [2.0]}}, "is not a JSON object"),
    ],
)
def test_timing_that_is_unknown_or_implausible_is_refused(tmp_path, inputs, words):
    with pytest.raises(InputError, match=words):
        read_timing(one_run(tmp_path, **inputs))


@pytest.mark.parametrize(
    "name",
    [
        f"task-{TASK}_events.tsv",
        "events.tsv",
        f"sub-01/sub-01_task-{TASK}_events.tsv",
        f"sub-01/func/sub-01_task-{TASK}_events.tsv",
    ],
)
def test_events_are_inherited(tmp_path, name):
    one_run(tmp_path)
    (tmp_path / f"bids/task-{TASK}_run-2_events.tsv").write_text("of another run")
    (tmp_path / "bids" / name).write_text("onset\tduration\ttrial_type\n")
    if name == "events.tsv":
        (tmp_path / f"bids/task-{TASK}_events.tsv").unlink()
    assert find_runs(study_of(tmp_path)).of("01")[0]["events"] == str(tmp_path / "bids" / name)


def test_durations_of_zero_in_one_subject_are_refused_or_fixed(copy):
    for path in copy.glob("bids/sub-01/func/*_events.tsv"):
        pd.read_csv(path, sep="\t").assign(duration=0).to_csv(path, sep="\t", index=False)
    text = findings(check, study_of(copy))
    assert (
        "all events have a duration of 0 in sub-01 run-1, sub-01 run-2, but not in sub-02" in text
    )
    study = study_of(copy, stim_duration=1.5)
    table, found = check_subjects(**find_runs(study).check_parameters(study))
    assert found == [] and set(table["event_durations"]) == {"1.5"}
    assert set(table["impulses"]) == {"n/a"}
    study = study_of(copy, stim_duration=0)
    table, found = check_subjects(**find_runs(study).check_parameters(study))
    assert found == [] and set(table["impulses"]) == {", ".join(CONDITIONS)}


def test_the_model_has_the_fixed_duration(copy, monkeypatch):
    """As if events.tsv had these durations."""
    given = []
    monkeypatch.setattr(FirstLevelModel, "fit", lambda self, images, **more: given.append(more))
    runs, options = find_runs(study_of(copy)).of("01"), options_of(study_of(copy))
    fit_first_level(runs, **options)
    fit_first_level(runs, **options, stim_duration=2.5)
    for run in runs:
        events = pd.read_csv(run["events"], sep="\t").assign(duration=2.5)
        events.to_csv(run["events"], sep="\t", index=False)
    fit_first_level(runs, **options)
    recorded, fixed, rewritten = (more["design_matrices"][0] for more in given)
    pd.testing.assert_frame_equal(fixed, rewritten)
    assert not np.allclose(fixed, recorded)


def test_the_check_command_shows_durations_and_differing_repetition_times(copy):
    found, _ = check_study(study_of(copy))
    assert {tuple(row.facts) for row in found} == {("durations (s)",)}
    for path in files(copy, "sub-02/func/*_bold.json"):
        sidecar = json.loads(path.read_text())
        path.write_text(json.dumps(sidecar | {"RepetitionTime": 2.5}))
    found, _ = check_study(study_of(copy))
    assert {row.facts["repetition time (s)"] for row in found if row.subject == "02"} == {"2.5"}
    assert "repetition time (s)" in check_page(study_of(copy), found, []).tables[0].columns


def test_events_that_are_left_out_are_counted(copy):
    path = copy / "bids/sub-01/func/sub-01_task-faces_run-1_events.tsv"
    events = pd.read_csv(path, sep="\t").astype({"onset": object})
    kind = events["trial_type"][0]
    events.loc[0, "onset"] = "n/a"
    events.to_csv(path, sep="\t", index=False)
    study = study_of(copy)
    table = require_no_findings(check_subjects(**find_runs(study).check_parameters(study)))
    assert list(table["events_left_out"]) == [1, 0, 0, 0]
    name = next(name for name, own in CONDITIONS.items() if own == kind)
    assert table[name][0] == (events["trial_type"] == kind).sum() - 1
    assert events_left_out(table)[0][:2] == ("01", "1 rows of events.tsv run-1")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"contrasts": {"faces": "face - scrambled"}}, "fmri.contrasts.faces: contrast"),
        ({"contrasts": {"famousInitial": "famous - scrambled"}}, "a condition has the same name"),
        ({"drift": "cosine"}, "both model drift"),
        ({"conditions": {"a": "x", "b": "x"}}, "two have the trial_type x"),
        ({"hrf": "fir"}, "fmri.hrf"),
    ],
)
def test_config_findings(tmp_path, change, words):
    assert words in findings(lambda: study_of(tmp_path, **change))
