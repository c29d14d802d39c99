"""Plausibility of positions: landmarks, electrodes and MEG sensors on the scale of a head.

It checks the header of a recording. The distance from the scalp of an MRI is in `forward`.
"""

import os
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from groupwise.errors import InputError, shorten_list

if TYPE_CHECKING:
    import mne

#: Limits of the distances between nasion and preauricular points, m. Those of newborns are above
#: 0.06, those of adults below 0.19. A wrong unit changes them by ten or more.
LANDMARK_DISTANCES = (0.05, 0.25)
#: Limits of the distance from the midpoint between the ears, m: electrodes at the ears of newborns
#: are above 0.03; electrodes at the neck and MEG sensors over a child's vertex below 0.25.
FROM_MIDPOINT = (0.03, 0.25)
#: Two channels nearer than this are at one place, m. Neighbours of caps with 256 electrodes are
#: 0.01 m apart.
SAME_PLACE = 1e-4
#: Smallest distance of a swapped pair of electrodes from the midline, m.
OFF_MIDLINE = 0.01
#: Families of the 10-20 system that a cap must have for its names to be trusted. Numbered caps,
#: such as A1 to H32 of BioSemi, don't have them.
FAMILIES = {"F", "C", "P", "O"}


def find_implausible_positions(
    raw: "mne.io.BaseRaw",
    path: str | os.PathLike,
    channels: Sequence[str],
    montage: str | None = None,
    landmarks: bool = True,
) -> list[str]:
    """Return findings on positions that can't be those of a head.

    Checked are the distances between the landmarks, those of electrodes and MEG sensors from the
    midpoint between the ears, channels at one place, and electrodes on the wrong side of the head.
    Bad channels are ignored.

    Parameters
    ----------
    raw, path : the recording and its file; positions are in metres.
    channels : analysed channel types ("mag", "grad", "eeg").
    montage : standard montage that replaces the recorded positions of the electrodes, which are
        then ignored.
    landmarks : whether the landmarks are recorded. mne-bids invents those of EEG without any.
    """
    good = [
        (kind, channel)
        for kind, channel in zip(raw.get_channel_types(), raw.info["chs"], strict=True)
        if kind in channels and channel["ch_name"] not in raw.info["bads"]
    ]
    meg = [(kind, channel) for kind, channel in good if kind != "eeg"]
    findings = _find_shared_places(path, meg)
    if meg or (landmarks and montage is None):
        findings += _find_implausible_landmarks(raw.info, path)
    if not findings:
        findings += _find_distant_sensors(raw.info, path, [channel for _, channel in meg])
    if montage is not None:
        return findings
    electrodes = {
        channel["ch_name"]: np.array(channel["loc"][:3], float)
        for kind, channel in good
        if kind == "eeg" and np.isfinite(channel["loc"][:3]).all()
    }
    findings += _find_shared_places(path, [item for item in good if item[0] == "eeg"])
    if not findings:
        findings += _find_distant_electrodes(path, electrodes)
        findings += _find_swapped_electrodes(path, electrodes)
    return findings


def require_near_scalp(median: float, largest: float) -> None:
    """Raise `InputError` if the digitised points are further from the scalp than `largest` (mm)."""
    if median > largest:
        raise InputError(
            f"The digitised head points are {median:.0f} mm from the scalp of the MRI (median), "
            f"but must be at most {largest:g} mm from it. Correct the landmarks in T1w.json or the "
            "file of meeg.coregistration.trans, and check that both belong to this subject."
        )


def _find_implausible_landmarks(info: "mne.Info", path: str | os.PathLike) -> list[str]:
    """Return a finding if nasion and preauricular points are not as far apart as on a head."""
    from mne.io.constants import FIFF

    points = {
        int(point["ident"]): np.array(point["r"], float)
        for point in info["dig"] or []
        if point["kind"] == FIFF.FIFFV_POINT_CARDINAL
    }
    names = {
        "nasion": int(FIFF.FIFFV_POINT_NASION),
        "LPA": int(FIFF.FIFFV_POINT_LPA),
        "RPA": int(FIFF.FIFFV_POINT_RPA),
    }
    if not set(names.values()) <= set(points):
        return []
    distances = {
        f"{a} to {b}": float(np.linalg.norm(points[names[a]] - points[names[b]]))
        for a, b in (*pairwise(names), ("nasion", "RPA"))
    }
    low, high = LANDMARK_DISTANCES
    if all(low <= value <= high for value in distances.values()):
        return []
    listed = ", ".join(f"{name} {value:.3g} m" for name, value in distances.items())
    return [
        f"{path}: the landmarks are not those of a head: {listed}; each must be {low:g} to "
        f"{high:g} m. Correct the landmarks or their unit (for EEG in coordsystem.json: "
        "AnatomicalLandmarkCoordinates and AnatomicalLandmarkCoordinateUnits, or set meeg.montage; "
        "for MEG in the recording), or list the subject under 'exclude'."
    ]


def _find_distant_electrodes(
    path: str | os.PathLike, electrodes: Mapping[str, np.ndarray]
) -> list[str]:
    """Return a finding on electrodes that can't be on a head."""
    low, high = FROM_MIDPOINT
    lengths = {name: float(np.linalg.norm(place)) for name, place in electrodes.items()}
    wrong = {name: value for name, value in lengths.items() if not low <= value <= high}
    if not wrong:
        return []
    name, value = next(iter(wrong.items()))
    return [
        f"{path}: {len(wrong)} of {len(lengths)} electrodes are not on a head, such as {name}, "
        f"{value:.3g} m from the midpoint between the ears (must be {low:g} to {high:g} m). "
        "Correct electrodes.tsv or EEGCoordinateUnits in coordsystem.json, mark channels that are "
        "not on the head as bad or MISC in channels.tsv, or set meeg.montage."
    ]


def _find_distant_sensors(
    info: "mne.Info", path: str | os.PathLike, sensors: Sequence[Mapping]
) -> list[str]:
    """Return a finding if MEG sensors are not around the head (without a head position: none)."""
    import mne

    trans = info["dev_head_t"]
    if trans is None or not sensors or np.allclose(trans["trans"], np.eye(4)):
        return []
    places = mne.transforms.apply_trans(trans, [channel["loc"][:3] for channel in sensors])
    median = float(np.median(np.linalg.norm(places, axis=1)))
    low, high = FROM_MIDPOINT
    if not np.isfinite(median) or low <= median <= high:
        return []
    return [
        f"{path}: the MEG sensors are {median:.3g} m from the midpoint between the ears (median; "
        f"must be {low:g} to {high:g} m). Correct the head position in the recording (its unit is "
        "m), or list the subject under 'exclude'."
    ]


def _find_shared_places(
    path: str | os.PathLike, channels: Sequence[tuple[str, Mapping]]
) -> list[str]:
    """Return a finding on channels of one type at one place (MEG: with one orientation)."""
    from scipy.spatial import cKDTree

    shared = []
    for kind in dict.fromkeys(kind for kind, _ in channels):
        own = [channel for each, channel in channels if each == kind]
        # Positions and, for MEG, the sensor's axes.
        places = np.array([channel["loc"][: 3 if kind == "eeg" else 12] for channel in own], float)
        finite = np.flatnonzero(np.isfinite(places).all(axis=1) & places.any(axis=1))
        pairs = cKDTree(places[finite]).query_pairs(SAME_PLACE) if len(finite) else set()
        shared += [
            f"{own[finite[a]]['ch_name']} and {own[finite[b]]['ch_name']}" for a, b in sorted(pairs)
        ]
    if not shared:
        return []
    listed = shorten_list(shared, others="other pairs")
    return [
        f"{path}: two channels are at one place: {listed}. Correct the "
        "positions (for EEG in electrodes.tsv), or mark one channel of each pair as bad in "
        "channels.tsv."
    ]


def _find_swapped_electrodes(
    path: str | os.PathLike, electrodes: Mapping[str, np.ndarray]
) -> list[str]:
    """Return a finding on 10-20 electrodes on the wrong side; left ones have odd numbers."""
    numbered = {
        (match[1], int(match[2])): name
        for name in electrodes
        if (match := re.fullmatch(r"([A-Za-z]+)(\d{1,2})", name))
    }
    # Left, right: F3 and F4, F7 and F8.
    pairs = [
        (name, numbered[family, number + 1])
        for (family, number), name in numbered.items()
        if number % 2 and (family, number + 1) in numbered
    ]
    if not {re.sub(r"\d", "", left).upper() for left, _ in pairs} >= FAMILIES:
        return []
    swapped = [
        f"{left} and {right}"
        for left, right in pairs
        if electrodes[left][0] > OFF_MIDLINE and electrodes[right][0] < -OFF_MIDLINE
    ]
    if not swapped:
        return []
    listed = shorten_list(swapped, others="other pairs")
    return [
        f"{path}: {len(swapped)} of {len(pairs)} pairs of electrodes are on the wrong side, such "
        f"as {listed}: odd numbers are left, where x is negative. Correct "
        "the signs or names in electrodes.tsv, exchange LPA and RPA, or set meeg.montage."
    ]
