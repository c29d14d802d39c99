"""Inverse operator, and source estimates of evoked responses."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

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


def source_estimates(
    evokeds: Sequence["mne.Evoked"],
    operator: "mne.minimum_norm.InverseOperator",
    *,
    method: str,
    snr: float,
    orientation: str | None,
) -> list["mne.SourceEstimate"]:
    """Source estimates of evoked responses.

    Parameters
    ----------
    method : "MNE", "dSPM", "sLORETA" or "eLORETA".
    snr : assumed amplitude signal-to-noise ratio; the regularisation is 1 / snr**2.
    orientation : None (length of the current vector, always positive) or "normal" (its signed
        part along the surface normal). Fixed sources are signed either way.

    Returns
    -------
    One estimate an evoked response, in order: am for MNE, else without unit.
    """
    import mne

    regularisation = 1.0 / snr**2
    if operator["source_ori"] == mne.io.constants.FIFF.FIFFV_MNE_FIXED_ORI:
        orientation = None  # the normal is all there is, and MNE looks for three components
    prepared: dict[int, mne.minimum_norm.InverseOperator] = {}
    estimates = []
    for evoked in evokeds:
        # Preparing the operator depends on the number of averages alone.
        if evoked.nave not in prepared:
            prepared[evoked.nave] = mne.minimum_norm.prepare_inverse_operator(
                operator, evoked.nave, regularisation, method
            )
        estimates.append(
            mne.minimum_norm.apply_inverse(
                evoked,
                prepared[evoked.nave],
                regularisation,
                method,
                pick_ori=orientation,
                prepared=True,
            )
        )
    return estimates
