"""Conditions and runs that a first-level design can't estimate."""

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

#: Energy (sum of squares) of a condition's regressor, relative to one complete response. Below a
#: tenth, the standard error is more than three times that from a single event.
LEAST_RESPONSE = 0.1
#: Share of a regressor's variance that no other column explains. Below, the variance inflation
#: factor is above 1,000; estimates are called unreliable from 5 to 10 on (Mumford et al. 2015).
LEAST_UNSHARED = 1e-3
#: Longest event of such a response, in s. A longer one adds to the plateau only.
LONGEST_EVENT = 10.0
#: Time after its event in which a response returns to zero, in s.
RESPONSE_LENGTH = 40.0


def find_residual_df(design: "pd.DataFrame") -> int:
    """Return the degrees of freedom of the residuals: rows minus rank."""
    return len(design) - int(np.linalg.matrix_rank(_normalize(design))) if len(design) else 0


def find_inestimable(
    design: "pd.DataFrame",
    events: "pd.DataFrame",
    conditions: Sequence[str],
    respond: Callable[..., "pd.DataFrame"],
) -> dict[str, str]:
    """Return the conditions whose effect the design can't estimate, with the reason and the remedy.

    Conditions whose regressors sum to a constant (blocks without rest) are not among them: their
    differences are estimable.

    Parameters
    ----------
    design : design matrix with times (s) as index, without the rows that are not used.
    events : onset, duration (s) and trial_type.
    conditions : names; those that the run lacks are ignored.
    respond : function of times and events that returns a design matrix.
    """
    present = [name for name in conditions if name in design]
    reasons = {}
    for name in present:
        share = _observe_share(design, events[events["trial_type"] == name], name, respond)
        if share < LEAST_RESPONSE:
            reasons[name] = (
                f"the data that are used contain only {100 * share:.2g}% of the response to one "
                "event, because its events are at an end of the run or the data are excluded there."
                " Remove its events from this run, or exclude fewer data"
            )
            continue
        unshared, weights = _regress_on_others(design, name)
        alike = {other: weights[other] for other in present if other != name}
        alike = {other: weight for other, weight in alike.items() if abs(weight) > 0.01}
        if unshared < LEAST_UNSHARED and not (
            alike and np.allclose(list(alike.values()), -1, atol=0.01)
        ):
            most = sorted(weights, key=lambda other: -abs(weights[other] * design[other].std()))
            reasons[name] = (
                f"other columns of the design ({', '.join(most[:3])}) explain all but "
                f"{100 * unshared:.2g}% of the variance of its regressor. Remove the confounds or "
                "the other events with the same time course"
            )
    return reasons


def _observe_share(
    design: "pd.DataFrame",
    events: "pd.DataFrame",
    name: str,
    respond: Callable[..., "pd.DataFrame"],
) -> float:
    """Return the energy of a condition's regressor relative to one complete response."""
    step = float(np.diff(design.index).min())
    duration = min(float(events["duration"].median()), LONGEST_EVENT)
    typical = events.iloc[:1].assign(onset=0.0, duration=duration)
    times = np.arange(0, duration + RESPONSE_LENGTH, step)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the design of the run gave the same warnings
        complete = respond(times, typical)[name]
    return float((design[name] ** 2).sum() / (complete**2).sum())


def _regress_on_others(design: "pd.DataFrame", name: str) -> tuple[float, dict[str, float]]:
    """Return the share of a regressor's variance that others leave, and their coefficients."""
    regressor = design[name].to_numpy()
    others = design.drop(columns=name)
    scale = np.linalg.norm(others, axis=0)
    weights = np.linalg.lstsq(_normalize(others), regressor, rcond=None)[0]
    left = regressor - _normalize(others) @ weights
    variance = float(((regressor - regressor.mean()) ** 2).sum())
    unshared = float((left**2).sum()) / variance if variance > 0 else 0.0
    return unshared, dict(zip(others, weights / np.where(scale > 0, scale, 1), strict=True))


def _normalize(design: "pd.DataFrame") -> np.ndarray:
    """Return the columns with norm 1; columns of zeros remain."""
    norms = np.linalg.norm(design, axis=0)
    return design.to_numpy() / np.where(norms > 0, norms, 1)
