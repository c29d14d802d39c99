"""Short MEG recordings of noise, as BIDS."""

import mne
import mne_bids
import numpy as np

SFREQ = 100.0
CONDITIONS = {"face": 1, "house": 2}


def make_raw(seconds: float = 20.0, sfreq: float = SFREQ, move: float = 0.0) -> mne.io.RawArray:
    """Twelve Neuromag channels, one EOG, noise; `move` (m) shifts the head."""
    info = mne.channels.read_meg_canonical_info("neuromag")
    info = mne.pick_info(info, range(12))
    with info._unlock():
        info["sfreq"] = sfreq
        info["lowpass"], info["highpass"] = sfreq / 3, 0.0
        place = np.eye(4)
        place[0, 3] = move
        info["dev_head_t"] = mne.transforms.Transform("meg", "head", place)
    rng = np.random.default_rng(0)
    raw = mne.io.RawArray(rng.normal(size=(12, int(seconds * sfreq))) * 1e-13, info, verbose=False)
    eog = mne.create_info(["EOG 061"], sfreq, ["eog"])
    with eog._unlock():
        eog["lowpass"], eog["highpass"] = info["lowpass"], info["highpass"]
        eog["dev_head_t"] = info["dev_head_t"]
    blink = mne.io.RawArray(np.zeros((1, raw.n_times)), eog, verbose=False)
    raw.add_channels([blink], force_update_info=True)
    raw.set_meas_date(0)
    with raw.info._unlock():
        raw.info["line_freq"] = 50.0
    return raw


def write_run(folder, root, run, codes=(1, 2), bads=(), **options):
    """Write one run as BIDS and return the paths of recording and events."""
    raw = make_raw(**options)
    raw.info["bads"] = list(bads)
    sfreq = raw.info["sfreq"]
    samples = (np.arange(1.0, 18.0, 1.0) * sfreq).astype(int)
    events = np.column_stack([samples, 0 * samples, np.resize(codes, len(samples))])
    file = folder / f"run{run}_raw.fif"
    raw.save(file, overwrite=True, verbose=False)
    path = mne_bids.BIDSPath(
        subject="01", task="faces", run=f"{run:02d}", datatype="meg", suffix="meg", root=root
    )
    names = {"face": 1, "house": 2, "tree": 3}
    mne_bids.write_raw_bids(
        mne.io.read_raw_fif(file, verbose=False),
        path,
        events=events,
        event_id={name: code for name, code in names.items() if code in codes},
        overwrite=True,
        verbose=False,
    )
    return path.fpath, path.copy().update(suffix="events", extension=".tsv").fpath
