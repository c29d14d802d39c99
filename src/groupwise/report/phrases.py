"""Phrases that several parts of the methods text share: lists, ranges, times, devices."""

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
    """Join words as a sentence lists them: "a, b and c"."""
    *before, end = words
    return f"{', '.join(before)} {last} {end}" if before else end


def count(n: int, one: str, many: str | None = None) -> str:
    """A number and its noun: "1 participant", "2 participants"."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def span(values: Any) -> str:
    """One number, or the range of several; NaN is left out."""
    values = pd.Series(np.asarray(values, float)).dropna()
    if not len(values):
        return "an unknown number of"
    low, high = values.min(), values.max()
    return _plain(low) if low == high else f"{_plain(low)} to {_plain(high)}"


def _plain(value: float) -> str:
    """A whole number as it is, others with three digits."""
    return f"{value:,.0f}" if float(value).is_integer() else number(value)


def average(values: Sequence[float], each: str) -> str:
    """How many per participant: "2 per participant", or the mean with its range."""
    low, high = min(values), max(values)
    if low == high:
        return f"{low:g} per {each}"
    return f"{np.mean(values):.1f} per {each} on average; range {low:g} to {high:g}"


def milliseconds(start: float | None, stop: float | None) -> str:
    """A time window in s as ms, None for an open end: "from 0 to 500 ms"."""
    low, high = (None if edge is None else f"{round(1e3 * edge, 6):g}" for edge in (start, stop))
    if low is None and high is None:
        return "over the whole epoch"
    if high is None:
        return f"from {low} ms to the end of the epoch"
    if low is None:
        return f"from the start of the epoch to {high} ms"
    return f"from {low} to {high} ms"


def window(crop: Sequence[float | None] | None, averaged: bool) -> str:
    """The time window that an analysis tests, after a noun: " from 0 to 500 ms"."""
    words = milliseconds(*(crop or (None, None)))
    return f", averaged {words}" if averaged else f" {words}"


def in_time(neighbours: str, averaged: bool) -> str:
    """Neighbours in space, and in time unless the mean over time is tested."""
    more = "" if averaged else " and, at each location, successive time samples"
    return neighbours + more


def of_hemispheres(hemispheres: Sequence[str]) -> str:
    """Which hemisphere is tested, if it is not both."""
    names = {"lh": "left", "rh": "right"}
    return f" of the {names[hemispheres[0]]} hemisphere" if len(set(hemispheres)) == 1 else ""


def device(about: Mapping[str, Any]) -> str:
    """Manufacturer and model, where the sidecars have them."""
    parts = [about.get("Manufacturer"), about.get("ManufacturersModelName")]
    # MNE-BIDS writes the file format where it does not know the manufacturer.
    return " ".join(str(part) for part in parts if part and part not in ("n/a", "SNIRF"))


def conditions(names: Sequence[str], events: pd.DataFrame, noun: str) -> str:
    """The conditions and their number of trials or events, per run.

    Parameters
    ----------
    events : a row per run, a column per condition.
    """
    if len(names) == 1:
        return f"The condition was {names[0]}, with {span(events.stack())} {noun} per run."
    return (
        f"The conditions were {listed(list(names))}, with {span(events.stack())} {noun} per "
        "condition and run."
    )


def contrasts(formulas: Mapping[str, str]) -> str:
    """The contrasts of the first level, if there are any."""
    if not formulas:
        return ""
    each = [f"{name} ({formula})" for name, formula in formulas.items()]
    start = "The first-level contrast was" if len(each) == 1 else "First-level contrasts were"
    return f"{start} {listed(each)}."


def drift(model: str, high_pass: float) -> str:
    """How the first level models slow drifts."""
    return {
        "none": "No drift model was included.",
        "cosine": f"Slow drifts were modelled by a discrete cosine basis (high-pass cut-off "
        f"{high_pass:g} Hz).",
        "polynomial": "Slow drifts were modelled by a first-order polynomial.",
    }[model]


def haemodynamic_response(model: str, cite: Citations) -> str:
    """The response function that events are convolved with, by nilearn's name."""
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
