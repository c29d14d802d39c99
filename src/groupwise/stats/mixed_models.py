"""Models of a table by formula, with a random effect of the participant (statsmodels).

A mixed model that did not converge looks like one that did, so each fit passes a gate and its
verdict stands in the table:

converged
    the optimizer ended, the random effects have variance, the Hessian is positive definite.
boundary
    the best estimate of a random effect's variance is 0: the coefficients are those without it.
unstable
    the Hessian is not positive definite, so standard errors mean nothing: p is left out.
failed
    no optimizer ended: nothing is told.

Optimizers are tried in the given order until one converges; where none does, the likeliest of the
fits at the boundary counts, then an unstable one.
"""

import logging
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import norm

from groupwise.errors import InputError
from groupwise.inputs.participants import ABSENT
from groupwise.stats.corrections import bonferroni, fdr

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

VERDICTS = ("converged", "boundary", "unstable", "failed")
#: A random effect whose variance is a smaller share of the residual one is 0.
NO_VARIANCE = 1e-4
#: Participants below which Wald tests of a mixed model are too liberal to be believed alone.
FEW = 10


#: Columns of a table of coefficients that are no factors.
FIXED = (
    *("term", "estimate", "se", "z", "p", "low", "high", "q_fdr", "p_bonferroni", "verdict"),
    *("optimizer", "rows", "participants", "group_variance", "scale", "log_likelihood"),
)


@dataclass(frozen=True)
class Fit:
    """One fitted model: coefficients by term, and how far they can be trusted."""

    estimate: dict[str, float]
    error: dict[str, float]
    verdict: str
    optimizer: str
    group_variance: float
    scale: float
    log_likelihood: float


def fit_mixed(
    table: "pd.DataFrame",
    formula: str,
    groups: str,
    random: str = "1",
    optimizers: Sequence[str] = ("lbfgs", "bfgs", "cg", "powell", "nm"),
) -> Fit:
    """Linear mixed model by REML (`statsmodels.formula.api.mixedlm`), through the gate.

    Parameters
    ----------
    table : one row an observation.
    formula : patsy's.
    groups : column of the participant.
    random : formula of the random effects; "1" for intercepts.
    optimizers : tried in this order.
    """
    import statsmodels.formula.api as smf

    model = smf.mixedlm(
        formula, table, groups=table[groups], re_formula=None if random == "1" else f"~{random}"
    )
    best: Fit | None = None
    for optimizer in optimizers:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                result = model.fit(reml=True, method=[optimizer])
                fit = _judged(model, result, optimizer)
        except (np.linalg.LinAlgError, ValueError, FloatingPointError) as error:
            logger.info("%s: %s", optimizer, error)
            continue
        rank, old = VERDICTS.index(fit.verdict), VERDICTS.index(best.verdict) if best else 99
        if (
            best is None
            or rank < old
            or (rank == old and fit.log_likelihood > best.log_likelihood + 1e-6)
        ):
            best = fit
        if best.verdict == "converged":
            break
    if best is None or best.verdict == "failed":
        nothing = dict.fromkeys(model.exog_names, float("nan"))
        return Fit(nothing, nothing, "failed", "n/a", *[float("nan")] * 3)
    return best


def _judged(model: Any, result: Any, optimizer: str) -> Fit:
    variance = np.atleast_2d(result.cov_re_unscaled)
    if not result.converged:
        verdict = "failed"
    elif np.linalg.eigvalsh(variance).min() < NO_VARIANCE:
        verdict = "boundary"
    elif np.linalg.eigvalsh(-np.asarray(model.hessian(result.params_object)[0])).min() <= 0:
        verdict = "unstable"
    else:
        verdict = "converged"
    names = list(model.exog_names)
    coefficients, errors, scale, likelihood = _given_variances(model, variance)
    return Fit(
        estimate=dict(zip(names, coefficients.tolist(), strict=True)),
        error=dict(zip(names, errors.tolist(), strict=True)),
        verdict=verdict,
        optimizer=optimizer,
        group_variance=float(scale * variance[0, 0]),
        scale=scale,
        log_likelihood=likelihood,
    )


def _given_variances(
    model: Any, variance: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Coefficients, their standard errors, residual variance and REML log-likelihood.

    By generalised least squares, given the random effects' variance as a share of the residual
    one. statsmodels takes all four by way of the inverse of that variance: where it is 0, as at the
    boundary, its coefficients are wrong and its likelihood is infinite.
    """
    information, score = 0.0, 0.0
    spread, pieces = 0.0, []
    for y, x, z in zip(model.endog_li, model.exog_li, model.exog_re_li, strict=True):
        share = np.eye(len(x)) + z @ variance @ z.T
        pieces.append((y, x, share))
        information = information + x.T @ np.linalg.solve(share, x)
        score = score + x.T @ np.linalg.solve(share, y)
        spread += np.linalg.slogdet(share)[1]
    coefficients = np.linalg.solve(information, score)
    left = sum(
        (y - x @ coefficients) @ np.linalg.solve(share, y - x @ coefficients)
        for y, x, share in pieces
    )
    free = sum(len(y) for y, _, _ in pieces) - len(coefficients)
    scale = float(left / free)
    likelihood = -0.5 * (
        free * (1 + np.log(2 * np.pi * scale)) + spread + np.linalg.slogdet(information)[1]
    )
    errors = np.sqrt(scale * np.diag(np.linalg.inv(information)))
    return coefficients, errors, scale, float(likelihood)


def fit_robust(table: "pd.DataFrame", formula: str, groups: str, estimator: str) -> Fit:
    """The robust alternatives: "gee" or "rlm", see the config's section `models`.

    gee: exchangeable working correlation within a participant, bias-reduced sandwich errors
    (Mancl and DeRouen 2001). rlm: Huber's M-estimator, rows as independent.
    """
    import statsmodels.api as sm
    import statsmodels.formula.api as smf

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if estimator == "gee":
            shape = sm.cov_struct.Exchangeable()
            ordered = table.sort_values(groups, kind="stable")
            model = smf.gee(formula, groups, ordered, cov_struct=shape)
            result = model.fit(cov_type="bias_reduced")
            done = bool(getattr(result, "converged", True))
        else:
            result = smf.rlm(formula, table, M=sm.robust.norms.HuberT()).fit()
            done = bool(getattr(result, "converged", True))
    estimate = {str(name): float(value) for name, value in result.params.items()}
    error = {str(name): float(value) for name, value in result.bse.items()}
    verdict = "converged" if done and np.isfinite(list(error.values())).all() else "failed"
    scale = float(getattr(result, "scale", np.nan))
    return Fit(estimate, error, verdict, "n/a", float("nan"), scale, float("nan"))


def model_table(
    table: "pd.DataFrame",
    *,
    formula: str,
    where: Mapping[str, Sequence[str]],
    by: Sequence[str],
    estimator: str,
    groups: str,
    random: str,
    optimizers: Sequence[str],
    alpha: float,
) -> "pd.DataFrame":
    """Coefficients of the model, or of one model for each value of the columns `by`.

    Parameters
    ----------
    table : one row an observation.
    where : rows that take part: column and its values.
    formula ... alpha : see the config's section `models`.

    Returns
    -------
    One row a coefficient: the columns `by`, `term`, a column for each factor of it, `estimate`,
    `se`, `z`, `p` (two-sided, normal), `low` and `high` (interval at 1 - alpha), `q_fdr` and
    `p_bonferroni` (over all rows of one kind of term, see `family_of`),
    `verdict`, `optimizer`, `rows`, `participants`, `group_variance`, `scale`, `log_likelihood`.

    Raises
    ------
    InputError : columns or values that are not there, a formula that cannot be used, fewer than
        two participants.
    """
    import pandas as pd
    from patsy import PatsyError

    table = _chosen(table, where, [*by, groups])
    pieces = table.groupby(list(by), sort=False) if by else [((), table)]
    rows = []
    for key, own in pieces:
        people = own[groups].nunique()
        if people < 2:
            place = ", ".join(map(str, key)) or "the table"
            raise InputError(f"{place}: {people} participant; a model needs two or more")
        if estimator == "mixed" and people == len(own):
            raise InputError(
                f"{', '.join(map(str, key)) or 'the table'}: each participant has one row, so "
                "their variance cannot be told from noise; name fewer columns in by, put them "
                "into the formula, or take estimator: gee"
            )
        try:
            fit = (
                fit_mixed(own, formula, groups, random, optimizers)
                if estimator == "mixed"
                else fit_robust(own, formula, groups, estimator)
            )
        except (PatsyError, KeyError, NameError) as error:
            have = ", ".join(map(str, table.columns))
            raise InputError(
                f"formula {formula!r}: {str(error).splitlines()[0]}; the table has {have}"
            ) from error
        except (np.linalg.LinAlgError, ValueError) as error:
            raise InputError(
                f"formula {formula!r}: cannot be fitted ({error}); does every combination of its "
                "factors have rows?"
            ) from error
        for term, estimate in fit.estimate.items():
            error, usable = fit.error[term], fit.verdict in ("converged", "boundary")
            z = estimate / error if usable and error > 0 else np.nan
            reach = norm.isf(alpha / 2) * error if usable else np.nan
            rows.append(
                {
                    **dict(zip(by, key, strict=True)),
                    "term": term,
                    **levels_of(term),
                    "estimate": estimate,
                    "se": error,
                    "z": z,
                    "p": 2 * norm.sf(abs(z)),
                    "low": estimate - reach,
                    "high": estimate + reach,
                    "verdict": fit.verdict,
                    "optimizer": fit.optimizer,
                    "rows": len(own),
                    "participants": people,
                    "group_variance": fit.group_variance,
                    "scale": fit.scale,
                    "log_likelihood": fit.log_likelihood,
                }
            )
    found = pd.DataFrame(rows)
    place = found.columns.get_loc("verdict")
    families = found.groupby(found["term"].map(family_of), sort=False)["p"]
    found.insert(place, "q_fdr", families.transform(lambda p: fdr(p.to_numpy())))
    found.insert(place + 1, "p_bonferroni", families.transform(lambda p: bonferroni(p.to_numpy())))
    return found


def with_participants(
    table: "pd.DataFrame",
    people: Mapping[str, Mapping[str, str]],
    formula: str,
    columns: Sequence[str] = (),
) -> "pd.DataFrame":
    """The table with the participants' columns that the formula names and it lacks.

    Parameters
    ----------
    table : with the column ID.
    people : rows of participants.tsv by subject; a column of numbers becomes numeric.
    formula, columns : what is wanted.

    Raises
    ------
    InputError : a participant has no value in a wanted column.
    """
    import pandas as pd

    named = {*re.findall(r"[A-Za-z_]\w*", formula), *columns} - set(table)
    known = {name for row in people.values() for name in row}
    for name in sorted(named & known):
        values = {who: people.get(who, {}).get(name, "") for who in sorted(set(table["ID"]))}
        absent = [who for who, value in values.items() if value in ABSENT]
        if absent:
            raise InputError(
                f"participants.tsv: subject {', '.join(absent)} has no {name}, which the formula "
                "names; give the value, or list the subject under exclude"
            )
        column = table["ID"].map(values)
        numbers = pd.to_numeric(column, errors="coerce")
        table = table.assign(**{name: column if numbers.isna().any() else numbers})
    return table


def family_of(term: str) -> str:
    """What coefficients are corrected together: a term without its levels, over all models.

    ROI[Left]:Chroma[hbo] belongs to ROI:Chroma; a covariate's coefficients in the models of all
    channels are a family of their own.
    """
    return re.sub(r"\[[^\]]*\]", "", term)


def levels_of(term: str) -> dict[str, str]:
    """Factors and levels in a term's name: ROI[Left]:Chroma[hbo] gives ROI Left, Chroma hbo."""
    return dict(re.findall(r"(?:^|:)(?:C\()?(\w+)[^\[:]*\[(?:T\.)?([^\]]+)\]", term))


def model_cautions(found: "pd.DataFrame", estimator: str) -> list[str]:
    """What a reader must know before believing the coefficients."""
    told = []
    people = int(found["participants"].min())
    if people < FEW:
        told.append(
            f"{people} participants: Wald tests take the variances as known and are too liberal "
            "with so few. Look at the permutation test beside them."
        )
    for verdict, what in (
        ("boundary", "the variance between participants is estimated as 0, so observations of a "
                     "participant count as independent and p may be too small"),
        ("unstable", "the Hessian is not positive definite, so there is no p"),
        ("failed", "no optimizer converged, so there is no estimate"),
    ):  # fmt: skip
        count = int((found["verdict"] == verdict).sum())
        if count:
            told.append(f"{count} of {len(found)} coefficients: {what}.")
    if estimator == "rlm":
        told.append(
            "The M-estimator takes rows of a participant as independent; its errors are too small "
            "where participants differ."
        )
    return told


def describe_model_columns(found: "pd.DataFrame", units: str) -> dict[str, Any]:
    """Descriptions of the columns of `model_table`, in the form of a BIDS JSON sidecar."""
    family = "over all rows whose terms differ in levels alone"
    known = {
        "term": {"Description": "Term of the formula"},
        "estimate": {"Description": "Coefficient", "Units": units},
        "se": {"Description": "Its standard error", "Units": units},
        "z": {"Description": "estimate / se"},
        "p": {"Description": "Two-sided p of z (Wald, normal), uncorrected"},
        "low": {"Description": "Lower end of the confidence interval", "Units": units},
        "high": {"Description": "Upper end of the confidence interval", "Units": units},
        "q_fdr": {"Description": f"Benjamini and Hochberg's q {family}"},
        "p_bonferroni": {"Description": f"Bonferroni's p {family}"},
        "verdict": {
            "Description": "Whether the fit can be trusted",
            "Levels": {
                "converged": "the optimizer ended at a maximum with a positive definite Hessian",
                "boundary": "the variance of a random effect is estimated as 0",
                "unstable": "the Hessian is not positive definite; no p",
                "failed": "no optimizer ended; no estimate",
            },
        },
        "optimizer": {"Description": "Optimizer that the fit is of"},
        "rows": {"Description": "Observations"},
        "participants": {"Description": "Participants"},
        "group_variance": {"Description": "Variance of the first random effect",
                           "Units": f"({units})^2"},
        "scale": {"Description": "Residual variance", "Units": f"({units})^2"},
        "log_likelihood": {"Description": "Restricted log-likelihood"},
    }  # fmt: skip
    return {name: known.get(name, {"Description": f"Level of {name}"}) for name in found}


def _chosen(
    table: "pd.DataFrame", where: Mapping[str, Sequence[str]], columns: Sequence[str]
) -> "pd.DataFrame":
    have = ", ".join(map(str, table.columns))
    absent = [name for name in [*where, *columns] if name not in table]
    if absent:
        raise InputError(f"no column {', '.join(absent)} in the table, which has {have}")
    for name, values in where.items():
        own = table[name].astype(str)
        unknown = [value for value in values if value not in set(own)]
        if unknown:
            raise InputError(
                f"where.{name}: {', '.join(unknown)} stands in no row, which have "
                f"{', '.join(sorted(set(own)))}"
            )
        table = table[own.isin(list(values))]
    if not len(table):
        raise InputError("where leaves no row of the table")
    return table.reset_index(drop=True)
