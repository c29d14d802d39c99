"""Noise covariance: several estimators, the best on unseen data chosen."""

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

    Every estimator is scored by the log-likelihood of left-out data, and the best is taken
    (Engemann and Gramfort 2015, https://doi.org/10.1016/j.neuroimage.2014.12.040).

    Parameters
    ----------
    epochs : clean, baseline-corrected epochs.
    method : MNE's names of one or several estimators ("empirical", "shrunk", ...).
    tmin, tmax : the part of the epochs that holds noise, s; None for the epochs' own end.
    rank : "info", "full", None (estimated from the data) or the rank by channel type.
    folds : number of parts in the cross-validation.

    Returns
    -------
    covariance : the best estimate.
    scores : method chosen, log_likelihood of each estimator (mean over folds, nats a sample; None
        when there is but one, and so nothing to choose), rank by channel type, samples.
    """
    import mne

    if (tmin is not None and tmin > epochs.tmax) or (tmax is not None and tmax < epochs.tmin):
        raise InputError(
            f"covariance: {tmin} to {tmax} s lies outside the epochs "
            f"({epochs.tmin:g} to {epochs.tmax:g} s). Correct covariance.tmin and tmax."
        )
    found = mne.compute_covariance(
        epochs, tmin=tmin, tmax=tmax, method=_names(method), rank=rank, cv=folds,
        return_estimators=True,
    )  # fmt: skip
    return _best(found, epochs.info, rank)


def empty_room_covariance(
    raw: "mne.io.BaseRaw",
    info: "mne.Info",
    *,
    method: str | Sequence[str],
    rank: str | dict[str, int] | None,
    folds: int,
) -> tuple["mne.Covariance", dict[str, Any]]:
    """Estimate the noise covariance from a recording of the empty room.

    Parameters
    ----------
    raw : empty-room recording, loaded, already filtered like the data.
    info : the epochs' measurement info: its channels, bad channels and projectors are imposed
        on the empty room, so that both went through the same steps.
    method, rank, folds : see `epochs_covariance`.

    Raises
    ------
    InputError
        When the empty room lacks channels of the data.
    """
    import mne

    absent = [name for name in info["ch_names"] if name not in raw.ch_names]
    if absent:
        raise InputError(
            f"The empty-room recording lacks {len(absent)} channels of the data "
            f"({', '.join(absent[:5])}). Give one of the same system, or set "
            "covariance.source: baseline."
        )
    raw.pick(info["ch_names"], exclude=())
    raw.info["bads"] = list(info["bads"])
    raw.del_proj()
    raw.add_proj(info["projs"])
    raw.apply_proj()
    found = mne.compute_raw_covariance(
        raw, method=_names(method), rank=rank, cv=folds, return_estimators=True
    )
    return _best(found, info, rank)


def _names(method: str | Sequence[str]) -> list[str]:
    return [method] if isinstance(method, str) else list(method)


def _best(found, info, rank) -> tuple["mne.Covariance", dict[str, Any]]:
    import mne

    # Best first; a single estimator comes without list and likelihood.
    found = found if isinstance(found, list) else [found]
    likelihood = {str(cov["method"]): cov["loglik"] for cov in found}
    return found[0], {
        "method": str(found[0]["method"]),
        "log_likelihood": {k: None if v is None else float(v) for k, v in likelihood.items()},
        "rank": {k: int(v) for k, v in mne.compute_rank(found[0], rank=rank, info=info).items()},
        "samples": int(found[0]["nfree"]) + 1,
    }
