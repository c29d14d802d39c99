"""Inverse operator, and source estimates of evoked responses."""

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
    """Minimum-norm inverse operator.

    Parameters
    ----------
    info : of the evoked responses: channels, bad channels, projectors.
    loose : variance of tangential relative to normal sources, 0 to 1; 0 is the same as `fixed`,
        which does not use it.
    depth : exponent of the depth weighting; None for none.
    fixed : sources normal to the cortex only.
    rank : rank of the noise covariance, as it was estimated with.
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
    """Source estimates by an LCMV beamformer of unit noise gain (`mne.beamformer`).

    One filter serves all conditions: its data covariance is that of all epochs.

    Parameters
    ----------
    epochs : clean epochs of all conditions.
    covariance : of the noise, which whitens.
    tmin, tmax : s, window of the data covariance; None: to the epochs' end.
    reg : regularisation.
    orientation : None (length over orientations), "normal" or "vector".
    rank : as the noise covariance was estimated with.

    Raises
    ------
    InputError : the window lies outside the epochs.
    """
    import mne

    if tmin < epochs.tmin - 1e-9 or (tmax is not None and tmax > epochs.tmax + 1e-9):
        raise InputError(
            f"config: meeg.inverse.beamformer: {tmin:g} to {tmax} s lies outside the epochs "
            f"({epochs.tmin:g} to {epochs.tmax:g} s)"
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
    """How much of a response its source estimate explains.

    Parameters
    ----------
    residual : what the sources do not make up, of `source_estimates`.

    Returns
    -------
    Channel type to 1 - |residual|^2 / |response|^2, over channels and times.
    """
    shares = {}
    for kind in dict.fromkeys(residual.get_channel_types(only_data_chs=True)):
        names = residual.copy().pick(kind, exclude="bads").ch_names
        whole = evoked.copy().apply_proj().get_data(names)
        left = residual.get_data(names)
        shares[kind] = float(1 - (left**2).sum() / (whole**2).sum())
    return shares


def source_estimates(
    evokeds: Sequence["mne.Evoked"],
    operator: "mne.minimum_norm.InverseOperator",
    *,
    method: str,
    snr: float,
    orientation: str | None,
) -> tuple[list["mne.SourceEstimate"], list["mne.Evoked"]]:
    """Source estimates of evoked responses, and what they leave of them.

    Parameters
    ----------
    method : "MNE", "dSPM", "sLORETA" or "eLORETA".
    snr : assumed amplitude signal-to-noise ratio; the regularisation is 1 / snr**2.
    orientation : None (length of the current vector, always positive), "normal" (its signed part
        along the surface normal) or "vector" (its three parts). Fixed sources are signed in any
        case.

    Returns
    -------
    estimates : one an evoked response, in order: A m for MNE, else without unit.
    residuals : the responses without what the sources make up.
    """
    import mne

    regularisation = 1.0 / snr**2
    if operator["source_ori"] == mne.io.constants.FIFF.FIFFV_MNE_FIXED_ORI:
        orientation = None  # the normal is all there is, and MNE looks for three components
    prepared: dict[int, mne.minimum_norm.InverseOperator] = {}
    estimates, residuals = [], []
    for evoked in evokeds:
        # Preparing the operator depends on the number of averages alone.
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
    """The largest value of each estimate; of vectors, the largest length."""
    lengths = [e.magnitude() if e.data.ndim == 3 else e for e in estimates]
    return [float(estimate.data.max()) for estimate in lengths]
