"""Input check of all M/EEG recordings: their headers and events, before the first job."""

import logging
from typing import Any

import pandas as pd

from groupwise.errors import InputError
from groupwise.meeg.maxwell import find_unfiltered_shielding
from groupwise.meeg.recordings import check_recordings, read_recording

logger = logging.getLogger(__name__)


def check_subjects(
    recordings: list[dict[str, Any]],
    root: str,
    *,
    conditions: dict[str, int | str],
    channels: list[str],
    bad_channels: dict[str, list[str]],
    reject: dict[str, float],
    h_freq: float | None,
    aux_channels: list[str],
    montage: str | None = None,
    landmarks: bool = False,
    moved: bool = False,
) -> tuple[pd.DataFrame, list[str]]:
    """Check the headers and events of every subject's recordings.

    Parameters
    ----------
    recordings : one dict per subject and session, with `subject`, `session` (if there are
        several), `raw` (paths of the runs), `events` (paths of the events.tsv), `channels`
        (paths of the channels.tsv that exist), and `empty_room` (if the study uses one).
    root : root of the BIDS tree.
    conditions, channels, reject, h_freq, aux_channels, montage, landmarks, moved : see
        `check_recordings`.
    bad_channels : names of bad channels by subject; those under "all" are bad in every subject.

    Returns
    -------
    table : one row per subject and run: subject, recording, sampling_rate (Hz), duration (s),
        bad_channels, number of channels of each type and of events of each condition.
    findings : all errors in the recordings; empty if there are none.
    """
    findings, table = [], []
    for number, subject in enumerate(recordings, start=1):
        name = subject["subject"]
        logger.info("subject %s (%d of %d)", name, number, len(recordings))
        wrong, rows = check_recordings(
            subject["raw"],
            subject["events"],
            conditions,
            channels,
            root,
            [*bad_channels.get("all", []), *bad_channels.get(name, [])],
            reject,
            h_freq,
            aux_channels,
            montage,
            landmarks,
            moved,
        )
        findings += wrong
        if subject.get("empty_room"):
            findings += _check_empty_room(subject["empty_room"], root, channels, moved)
        for row in rows:
            events = row.pop("events")
            row["bad_channels"] = ", ".join(row["bad_channels"]) or "n/a"
            session = {"session": subject["session"]} if "session" in subject else {}
            table.append({"subject": name, **session, **row, **events})
    # Subjects can share an empty-room recording.
    return pd.DataFrame(table), list(dict.fromkeys(findings))


def _check_empty_room(path: str, root: str, channels: list[str], filtered: bool) -> list[str]:
    try:
        info = read_recording(path, root).info
    except InputError as error:
        return error.findings
    return find_unfiltered_shielding(info, path, channels, filtered)
