"""First level: a GLM of each channel, with the short channels as regressors of the scalp."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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

#: Concentrations are mol/l; tables hold micromol/l.
MICRO = 1e6


@dataclass(frozen=True)
class FirstLevel:
    """What the runs of one participant say.

    Attributes
    ----------
    estimates : condition or contrast to channel to theta, se, t, df, p, runs.
    designs : of each run, chromophore to design.
    inflation, shared : of each run, condition to its variance inflation factor, and to the R2 of
        its regressor on the short channels'.
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
    """GLM of every good long channel of every run, and its estimates over runs.

    Parameters
    ----------
    signals, pairs : of each run, haemoglobin and the table of pairs.
    runs : of each run, a dict with `raw`, `events`, `confounds`.
    conditions ... noise : see the config's section `fnirs`.

    Raises
    ------
    InputError : no good short pair, events or confounds that cannot be used.
    """
    fits, designs, factors, shared = [], [], [], []
    for raw, table, run in zip(signals, pairs, runs, strict=True):
        own = raw if run["events"] else read_intensity(run["raw"], preload=False)
        events = read_run_events(run, own, conditions, stim_duration)
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
        fits.append(fit_channels(pick_long_channels(raw, table), design, noise))
        designs.append(design)
        factors.append(inflation(design["hbo"], list(conditions)))
        shared.append(compute_shared_variance(design["hbo"], list(conditions), list(short["hbo"])))
    estimates = {
        name: combine_runs(fits, designs, weights)
        for name, weights in contrasts_of(list(conditions), contrasts).items()
    }
    return FirstLevel(estimates, designs, factors, shared)


def pick_long_channels(raw: mne.io.BaseRaw, pairs: pd.DataFrame) -> mne.io.BaseRaw:
    """The good long channels, chromophores in turn."""
    chosen = pairs.loc[(pairs["kind"] == "long") & (pairs["status"] == "good"), "pair"]
    return raw.copy().pick([f"{pair} {chroma}" for pair in chosen for chroma in ("hbo", "hbr")])


def make_short_regressors(
    raw: mne.io.BaseRaw, pairs: pd.DataFrame, regressors: str, n_components: int
) -> dict[str, pd.DataFrame]:
    """What the short channels say of the scalp (micromol/l), for channels of each chromophore.

    Parameters
    ----------
    raw : haemoglobin.
    pairs : table of pairs.
    regressors : "none", "mean", "chromophore" or "components", see the config.
    n_components : number of principal components.

    Returns
    -------
    "hbo" and "hbr" to regressors, a column each; without columns where there are none.

    Raises
    ------
    InputError : no good short pair, or fewer channels than components.
    """
    nothing = pd.DataFrame(index=range(len(raw.times)))
    if regressors == "none":
        return {"hbo": nothing, "hbr": nothing}
    chosen = pairs.loc[(pairs["kind"] == "short") & (pairs["status"] == "good"), "pair"]
    if not len(chosen):
        raise InputError(
            "no good short pair; set fnirs.short_channels.regressors: none, or a larger "
            "fnirs.short_channels.longest"
        )
    signals = {
        chroma: MICRO * raw.get_data([f"{pair} {chroma}" for pair in chosen])
        for chroma in ("hbo", "hbr")
    }
    means = {"hbo": signals["hbo"].mean(0), "hbr": signals["hbr"].mean(0)}
    if regressors == "components":
        every = np.concatenate(list(signals.values()))
        if len(every) < n_components:
            raise InputError(
                f"{len(every)} good short channels give no {n_components} components; lower "
                "fnirs.short_channels.n_components"
            )
        scaled = every - every.mean(1, keepdims=True)
        scaled /= scaled.std(1, keepdims=True)
        rows = np.linalg.svd(scaled, full_matrices=False)[2][:n_components]
        # The sign of a component is chance; its largest sample is made positive.
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
    """Design matrix (`nilearn.glm.first_level.make_first_level_design_matrix`), indexed by time."""
    given = regressors.to_numpy() if regressors.shape[1] else None
    return make_first_level_design_matrix(
        times,
        events,
        hrf_model=hrf,
        drift_model=None if drift == "none" else drift,
        high_pass=high_pass,
        add_regs=given,
        add_reg_names=list(regressors) if given is not None else None,
    )


def fit_channels(
    raw: mne.io.BaseRaw, designs: Mapping[str, pd.DataFrame], noise: str
) -> dict[str, Any]:
    """GLM of every channel (`mne_nirs.statistics.run_glm`) with the design of its chromophore.

    Autocorrelations are rounded down to one part in the number of channels, as run_glm does.

    Returns
    -------
    Channel name to nilearn's regression results.
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
    """A contrast of every channel over its runs (fixed effects: their mean), in micromol/l.

    Parameters
    ----------
    fits : of each run, channel to regression results; a channel may be missing in a run.
    designs : of each run, chromophore to design.
    weights : condition to weight. Runs that lack one of them are left out.

    Returns
    -------
    Channel to `theta`, `se`, `t`, `df`, `p` (two-sided) and `runs`.
    """
    made: dict[str, list[Any]] = {}
    for fit, design in zip(fits, designs, strict=True):
        for name, results in fit.items():
            columns = design[name.split(" ")[1]].columns
            if all(condition in columns for condition in weights):
                vector = np.array([weights.get(column, 0.0) for column in columns])
                made.setdefault(name, []).append(results.Tcontrast(vector))
    table = {}
    for name, runs in made.items():
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
    """Estimates of all conditions and contrasts by channel, named as MNE-NIRS names its tables."""
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
    """Estimates of regions: weighted means of their good channels, by condition and chromophore.

    theta is that of `mne_nirs`' region of interest: weighted by the inverse of the standard error.
    `se` is the weighted mean of the channels' too, as if they were wholly correlated: the largest
    that it can be.

    Parameters
    ----------
    channels : of `channel_table`.
    rois : name to pairs.
    weights : "se" or "equal".

    Returns
    -------
    One row a condition, region and chromophore that has a good channel, with their number.
    """
    rows = []
    for (subject, condition, chroma), own in channels.groupby(
        ["ID", "Condition", "Chroma"], sort=False
    ):
        for name, pairs in rois.items():
            part = own[own["pair"].isin(pairs)]
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
    """Descriptions of a table's columns, in the form of a BIDS JSON sidecar."""
    known = {
        "ID": {"Description": "Participant"},
        "Condition": {"Description": "Condition or contrast of the first level"},
        "ch_name": {"Description": "Channel: source-detector pair and chromophore"},
        "pair": {"Description": "Source-detector pair"},
        "ROI": {"Description": "Region of interest: weighted mean of its good channels"},
        "Chroma": {"Description": "Chromophore", "Levels": {"hbo": "oxygenated haemoglobin",
                                                            "hbr": "deoxygenated haemoglobin"}},
        "theta": {"Description": "Coefficient of the GLM", "Units": "umol/l"},
        "se": {"Description": "Its standard error", "Units": "umol/l"},
        "t": {"Description": "theta / se"},
        "df": {"Description": "Degrees of freedom of the residuals"},
        "p": {"Description": "Two-sided p of t, uncorrected; of this participant alone"},
        "runs": {"Description": "Number of runs"},
        "channels": {"Description": "Number of channels"},
    }  # fmt: skip
    return {name: known[name] for name in table}


def compute_shared_variance(
    design: pd.DataFrame, conditions: Sequence[str], short: Sequence[str]
) -> dict[str, float]:
    """R2 of each condition's regressor on the short channels': how much of the task they carry."""
    if not len(short):
        return {}
    others = design[list(short)] - design[list(short)].mean()
    shares = {}
    for name in conditions:
        if name in design:
            own = (design[name] - design[name].mean()).to_numpy()
            fitted = others.to_numpy() @ np.linalg.lstsq(others.to_numpy(), own, rcond=None)[0]
            shares[name] = float((fitted**2).sum() / (own**2).sum())
    return shares
