"""Averages over epochs, one for each condition."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import mne


def average_conditions(
    epochs: "mne.BaseEpochs", conditions: Sequence[str], resample: float | None = None
) -> list["mne.Evoked"]:
    """Average the epochs of each condition and resample the averages.

    Parameters
    ----------
    epochs : clean epochs with the conditions in `event_id`.
    conditions : the order of the result.
    resample : new sampling rate, Hz (MNE's FFT method, low-pass included); None keeps the rate.

    Returns
    -------
    One evoked response a condition, its `comment` the condition's name.
    """
    averages = []
    for name in conditions:
        # By number, since the name 'a' would select 'a/b' too.
        evoked = epochs[epochs.events[:, 2] == epochs.event_id[name]].average()
        evoked.comment = name
        if resample is not None:
            evoked.resample(resample)
        averages.append(evoked)
    return averages
