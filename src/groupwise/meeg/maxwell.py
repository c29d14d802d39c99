"""Maxwell filter (signal-space separation) of MEG recordings, with head positions."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from groupwise.errors import InputError

if TYPE_CHECKING:
    import mne

logger = logging.getLogger(__name__)


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
    """Keep what comes from inside the head, as seen from the head position of the first run.

    Signal-space separation, with time if asked for (Taulu and Simola 2006,
    https://doi.org/10.1088/0031-9155/51/7/008). Bad MEG channels are made up from the others and
    are good afterwards.

    Parameters
    ----------
    raw : a run; loaded if it is not yet.
    first : the run whose head position all runs are brought to.
    calibration, cross_talk : files of fine calibration and cross-talk compensation.
    st_duration : s, buffer of temporal separation; None for none.
    find_bads : mark channels as bad whose signal the others do not expect, or that are flat.
    movement : follow the head's continuous position from its coils (cHPI).

    Returns
    -------
    raw : filtered.
    found : what was done, for the sidecar; largestMovement in mm.

    Raises
    ------
    InputError
        When the recording was Maxwell-filtered already, has no MEG channels, or has no head
        position that could be followed.
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
        head_pos = head_positions(raw) if movement else None
        done = mne.preprocessing.maxwell_filter(
            raw,
            **files,
            st_duration=st_duration,
            destination=first.info["dev_head_t"],
            head_pos=head_pos,
        )
    except (RuntimeError, ValueError) as error:
        raise InputError(
            f"{name}: no Maxwell filter ({' '.join(str(error).split())}). Correct meeg.maxwell; "
            "without that section recordings are taken as they are."
        ) from error
    if head_pos is not None:
        moved = np.linalg.norm(head_pos[:, 4:7] - head_pos[0, 4:7], axis=1)
        found |= {"headPositions": len(head_pos), "largestMovement": round(1e3 * moved.max(), 2)}
    logger.info("%s: %s", name, found)
    return done, found


def cleaner(
    options: dict[str, Any] | None, files: Mapping[str, Sequence[str]], found: list[dict[str, Any]]
) -> Callable[["mne.io.BaseRaw", "mne.io.BaseRaw"], "mne.io.BaseRaw"] | None:
    """`maxwell_filter` as `read_runs` calls it; None where there are no options.

    Parameters
    ----------
    options : the config's section maxwell.
    files : calibration and cross_talk, each one file or none.
    found : gets what was done, a dict a run.
    """
    if options is None:
        return None
    tuning: dict[str, Any] = {
        key: next(iter(files[key]), None) for key in ("calibration", "cross_talk")
    }

    def clean(raw: "mne.io.BaseRaw", first: "mne.io.BaseRaw") -> "mne.io.BaseRaw":
        done, facts = maxwell_filter(raw, first=first, **options, **tuning)
        found.append(facts)
        return done

    return clean


def filter_empty_room(
    room: "mne.io.BaseRaw",
    *,
    run: "mne.io.BaseRaw",
    calibration: str | None,
    cross_talk: str | None,
    st_duration: float | None,
) -> "mne.io.BaseRaw":
    """The Maxwell filter of a recording of the empty room, as if the head had been there.

    Parameters
    ----------
    room : the empty room.
    run : the first run of the recording that it belongs to.
    calibration, cross_talk, st_duration : see `maxwell_filter`.
    """
    import mne

    prepared = mne.preprocessing.maxwell_filter_prepare_emptyroom(room.load_data(), raw=run)
    done, _ = maxwell_filter(
        prepared, first=run, calibration=calibration, cross_talk=cross_talk,
        st_duration=st_duration, find_bads=False, movement=False,
    )  # fmt: skip
    return done


def head_positions(raw: "mne.io.BaseRaw") -> np.ndarray:
    """Position of the head over time, from the signals of its coils (cHPI).

    Returns
    -------
    (n, 10) time (s), rotation as quaternion (3), translation (m, 3), goodness, error, velocity.
    """
    import mne

    amplitudes = mne.chpi.compute_chpi_amplitudes(raw)
    places = mne.chpi.compute_chpi_locs(raw.info, amplitudes)
    return mne.chpi.compute_head_pos(raw.info, places)
