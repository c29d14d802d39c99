"""Maxwell filter (signal-space separation) of MEG recordings, with movement compensation."""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from groupwise.errors import InputError

if TYPE_CHECKING:
    import mne

logger = logging.getLogger(__name__)

#: Channel types that internal active shielding distorts.
SHIELDED = {"mag", "grad"}


def find_unfiltered_shielding(
    info: "mne.Info", path: str | os.PathLike, channels: Sequence[str], filtered: bool
) -> list[str]:
    """Return a finding if internal active shielding was on and no Maxwell filter removes it.

    The shielding (MaxShield) adds the fields of its coils to the sensor signals. Only
    signal-space separation removes them, so MNE does not read such data without being asked to.
    A file that MaxFilter or MNE has filtered has no such mark, or a Maxwell filter in its history.

    Parameters
    ----------
    info, path : header and file of the recording.
    channels : analysed channel types; EEG is not affected.
    filtered : whether the study applies the Maxwell filter (`meeg.maxwell`).
    """
    history = [entry.get("max_info") or {} for entry in info["proc_history"]]
    filtered = filtered or any(entry.get("sss_info") for entry in history)
    if filtered or not info.get("maxshield") or not SHIELDED & set(channels):
        return []
    return [
        f"{path}: it was recorded with internal active shielding (MaxShield), which distorts MEG "
        "signals until a Maxwell filter is applied. Set meeg.maxwell: {}, or use the recording "
        "that MaxFilter has filtered."
    ]


def maxwell_filter(
    raw: "mne.io.BaseRaw",
    *,
    first: "mne.io.BaseRaw",
    calibration: str | None,
    cross_talk: str | None,
    st_duration: float | None,
    find_bads: bool,
    movement: bool,
) -> tuple["mne.io.BaseRaw", dict[str, Any]]:
    """Apply signal-space separation to a run and transform it to the first run's head position.

    Spatial separation, or spatiotemporal with `st_duration` (Taulu and Simola 2006,
    https://doi.org/10.1088/0031-9155/51/7/008). Bad MEG channels are reconstructed from the others
    and are good afterwards.

    Parameters
    ----------
    raw : a run; its data are loaded.
    first : the run to whose head position all runs are transformed.
    calibration, cross_talk : files of the fine calibration and the cross-talk compensation.
    st_duration : buffer of the temporal separation, s; None: no temporal separation.
    find_bads : whether noisy and flat channels are detected and marked as bad.
    movement : whether head movement, measured continuously by the coils (cHPI), is compensated.

    Returns
    -------
    raw : the filtered run.
    found : settings and detected channels, for the sidecar; largestMovement in mm.

    Raises
    ------
    InputError
        If the recording is already Maxwell-filtered, has no MEG channels, or has no continuous
        head position although `movement` needs it.
    """
    import mne

    name = raw.filenames[0]
    files = {"calibration": calibration, "cross_talk": cross_talk}
    found: dict[str, Any] = {key: path or "none" for key, path in files.items()}
    raw.load_data()
    try:
        if find_bads:
            noisy, flat = mne.preprocessing.find_bad_channels_maxwell(raw, **files)
            raw.info["bads"] = sorted({*raw.info["bads"], *noisy, *flat})
            found |= {"noisy": list(noisy), "flat": list(flat)}
        head_pos = compute_head_positions(raw) if movement else None
        filtered = mne.preprocessing.maxwell_filter(
            raw,
            **files,
            st_duration=st_duration,
            destination=first.info["dev_head_t"],
            head_pos=head_pos,
        )
    except (RuntimeError, ValueError) as error:
        raise InputError(
            f"{name}: the Maxwell filter failed ({' '.join(str(error).split())}). Correct "
            "meeg.maxwell, or remove that section to analyse the recordings without the filter."
        ) from error
    if head_pos is not None:
        moved = np.linalg.norm(head_pos[:, 4:7] - head_pos[0, 4:7], axis=1)
        found |= {"headPositions": len(head_pos), "largestMovement": round(1e3 * moved.max(), 2)}
    logger.info("%s: %s", name, found)
    return filtered, found


def make_run_filter(
    options: dict[str, Any] | None, files: Mapping[str, Sequence[str]], found: list[dict[str, Any]]
) -> Callable[["mne.io.BaseRaw", "mne.io.BaseRaw"], "mne.io.BaseRaw"] | None:
    """Return `maxwell_filter` with all settings fixed, for `read_runs`; None without `options`.

    Parameters
    ----------
    options : the config's section `maxwell`.
    files : `calibration` and `cross_talk`, each with one file or none.
    found : list to which the filter appends the second result of `maxwell_filter` for each run.
    """
    if options is None:
        return None
    calibration: dict[str, Any] = {
        key: next(iter(files[key]), None) for key in ("calibration", "cross_talk")
    }

    def filter_run(raw: "mne.io.BaseRaw", first: "mne.io.BaseRaw") -> "mne.io.BaseRaw":
        filtered, facts = maxwell_filter(raw, first=first, **options, **calibration)
        found.append(facts)
        return filtered

    return filter_run


def filter_empty_room(
    empty_room: "mne.io.BaseRaw",
    *,
    run: "mne.io.BaseRaw",
    calibration: str | None,
    cross_talk: str | None,
    st_duration: float | None,
) -> "mne.io.BaseRaw":
    """Apply the Maxwell filter to an empty-room recording, with the head position of a run.

    Parameters
    ----------
    empty_room : the empty-room recording.
    run : the first run of the subject, which gives the head position.
    calibration, cross_talk, st_duration : see `maxwell_filter`.
    """
    import mne

    prepared = mne.preprocessing.maxwell_filter_prepare_emptyroom(empty_room.load_data(), raw=run)
    filtered, _ = maxwell_filter(
        prepared, first=run, calibration=calibration, cross_talk=cross_talk,
        st_duration=st_duration, find_bads=False, movement=False,
    )  # fmt: skip
    return filtered


def compute_head_positions(raw: "mne.io.BaseRaw") -> np.ndarray:
    """Compute the head position over time from the signals of the head coils (cHPI).

    Returns
    -------
    (n, 10) array: time (s), rotation (3, quaternion), translation (3, m), goodness of fit, error
    (m), velocity (m/s).
    """
    import mne

    amplitudes = mne.chpi.compute_chpi_amplitudes(raw)
    coils = mne.chpi.compute_chpi_locs(raw.info, amplitudes)
    return mne.chpi.compute_head_pos(raw.info, coils)
