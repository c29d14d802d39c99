"""Design matrices of BOLD runs, and the conditions that they can't estimate."""

from collections.abc import Mapping
from functools import partial

import nibabel as nib
import numpy as np
import pandas as pd
from nilearn.glm.first_level import make_first_level_design_matrix

from groupwise.stats.estimability import find_inestimable, find_residual_df

REMEDY = "or list the subject under 'exclude' with the reason."


def make_design(
    bold: str,
    events: pd.DataFrame,
    confounds: pd.DataFrame | None,
    timing: tuple[float, float],
    hrf: str,
    drift: str,
    high_pass: float,
) -> pd.DataFrame:
    """Return nilearn's design matrix of all volumes of a run, with the times (s) as index.

    Parameters
    ----------
    bold : path of the run.
    events : of `groupwise.inputs.events.read_events`.
    confounds : one row per volume; None without confounds.
    timing : repetition time (s), and slice timing reference (0 to 1).
    hrf, drift, high_pass : see the config's section `fmri`.
    """
    repetition, reference = timing
    volumes = nib.load(bold).shape[3]
    times = np.linspace(reference * repetition, (volumes - 1 + reference) * repetition, volumes)
    return make_first_level_design_matrix(
        times,
        events,
        hrf_model=hrf,
        drift_model=None if drift == "none" else drift,
        high_pass=high_pass,
        add_regs=None if confounds is None else confounds.to_numpy(),
        add_reg_names=None if confounds is None else list(confounds),
    )


def find_inestimable_conditions(
    run: Mapping[str, str],
    design: pd.DataFrame,
    events: pd.DataFrame,
    conditions: Mapping[str, str],
    hrf: str,
) -> list[str]:
    """Return findings on a run without residuals, and on conditions that it can't estimate.

    Parameters
    ----------
    run : dict with the paths `bold` and `events`.
    design : its design matrix, only the volumes that are used.
    events : its events.
    conditions, hrf : see the config's section `fmri`.
    """
    df = find_residual_df(design)
    if df < 1:
        return [
            f"{run['bold']}: {len(design)} volumes are used, but the design has "
            f"{design.shape[1]} regressors, which leaves {df} degrees of freedom. Choose fewer "
            f"fmri.confounds, raise the thresholds of scrubbing, {REMEDY}"
        ]
    respond = partial(make_first_level_design_matrix, hrf_model=hrf, drift_model=None)
    reasons = find_inestimable(design, events, list(conditions), respond)
    return [
        f"{run['events']}: condition {name} ({conditions[name]}) can't be estimated: {reason} "
        f"(fmri.confounds), {REMEDY}"
        for name, reason in reasons.items()
    ]
