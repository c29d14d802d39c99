"""Phrases that parts of the methods text share: lists, ranges, times and devices."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from groupwise.permutation.wording import number
from groupwise.report.references import Citations

#: Channel types of MEG and EEG sensors.
SENSORS = {"mag": "magnetometers", "grad": "planar gradiometers", "eeg": "EEG electrodes"}
NEIGHBOURS = {
    "faces": "voxels that shared a face",
    "edges": "voxels that shared a face or an edge",
    "corners": "voxels that shared a face, an edge or a corner",
    "surface": "vertices that shared an edge of the cortical mesh",
    "sensors": "adjacent sensors",
}


def listed(words: Sequence[str], last: str = "and") -> str:
    """Return words joined as a list in a sentence: "a, b and c"."""
    *before, end = words
    return f"{', '.join(before)} {last} {end}" if before else end


def count(n: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun: "1 participant", "2 participants"."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def span(values: Any) -> str:
    """Return one number, or the range of several, in words; NaN is ignored."""
    values = pd.Series(np.asarray(values, float)).dropna()
    if not len(values):
        return "an unknown number of"
    low, high = values.min(), values.max()
    return _plain(low) if low == high else f"{_plain(low)} to {_plain(high)}"


def _plain(value: float) -> str:
    """Return an integer with all its digits, other numbers with three significant digits."""
    return f"{value:,.0f}" if float(value).is_integer() else number(value)


def average(values: Sequence[float], each: str) -> str:
    """Return a number per `each`: "2 per participant", or the mean with its range."""
    low, high = min(values), max(values)
    if low == high:
        return f"{low:g} per {each}"
    return f"{np.mean(values):.1f} per {each} on average; range {low:g} to {high:g}"


def milliseconds(start: float | None, stop: float | None) -> str:
    """Return a time window (s) in ms, such as "from 0 to 500 ms"; None is an open end."""
    low, high = (None if edge is None else f"{round(1e3 * edge, 6):g}" for edge in (start, stop))
    if low is None and high is None:
        return "over the whole epoch"
    if high is None:
        return f"from {low} ms to the end of the epoch"
    if low is None:
        return f"from the start of the epoch to {high} ms"
    return f"from {low} to {high} ms"


def window(crop: Sequence[float | None] | None, averaged: bool) -> str:
    """Return the tested time window, to follow a noun: " from 0 to 500 ms"."""
    words = milliseconds(*(crop or (None, None)))
    return f", averaged {words}" if averaged else f" {words}"


def in_time(neighbours: str, averaged: bool) -> str:
    """Return neighbours in space, and in time unless the mean over time is tested."""
    more = "" if averaged else " and, at each location, successive time samples"
    return neighbours + more


def of_hemispheres(hemispheres: Sequence[str]) -> str:
    """Return the tested hemisphere, to follow a noun; empty if both are tested."""
    names = {"lh": "left", "rh": "right"}
    return f" of the {names[hemispheres[0]]} hemisphere" if len(set(hemispheres)) == 1 else ""


def device(about: Mapping[str, Any]) -> str:
    """Return manufacturer and model from BIDS sidecars; empty if they have neither."""
    parts = [about.get("Manufacturer"), about.get("ManufacturersModelName")]
    # MNE-BIDS writes the file format if it does not know the manufacturer.
    return " ".join(str(part) for part in parts if part and part not in ("n/a", "SNIRF"))


def conditions(names: Sequence[str], events: pd.DataFrame, noun: str) -> str:
    """Return a sentence on the conditions and their numbers of trials or events.

    Parameters
    ----------
    events : numbers of trials or events, one row per run and one column per condition.
    noun : "trials" or "events".
    """
    if len(names) == 1:
        return f"The condition was {names[0]}, with {span(events.stack())} {noun} per run."
    return (
        f"The conditions were {listed(list(names))}, with {span(events.stack())} {noun} per "
        "condition and run."
    )


def impulses(recordings: pd.DataFrame, units: str) -> str:
    """Return a sentence on conditions that are modelled as impulses; empty if there are none.

    Parameters
    ----------
    recordings : table of the input check; its column `impulses` names such conditions.
    units : what the effects of these conditions are not.
    """
    cells = recordings["impulses"].dropna() if "impulses" in recordings else []
    names = list(dict.fromkeys(name for cell in cells for name in str(cell).split(", ")))
    if not names:
        return ""
    return (
        f"All events of {listed(names)} had a duration of 0 and were modelled as impulses, so the "
        f"magnitudes of their effects depend on the sampling interval of the model and are not "
        f"{units}."
    )


def contrasts(formulas: Mapping[str, str]) -> str:
    """Return a sentence on the contrasts of the first level; empty if there are none."""
    if not formulas:
        return ""
    each = [f"{name} ({formula})" for name, formula in formulas.items()]
    start = "The first-level contrast was" if len(each) == 1 else "First-level contrasts were"
    return f"{start} {listed(each)}."


def drift(model: str, high_pass: float) -> str:
    """Return a sentence on the drift model of the first level."""
    return {
        "none": "No drift model was included.",
        "cosine": f"Slow drifts were modelled by a discrete cosine basis (high-pass cut-off "
        f"{high_pass:g} Hz).",
        "polynomial": "Slow drifts were modelled by a first-order polynomial.",
    }[model]


def haemodynamic_response(model: str, cite: Citations) -> str:
    """Return the haemodynamic response function in words, from its name in nilearn."""
    base, *more = model.split(" + ")
    function = {
        "spm": "the canonical haemodynamic response function of SPM",
        "glover": f"the haemodynamic response function of {cite.named('glover')}"
        if base == "glover"
        else "",
    }[base]
    added = {"derivative": "time", "dispersion": "dispersion"}
    if not more:
        return function
    noun = "derivative" if len(more) == 1 else "derivatives"
    return f"{function} and its {listed([added[each] for each in more])} {noun}"
