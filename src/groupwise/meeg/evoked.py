"""Evoked responses: the average of each condition's epochs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import mne


def average_conditions(
    epochs: "mne.BaseEpochs", conditions: Sequence[str], resample: float | None = None
) -> list["mne.Evoked"]:
    """Average the epochs of each condition, and resample the averages.

    Parameters
    ----------
    epochs : clean epochs; `event_id` contains the conditions.
    conditions : names of the conditions, in the order of the result.
    resample : new sampling rate, Hz (MNE's FFT method, including its low-pass filter); None keeps
        the sampling rate.

    Returns
    -------
    One evoked response per condition, with the condition's name as `comment`.
    """
    averages = []
    for name in conditions:
        # Select by event code, because the name 'a' would also select 'a/b'.
        evoked = epochs[epochs.events[:, 2] == epochs.event_id[name]].average()
        evoked.comment = name
        if resample is not None:
            evoked.resample(resample)
        averages.append(evoked)
    return averages
