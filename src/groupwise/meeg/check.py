"""All recordings of a study looked into before any long work: what is there, what is wrong."""

import logging
from typing import Any

import pandas as pd

from groupwise.meeg.recordings import check_recordings

logger = logging.getLogger(__name__)


def look_into(
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
    """Look into every subject's recordings, by their headers and events.

    Parameters
    ----------
    recordings : one dict a subject and session: `subject`, `session` (of several), `raw` (paths of
        its runs), `events`, and `channels` (those of its channels.tsv that exist).
    root : root of the BIDS tree.
    conditions, channels, reject, h_freq, aux_channels, montage, landmarks, moved : see
        `check_recordings`.
    bad_channels : by subject, and under "all" for every subject.

    Returns
    -------
    table : one row a subject and run: subject, recording, sampling_rate, duration, bad_channels,
        number of channels by type and of events by condition.
    findings : everything that is wrong in any recording.
    """
    findings, table = [], []
    for place, subject in enumerate(recordings, start=1):
        name = subject["subject"]
        logger.info("subject %s (%d of %d)", name, place, len(recordings))
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
        for row in rows:
            events = row.pop("events")
            row["bad_channels"] = ", ".join(row["bad_channels"]) or "n/a"
            visit = {"session": subject["session"]} if "session" in subject else {}
            table.append({"subject": name, **visit, **row, **events})
    return pd.DataFrame(table), findings
