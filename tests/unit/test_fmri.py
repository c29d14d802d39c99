"""First level of fMRI: parity with nilearn's first_level_from_bids, and findings on runs."""

import json
import shutil

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from nilearn.glm.first_level import first_level_from_bids

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
from groupwise.inputs.checked import require_no_findings
from groupwise.inputs.runs import find_runs
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
