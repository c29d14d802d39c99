"""First-level GLM of each fNIRS channel, with short channels as regressors of the scalp."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import mne
import numpy as np
import pandas as pd
from mne_nirs.statistics import run_glm
from nilearn.glm.first_level import make_first_level_design_matrix
from scipy.stats import t as student

from groupwise.config.formula import contrasts_of
from groupwise.errors import InputError
from groupwise.fnirs.recordings import read_intensity, read_regressors, read_run_events
from groupwise.stats.collinearity import inflation
from groupwise.stats.estimability import find_inestimable, find_residual_df

#: Scale factor from mol/l (recordings) to micromol/l (tables).
MICRO = 1e6


@dataclass(frozen=True)
class FirstLevel:
    """First-level results of one participant.

    Attributes
    ----------
    estimates : theta, se, t, df, p and runs, by condition or contrast and by channel.
    designs : of each run, the design matrix of each chromophore.
    inflation : of each run, the variance inflation factor of each condition.
    shared : of each run, the R² of each condition's regressor on those of the short channels.
    """

    estimates: dict[str, dict[str, dict[str, float]]]
    designs: list[dict[str, pd.DataFrame]]
    inflation: list[dict[str, float]]
    shared: list[dict[str, float]]


def fit_participant(
    signals: Sequence[mne.io.BaseRaw],
    pairs: Sequence[pd.DataFrame],
    runs: Sequence[Mapping[str, str]],
    *,
    conditions: Mapping[str, str],
    contrasts: Mapping[str, str],
    short_channels: Mapping[str, Any],
    stim_duration: float | None,
    hrf: str,
    drift: str,
    high_pass: float,
    noise: str,
) -> FirstLevel:
    """Fit a GLM to each good long channel of each run, and combine the estimates over runs.

    Parameters
    ----------
    signals, pairs : of each run, haemoglobin and the table of pairs.
    runs : of each run, a dict with the paths `raw`, `events` and `confounds`.
    conditions ... noise : see the config's section `fnirs`.

    Raises
    ------
    InputError
        If there is no good short pair, events or confounds can't be used, or a condition or a run
        can't be estimated.
    """
    findings: list[str] = []
    fits, designs, factors, shared = [], [], [], []
    for raw, table, run in zip(signals, pairs, runs, strict=True):
        annotated = raw if run["events"] else read_intensity(run["raw"], preload=False)
        events = read_run_events(run, annotated, conditions, stim_duration)
        short = make_short_regressors(
            raw, table, short_channels["regressors"], short_channels["n_components"]
        )
        more = read_regressors(run["confounds"], raw.times)
        design = {
            chroma: make_design_matrix(
                raw.times,
                events,
                pd.concat([regressors, more], axis=1),
                hrf=hrf,
                drift=drift,
                high_pass=high_pass,
            )
            for chroma, regressors in short.items()
        }
        own = find_inestimable_conditions(run, design, events, conditions, hrf)
        findings += own
        if own:
            continue
        fits.append(fit_channels(pick_long_channels(raw, table), design, noise))
        designs.append(design)
        factors.append(inflation(design["hbo"], list(conditions)))
        shared.append(compute_shared_variance(design["hbo"], list(conditions), list(short["hbo"])))
    if findings:
        raise InputError(findings)
    estimates = {
        name: combine_runs(fits, designs, weights)
        for name, weights in contrasts_of(list(conditions), contrasts).items()
    }
    return FirstLevel(estimates, designs, factors, shared)


def pick_long_channels(raw: mne.io.BaseRaw, pairs: pd.DataFrame) -> mne.io.BaseRaw:
    """Return a copy with only the good long channels, HbO and HbR of each pair in turn."""
    chosen = pairs.loc[(pairs["kind"] == "long") & (pairs["status"] == "good"), "pair"]
    return raw.copy().pick([f"{pair} {chroma}" for pair in chosen for chroma in ("hbo", "hbr")])


def make_short_regressors(
    raw: mne.io.BaseRaw, pairs: pd.DataFrame, regressors: str, n_components: int
) -> dict[str, pd.DataFrame]:
    """Make regressors of the scalp's signal from short channels, for each chromophore.

    Parameters
    ----------
    raw : haemoglobin.
    pairs : table of pairs.
    regressors : "none", "mean", "chromophore" or "components", see the config.
    n_components : number of principal components.

    Returns
    -------
    Tables by chromophore ("hbo", "hbr") with one column per regressor: means in micromol/l, or
    principal components; no columns for "none".

    Raises
    ------
    InputError
        If there is no good short pair, or there are fewer channels than components.
    """
    nothing = pd.DataFrame(index=range(len(raw.times)))
    if regressors == "none":
        return {"hbo": nothing, "hbr": nothing}
    chosen = pairs.loc[(pairs["kind"] == "short") & (pairs["status"] == "good"), "pair"]
    if not len(chosen):
        raise InputError(
            "There is no good short pair. Set fnirs.short_channels.regressors: none, or increase "
            "fnirs.short_channels.longest."
        )
    signals = {
        chroma: MICRO * raw.get_data([f"{pair} {chroma}" for pair in chosen])
        for chroma in ("hbo", "hbr")
    }
    means = {"hbo": signals["hbo"].mean(0), "hbr": signals["hbr"].mean(0)}
    if regressors == "components":
        stacked = np.concatenate(list(signals.values()))
        if len(stacked) < n_components:
            raise InputError(
                f"There are {len(stacked)} good short channels, fewer than the {n_components} "
                "principal components. Lower fnirs.short_channels.n_components."
            )
        scaled = stacked - stacked.mean(1, keepdims=True)
        scaled /= scaled.std(1, keepdims=True)
        rows = np.linalg.svd(scaled, full_matrices=False)[2][:n_components]
        # The sign of a component is arbitrary; its largest sample is made positive.
        peaks = rows[np.arange(len(rows)), np.abs(rows).argmax(1)]
        rows = rows * np.sign(peaks)[:, None]
        table = pd.DataFrame(rows.T, columns=[f"short_{k + 1}" for k in range(n_components)])
        return {"hbo": table, "hbr": table}
    if regressors == "chromophore":
        return {name: pd.DataFrame({f"short_{name}": mean}) for name, mean in means.items()}
    both = pd.DataFrame({f"short_{name}": mean for name, mean in means.items()})
    return {"hbo": both, "hbr": both}


def make_design_matrix(
    times: np.ndarray,
    events: pd.DataFrame,
    regressors: pd.DataFrame,
    *,
    hrf: str,
    drift: str,
    high_pass: float,
) -> pd.DataFrame:
    """Return nilearn's first-level design matrix, with the times (s) as index.

    Parameters
    ----------
    times : (n,) s.
    events : table of `read_run_events`.
    regressors : additional regressors, n rows.
    hrf, drift, high_pass : see the config's section `fnirs`.
    """
    additional = regressors.to_numpy() if regressors.shape[1] else None
    return make_first_level_design_matrix(
        times,
        events,
        hrf_model=hrf,
        drift_model=None if drift == "none" else drift,
        high_pass=high_pass,
        add_regs=additional,
        add_reg_names=list(regressors) if additional is not None else None,
    )


def find_inestimable_conditions(
    run: Mapping[str, str],
    designs: Mapping[str, pd.DataFrame],
    events: pd.DataFrame,
    conditions: Mapping[str, str],
    hrf: str,
) -> list[str]:
    """Return findings on a run without residuals, and on conditions that it can't estimate.

    Parameters
    ----------
    run : dict with the paths `raw` and `events`.
    designs : design matrix of each chromophore.
    events : table of `read_run_events`.
    conditions, hrf : see the config's section `fnirs`.
    """
    remedy = "or list the participant under 'exclude' with the reason."
    respond = partial(make_first_level_design_matrix, hrf_model=hrf, drift_model=None)
    reasons: dict[str, str] = {}
    for design in designs.values():
        df = find_residual_df(design)
        if df < 1:
            return [
                f"{run['raw']}: its design has {len(design)} samples and {design.shape[1]} "
                f"regressors, which leaves {df} degrees of freedom. Choose fewer regressors "
                f"(fnirs.short_channels, fnirs.confounds), raise fnirs.resample, {remedy}"
            ]
        reasons |= find_inestimable(design, events, list(conditions), respond)
    return [
        f"{run['events'] or run['raw']}: condition {name} ({conditions[name]}) can't be estimated: "
        f"{reason} (fnirs.short_channels, fnirs.confounds), {remedy}"
        for name, reason in reasons.items()
    ]


def fit_channels(
    raw: mne.io.BaseRaw, designs: Mapping[str, pd.DataFrame], noise: str
) -> dict[str, Any]:
    """Fit a GLM to each channel with the design of its chromophore (`mne_nirs.statistics.run_glm`).

    As in run_glm, autocorrelations are rounded down to multiples of 1 / number of channels.

    Returns
    -------
    nilearn's regression results by channel.
    """
    fitted: dict[str, Any] = {}
    for chroma, design in designs.items():
        part = raw.copy().pick(chroma, exclude=())
        fitted |= run_glm(part, design, noise_model=noise, bins=len(raw.ch_names)).data
    return {name: fitted[name] for name in raw.ch_names}


def combine_runs(
    fits: Sequence[Mapping[str, Any]],
    designs: Sequence[Mapping[str, pd.DataFrame]],
    weights: Mapping[str, float],
) -> dict[str, dict[str, float]]:
    """Return a contrast of each channel, as the mean over its runs (fixed effects).

    Parameters
    ----------
    fits : of each run, the regression results by channel; runs may lack channels.
    designs : of each run, the design matrix of each chromophore.
    weights : weight of each condition. Runs that lack one of the conditions are excluded.

    Returns
    -------
    `theta` and `se` (micromol/l), `t`, `df`, `p` (two-sided) and `runs` by channel.
    """
    by_channel: dict[str, list[Any]] = {}
    for fit, design in zip(fits, designs, strict=True):
        for name, results in fit.items():
            columns = design[name.split(" ")[1]].columns
            if all(condition in columns for condition in weights):
                vector = np.array([weights.get(column, 0.0) for column in columns])
                by_channel.setdefault(name, []).append(results.Tcontrast(vector))
    table = {}
    for name, runs in by_channel.items():
        theta = MICRO * float(np.mean([run.effect for run in runs]))
        error = MICRO * float(np.sqrt(np.sum([run.sd**2 for run in runs]))) / len(runs)
        df = float(sum(run.df_den for run in runs))
        table[name] = {
            "theta": theta,
            "se": error,
            "t": theta / error,
            "df": df,
            "p": float(2 * student.sf(abs(theta / error), df)),
            "runs": len(runs),
        }
    return table


def channel_table(
    estimates: Mapping[str, Mapping[str, Mapping[str, float]]], subject: str
) -> pd.DataFrame:
    """Return the estimates of all conditions and contrasts, one row per channel.

    The columns have the names of MNE-NIRS.
    """
    rows = [
        {
            "ID": subject,
            "Condition": condition,
            "ch_name": channel,
            "pair": channel.split(" ")[0],
            "Chroma": channel.split(" ")[1],
            **values,
        }
        for condition, channels in estimates.items()
        for channel, values in channels.items()
    ]
    return pd.DataFrame(rows)


def region_table(
    channels: pd.DataFrame, rois: Mapping[str, Sequence[str]], weights: str
) -> pd.DataFrame:
    """Return the estimates of regions: weighted means of their good channels.

    `theta` is that of a region of interest in `mne_nirs`: weighted by the inverse of the standard
    error. `se` is the weighted mean of the channels' standard errors. This is its upper bound,
    reached if the channels are perfectly correlated.

    Parameters
    ----------
    channels : table of `channel_table`.
    rois : pairs of each region, by name.
    weights : "se" or "equal".

    Returns
    -------
    One row per condition, region and chromophore with a good channel; `channels` is their number.
    """
    rows = []
    for (subject, condition, chroma), group in channels.groupby(
        ["ID", "Condition", "Chroma"], sort=False
    ):
        for name, pairs in rois.items():
            part = group[group["pair"].isin(pairs)]
            if not len(part):
                continue
            share = 1 / part["se"] if weights == "se" else pd.Series(1.0, part.index)
            share = share / share.sum()
            theta, error = float((share * part["theta"]).sum()), float((share * part["se"]).sum())
            df = float(part["df"].min())
            rows.append(
                {
                    "ID": subject,
                    "Condition": condition,
                    "ROI": name,
                    "Chroma": chroma,
                    "theta": theta,
                    "se": error,
                    "t": theta / error,
                    "df": df,
                    "p": float(2 * student.sf(abs(theta / error), df)),
                    "channels": len(part),
                }
            )
    columns = ["ID", "Condition", "ROI", "Chroma", "theta", "se", "t", "df", "p", "channels"]
    return pd.DataFrame(rows, columns=columns)


def describe_estimate_columns(table: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Return descriptions of a table's columns, as in a BIDS JSON sidecar."""
    known = {
        "ID": {"Description": "Participant"},
        "Condition": {"Description": "Condition or contrast of the first level"},
        "ch_name": {"Description": "Channel: source-detector pair and chromophore"},
        "pair": {"Description": "Source-detector pair"},
        "ROI": {"Description": "Region of interest; values are means of its good channels"},
        "Chroma": {"Description": "Chromophore", "Levels": {"hbo": "oxygenated haemoglobin",
                                                            "hbr": "deoxygenated haemoglobin"}},
        "theta": {"Description": "Coefficient of the GLM", "Units": "umol/l"},
        "se": {"Description": "Standard error of theta", "Units": "umol/l"},
        "t": {"Description": "theta / se"},
        "df": {"Description": "Degrees of freedom of the residuals"},
        "p": {"Description": "Two-sided uncorrected p of t, of this participant"},
        "runs": {"Description": "Number of runs"},
        "channels": {"Description": "Number of channels"},
    }  # fmt: skip
    return {name: known[name] for name in table}


def compute_shared_variance(
    design: pd.DataFrame, conditions: Sequence[str], short: Sequence[str]
) -> dict[str, float]:
    """Return the R² of each condition's regressor on those of the short channels.

    It measures how much of the task's variance the short channels share.

    Parameters
    ----------
    design : design matrix of a run.
    conditions : names of the conditions; those that the run lacks are ignored.
    short : columns of the short channels.
    """
    if not len(short):
        return {}
    others = design[list(short)] - design[list(short)].mean()
    shares = {}
    for name in conditions:
        if name in design:
            task = (design[name] - design[name].mean()).to_numpy()
            fitted = others.to_numpy() @ np.linalg.lstsq(others.to_numpy(), task, rcond=None)[0]
            shares[name] = float((fitted**2).sum() / (task**2).sum())
    return shares
