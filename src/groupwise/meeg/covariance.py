"""Noise covariance from the baseline or an empty room, with a cross-validated estimator."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from groupwise.errors import InputError

if TYPE_CHECKING:
    import mne


def epochs_covariance(
    epochs: "mne.BaseEpochs",
    *,
    method: str | Sequence[str],
    tmin: float | None,
    tmax: float | None,
    rank: str | dict[str, int] | None,
    folds: int,
) -> tuple["mne.Covariance", dict[str, Any]]:
    """Estimate the noise covariance of the channels from the epochs' baseline.

    Each estimator is scored by the log-likelihood of left-out data, and the best is used
    (Engemann and Gramfort 2015, https://doi.org/10.1016/j.neuroimage.2014.12.040).

    Parameters
    ----------
    epochs : clean, baseline-corrected epochs.
    method : one or several estimators, by MNE's names ("empirical", "shrunk", ...).
    tmin, tmax : window of the epochs that contains only noise, s; None: start or end of the epochs.
    rank : "info", "full", None (estimated from the data) or the rank of each channel type.
    folds : number of folds of the cross-validation.

    Returns
    -------
    covariance : the best estimate.
    scores : `method` (the chosen estimator), `log_likelihood` of each estimator (mean over folds,
        nat per sample; None for a single estimator, which is not scored), `rank` of each channel
        type, and number of `samples`.

    Raises
    ------
    InputError
        If the window lies outside the epochs.
    """
    import mne

    if (tmin is not None and tmin > epochs.tmax) or (tmax is not None and tmax < epochs.tmin):
        raise InputError(
            f"config: meeg.covariance: the window {tmin} to {tmax} s lies outside the epochs "
            f"({epochs.tmin:g} to {epochs.tmax:g} s). Correct covariance.tmin and covariance.tmax."
        )
    estimates = mne.compute_covariance(
        epochs, tmin=tmin, tmax=tmax, method=_list_methods(method), rank=rank, cv=folds,
        return_estimators=True,
    )  # fmt: skip
    return _select_best(estimates, epochs.info, rank)


def empty_room_covariance(
    raw: "mne.io.BaseRaw",
    info: "mne.Info",
    *,
    method: str | Sequence[str],
    rank: str | dict[str, int] | None,
    folds: int,
) -> tuple["mne.Covariance", dict[str, Any]]:
    """Estimate the noise covariance from an empty-room recording.

    Parameters
    ----------
    raw : empty-room recording, loaded and filtered like the data; changed in place.
    info : measurement info of the epochs. Its channels, bad channels and projectors are applied to
        the empty-room recording, so that both have the same processing.
    method, rank, folds : see `epochs_covariance`.

    Returns
    -------
    covariance, scores : see `epochs_covariance`.

    Raises
    ------
    InputError
        If the empty-room recording lacks channels of the data.
    """
    import mne

    absent = [name for name in info["ch_names"] if name not in raw.ch_names]
    if absent:
        raise InputError(
            f"The empty-room recording lacks {len(absent)} channels of the data "
            f"({', '.join(absent[:5])}). Use a recording of the same system, or set "
            "covariance.source: baseline."
        )
    raw.pick(info["ch_names"], exclude=())
    raw.info["bads"] = list(info["bads"])
    raw.del_proj()
    raw.add_proj(info["projs"])
    raw.apply_proj()
    estimates = mne.compute_raw_covariance(
        raw, method=_list_methods(method), rank=rank, cv=folds, return_estimators=True
    )
    return _select_best(estimates, info, rank)


def _list_methods(method: str | Sequence[str]) -> list[str]:
    return [method] if isinstance(method, str) else list(method)


def _select_best(estimates, info, rank) -> tuple["mne.Covariance", dict[str, Any]]:
    import mne

    # MNE returns a list, best first; for a single estimator, a covariance without likelihood.
    estimates = estimates if isinstance(estimates, list) else [estimates]
    likelihood = {str(cov["method"]): cov["loglik"] for cov in estimates}
    best = estimates[0]
    return best, {
        "method": str(best["method"]),
        "log_likelihood": {k: None if v is None else float(v) for k, v in likelihood.items()},
        "rank": {k: int(v) for k, v in mne.compute_rank(best, rank=rank, info=info).items()},
        "samples": int(best["nfree"]) + 1,
    }
