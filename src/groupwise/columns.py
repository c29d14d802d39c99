"""What the columns of our tables mean, as BIDS' JSON sidecars state it."""

from collections.abc import Iterable
from typing import Any

KNOWN: dict[str, dict[str, Any]] = {
    "subject": {"Description": "Subject, without sub-"},
    "session": {"Description": "Session, without ses-; n/a where there is none"},
    "run": {"Description": "What tells the run from the subject's others; n/a for a single one"},
    "recording": {"Description": "File of the recording"},
    "sampling_rate": {"Description": "Sampling rate", "Units": "Hz"},
    "duration": {"Description": "Length of the recording", "Units": "s"},
    "bad_channels": {"Description": "Channels that channels.tsv or the config call bad"},
    "bad_pairs": {"Description": "Pairs that channels.tsv or the config call bad"},
    "long_pairs": {"Description": "Source-detector pairs that are analysed"},
    "short_pairs": {"Description": "Source-detector pairs that see the scalp alone"},
    "volumes": {"Description": "Images of the run"},
    "repetition_time": {"Description": "Time from one image to the next", "Units": "s"},
    "mask_voxels": {"Description": "Voxels inside the run's mask"},
    "mean_displacement": {"Description": "Mean framewise displacement", "Units": "mm"},
    "confounds": {"Description": "Regressors that the confounds' settings choose"},
    "volumes_left_out": {"Description": "Images that scrubbing leaves out"},
    "row": {"Description": "Row of stack.npy"},
    "condition": {"Description": "Condition; n/a where there is one map a subject"},
    "path": {"Description": "File of the map"},
    "events": {"Description": "Events of the condition"},
    "kept": {"Description": "Epochs that remain"},
    "dropped": {"Description": "Epochs that were dropped"},
    "dropped_equalize": {"Description": "Dropped to give all conditions equally many"},
    "dropped_other": {"Description": "Dropped for any other reason, such as an annotation"},
    "channels": {"Description": "Channels that crossed a limit, and in how many epochs"},
    "Chroma": {
        "Description": "Chromophore",
        "Levels": {"hbo": "oxygenated", "hbr": "deoxygenated"},
    },
    "maps": {"Description": "Rows of the analysis that have the place"},
    "included": {"Description": "Whether the place is tested: it must be in every row"},
    "time": {"Description": "Time from the first sample", "Units": "s"},
    "constant": {"Description": "Mean of the run"},
}
TYPES = {"mag": "magnetometers", "grad": "gradiometers", "eeg": "EEG", "eog": "EOG", "ecg": "ECG"}


def describe(names: Iterable[str], otherwise: str) -> dict[str, dict[str, Any]]:
    """The description of each column of a table.

    Parameters
    ----------
    names : of the columns.
    otherwise : description of columns whose names are the study's own (conditions, regressors).
    """
    found = {}
    for name in names:
        if name in KNOWN:
            found[name] = dict(KNOWN[name])
        elif name.startswith("n_") and name[2:] in TYPES:
            found[name] = {"Description": f"Number of channels: {TYPES[name[2:]]}"}
        elif name.startswith("dropped_") and name[8:] in TYPES:
            found[name] = {"Description": f"Dropped for an amplitude: {TYPES[name[8:]]}"}
        else:
            found[name] = {"Description": otherwise}
    return found
