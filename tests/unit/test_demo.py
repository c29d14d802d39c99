"""The parts of the demo study, and a study of one subject made whole."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import mne
import mne_bids
import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from groupwise.demo import stamp, study
from groupwise.demo.anatomy import (
    Warp,
    interpolate_on_sphere,
    make_individual,
    vertex_normals,
)
from groupwise.demo.freesurfer import write_subject
from groupwise.demo.recordings import BAD_CHANNEL, DURATION, SFREQ, draw_events
from groupwise.demo.sources import CONDITIONS, SOURCES, place_responses, time_courses
from groupwise.demo.stamp import is_complete
from groupwise.demo.study import make_demo
from groupwise.demo.template import MNI305_TO_MNI152, load_template
from groupwise.errors import InputError


@pytest.fixture(scope="module")
def template():
    return load_template()


@pytest.fixture(scope="module")
def individual(template):
    return make_individual(template, np.random.default_rng(7))


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A study of one subject, as anyone would make it."""
    folder = tmp_path_factory.mktemp("demo")
    make_demo(folder, subjects=1, jobs=1, tell=lambda _: None)
    return folder


@pytest.fixture(scope="module")
def truth(demo):
    return json.loads((demo / "truth.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def raw(demo):
    return mne_bids.read_raw_bids(recording(demo), verbose="error").load_data(verbose="error")


def recording(demo):
    return mne_bids.BIDSPath(
        subject="01", task="audvis", datatype="meg", suffix="meg", root=demo / "bids"
    )


def triangle_areas(points, triangles):
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    return np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2


# anatomy


def test_interpolation_on_the_sphere_is_exact_at_vertices_and_smooth_between(template):
    hemisphere = template.hemispheres["lh"]
    at_vertices = interpolate_on_sphere(
        hemisphere.sphere, hemisphere.triangles, hemisphere.sphere[:50], hemisphere.sulc
    )
    np.testing.assert_allclose(at_vertices, hemisphere.sulc[:50], atol=1e-6)
    directions = np.random.default_rng(0).normal(size=(200, 3))
    between = interpolate_on_sphere(
        hemisphere.sphere, hemisphere.triangles, directions, hemisphere.sphere
    )
    between /= np.linalg.norm(between, axis=1, keepdims=True)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    np.testing.assert_allclose(between, directions, atol=1e-6)


def test_warp_has_an_inverse():
    rng = np.random.default_rng(3)
    warp = Warp.draw(rng)
    points = rng.uniform(-90, 90, (500, 3))
    np.testing.assert_allclose(warp.inverse(warp(points)), points, atol=1e-6)


def test_normals_of_a_sphere_point_outward(template):
    sphere, triangles = template.hemispheres["lh"].sphere, template.hemispheres["lh"].triangles
    cosines = np.sum(vertex_normals(sphere, triangles) * sphere / 100, axis=1)
    assert cosines.min() > 0.98


def test_shells_of_the_head_lie_inside_one_another(individual):
    anatomy, _ = individual
    centre = anatomy.inner_skull[0].mean(axis=0)
    inner, outer, skin = (
        np.linalg.norm(points - centre, axis=1)
        for points, _ in (anatomy.inner_skull, anatomy.outer_skull, anatomy.outer_skin)
    )
    assert (outer - inner).min() > 4
    assert (skin - outer).min() > 2
    white = np.concatenate([each.white for each in anatomy.hemispheres.values()]) - centre
    around = interpolate_on_sphere(
        anatomy.inner_skull[0] - centre, anatomy.inner_skull[1], white, inner
    )
    assert (around - np.linalg.norm(white, axis=1)).min() > 0


def test_individuals_differ_from_the_template_and_from_each_other(template, individual):
    other, _ = make_individual(template, np.random.default_rng(8))
    for anatomy in (individual[0], other):
        for name, hemisphere in anatomy.hemispheres.items():
            area = triangle_areas(hemisphere.white, hemisphere.triangles).sum()
            known = template.hemispheres[name]
            ratio = area / triangle_areas(known.white, known.triangles).sum()
            assert 0.6 < ratio < 1.2
    shift = individual[0].fiducials["nasion"] - other.fiducials["nasion"]
    assert np.linalg.norm(shift) > 1


def test_registration_is_near_the_truth_but_no_identity(template, individual):
    """Mapping by sphere.reg misses the true place by millimetres, vertex numbers by centimetres."""
    for name, hemisphere in individual[0].hemispheres.items():
        known = template.hemispheres[name]
        mapped = interpolate_on_sphere(
            known.registration, known.triangles, hemisphere.registration, known.white
        )
        miss = np.linalg.norm(mapped - hemisphere.template_white, axis=1)
        assert 0.3 < np.median(miss) < 6
        by_number = np.linalg.norm(known.white - hemisphere.template_white, axis=1)
        assert np.median(by_number) > 20


def test_talairach_transform_brings_an_individual_to_the_template(individual, tmp_path):
    anatomy, _ = individual
    write_subject(tmp_path / "sub-07", anatomy)
    transform = mne.read_talxfm("sub-07", tmp_path, verbose="error")
    hemisphere = anatomy.hemispheres["lh"]
    found = mne.transforms.apply_trans(transform, hemisphere.white / 1e3) * 1e3
    assert np.linalg.norm(found - hemisphere.template_white, axis=1).mean() < 4


def test_volume_shows_the_brain_inside_the_skull(individual, tmp_path):
    """White matter is bright, the skull dark, the scalp bright again, air black."""
    anatomy, _ = individual
    write_subject(tmp_path / "sub-07", anatomy)
    image = nib.load(tmp_path / "sub-07" / "mri" / "T1.mgz")
    to_voxel = np.linalg.inv(image.header.get_vox2ras_tkr())

    def intensity(points):
        index = np.round(mne.transforms.apply_trans(to_voxel, points)).astype(int)
        return np.asarray(image.dataobj)[tuple(index.T)].astype(float)

    white = np.concatenate([each.white for each in anatomy.hemispheres.values()])
    inner, outer = anatomy.inner_skull[0], anatomy.outer_skull[0]
    upper = inner[:, 2] > inner[:, 2].mean()
    skull = intensity((inner + outer)[upper] / 2)
    assert np.median(intensity(white)) > 2 * np.median(skull)
    offset = image.affine[:3, 3] - image.header.get_vox2ras_tkr()[:3, 3]
    np.testing.assert_allclose(offset, anatomy.scanner_offset, atol=1e-4)


# sources


def test_responses_lie_where_the_sources_were_put(individual):
    anatomy, warp = individual
    responses = place_responses(anatomy, warp, np.random.default_rng(1))
    assert [response.source for response in responses] == list(SOURCES)
    for response in responses:
        hemisphere = anatomy.hemispheres[response.source.hemisphere]
        centre = hemisphere.template_white[response.vertices].mean(axis=0)
        assert np.linalg.norm(centre - response.source.place) < 14
        assert len(response.vertices) >= 5


def test_each_source_carries_the_effects_that_it_names():
    """Mean amplitudes give the contrasts of the 2 x 2 design: what is not named is zero."""
    contrasts = {
        "modality": [1, 1, -1, -1],
        "side": [1, -1, 1, -1],
        "modality:side": [1, -1, -1, 1],
    }
    for source in SOURCES:
        carried = {name for name, c in contrasts.items() if np.dot(source.amplitudes, c) != 0}
        assert carried == set(source.effects)
    assert {effect for source in SOURCES for effect in source.effects} == set(contrasts)


def test_time_courses_peak_where_they_should(individual):
    anatomy, warp = individual
    responses = place_responses(anatomy, warp, np.random.default_rng(1))
    moments = time_courses(responses, np.array([[100, 1]]), 200, SFREQ)
    for row, response in zip(moments, responses, strict=True):
        assert abs(row.argmax() / SFREQ - 1 - response.peak) <= 0.5 / SFREQ + 1e-9
        assert row.max() == pytest.approx(response.amplitudes[0] * 1e-9, rel=0.05)


def test_events_are_balanced_and_apart():
    events = draw_events(np.random.default_rng(0))
    assert np.bincount(events[:, 1]).tolist() == [0, 24, 24, 24, 24]
    assert np.diff(events[:, 0]).min() / SFREQ > 0.8
    assert events[-1, 0] / SFREQ < DURATION - 0.7


# the study


def test_landmarks_give_the_true_transform(demo, truth):
    """The BIDS way: landmarks of T1w.json against those of the recording."""
    found = mne_bids.get_head_mri_trans(
        recording(demo), fs_subject="sub-01", fs_subjects_dir=demo / "subjects", verbose="error"
    )
    true = np.array(truth["Subjects"]["01"]["HeadToMRI"])
    np.testing.assert_allclose(found["trans"], true, atol=5e-5)
    fiducials, _ = mne.io.read_fiducials(
        demo / "subjects/sub-01/bem/sub-01-fiducials.fif", verbose="error"
    )
    digitised = recording_landmarks(demo)
    for point in fiducials:
        in_mri = mne.transforms.apply_trans(true, digitised[int(point["ident"])])
        np.testing.assert_allclose(in_mri, point["r"], atol=1e-4)


def recording_landmarks(demo):
    info = mne.io.read_info(recording(demo).fpath, verbose="error")
    cardinal = [point for point in info["dig"] if point["kind"] == 1]
    return {int(point["ident"]): point["r"] for point in cardinal}


def test_recording_is_what_was_asked_for(raw):
    kinds = raw.get_channel_types(unique=True)
    assert set(kinds) == {"mag", "grad", "eog", "stim"}
    assert len(mne.pick_types(raw.info, meg=True, exclude=[])) == 306
    assert raw.info["sfreq"] == SFREQ
    assert raw.n_times == DURATION * SFREQ
    assert raw.orig_format == "short"
    assert raw.info["bads"] == [BAD_CHANNEL]
    assert len(raw.info["dig"]) == 3 + 4 + 100


def test_bad_channel_is_bad(raw):
    gradiometers = raw.copy().pick("grad", exclude=[])
    deviation = dict(zip(gradiometers.ch_names, gradiometers.get_data().std(axis=1), strict=True))
    broken = deviation.pop(BAD_CHANNEL)
    assert broken > 10 * max(deviation.values())


def test_triggers_agree_with_events_tsv(demo, raw):
    table = pd.read_csv(recording(demo).update(suffix="events", extension=".tsv").fpath, sep="\t")
    found = mne.find_events(raw, "STI 014", shortest_event=1, verbose="error")
    assert found[:, 0].tolist() == table["sample"].tolist()
    assert found[:, 2].tolist() == table["value"].tolist()
    assert [CONDITIONS[name] for name in table["trial_type"]] == table["value"].tolist()


def test_blinks_and_heartbeats_can_be_found(raw):
    blinks = mne.preprocessing.find_eog_events(raw, ch_name="EOG 061", verbose="error")
    assert 8 <= len(blinks) <= 40  # 12 a minute, for 100 s
    beats, _, rate = mne.preprocessing.find_ecg_events(raw, verbose="error")
    assert 40 < rate < 100
    assert len(beats) > 60


def test_empty_room_belongs_to_the_recording(demo):
    found = recording(demo).find_empty_room(use_sidecar_only=True, verbose="error")
    assert found.fpath.is_file()
    noise = mne_bids.read_raw_bids(found, verbose="error")
    assert noise.info["bads"] == [BAD_CHANNEL]
    assert noise.info["dev_head_t"] is None
    assert recording(demo).match()


def test_truth_is_complete(truth):
    assert [source["Name"] for source in truth["Sources"]] == [each.name for each in SOURCES]
    assert truth["Conditions"] == CONDITIONS
    assert truth["Noise"]["BadChannel"] == BAD_CHANNEL
    (subject,) = truth["Subjects"].values()
    for source, response in zip(truth["Sources"], subject["Sources"], strict=True):
        assert response["Name"] == source["Name"]
        assert np.linalg.norm(np.subtract(response["TemplatePlace"], source["Place"])) < 14
        assert set(response["Amplitudes"]) == set(CONDITIONS)
        assert abs(response["Peak"] - source["Peak"]) < 0.03
        assert response["Vertices"]


def test_same_seeds_give_the_same_arrays(demo, raw, tmp_path):
    """Subject 01 is the same in a study of two, made by two processes after an interruption.

    The interruption left the description and a folder aside, no truth.
    """
    (tmp_path / "bids").mkdir()
    shutil.copy(demo / "bids" / "dataset_description.json", tmp_path / "bids")
    (tmp_path / ".sub-01-x1y2" / "bids").mkdir(parents=True)
    make_demo(tmp_path, subjects=2, jobs=2, tell=lambda _: None)
    assert is_complete(tmp_path, 2)
    assert not list(tmp_path.glob(".sub-*"))
    again = mne_bids.read_raw_bids(recording(tmp_path), verbose="error")
    np.testing.assert_array_equal(again.get_data(), raw.get_data())
    for name in ("surf/lh.white", "surf/rh.sphere.reg", "bem/outer_skin.surf"):
        first, second = (
            mne.read_surface(root / "subjects/sub-01" / name)[0] for root in (demo, tmp_path)
        )
        np.testing.assert_array_equal(first, second)
    other = mne_bids.read_raw_bids(recording(tmp_path).update(subject="02"), verbose="error")
    assert not np.array_equal(other.get_data(), raw.get_data())


def test_source_space_morph_and_parcellation_work(demo):
    subjects_dir = demo / "subjects"
    space = mne.setup_source_space(
        "sub-01", "oct4", subjects_dir=subjects_dir, add_dist=False, verbose="error"
    )
    morph = mne.compute_source_morph(
        space, "sub-01", "fsaverage", subjects_dir=subjects_dir, spacing=3, verbose="error"
    )
    assert morph.morph_mat.shape == (2 * 642, sum(each["nuse"] for each in space))
    labels = mne.read_labels_from_annot(
        "fsaverage", "aparc", subjects_dir=subjects_dir, verbose="error"
    )
    named = {label.name: label for label in labels}
    assert len(named) > 40
    assert sum(len(label.vertices) for label in labels) == 2 * 10242
    # Dosenbach's landmark 152, 'post occipital' at (-5, -80, 9), against its own region.
    region = named["post occipital-lh"]
    white = mne.transforms.apply_trans(MNI305_TO_MNI152, region.pos * 1e3)
    assert np.linalg.norm(white - [-5, -80, 9], axis=1).min() < 5


def test_model_of_three_shells_can_be_made(demo):
    model = mne.make_bem_model("sub-01", ico=2, subjects_dir=demo / "subjects", verbose="error")
    assert len(model) == 3


# making it once


def test_a_complete_study_is_not_made_again(demo, monkeypatch):
    def fail(*_):
        raise AssertionError("made again")

    monkeypatch.setattr(study, "load_template", fail)
    told = []
    path = make_demo(demo, subjects=1, jobs=1, tell=told.append)
    assert path == demo / "truth.json"
    assert "is complete" in told[0]


def test_a_damaged_or_other_study_is_not_complete(demo, tmp_path, monkeypatch):
    copy = tmp_path / "copy"
    shutil.copytree(demo, copy)
    assert is_complete(copy, 1)
    assert not is_complete(copy, 2)
    added = copy / "subjects" / "morph-maps"
    added.mkdir(exist_ok=True)
    (added / "fsaverage-sub-01-morph.fif").write_bytes(b"by others")
    assert is_complete(copy, 1)
    (copy / "bids" / "README").write_text("changed", encoding="utf-8")
    assert not is_complete(copy, 1)
    monkeypatch.setattr(stamp, "code_digest", lambda: "other code")
    assert not is_complete(demo, 1)


def test_a_failing_subject_leaves_nothing_of_itself(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(study, "simulate_recording", fail)
    with pytest.raises(OSError, match="no space"):
        make_demo(tmp_path, subjects=1, jobs=1, tell=lambda _: None)
    assert not (tmp_path / "bids" / "sub-01").exists()
    assert not (tmp_path / "subjects" / "sub-01").exists()
    assert not (tmp_path / "truth.json").exists()


def test_a_folder_of_somebody_else_is_left_alone(tmp_path):
    theirs = tmp_path / "bids" / "sub-01" / "precious.fif"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"years of work")
    with pytest.raises(InputError, match="does not belong to a demo study"):
        make_demo(tmp_path, subjects=1)
    assert theirs.read_bytes() == b"years of work"


def test_number_of_subjects_is_checked(tmp_path):
    with pytest.raises(InputError, match="from 1 to 99"):
        make_demo(tmp_path, subjects=0)


@pytest.mark.slow
def test_command_line(demo):
    run = subprocess.run(
        [sys.executable, "-m", "groupwise.demo", str(demo), "--subjects", "1"],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert "is complete" in run.stdout
    run = subprocess.run(
        [sys.executable, "-m", "groupwise.demo", str(demo), "--subjects", "100"],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1
    assert "from 1 to 99" in run.stderr


def test_bids_validator_finds_no_error(demo):
    """The official validator; what it warns of are facts that a simulation does not have."""
    validator = Path(sys.executable).with_name("bids-validator-deno")
    run = subprocess.run(
        [validator, demo / "bids", "--json"], capture_output=True, text=True, check=False
    )
    issues = json.loads(run.stdout)["issues"]["issues"]
    assert [issue for issue in issues if issue["severity"] == "error"] == []
    assert {issue["code"] for issue in issues} <= {
        "SIDECAR_KEY_RECOMMENDED",
        "JSON_KEY_RECOMMENDED",
        "TOO_FEW_AUTHORS",
    }
