"""From epochs to a stack of source estimates, on one subject of the demo study."""

import subprocess
import sys
from types import SimpleNamespace

import mne
import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from mne.io.constants import FIFF

from groupwise.demo.study import make_demo
from groupwise.errors import InputError
from groupwise.meeg.covariance import empty_room_covariance, epochs_covariance
from groupwise.meeg.evoked import average_conditions
from groupwise.meeg.explained import (
    covariance_table,
    explained_table,
    plot_first_level,
    plot_residuals,
)
from groupwise.meeg.export import as_source_estimate, export_maps
from groupwise.meeg.forward import (
    fit_head_mri_trans,
    forward_solution,
    head_model,
    head_surface_distance,
    read_head_mri_trans,
    source_space,
)
from groupwise.meeg.grid import (
    MNI305_TO_MNI152,
    find_common_sources,
    grid_rows,
    grid_space,
    subject_grid,
    template_grid,
)
from groupwise.meeg.inverse import (
    beamformer_estimates,
    explained_variance,
    inverse_operator,
    source_estimates,
)
from groupwise.meeg.morph import morph_estimates, template_source_space
from groupwise.meeg.preprocess import filter_raw, make_epochs, pick_channels
from groupwise.meeg.quality import (
    count_drops_by_channel,
    noise_figures,
    peak_times,
    quality_figures,
    whiten,
)
from groupwise.meeg.recordings import read_recording, read_runs
from groupwise.meeg.sources import (
    estimate_rows,
    read_estimate,
    select_times,
    template_space,
    vertex_areas,
    write_estimate,
)
from groupwise.stack import read_stack, write_stack

CONDITIONS = {"auditory/left": 1, "auditory/right": 2, "visual/left": 3, "visual/right": 4}
REJECT = {"grad": 4000e-13, "mag": 4e-12, "eog": 150e-6}
NOISE = {"method": ["shrunk", "empirical"], "rank": "info", "folds": 3}
SAME = {"rtol": 1e-12, "atol": 0}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The first subject, stage by stage: mag and grad, small source spaces."""
    folder = tmp_path_factory.mktemp("demo")
    make_demo(folder, subjects=1, jobs=1, tell=lambda line: None)
    root, subjects_dir = folder / "bids", folder / "subjects"
    path = root / "sub-01" / "meg" / "sub-01_task-audvis_meg.fif"
    table = path.with_name("sub-01_task-audvis_events.tsv")
    raw, events = read_runs([path], [table], CONDITIONS, root)
    filter_raw(pick_channels(raw, ["mag", "grad"], REJECT).load_data(), None, 40.0)
    epochs, drops = make_epochs(
        raw, events, list(CONDITIONS), ["mag", "grad"],
        tmin=-0.2, tmax=0.5, baseline=(None, 0), reject=REJECT,
    )  # fmt: skip
    evokeds = average_conditions(epochs, list(CONDITIONS), 50)
    covariance, scores = epochs_covariance(epochs, tmin=None, tmax=0, **NOISE)
    t1w = root / "sub-01" / "anat" / "sub-01_T1w.json"
    trans = fit_head_mri_trans(path, root, "sub-01", subjects_dir, t1w)
    bem = head_model("sub-01", subjects_dir, ico=3, conductivity=[0.3])
    src = source_space("sub-01", subjects_dir, "oct4")
    info = read_recording(path, root).info
    forward = forward_solution(info, trans, bem, src, channels=["mag", "grad"], mindist=5.0)
    operator = inverse_operator(
        evokeds[0].info, forward, covariance, loose=0.2, depth=0.8, fixed=False, rank="info"
    )
    estimates, _ = source_estimates(evokeds, operator, method="dSPM", snr=3.0, orientation=None)
    template = template_source_space("fsaverage", subjects_dir, 4)
    morphed = morph_estimates(estimates, "sub-01", template, subjects_dir, smooth=20)
    return SimpleNamespace(**{k: v for k, v in locals().items() if k != "tmp_path_factory"})


@pytest.fixture(scope="module")
def space(demo):
    """The template's feature space, 0 to 0.5 s."""
    _, times = select_times(demo.morphed[0].times, (0, 0.5))
    return template_space(demo.template, demo.subjects_dir, times)


# Noise covariance


def test_covariance_equals_that_of_mne_and_the_best_is_taken(demo):
    theirs = mne.compute_covariance(
        demo.epochs, tmax=0, method=["shrunk", "empirical"], rank="info", return_estimators=True
    )
    likelihood = {cov["method"]: cov["loglik"] for cov in theirs}
    assert demo.scores["log_likelihood"] == pytest.approx(likelihood, rel=1e-12)
    assert demo.scores["method"] == max(likelihood, key=likelihood.get)
    np.testing.assert_allclose(demo.covariance.data, theirs[0].data, rtol=1e-12, atol=1e-40)
    assert demo.scores["rank"] == {"meg": 305}


def test_one_estimator_needs_no_choice(demo):
    _, scores = epochs_covariance(demo.epochs, tmin=None, tmax=0, **NOISE | {"method": "empirical"})
    assert (scores["method"], scores["log_likelihood"]) == ("empirical", {"empirical": None})


def test_a_noise_window_outside_the_epochs_is_refused(demo):
    with pytest.raises(InputError, match=r"outside the epochs \(-0\.2 to 0\.5 s\)"):
        epochs_covariance(demo.epochs, tmin=0.6, tmax=None, **NOISE)


def test_empty_room_takes_over_the_channels_of_the_data(demo):
    path = next(demo.root.glob("sub-emptyroom/**/*_meg.fif"))
    raw = filter_raw(read_recording(path, demo.root).load_data(), None, 40.0)
    theirs = raw.copy().pick(demo.epochs.ch_names, exclude=())
    theirs.info["bads"] = demo.epochs.info["bads"]
    theirs = mne.compute_raw_covariance(theirs, method=["empirical"], rank="info")
    ours, scores = empty_room_covariance(
        raw.copy(), demo.epochs.info, **NOISE | {"method": ["empirical"]}
    )
    np.testing.assert_allclose(ours.data, theirs.data, rtol=1e-12, atol=1e-40)
    assert scores["rank"] == {"meg": 305}
    with pytest.raises(InputError, match="lacks 10 channels"):
        empty_room_covariance(
            raw.drop_channels(demo.epochs.ch_names[:10]), demo.epochs.info, **NOISE
        )


# Anatomy


def test_head_points_lie_on_the_scalp(demo):
    distance = head_surface_distance(demo.info, demo.trans, "sub-01", demo.subjects_dir)
    assert distance["points"] >= 50 and distance["median_mm"] < 3


@pytest.mark.parametrize("kind", ["head points", "electrodes"])
def test_points_far_from_the_scalp_are_refused(demo, kind):
    """A transform that is 9 m off, and one of the right place."""
    info = demo.info.copy()
    if kind == "electrodes":
        with info._unlock():
            info["dig"] = [
                point | {"kind": mne.io.constants.FIFF.FIFFV_POINT_EEG}
                for point in info["dig"]
                if point["kind"] == mne.io.constants.FIFF.FIFFV_POINT_EXTRA
            ]
        assert head_surface_distance(info, demo.trans, "sub-01", demo.subjects_dir) is None
    trans = demo.trans.copy()
    trans["trans"][2, 3] += 9.0
    with pytest.raises(InputError, match=r"are \d+ mm from the scalp of the MRI"):
        head_surface_distance(info, trans, "sub-01", demo.subjects_dir)


def test_a_trans_file_is_read_either_way_round(demo, tmp_path):
    for trans in (demo.trans, mne.transforms.invert_transform(demo.trans)):
        trans.save(tmp_path / "sub-01_trans.fif", overwrite=True)
        read = read_head_mri_trans(tmp_path / "sub-01_trans.fif")
        np.testing.assert_allclose(read["trans"], demo.trans["trans"], atol=1e-7)
        assert (read.from_str, read.to_str) == ("head", "MRI (surface RAS)")


def test_a_trans_file_of_another_kind_is_refused(demo, tmp_path):
    path = tmp_path / "sub-01_trans.fif"
    demo.info["dev_head_t"].save(path)
    with pytest.raises(InputError, match=r"sub-01_trans\.fif: holds a transform MEG device"):
        read_head_mri_trans(path)
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match="mne coreg"):
        read_head_mri_trans(path)
    with pytest.raises(InputError, match="no head-to-MRI transform can be read"):
        read_head_mri_trans(tmp_path / "none_trans.fif")


def test_missing_landmarks_name_file_and_remedy(demo, tmp_path):
    bare = tmp_path / "sub-01" / "anat" / "sub-01_T1w.json"
    bare.parent.mkdir(parents=True)
    bare.write_text("{}")
    image = demo.t1w.with_name("sub-01_T1w.nii.gz")
    bare.with_name(image.name).write_bytes(image.read_bytes())
    for sidecar in (bare, bare.with_name("sub-02_T1w.json")):
        with pytest.raises(InputError) as caught:
            fit_head_mri_trans(demo.path, demo.root, "sub-01", demo.subjects_dir, sidecar)
        assert str(sidecar) in str(caught.value)
        assert "coregistration.trans" in str(caught.value)


def test_missing_anatomy_is_named(demo):
    with pytest.raises(InputError, match="sub-99: there is no such FreeSurfer subject"):
        source_space("sub-99", demo.subjects_dir, "oct4")
    (demo.subjects_dir / "sub-98" / "surf").mkdir(parents=True)
    with pytest.raises(InputError) as caught:
        source_space("sub-98", demo.subjects_dir, "oct4")
    assert len(caught.value.findings) == 4 and "recon-all" in caught.value.findings[0]
    with pytest.raises(InputError, match=r"inner_skull\.surf: is missing.*watershed_bem"):
        head_model("sub-98", demo.subjects_dir, ico=3, conductivity=[0.3])


def test_surfaces_that_cannot_be_thinned_are_named(demo):
    with pytest.raises(InputError, match=r"sub-01/bem: no head model .* bem\.ico"):
        head_model("sub-01", demo.subjects_dir, ico=6, conductivity=[0.3])


# Inverse


def test_estimates_equal_those_of_mne(demo):
    for evoked, estimate in zip(demo.evokeds, demo.estimates, strict=True):
        theirs = mne.minimum_norm.apply_inverse(evoked, demo.operator, 1 / 9, "dSPM")
        np.testing.assert_allclose(estimate.data, theirs.data, **SAME)


@pytest.mark.parametrize("method", ["MNE", "dSPM", "sLORETA", "eLORETA"])
@pytest.mark.parametrize("orientation", [None, "normal", "vector"])
def test_every_method_and_orientation_equals_mnes(demo, method, orientation):
    (mine,), _ = source_estimates(
        demo.evokeds[:1], demo.operator, method=method, snr=3.0, orientation=orientation
    )
    theirs = mne.minimum_norm.apply_inverse(
        demo.evokeds[0], demo.operator, 1 / 9, method, pick_ori=orientation
    )
    scale = np.abs(theirs.data).max()
    np.testing.assert_allclose(mine.data, theirs.data, rtol=1e-12, atol=1e-12 * scale)


@pytest.mark.parametrize("orientation", [None, "normal", "vector"])
def test_the_beamformer_is_mnes(demo, orientation):
    spec = {"tmin": 0.0, "tmax": None, "reg": 0.05, "orientation": orientation, "rank": "info"}
    mine = beamformer_estimates(demo.evokeds, demo.epochs, demo.forward, demo.covariance, **spec)
    data = mne.compute_covariance(demo.epochs, tmin=0.0, method="empirical", rank="info")
    surface = mne.convert_forward_solution(demo.forward, surf_ori=True)
    filters = mne.beamformer.make_lcmv(
        demo.evokeds[0].info, surface, data, reg=0.05, noise_cov=demo.covariance,
        pick_ori=orientation, weight_norm="unit-noise-gain", rank="info",
    )  # fmt: skip
    for evoked, estimate in zip(demo.evokeds, mine, strict=True):
        theirs = mne.beamformer.apply_lcmv(evoked, filters)
        np.testing.assert_allclose(estimate.data, theirs.data, rtol=1e-9)
    with pytest.raises(InputError, match="lies outside the epochs"):
        beamformer_estimates(
            demo.evokeds, demo.epochs, demo.forward, demo.covariance, **spec | {"tmin": -5.0}
        )


def test_explained_variance_is_what_the_residual_leaves(demo):
    evoked = demo.evokeds[0]
    spec = {"method": "dSPM", "orientation": None}
    _, (residual,) = source_estimates([evoked], demo.operator, snr=3.0, **spec)
    shares = explained_variance(evoked, residual)
    assert set(shares) == {"mag", "grad"} and all(0.2 < share < 1 for share in shares.values())
    _, (left,) = source_estimates([evoked], demo.operator, snr=0.5, **spec)
    weak = explained_variance(evoked, left)
    assert all(weak[kind] < shares[kind] for kind in shares)
    _, theirs = mne.minimum_norm.apply_inverse(
        evoked, demo.operator, 1 / 9, "dSPM", return_residual=True
    )
    np.testing.assert_array_equal(residual.data, theirs.data)


def test_meg_and_eeg_together_are_mnes(demo):
    """The demo's MEG with EEG of noise beside it, on a head of three layers."""
    names = ["Fp1", "Fp2", "F3", "F4", "C3", "C4", "P3", "P4", "O1", "O2", "Fz", "Cz", "Pz", "T7"]
    evoked = demo.evokeds[0].copy()
    info = mne.create_info(names, evoked.info["sfreq"], "eeg").set_montage("colin27_1020")
    with info._unlock():
        for key in ("dev_head_t", "lowpass", "highpass"):
            info[key] = evoked.info[key]
    rng = np.random.default_rng(0)
    data = 1e-6 * rng.normal(size=(len(names), len(evoked.times)))
    eeg = mne.EvokedArray(data, info, tmin=evoked.tmin, comment=evoked.comment, nave=evoked.nave)
    evoked.add_channels([eeg], force_update_info=True)
    evoked.set_eeg_reference("average", projection=True)
    bem = head_model("sub-01", demo.subjects_dir, ico=2, conductivity=[0.3, 0.006, 0.3])
    kinds = ["mag", "grad", "eeg"]
    forward = forward_solution(evoked.info, demo.trans, bem, demo.src, channels=kinds, mindist=5.0)
    assert forward["nchan"] == 306 + len(names)
    covariance = mne.make_ad_hoc_cov(evoked.info)
    options = {"loose": 0.2, "depth": 0.8, "fixed": False, "rank": "info"}
    operator = inverse_operator(evoked.info, forward, covariance, **options)
    (mine,), (residual,) = source_estimates(
        [evoked], operator, method="dSPM", snr=3.0, orientation=None
    )
    theirs = mne.minimum_norm.apply_inverse(evoked, operator, 1 / 9, "dSPM")
    np.testing.assert_allclose(mine.data, theirs.data, rtol=1e-12, atol=1e-12)
    assert set(explained_variance(evoked, residual)) == set(kinds)
    # The EEG has its say: without it the estimates are others.
    alone, _ = source_estimates(demo.evokeds[:1], demo.operator, method="dSPM", snr=3.0,
                                orientation=None)  # fmt: skip
    assert np.abs(mine.data - alone[0].data).max() > 0.1


def test_reference_sensors_of_kit_systems_leave_the_forward_solution_as_it_is(demo):
    info = mne.pick_info(demo.info, mne.pick_types(demo.info, meg="mag", exclude=()))
    plain = forward_solution(info, demo.trans, demo.bem, demo.src, channels=["mag"], mindist=5.0)
    reference = info["chs"][0].copy()
    reference.update(
        ch_name="REF", kind=FIFF.FIFFV_REF_MEG_CH, coil_type=FIFF.FIFFV_COIL_KIT_REF_MAG
    )
    more = info.copy()
    with more._unlock():
        more["chs"] = [*more["chs"], reference]
    more._update_redundant()
    assert more.get_channel_types()[-1] == "ref_meg"
    mine = forward_solution(more, demo.trans, demo.bem, demo.src, channels=["mag"], mindist=5.0)
    np.testing.assert_array_equal(mine["sol"]["data"], plain["sol"]["data"])


def test_regularisation_orientation_and_averages_matter(demo):
    evoked = demo.evokeds[0].copy()
    evoked.nave *= 4
    pair = [demo.evokeds[0], evoked]
    signed, _ = source_estimates(pair, demo.operator, method="MNE", snr=1.0, orientation="normal")
    theirs = mne.minimum_norm.apply_inverse(evoked, demo.operator, 1.0, "MNE", pick_ori="normal")
    np.testing.assert_allclose(signed[1].data, theirs.data, rtol=1e-9, atol=1e-25)
    assert signed[0].data.min() < 0


@pytest.mark.parametrize("kind", ["mag", "grad"])
def test_one_channel_type_is_enough(demo, kind):
    epochs = demo.epochs.copy().pick(kind, exclude=())
    covariance, _ = epochs_covariance(epochs, tmin=None, tmax=0, **NOISE | {"method": "empirical"})
    forward = forward_solution(
        demo.info, demo.trans, demo.bem, demo.src, channels=[kind], mindist=5.0
    )
    assert forward["nchan"] == {"mag": 102, "grad": 204}[kind]
    evokeds = average_conditions(epochs, list(CONDITIONS))
    operator = inverse_operator(
        evokeds[0].info, forward, covariance, loose=0.0, depth=0.8, fixed=True, rank="info"
    )
    spec = {"method": "dSPM", "snr": 3.0}
    (estimate,), _ = source_estimates(evokeds[:1], operator, orientation=None, **spec)
    (normal,), _ = source_estimates(evokeds[:1], operator, orientation="normal", **spec)
    assert np.isfinite(estimate.data).all() and estimate.data.min() < 0 < estimate.data.max()
    np.testing.assert_array_equal(normal.data, estimate.data)


def test_auditory_responses_peak_in_temporal_cortex_at_100_ms(demo, space):
    auditory = (demo.morphed[0].data + demo.morphed[1].data)[:, demo.morphed[0].times >= -1e-6]
    for side, place in (("lh", (-50, -22, 6)), ("rh", (52, -18, 6))):
        inside = np.flatnonzero(space.part == side)
        vertex, time = np.unravel_index(auditory[inside, 3:8].argmax(), (len(inside), 5))
        assert np.linalg.norm(space.coordinates[inside[vertex]] - place) < 25
        assert abs(space.times[3 + time] - 0.1) < 0.021


# Grid


def test_a_grid_lies_at_the_same_places_of_mni_space_in_every_head(demo):
    grid = template_grid("fsaverage", demo.subjects_dir, 20.0, 5.0)
    own = subject_grid(grid, "sub-01", demo.subjects_dir)
    assert own[0]["nuse"] == grid[0]["nuse"] > 100

    def in_mni(src, name):
        to_mni = mne.read_talxfm(name, demo.subjects_dir)
        return 1e3 * mne.transforms.apply_trans(to_mni, src["rr"][src["vertno"]])

    places = in_mni(own[0], "sub-01")
    np.testing.assert_allclose(places, in_mni(grid[0], "fsaverage"), atol=1e-3)
    space, order = grid_space(
        grid, np.arange(grid[0]["nuse"]), demo.subjects_dir, connectivity="faces",
        times=np.array([0.1, 0.2]),
    )  # fmt: skip
    shifted = places @ MNI305_TO_MNI152[:3, :3].T + MNI305_TO_MNI152[:3, 3]
    np.testing.assert_allclose(space.coordinates, shifted[order], atol=1e-2)
    # Neighbours are a grid's step apart.
    pairs = space.adjacency.tocoo()
    steps = np.linalg.norm(space.coordinates[pairs.row] - space.coordinates[pairs.col], axis=1)
    np.testing.assert_allclose(steps, 20, rtol=0.05)


@pytest.mark.parametrize("method, orientation", [("dSPM", None), ("MNE", "vector")])
def test_estimates_on_a_grid_are_mnes(demo, tmp_path, method, orientation):
    grid = template_grid("fsaverage", demo.subjects_dir, 20.0, 5.0)
    own = subject_grid(grid, "sub-01", demo.subjects_dir)
    forward = forward_solution(
        demo.info, demo.trans, demo.bem, own, channels=["mag", "grad"], mindist=5.0
    )
    operator = inverse_operator(
        demo.evokeds[0].info, forward, demo.covariance, loose=1.0, depth=0.8, fixed=False,
        rank="info",
    )  # fmt: skip
    (mine,), _ = source_estimates(
        demo.evokeds[:1], operator, method=method, snr=3.0, orientation=orientation
    )
    theirs = mne.minimum_norm.apply_inverse(
        demo.evokeds[0], operator, 1 / 9, method, pick_ori=orientation
    )
    scale = np.abs(theirs.data).max()
    np.testing.assert_allclose(mine.data, theirs.data, rtol=1e-12, atol=1e-12 * scale)
    write_estimate(tmp_path / "a_stc.h5", mine)
    sources = find_common_sources([tmp_path / "a_stc.h5"] * 2)
    np.testing.assert_array_equal(sources, mine.vertices[0])
    rows = [{"path": str(tmp_path / "a_stc.h5")}]
    keep = mine.times > 0
    (values,) = grid_rows(rows, sources[::-1], mine.times, keep)
    lengths = np.linalg.norm(mine.data, axis=1) if orientation else mine.data
    expected = lengths[::-1][:, keep].ravel()
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-6 * scale)


# Morph


def test_morph_equals_that_of_mne_and_leaves_no_files(demo, tmp_path):
    for name in ("sub-01", "fsaverage"):
        (tmp_path / name).symlink_to(demo.subjects_dir / name)
    morph = mne.compute_source_morph(
        demo.estimates[0], "sub-01", "fsaverage", tmp_path, smooth=20, src_to=demo.template
    )
    np.testing.assert_allclose(
        demo.morphed[0].data, morph.apply(demo.estimates[0]).data, rtol=1e-6, atol=1e-9
    )
    assert not (demo.subjects_dir / "morph-maps").exists()


def test_a_constant_map_stays_constant(demo):
    constant = demo.estimates[0].copy()
    constant.data = np.full_like(constant.data, 2.5)
    morphed = morph_estimates([constant], "sub-01", demo.template, demo.subjects_dir, smooth=20)[0]
    np.testing.assert_allclose(morphed.data, 2.5, rtol=1e-9)
    for vertices, hemisphere in zip(morphed.vertices, demo.template, strict=True):
        np.testing.assert_array_equal(vertices, hemisphere["vertno"])
    assert morphed.subject == "fsaverage"


def test_a_missing_registration_is_named(demo):
    (demo.subjects_dir / "sub-97").mkdir()
    with pytest.raises(InputError, match=r"lh\.sphere\.reg: is missing"):
        morph_estimates(demo.estimates, "sub-97", demo.template, demo.subjects_dir, smooth=20)


# Feature space


def test_areas_sum_to_that_of_the_mesh(space):
    for surface in space.hemispheres:
        a, b, c = surface.white[surface.triangles].transpose(1, 0, 2).astype(float)
        mesh = np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2
        assert space.measure[space.part == surface.name].sum() == pytest.approx(mesh, 1e-5)
    square = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    areas = vertex_areas(square, np.array([[0, 1, 2], [0, 2, 3]]))
    np.testing.assert_allclose(areas, [1 / 3, 1 / 6, 1 / 3, 1 / 6], rtol=1e-6)


def test_neighbours_share_a_triangle_and_a_hemisphere(space, demo):
    one, two = space.adjacency.nonzero()
    assert (space.part[one] == space.part[two]).all() and not (one == two).any()
    theirs = mne.spatial_src_adjacency(demo.template).tolil()
    theirs.setdiag(0)
    assert (space.adjacency != theirs.tocsr().astype(bool)).nnz == 0
    # An ico mesh: twelve vertices with five neighbours, all others with six.
    degrees = np.bincount(one)
    assert (np.sum(degrees == 5), np.sum(degrees == 6)) == (24, space.n_places - 24)
    far = np.linalg.norm(space.coordinates[one] - space.coordinates[two], axis=1)
    assert far.max() < 25


def test_one_hemisphere_is_that_part_of_both(space, demo):
    right = template_space(demo.template, demo.subjects_dir, space.times, ["rh"])
    inside = space.part == "rh"
    assert set(right.part) == {"rh"} and right.n_places == inside.sum()
    np.testing.assert_array_equal(right.coordinates, space.coordinates[inside])
    np.testing.assert_array_equal(right.measure, space.measure[inside])
    assert (right.adjacency != space.adjacency[inside][:, inside]).nnz == 0
    assert right.digest != space.digest


def test_labels_and_coordinates(space, demo):
    annot = demo.subjects_dir / "fsaverage" / "label" / "lh.aparc.annot"
    index, _, names = nib.freesurfer.read_annot(annot)
    vertex = space.hemispheres[0].vertices[100]
    name = names[index[vertex]].decode() if index[vertex] >= 0 else ""
    assert space.label[100] == ("" if name == "unknown" else name)
    assert (space.label != "").mean() > 0.1
    white = np.concatenate([surface.white for surface in space.hemispheres])
    trans = mne.read_talxfm("fsaverage", demo.subjects_dir)
    mni = mne.transforms.apply_trans(trans, white / 1e3) * 1e3
    np.testing.assert_allclose(space.coordinates, mni, atol=1e-4)


def test_a_template_without_talairach_is_fsaverage_or_refused(demo, tmp_path):
    for name in ("fsaverage", "other"):
        for part in ("surf", "bem"):
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / part).symlink_to(demo.subjects_dir / "fsaverage" / part)
    src = template_source_space("fsaverage", tmp_path, 3)
    bare = template_space(src, tmp_path)
    white = np.concatenate([surface.white for surface in bare.hemispheres])
    np.testing.assert_array_equal(bare.coordinates, white)
    assert set(bare.label) == {""} and bare.shape == (1284,)
    with pytest.raises(InputError, match=r"talairach\.xfm: is missing"):
        template_space(template_source_space("other", tmp_path, 3), tmp_path)


def test_times_lose_the_rounding_errors_of_files():
    exact = np.arange(-10, 26) * 0.02
    stored = np.float32(-0.2) + np.arange(36) * 0.02
    keep, times = select_times(stored, (0, 0.3))
    np.testing.assert_array_equal(times, select_times(exact, (0, 0.3))[1])
    assert len(times) == 16 and times[0] == 0 and keep.sum() == 16
    assert len(select_times(exact, None)[1]) == 36
    assert select_times(exact, (None, -0.1))[1][-1] == -0.1
    with pytest.raises(InputError, match=r"no sample lies within 0\.7 to 0\.9 s"):
        select_times(exact, (0.7, 0.9))


# Stack


@pytest.fixture(scope="module")
def rows(demo):
    """Rows of the table, each with its file."""
    table = []
    for name, estimate in zip(CONDITIONS, demo.morphed, strict=True):
        path = demo.folder / f"{name.replace('/', '')}_stc.h5"
        write_estimate(path, estimate)
        table.append({"subject": "01", "condition": name, "path": str(path)})
    return table


def test_rows_of_the_stack_follow_the_table(demo, space, rows, tmp_path):
    keep, _ = select_times(demo.morphed[0].times, (0, 0.5))
    vertices = [hemisphere["vertno"] for hemisphere in demo.template]
    reordered = [rows[k] for k in (2, 0, 3, 1)]
    written = estimate_rows(reordered, space, vertices, demo.morphed[0].times, keep)
    write_stack(
        tmp_path, written, pd.DataFrame(reordered), space,
        units="1", description="dSPM", provenance={},
    )  # fmt: skip
    stack = read_stack(tmp_path)
    for name, estimate in zip(CONDITIONS, demo.morphed, strict=True):
        row = stack.observations.set_index("condition").loc[name, "row"]
        expected = estimate.data[:, keep].astype(np.float32)
        np.testing.assert_array_equal(stack.data[row].reshape(space.shape), expected)
    assert stack.space.digest == space.digest


def test_the_group_gets_the_length_of_vectors(demo, space, tmp_path):
    estimates, _ = source_estimates(
        demo.evokeds[:1], demo.operator, method="dSPM", snr=3.0, orientation="vector"
    )
    np.testing.assert_allclose(estimates[0].magnitude().data, demo.estimates[0].data, rtol=1e-9)
    (morphed,) = morph_estimates(estimates, "sub-01", demo.template, demo.subjects_dir, smooth=20)
    write_estimate(tmp_path / "vector_stc.h5", morphed)
    keep, _ = select_times(morphed.times, (0, 0.5))
    vertices = [hemisphere["vertno"] for hemisphere in demo.template]
    table = [{"path": str(tmp_path / "vector_stc.h5")}]
    (values,) = estimate_rows(table, space, vertices, morphed.times, keep)
    lengths = np.sqrt((morphed.data[:, :, keep] ** 2).sum(axis=1))
    np.testing.assert_allclose(values.reshape(space.shape), lengths, rtol=1e-5)
    # Parts of neighbours that point apart cancel before the length is taken, never after.
    assert (lengths <= demo.morphed[0].data[:, keep] * (1 + 1e-6)).all()


def test_one_hemisphere_takes_its_part_of_the_maps(demo, rows):
    keep, times = select_times(demo.morphed[0].times, (0.1, 0.1))
    vertices = [hemisphere["vertno"] for hemisphere in demo.template]
    right = template_space(demo.template, demo.subjects_dir, times, ["rh"])
    (values,) = estimate_rows(rows[:1], right, vertices, demo.morphed[0].times, keep)
    np.testing.assert_allclose(values, demo.morphed[0].rh_data[:, 15], rtol=1e-6)


def test_estimates_of_another_kind_are_named(demo, space, rows, tmp_path):
    keep, _ = select_times(demo.morphed[0].times, (0, 0.5))
    vertices = [hemisphere["vertno"] for hemisphere in demo.template]

    def take(estimate, name):
        path = tmp_path / f"{name}_stc.h5"
        write_estimate(path, estimate)
        table = [rows[0], {"path": str(path)}]
        return list(estimate_rows(table, space, vertices, demo.morphed[0].times, keep))

    with pytest.raises(InputError, match=r"own_stc\.h5: its vertices are not those"):
        take(demo.estimates[0], "own")
    with pytest.raises(InputError, match=r"short_stc\.h5: its times \(36 samples|its times \(31"):
        take(demo.morphed[0].copy().crop(-0.1, 0.5), "short")
    (tmp_path / "broken_stc.h5").write_bytes(b"no HDF5")
    with pytest.raises(InputError, match=r"broken_stc\.h5: no source estimate can be read"):
        read_estimate(tmp_path / "broken_stc.h5")


# Export


def test_maps_come_back_from_every_format(space, tmp_path):
    rng = np.random.default_rng(0)
    statistic = rng.normal(size=space.shape).astype(np.float32)
    statistic[0, 0] = np.nan
    labels = np.zeros(space.shape, np.int32)
    labels[10:20, 2:5] = 1
    labels[-5:, 4:] = 2
    maps = {"F": statistic, "cluster": labels}
    written = export_maps(tmp_path, "space-fsaverage_effect-a", space, maps)
    assert sorted(tmp_path.iterdir()) == sorted(written) and len(written) == 10

    stem = tmp_path / "space-fsaverage_effect-a"
    estimate = mne.read_source_estimate(f"{stem}_stat-F_stc.h5")
    np.testing.assert_array_equal(estimate.data, statistic)
    np.testing.assert_allclose(estimate.times, space.times, atol=1e-12)
    assert estimate.subject == "fsaverage"
    for surface, vertices in zip(space.hemispheres, estimate.vertices, strict=True):
        side, inside = surface.name[0].upper(), space.part == surface.name
        np.testing.assert_array_equal(surface.vertices, vertices)
        image = nib.load(f"{stem}_hemi-{side}_stat-F.func.gii")
        np.testing.assert_array_equal(np.column_stack(image.agg_data()), statistic[inside])
        assert len(image.darrays) == space.n_times
        assert image.darrays[0].intent == nib.nifti1.intent_codes["NIFTI_INTENT_FTEST"]
        assert image.darrays[5].meta["Name"] == "100 ms" and image.meta["TimeStep"] == "20"
        mesh = nib.load(f"{stem}_hemi-{side}_inflated.surf.gii")
        points, triangles = mesh.agg_data(("pointset", "triangle"))
        np.testing.assert_array_equal(points, surface.inflated)
        np.testing.assert_array_equal(triangles, surface.triangles)
        clusters = nib.load(f"{stem}_hemi-{side}_stat-cluster.label.gii")
        np.testing.assert_array_equal(np.column_stack(clusters.agg_data()), labels[inside])
        assert clusters.labeltable.get_labels_as_dict()[1] == "cluster 1"


def test_a_map_of_one_hemisphere_without_time(demo, tmp_path):
    left = template_space(demo.template, demo.subjects_dir, None, ["lh"])
    values = np.arange(left.n_places, dtype=float)
    estimate = as_source_estimate(left, values)
    assert estimate.data.shape == (left.n_places, 1) and len(estimate.vertices[1]) == 0
    names = {path.name for path in export_maps(tmp_path, "a", left, {"p": values})}
    assert names == {
        "a_stat-p_stc.h5", "a_hemi-L_stat-p.func.gii",
        "a_hemi-L_inflated.surf.gii", "a_hemi-L_white.surf.gii",
    }  # fmt: skip
    back = mne.read_source_estimate(tmp_path / "a_stat-p_stc.h5")
    np.testing.assert_array_equal(back.data[:, 0], values)


# Quality


def test_figures_have_words_and_numbers(demo):
    likelihoods = demo.scores["log_likelihood"]
    figures = quality_figures(demo.drops, demo.evokeds)
    figures += noise_figures(demo.evokeds, demo.covariance, likelihoods)
    names = [figure.name for figure in figures]
    assert names == ["drops", "evoked-mag", "evoked-grad", "whitened", "covariance"]
    assert all(p.title and p.caption and p.alt for p in figures)
    kept, events = demo.drops["kept"].sum(), demo.drops["events"].sum()
    assert f"{kept} of {events} epochs" in figures[0].caption
    assert count_drops_by_channel(demo.drops)[0][0] == "EOG 061"
    best = max(likelihoods.values())
    assert f"The estimator is {demo.scores['method']}, the likeliest" in figures[-1].caption
    assert f"{demo.scores['method']} {best:.1f}" in figures[-1].caption


def test_explained_variance_of_all_subjects_is_reported(demo):
    spec = {"method": "dSPM", "snr": 3.0, "orientation": None}
    _, residuals = source_estimates(demo.evokeds, demo.operator, **spec)
    pairs = zip(demo.evokeds, residuals, strict=True)
    shares = {evoked.comment: explained_variance(evoked, left) for evoked, left in pairs}
    figure = plot_residuals(demo.evokeds, residuals, shares)
    least = min(share for own in shares.values() for share in own.values())
    assert f"The minimum is {least:.0%}" in figure.caption
    explained = explained_table({"01": {"ExplainedVariance": shares}})
    assert len(explained) == len(demo.evokeds) * 2
    facts = {
        "LogLikelihood": demo.scores["log_likelihood"], "Method": demo.scores["method"],
        "Rank": demo.scores["rank"], "Samples": demo.scores["samples"],
    }  # fmt: skip
    covariances = covariance_table({"01": facts})
    chosen = covariances[covariances["chosen"] == "true"]
    assert chosen["log_likelihood"].item() == covariances["log_likelihood"].max()
    both = plot_first_level(explained, covariances)
    assert [p.name for p in both] == ["covariance", "explained"]
    assert f"{demo.scores['method']} for 1 subject." in both[0].caption
    # A beamformer leaves no residual, and one estimator is no choice.
    single = covariance_table({"01": facts | {"LogLikelihood": {"shrunk": None}}})
    assert [p.name for p in plot_first_level(explained_table({}), single)] == ["covariance"]


def test_noise_has_unit_power_after_whitening(demo):
    evokeds = average_conditions(demo.epochs, list(CONDITIONS))
    whitened = whiten(evokeds, demo.covariance)
    baseline = evokeds[0].times < 0
    for pairs in whitened.values():
        assert np.mean([power[baseline].mean() for _, power in pairs]) == pytest.approx(1, abs=0.3)
        assert max(power.max() for _, power in pairs) > 2


def test_peaks_are_those_of_the_responses(demo):
    times = peak_times(demo.evokeds, "mag")
    assert np.abs(times - 0.1).min() < 0.021 and (np.diff(times) > 0).all() and len(times) <= 4


def test_nearest_neighbours_are_those_of_the_other_tree():
    """Without importing scikit-learn, which costs each stage two seconds."""
    rng = np.random.default_rng(0)
    points, asked = rng.normal(size=(500, 3)), rng.normal(size=(200, 3))
    ours = mne.surface._compute_nearest(points, asked, return_dists=True)
    theirs = mne.surface._compute_nearest(points, asked, method="BallTree", return_dists=True)
    np.testing.assert_array_equal(ours[0], theirs[0])
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-12)
    code = "import groupwise.meeg.forward, sys; import mne; import numpy as np; "
    code += "mne.surface._compute_nearest(np.eye(3), np.eye(3)); print('sklearn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
