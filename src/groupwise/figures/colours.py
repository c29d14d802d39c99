"""Colours of all figures: distinguishable with colour blindness and, if possible, in grey."""

import numpy as np

#: Okabe and Ito (2008), strongest contrast on white first.
CONDITIONS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
    "#999933",
)
LINES = ("-", "--", "-.", ":")


def colour_map(signed: bool) -> str:
    """Return a diverging colour map for a signed statistic, else a sequential one."""
    return "RdBu_r" if signed else "YlOrRd"


def colour_limit(values: np.ndarray, threshold: float) -> float:
    """Return the end of the colour scale: the 98th percentile of the values above the threshold.

    With the maximum as its end, single extreme points of an F or t with few degrees of freedom
    would leave all others pale.
    """
    size, threshold = np.abs(values), abs(float(threshold))
    beyond = size[size > threshold]
    return max(1.5 * threshold, float(np.percentile(beyond, 98)) if len(beyond) else 0.0)


def extend(values: np.ndarray, limits: tuple[float, float]) -> str:
    """Return which ends of a colour bar have arrows, because values are outside `limits`."""
    low, high = float(np.min(values)) < limits[0], float(np.max(values)) > limits[1]
    return {(0, 0): "neither", (0, 1): "max", (1, 0): "min", (1, 1): "both"}[low, high]


def fade(values: np.ndarray, threshold: float) -> np.ndarray:
    """Return the opacity of an unthresholded map: 1 above the threshold, quadratic below it.

    This highlights results without hiding others (Taylor et al. 2023, NeuroImage 274:120138).
    """
    return np.clip(np.abs(values) / max(abs(float(threshold)), 1e-12), 0, 1) ** 2
