"""mne-bids-pipeline, which nobody here wrote, runs on the demo study and finds its sources."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import mne
import numpy as np
import pytest

from groupwise.demo.study import make_demo

pytestmark = pytest.mark.peers

ROOT = Path(__file__).parents[2]
CONFIG = Path(__file__).with_name("mne_bids_pipeline_config.py")

#: All of source estimation but the making of BEM surfaces, which asks for FreeSurfer: the demo
#: study brings the surfaces.
STEPS = (
    "init",
    "preprocessing",
    "sensor/make_evoked",
    "sensor/make_cov",
    "source/make_bem_solution",
    "source/setup_source_space",
    "source/make_forward",
    "source/make_inverse",
    "source/group_average",
)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A study of two subjects on which the pipeline has run."""
    given = os.environ.get("MNE_BIDS_PIPELINE", str(ROOT / ".peers/bin/mne_bids_pipeline"))
    program = shutil.which(given)
    if program is None:
        pytest.skip(f"no mne-bids-pipeline at {given}: run `make test-peers`")
    folder = tmp_path_factory.mktemp("demo")
    make_demo(folder, subjects=2, tell=lambda _: None)
    settings = {"GROUPWISE_DEMO": str(folder), "MPLBACKEND": "agg", "OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [program, f"--config={CONFIG}", f"--steps={','.join(STEPS)}"],
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-5000:]
    return folder


@pytest.fixture(scope="module")
def truth(demo):
    return json.loads((demo / "truth.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("label", ["01", "02"])
def test_inverse_and_estimates_are_there(demo, label):
    folder = demo / "mne-bids-pipeline" / f"sub-{label}" / "meg"
    for suffix in ("trans", "fwd", "inv"):
        assert (folder / f"sub-{label}_{suffix}.fif").is_file()
    for condition in ("auditoryleft", "auditoryright", "visualleft", "visualright"):
        name = f"sub-{label}_task-audvis_{condition}+dSPM+hemi.h5"
        assert (folder / name).is_file()


@pytest.mark.parametrize("label", ["01", "02"])
def test_landmarks_gave_the_true_transform(demo, truth, label):
    folder = demo / "mne-bids-pipeline" / f"sub-{label}" / "meg"
    found = mne.read_trans(folder / f"sub-{label}_trans.fif")
    if found["from"] != 4:  # written as MRI to head
        found = mne.transforms.invert_transform(found)
    true = np.array(truth["Subjects"][label]["HeadToMRI"])
    np.testing.assert_allclose(found["trans"], true, atol=1e-4)


@pytest.mark.parametrize("hemisphere", ["lh", "rh"])
@pytest.mark.parametrize("label", ["01", "02"])
def test_estimates_peak_at_the_auditory_sources(demo, truth, label, hemisphere):
    """Each subject's own estimate of `auditory/left`, within 50 ms of the true time."""
    name = f"sub-{label}_task-audvis_auditoryleft+dSPM+hemi.h5"
    estimate = mne.read_source_estimate(
        demo / "mne-bids-pipeline" / f"sub-{label}" / "meg" / name, f"sub-{label}"
    )
    sources = {each["Name"]: each for each in truth["Subjects"][label]["Sources"]}
    check_peak(estimate, sources[f"auditory-{hemisphere}"], hemisphere, demo / "subjects")


@pytest.mark.parametrize("hemisphere", ["lh", "rh"])
@pytest.mark.parametrize("modality", ["auditory", "visual"])
def test_group_average_peaks_at_the_sources_of_the_template(demo, truth, modality, hemisphere):
    name = f"sub-average_task-audvis_{modality}left+dSPM+morph2fsaverage+hemi.h5"
    estimate = mne.read_source_estimate(
        demo / "mne-bids-pipeline" / "sub-average" / "meg" / name, "fsaverage"
    )
    sources = {each["Name"]: each for each in truth["Sources"]}
    check_peak(estimate, sources[f"{modality}-{hemisphere}"], hemisphere, demo / "subjects")


def check_peak(estimate, source, hemisphere, subjects_dir):
    time = source["Peak"]
    near = estimate.copy().crop(time - 0.05, time + 0.05)
    vertex, _ = near.get_peak(hemi=hemisphere)
    surface = subjects_dir / estimate.subject / "surf" / f"{hemisphere}.white"
    place = mne.read_surface(surface)[0][vertex]
    assert np.linalg.norm(place - source["Place"]) < 25
