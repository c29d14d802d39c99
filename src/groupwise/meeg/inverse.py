"""Source estimates of evoked responses, by minimum-norm inverse operators and beamformers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from groupwise.errors import InputError

if TYPE_CHECKING:
    import mne


def inverse_operator(
    info: "mne.Info",
    forward: "mne.Forward",
    covariance: "mne.Covariance",
    *,
    loose: float,
    depth: float | None,
    fixed: bool,
    rank: str | dict[str, int] | None = None,
) -> "mne.minimum_norm.InverseOperator":
    """Return the minimum-norm inverse operator.

    Parameters
    ----------
    info : measurement info of the evoked responses, with bad channels and projectors.
    loose : variance of tangential sources relative to normal ones, 0 to 1; 0 is equal to `fixed`.
        Not used if `fixed`.
    depth : exponent of the depth weighting; None: no depth weighting.
    fixed : whether sources are fixed to the normal of the cortex.
    rank : rank with which the noise covariance was estimated.
    """
    import mne

    return mne.minimum_norm.make_inverse_operator(
        info,
        forward,
        covariance,
        loose=0.0 if fixed else loose,
        depth=depth,
        fixed=fixed or loose == 0,
        rank=rank,
    )


def beamformer_estimates(
    evokeds: Sequence["mne.Evoked"],
    epochs: "mne.BaseEpochs",
    forward: "mne.Forward",
    covariance: "mne.Covariance",
    *,
    tmin: float,
    tmax: float | None,
    reg: float,
    orientation: str | None,
    rank: str | None,
) -> list["mne.SourceEstimate"]:
    """Return source estimates by an LCMV beamformer with unit noise gain (`mne.beamformer`).

    All conditions have the same spatial filter, from the data covariance of all epochs.

    Parameters
    ----------
    evokeds : one evoked response per condition.
    epochs : clean epochs of all conditions.
    covariance : noise covariance, for whitening.
    tmin, tmax : window of the data covariance, s; tmax None: the end of the epochs.
    reg : regularisation of the data covariance.
    orientation : None (vector length), "normal" or "vector".
    rank : rank with which the noise covariance was estimated.

    Raises
    ------
    InputError
        If the window is not inside the epochs.
    """
    import mne

    if tmin < epochs.tmin - 1e-9 or (tmax is not None and tmax > epochs.tmax + 1e-9):
        raise InputError(
            f"config: meeg.inverse.beamformer: the window {tmin:g} to {tmax} s lies outside the "
            f"epochs ({epochs.tmin:g} to {epochs.tmax:g} s). Correct its tmin and tmax."
        )
    data = mne.compute_covariance(epochs, tmin=tmin, tmax=tmax, method="empirical", rank=rank)
    filters = mne.beamformer.make_lcmv(
        evokeds[0].info,
        mne.convert_forward_solution(forward, surf_ori=True),
        data,
        reg=reg,
        noise_cov=covariance,
        pick_ori=orientation,
        weight_norm="unit-noise-gain",
        rank=rank,
    )
    return [mne.beamformer.apply_lcmv(evoked, filters) for evoked in evokeds]


def explained_variance(evoked: "mne.Evoked", residual: "mne.Evoked") -> dict[str, float]:
    """Return the share of a response's variance that its source estimate explains.

    Parameters
    ----------
    evoked : the evoked response.
    residual : the part that the sources do not explain, from `source_estimates`.

    Returns
    -------
    1 - |residual|^2 / |response|^2, summed over channels and times, by channel type.
    """
    shares = {}
    for kind in dict.fromkeys(residual.get_channel_types(only_data_chs=True)):
        names = residual.copy().pick(kind, exclude="bads").ch_names
        response = evoked.copy().apply_proj().get_data(names)
        unexplained = residual.get_data(names)
        shares[kind] = float(1 - (unexplained**2).sum() / (response**2).sum())
    return shares


def source_estimates(
    evokeds: Sequence["mne.Evoked"],
    operator: "mne.minimum_norm.InverseOperator",
    *,
    method: str,
    snr: float,
    orientation: str | None,
) -> tuple[list["mne.SourceEstimate"], list["mne.Evoked"]]:
    """Return minimum-norm source estimates of evoked responses, and the residuals.

    Parameters
    ----------
    method : "MNE", "dSPM", "sLORETA" or "eLORETA".
    snr : assumed amplitude signal-to-noise ratio; the regularisation is 1 / snr**2.
    orientation : None (length of the current vector, positive), "normal" (its signed component
        along the surface normal) or "vector" (its three components). Sources of fixed orientation
        are always signed.

    Returns
    -------
    estimates : one per evoked response, in the same order; in A m for MNE, else without unit.
    residuals : the evoked responses minus the part that the sources explain.
    """
    import mne

    regularisation = 1.0 / snr**2
    if operator["source_ori"] == mne.io.constants.FIFF.FIFFV_MNE_FIXED_ORI:
        orientation = None  # with "normal", MNE expects three components per source
    prepared: dict[int, mne.minimum_norm.InverseOperator] = {}
    estimates, residuals = [], []
    for evoked in evokeds:
        # The prepared operator depends only on the number of averaged epochs.
        if evoked.nave not in prepared:
            prepared[evoked.nave] = mne.minimum_norm.prepare_inverse_operator(
                operator, evoked.nave, regularisation, method
            )
        estimate, residual = mne.minimum_norm.apply_inverse(
            evoked,
            prepared[evoked.nave],
            regularisation,
            method,
            pick_ori=orientation,
            prepared=True,
            return_residual=True,
        )
        estimates.append(estimate)
        residuals.append(residual)
    return estimates, residuals


def largest_values(estimates: Sequence["mne.SourceEstimate"]) -> list[float]:
    """Return the largest value of each estimate; for vectors, the largest length."""
    lengths = [e.magnitude() if e.data.ndim == 3 else e for e in estimates]
    return [float(estimate.data.max()) for estimate in lengths]
