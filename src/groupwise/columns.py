"""Descriptions of the columns of tables, for their BIDS JSON sidecars."""

from collections.abc import Iterable
from typing import Any

KNOWN: dict[str, dict[str, Any]] = {
    "subject": {"Description": "Subject, without sub-"},
    "session": {"Description": "Session, without ses-; n/a if there is none"},
    "run": {"Description": "Entities that distinguish the runs of a subject; n/a without them"},
    "recording": {"Description": "File of the recording"},
    "sampling_rate": {"Description": "Sampling rate", "Units": "Hz"},
    "duration": {"Description": "Length of the recording", "Units": "s"},
    "bad_channels": {"Description": "Channels that channels.tsv or the config marks as bad"},
    "bad_pairs": {"Description": "Pairs that channels.tsv or the config marks as bad"},
    "long_pairs": {"Description": "Source-detector pairs that are analysed"},
    "short_pairs": {"Description": "Source-detector pairs that measure the scalp only"},
    "volumes": {"Description": "Number of volumes of the run"},
    "repetition_time": {
        "Description": "Repetition time, from one volume to the next",
        "Units": "s",
    },
    "mask_voxels": {"Description": "Number of voxels in the mask of the run"},
    "mean_displacement": {"Description": "Mean framewise displacement", "Units": "mm"},
    "confounds": {"Description": "Number of confound regressors that the config selects"},
    "volumes_left_out": {"Description": "Number of volumes that scrubbing excludes"},
    "events_left_out": {
        "Description": "Number of rows of events.tsv that are left out. M/EEG: events of the "
        "conditions without an onset or before the first sample. fMRI and fNIRS: events without an "
        "onset or trial_type"
    },
    "event_durations": {
        "Description": "Shortest and longest duration of the events of the conditions",
        "Units": "s",
    },
    "impulses": {
        "Description": "Conditions whose events all have a duration of 0, modelled as impulses"
    },
    "row": {"Description": "Row of stack.npy"},
    "condition": {"Description": "Condition; n/a if each subject has one map"},
    "path": {"Description": "File of the map"},
    "events": {"Description": "Number of events of the condition"},
    "kept": {"Description": "Number of epochs that remain"},
    "dropped": {"Description": "Number of epochs that were dropped"},
    "dropped_equalize": {
        "Description": "Epochs dropped to equalize the number of epochs of the conditions"
    },
    "dropped_other": {"Description": "Epochs dropped for another reason, such as an annotation"},
    "channels": {
        "Description": "Channels that exceeded a rejection limit, each with its number of epochs"
    },
    "Chroma": {
        "Description": "Chromophore",
        "Levels": {"hbo": "oxygenated", "hbr": "deoxygenated"},
    },
    "maps": {"Description": "Number of rows of the analysis that have the place"},
    "included": {"Description": "Whether the place is tested, which needs a value in every row"},
    "time": {"Description": "Time from the first sample", "Units": "s"},
    "constant": {"Description": "Constant regressor: mean of the run"},
}
TYPES = {"mag": "magnetometers", "grad": "gradiometers", "eeg": "EEG", "eog": "EOG", "ecg": "ECG"}


def describe(names: Iterable[str], otherwise: str) -> dict[str, dict[str, Any]]:
    """Return a description of each column of a table.

    Parameters
    ----------
    names : names of the columns.
    otherwise : description of columns that the study names (conditions, regressors).
    """
    found = {}
    for name in names:
        if name in KNOWN:
            found[name] = dict(KNOWN[name])
        elif name.startswith("n_") and name[2:] in TYPES:
            found[name] = {"Description": f"Number of channels: {TYPES[name[2:]]}"}
        elif name.startswith("dropped_") and name[8:] in TYPES:
            found[name] = {
                "Description": f"Epochs dropped because of the amplitude: {TYPES[name[8:]]}"
            }
        else:
            found[name] = {"Description": otherwise}
    return found
