"""An EEG study without MRIs, its recordings in every format that BIDS allows for EEG.

Six people, 42 electrodes, 0.1 kHz, 40 trials of each of two conditions. At 200 ms a patch of the
right temporal lobe of the template's head (three layers) is twice as strong for deviants as for
standards; white sensor noise. Each head is between 6% smaller and 6% larger than the template's,
its electrodes and landmarks with it, and the analysis knows only those.
"""

import json

import mne
import mne_bids
import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from groupwise.config.read import read_study
from groupwise.demo.freesurfer import write_parcellation, write_subject
from groupwise.demo.template import load_template, parcellate
from groupwise.errors import InputError
from groupwise.meeg.forward import fit_template_trans, forward_solution, head_model, source_space
from tests.workflow.study_trees import Plan, snakemake

FORMATS = ("BrainVision", "EDF", "BDF", "EEGLAB", "BrainVision", "EEGLAB")
ENDINGS = {"BrainVision": "vhdr", "EDF": "edf", "BDF": "bdf", "EEGLAB": "set"}
EVENTS = {"standard": 1, "deviant": 2}
TRIALS, RATE, LATENCY = 40, 100.0, 0.2
PLACE = (52.0, -20.0, 2.0)  # mm, MNI305
NAMES = [
    *("Fp1", "Fp2", "AF7", "AFz", "AF8", "F7", "F3", "Fz", "F4", "F8", "FT7", "FC5", "FC3", "FCz"),
    *("FC4", "FC6", "FT8", "T7", "C3", "Cz", "C4", "T8", "TP7", "CP5", "CP3", "CPz", "CP4", "CP6"),
    *("TP8", "P7", "P3", "Pz", "P4", "P8", "PO7", "PO3", "POz", "PO4", "PO8", "O1", "Oz", "O2"),
]


def montage_of(scale):
    """The standard montage on a head of another size."""
    places = mne.channels.make_standard_montage("colin27_1020").get_positions()
    chosen = {name: scale * places["ch_pos"][name] for name in NAMES}
    landmarks = {name: scale * places[name] for name in ("nasion", "lpa", "rpa")}
    return mne.channels.make_dig_montage(chosen, **landmarks, coord_frame=places["coord_frame"])


def topography(subjects_dir):
    """Potentials (V) of the patch at 30 nAm, and how many sources it has."""
    info = mne.create_info(NAMES, RATE, "eeg").set_montage(montage_of(1.0))
    trans = fit_template_trans(info, "fsaverage", subjects_dir)
    bem = head_model("fsaverage", subjects_dir, ico=3, conductivity=[0.3, 0.006, 0.3])
    src = source_space("fsaverage", subjects_dir, "ico4", add_dist=False)
    forward = forward_solution(info, trans, bem, src, channels=["eeg"], mindist=5.0)
    fixed = mne.convert_forward_solution(forward, force_fixed=True, use_cps=False, verbose="error")
    places = np.concatenate([h["rr"][h["vertno"]] for h in fixed["src"]])
    places = mne.transforms.apply_trans(trans, places) * 1e3
    inside = np.linalg.norm(places - PLACE, axis=1) < 12
    # Walls of a sulcus would cancel: sources that point the way of most.
    normals = np.concatenate([h["nn"][h["vertno"]] for h in fixed["src"]])[inside]
    along = np.flatnonzero(inside)[normals @ normals.sum(axis=0) > 0]
    return 30e-9 * fixed["sol"]["data"][:, along].mean(axis=1), len(along)


def recording_of(number, pattern):
    """Raw EEG of a person, and events."""
    rng = np.random.default_rng([2026, number])
    scale = 0.94 + 0.12 * number / (len(FORMATS) - 1)
    info = mne.create_info(NAMES, RATE, "eeg").set_montage(montage_of(scale))
    info["line_freq"] = 50
    samples = 100 + 80 * np.arange(2 * TRIALS) + rng.integers(0, 20, 2 * TRIALS)
    codes = rng.permutation(np.repeat([1, 2], TRIALS))
    data = 4e-6 * rng.normal(size=(len(NAMES), samples[-1] + 100))
    times = np.arange(40) / RATE
    wave = np.exp(-0.5 * ((times - LATENCY) / 0.03) ** 2)
    strength = rng.uniform(0.8, 1.2)
    for sample, code in zip(samples, codes, strict=True):
        data[:, sample : sample + 40] += code * strength * np.outer(pattern, wave)
    events = np.column_stack([samples, np.zeros_like(samples), codes])
    return mne.io.RawArray(data, info, verbose="error"), events


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """The recordings and the template's head."""
    folder = tmp_path_factory.mktemp("eeg")
    template, subjects_dir = load_template(), folder / "subjects"
    write_subject(subjects_dir / "fsaverage", template)
    write_parcellation(subjects_dir / "fsaverage", *parcellate(template))
    pattern, sources = topography(subjects_dir)
    assert sources > 3
    for number, kind in enumerate(FORMATS):
        raw, events = recording_of(number, pattern)
        path = mne_bids.BIDSPath(
            root=folder / "bids", subject=f"{number + 1:02d}", task="oddball", datatype="eeg"
        )
        mne_bids.write_raw_bids(
            raw, path, events=events, event_id=EVENTS, format=kind, allow_preload=True,
            overwrite=True, verbose="error",
        )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def study(recorded):
    """Run up to the group; figures of each person are seen in the demo's test."""
    figures = "results/group/regions/paired/figures"
    run = snakemake(recorded, config(), "--cores", "2", "check", "group", figures)
    assert run.returncode == 0, run.text
    return recorded


def config(**meeg):
    paired = {"data": "meeg", "test": "paired", "conditions": ["deviant", "standard"]}
    threshold = {"threshold": {"p": 0.01}}
    return {
        "study": "oddball",
        "bids_root": "bids",
        "output": "results",
        "meeg": {
            "task": "oddball",
            "datatype": "eeg",
            "subjects_dir": "subjects",
            "anatomy": "template",
            "channels": ["eeg"],
            "conditions": {name: name for name in EVENTS},
            "epochs": {"tmin": -0.1, "tmax": 0.35},
            "filter": {"h_freq": 30},
            "covariance": {"method": ["empirical"]},
            "bem": {"ico": 3, "conductivity": [0.3, 0.006, 0.3]},
            "source_space": {"spacing": "oct4"},
            "morph": {"spacing": 3, "smooth": 5},
            **meeg,
        },
        "analyses": {
            "sources": {**paired, "cluster": threshold, "crop": [0.1, 0.3]},
            "regions": {**paired, "cluster": threshold, "space": "labels"},
        },
    }


def read(path):
    return pd.read_csv(path, sep="\t", na_values="n/a", keep_default_na=False)


def test_every_format_reaches_the_epochs(recorded):
    study = recorded
    epochs = [
        f"results/sub-{k:02d}/eeg/sub-{k:02d}_task-oddball_proc-clean_epo.fif"
        for k in range(1, len(FORMATS) + 1)
    ]
    run = snakemake(study, config(), "--cores", "2", "check", *epochs)
    assert run.returncode == 0, run.text
    checked = read(study / "results/check/inputs.tsv")
    endings = [name.rsplit(".", 1)[1] for name in checked["recording"]]
    assert endings == [ENDINGS[kind] for kind in FORMATS]
    assert (checked["n_eeg"] == len(NAMES)).all() and (checked["standard"] == TRIALS).all()
    for number in range(len(FORMATS)):
        stem = f"sub-{number + 1:02d}/eeg/sub-{number + 1:02d}_task-oddball_proc-clean_epo.fif"
        epochs = mne.read_epochs(study / "results" / stem, verbose="error")
        assert len(epochs["deviant"]) == len(epochs["standard"]) == TRIALS
        # What was written as V came back as V, whatever the format's units: noise of 4 uV.
        quiet = epochs["standard"].copy().crop(-0.1, 0.05).get_data().std()
        assert 1e-6 < quiet < 6e-6


@pytest.mark.slow
def test_one_head_serves_all(study):
    results = study / "results"
    assert [p.name for p in results.glob("*/anat/*_bem-sol.fif")] == ["fsaverage_bem-sol.fif"]
    bem = mne.read_bem_solution(results / "fsaverage/anat/fsaverage_bem-sol.fif", verbose="error")
    assert len(bem["surfs"]) == 3
    # The landmarks lie on the template's, as far as a head that is 1% smaller allows.
    trans = mne.read_trans(results / "sub-03/eeg/sub-03_task-oddball_trans.fif")
    fiducials, _ = mne.io.read_fiducials(study / "subjects/fsaverage/bem/fsaverage-fiducials.fif")
    info = mne.io.read_info(
        results / "sub-03/eeg/sub-03_task-oddball_proc-clean_epo.fif", verbose="error"
    )
    own = [p["r"] for p in info["dig"] if p["kind"] == mne.io.constants.FIFF.FIFFV_POINT_CARDINAL]
    moved = mne.transforms.apply_trans(trans, np.array(own))
    distance = np.linalg.norm(moved - np.array([p["r"] for p in fiducials]), axis=1)
    assert distance.max() < 0.004


@pytest.mark.slow
def test_the_sources_are_found(study):
    effect = study / "results/group/sources/paired/infer"
    first = read(effect / "clusters.tsv").iloc[0]
    assert first["p"] == 1 / 32  # a flip of all six is the same two-sided test
    centre = first[["center_x", "center_y", "center_z"]].to_numpy(float)
    assert first["hemisphere"] == "rh" and np.linalg.norm(centre - PLACE) < 30
    assert abs(first["center_time"] - LATENCY) < 0.03
    result = json.loads((effect / "result.json").read_text())
    assert result["Exact"] and result["Permutations"] == 32


@pytest.mark.slow
def test_the_region_is_found(study):
    effect = study / "results/group/regions/paired"
    first = read(effect / "infer/clusters.tsv").iloc[0]
    assert first["p"] == 1 / 32 and first["regions"] == 1 and first["label"].endswith("-rh")
    centre = first[["x", "y", "z"]].to_numpy(float)
    assert np.linalg.norm(centre - PLACE) < 45 and first["t_start"] < LATENCY < first["t_stop"]
    table = read(effect / "maps/effect-paired_statmap.tsv")
    assert {"place", "time", "t", "p_max", "p_cluster"} <= set(table)
    stack = study / "results/group/regions/stack"
    values, space = np.load(stack / "stack.npy"), np.load(stack / "space.npz")
    # A label's course is the mean over its vertices of the morphed estimate.
    (path,) = (study / "results/sub-01/eeg").glob("*space-fsaverage*cond-deviant*_stc.h5")
    estimate = mne.read_source_estimate(path)
    label = mne.read_labels_from_annot(
        "fsaverage", "aparc", regexp=first["label"], subjects_dir=study / "subjects"
    )[0]
    own = estimate.in_label(label).data.mean(axis=0)
    shape = (len(space["label"]), len(space["times"]))
    row = values[0].reshape(shape)[list(space["label"]).index(first["label"])]
    np.testing.assert_allclose(row, own, rtol=1e-5)


def test_electrodes_without_landmarks_are_reported(recorded):
    study = recorded
    facts = study / "bids/sub-02/eeg/sub-02_space-CapTrak_coordsystem.json"
    kept = facts.read_text()
    told = json.loads(kept)
    told["AnatomicalLandmarkCoordinates"] = {}
    try:
        facts.write_text(json.dumps(told))
        raw = config()
        raw["output"] = "other"
        run = snakemake(study, raw, "--cores", "1")
    finally:
        facts.write_text(kept)
    assert run.returncode != 0
    assert "sub-02_task-oddball_eeg.edf: nasion and preauricular points are unknown" in run.text
    assert not (study / "other/sub-01").exists()


@pytest.mark.parametrize(
    "meeg, words",
    [
        ({"bem": {"conductivity": [0.3]}}, "conductivity: source estimation of EEG needs three"),
        ({"bem": {"conductivity": [0.3, 0.006]}}, "conductivity: has two layers; set one"),
        ({"channels": ["eeg", "mag"]}, r"anatomy: template needs channels: \[eeg\]"),
    ],
)
def test_heads_that_do_not_fit_are_reported(meeg, words):
    with pytest.raises(InputError, match=words):
        read_study(config(**meeg))


def test_an_unknown_parcellation_is_reported(recorded):
    study = recorded
    raw = config()
    raw["analyses"]["regions"]["parcellation"] = "Schaefer"
    run = Plan(study, raw)
    assert (
        "analyses.regions.parcellation: subjects/fsaverage/label/lh.Schaefer.annot" in run.refused
    )


@pytest.mark.slow
def test_a_grid_through_the_brain_finds_the_same(study):
    """Last, since the estimates on the surface give way to those on the grid.

    sLORETA, whose maximum lies at a single source wherever that is; dSPM's lies too deep on a grid
    (40 mm towards the middle here, docs/validation.md).
    """
    raw = config(source_space={"kind": "volume", "grid": 12}, inverse={"method": "sLORETA"})
    raw["analyses"] = {"deep": raw["analyses"]["sources"]}
    figures = "results/group/deep/paired/figures"
    run = snakemake(study, raw, "--cores", "2", "group", figures)
    assert run.returncode == 0, run.text
    # What does not depend on the sources is kept.
    assert "preprocess" not in run.jobs and "bem" not in run.jobs and "morph" not in run.jobs
    effect = study / "results/group/deep/paired"
    first = read(effect / "infer/clusters.tsv").iloc[0]
    assert first["p"] == 1 / 32 and abs(first["center_time"] - LATENCY) < 0.03
    space = np.load(study / "results/group/deep/stack/space.npz")
    # The largest mean difference lies two steps of the grid from the source, or nearer.
    maps = np.load(study / "results/group/deep/stack/stack.npy")
    table = read(study / "results/group/deep/stack/observations.tsv")
    mean = {name: maps[table["condition"] == name].mean(axis=0) for name in EVENTS}
    difference = (mean["deviant"] - mean["standard"]).reshape(-1, len(space["times"]))
    place, time = np.unravel_index(difference.argmax(), difference.shape)
    assert np.linalg.norm(space["coordinates"][place] - PLACE) < 24
    assert abs(space["times"][time] - LATENCY) < 0.03
    facts = json.loads((study / "results/group/deep/stack/stack.json").read_text())
    assert str(space["kind"]) == "volume" and facts["Grid"]["InAllHeads"] == len(space["voxels"])
    assert np.ptp(np.linalg.norm(space["affine"][:3, :3], axis=0)) < 0.2
    image = nib.load(effect / "maps/space-MNI152_effect-paired_stat-t_statmap.nii.gz")
    assert image.shape[3] == len(space["times"]) == 21
    assert image.header["pixdim"][4] == pytest.approx(0.01)
    assert image.header["toffset"] == pytest.approx(0.1)
    (peak,) = np.argwhere(np.nan_to_num(image.get_fdata()) == np.nanmax(image.get_fdata()))
    place = nib.affines.apply_affine(image.affine, peak[:3])
    np.testing.assert_allclose(place, first[["x", "y", "z"]].to_numpy(float), atol=1e-2)


def test_grids_have_no_labels_and_no_normals():
    grid = {"kind": "volume"}
    with pytest.raises(InputError, match="volume has no cortical normals"):
        read_study(config(source_space=grid, inverse={"orientation": "normal"}))
    with pytest.raises(InputError, match="labels needs sources on surfaces"):
        read_study(config(source_space=grid))
