"""Config of mne-bids-pipeline for the demo study, at the folder named by GROUPWISE_DEMO.

Run by hand: GROUPWISE_DEMO=demo mne_bids_pipeline --config=tests/peers/mne_bids_pipeline_config.py
"""

import os
from pathlib import Path

import mne

demo = Path(os.environ["GROUPWISE_DEMO"]).resolve()
bids_root = demo / "bids"
subjects_dir = demo / "subjects"
deriv_root = demo / "mne-bids-pipeline"

# The group average downloads what it misses of the distributed fsaverage (volumes, parcellations)
# before it starts. It needs the surfaces alone, and those the demo study brings.
mne.datasets.fetch_fsaverage = lambda *_, **__: subjects_dir / "fsaverage"

# Two figures of the reports need a display with OpenGL: the sensors around the head and the
# inflated cortex. Without one they are left out; everything that is computed stays. One job, since
# worker processes would not see this.
if not os.environ.get("DISPLAY"):
    mne.Report.add_trans = mne.Report.add_stc = lambda *_, **__: None
n_jobs = 1

task = "audvis"
ch_types = ["meg"]
data_type = "meg"
process_empty_room = True

l_freq = None
h_freq = 40.0
epochs_tmin = -0.2
epochs_tmax = 0.5
baseline = (None, 0)
conditions = ["auditory/left", "auditory/right", "visual/left", "visual/right"]
contrasts = [("auditory/left", "visual/left")]
spatial_filter = "ssp"
reject = {"grad": 1000e-13, "mag": 4000e-15}
decode = False

run_source_estimation = True
spacing = "oct5"
inverse_method = "dSPM"
noise_cov = (None, 0)
report_evoked_n_time_points = 3
report_stc_n_time_points = 1

memory_location = False
on_error = "abort"
