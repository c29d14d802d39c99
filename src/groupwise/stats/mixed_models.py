"""Regressions of a table by formula, such as mixed models with random effects of participants.

statsmodels can return a failed fit without an error, so each fit is checked. The table of
coefficients has the verdict:

converged
    the optimizer converged, the random effects have variance, the Hessian is positive definite.
boundary
    the estimated variance of a random effect is 0: the coefficients are those without it.
unstable
    the Hessian is not positive definite, so standard errors are not valid: there is no p.
failed
    no optimizer converged: there is no estimate.

Optimizers are tried in the given order until one converges. If none does, the fit at the boundary
with the largest likelihood is used, else an unstable fit.
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
from groupwise.inputs.variables import FACTORS, find_wrong_people, names_in
from groupwise.stats.corrections import bonferroni, fdr

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

VERDICTS = ("converged", "boundary", "unstable", "failed")
#: Smallest ratio of the variance of a random effect to the residual variance; below, it is 0.
NO_VARIANCE = 1e-4
#: Number of participants below which Wald tests of a mixed model are too liberal.
FEW = 10


#: Columns of a table of coefficients that are not factors.
FIXED = (
    *("term", "estimate", "se", "z", "p", "low", "high", "q_fdr", "p_bonferroni", "verdict"),
    *("optimizer", "rows", "participants", "group_variance", "scale", "log_likelihood"),
)


@dataclass(frozen=True)
class Fit:
    """One fitted model: coefficients and standard errors by term, and the verdict."""

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
    """Fit a linear mixed model by REML (`statsmodels.formula.api.mixedlm`), and check the fit.

    Parameters
    ----------
    table : one row per observation.
    formula : formula of patsy.
    groups : column with the participant.
    random : formula of the random effects; "1" for random intercepts.
    optimizers : names of optimizers, in the order in which they are tried.
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
                fit = _check_fit(model, result, optimizer)
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


def _check_fit(model: Any, result: Any, optimizer: str) -> Fit:
    """Return the coefficients of a fit, with its verdict."""
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
    coefficients, errors, scale, likelihood = _solve_given_variance(model, variance)
    return Fit(
        estimate=dict(zip(names, coefficients.tolist(), strict=True)),
        error=dict(zip(names, errors.tolist(), strict=True)),
        verdict=verdict,
        optimizer=optimizer,
        group_variance=float(scale * variance[0, 0]),
        scale=scale,
        log_likelihood=likelihood,
    )


def _solve_given_variance(
    model: Any, variance: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Return coefficients, standard errors, residual variance and REML log-likelihood.

    They are computed by generalised least squares, given the variance of the random effects
    relative to the residual variance. statsmodels uses the inverse of that variance: if it is 0, as
    at the boundary, its coefficients are wrong and its likelihood is infinite.
    """
    information, score = 0.0, 0.0
    log_det, pieces = 0.0, []
    for y, x, z in zip(model.endog_li, model.exog_li, model.exog_re_li, strict=True):
        share = np.eye(len(x)) + z @ variance @ z.T
        pieces.append((y, x, share))
        information = information + x.T @ np.linalg.solve(share, x)
        score = score + x.T @ np.linalg.solve(share, y)
        log_det += np.linalg.slogdet(share)[1]
    coefficients = np.linalg.solve(information, score)
    squares = sum(
        (y - x @ coefficients) @ np.linalg.solve(share, y - x @ coefficients)
        for y, x, share in pieces
    )
    free = sum(len(y) for y, _, _ in pieces) - len(coefficients)
    scale = float(squares / free)
    likelihood = -0.5 * (
        free * (1 + np.log(2 * np.pi * scale)) + log_det + np.linalg.slogdet(information)[1]
    )
    errors = np.sqrt(scale * np.diag(np.linalg.inv(information)))
    return coefficients, errors, scale, float(likelihood)


def fit_robust(table: "pd.DataFrame", formula: str, groups: str, estimator: str) -> Fit:
    """Fit a robust alternative: "gee" or "rlm"; see the section `models` of the config.

    gee: exchangeable working correlation within a participant, bias-reduced sandwich errors
    (Mancl and DeRouen 2001). rlm: Huber's M-estimator; rows are taken as independent.
    """
    import statsmodels.api as sm
    import statsmodels.formula.api as smf

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if estimator == "gee":
            correlation = sm.cov_struct.Exchangeable()
            ordered = table.sort_values(groups, kind="stable")
            model = smf.gee(formula, groups, ordered, cov_struct=correlation)
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
    """Return the coefficients of a model, or of one model for each value of the columns `by`.

    Parameters
    ----------
    table : one row per observation.
    where : values of columns that select the rows.
    formula ... alpha : see the section `models` of the config.

    Returns
    -------
    One row per coefficient: the columns `by`, `term`, a column for each of its factors, `estimate`,
    `se`, `z`, `p` (two-sided, normal), `low` and `high` (interval at 1 - alpha), `q_fdr` and
    `p_bonferroni` (over all rows of one kind of term, see `family_of`),
    `verdict`, `optimizer`, `rows`, `participants`, `group_variance`, `scale`, `log_likelihood`.

    Raises
    ------
    InputError : a column or value does not exist, the formula cannot be used, or there are fewer
        than two participants.
    """
    import pandas as pd
    from patsy import PatsyError

    table = _select_rows(table, where, [*by, groups])
    pieces = table.groupby(list(by), sort=False) if by else [((), table)]
    rows = []
    for key, own in pieces:
        people = own[groups].nunique()
        if people < 2:
            place = ", ".join(map(str, key)) or "the table"
            raise InputError(
                f"{place}: has {people} participant; add participants, a model needs two or more"
            )
        if estimator == "mixed" and people == len(own):
            raise InputError(
                f"{', '.join(map(str, key)) or 'the table'}: each participant has one row, so "
                "the variance between participants cannot be separated from noise; remove columns "
                "from by and put them into the formula, or use estimator: gee"
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
                f"formula {formula!r}: {str(error).splitlines()[0]}; the columns of the table "
                f"are {have}"
            ) from error
        except (np.linalg.LinAlgError, ValueError) as error:
            raise InputError(
                f"formula {formula!r}: cannot be fitted ({error}); check that every combination of "
                "its factors has rows"
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


def read_model_table(path: str) -> "pd.DataFrame":
    """Return a TSV or CSV file of values of places, with the participants (without sub-) in ID.

    The columns that MNE-NIRS has for factors are text. Others are numbers if all values are.
    """
    import pandas as pd

    options = {"sep": "\t"} if path.endswith(".tsv") else {"sep": None, "engine": "python"}
    table = pd.read_csv(path, dtype=dict.fromkeys(FACTORS, str), na_values="n/a", **options)
    if "ID" not in table and "subject" in table:
        table = table.rename(columns={"subject": "ID"})
    return table.assign(ID=table["ID"].astype(str).str.removeprefix("sub-"))


def add_participant_columns(
    table: "pd.DataFrame",
    people: Mapping[str, Mapping[str, str]],
    formula: str,
    columns: Sequence[str] = (),
) -> "pd.DataFrame":
    """Return the table with the columns of participants.tsv that it lacks and the formula needs.

    Parameters
    ----------
    table : table with the column ID.
    people : rows of participants.tsv by subject; columns of numbers become numeric.
    formula, columns : formula and further columns to add.

    Raises
    ------
    InputError : a participant has no value in an added column, or the formula would read a column
        as another type than its values have.
    """
    import pandas as pd

    known = {name for row in people.values() for name in row}
    needed = sorted(({*names_in(formula), *columns} - set(table)) & known)
    findings = find_wrong_people(
        people, sorted(set(table["ID"])), formula, needed, "participants.tsv"
    )
    if findings:
        raise InputError(findings)
    for name in needed:
        column = table["ID"].map({who: row.get(name, "") for who, row in people.items()})
        numbers = pd.to_numeric(column, errors="coerce")
        table = table.assign(**{name: column if numbers.isna().any() else numbers})
    return table


def family_of(term: str) -> str:
    """Return the family of a term for the correction: the term without levels.

    ROI[Left]:Chroma[hbo] belongs to ROI:Chroma. The coefficients of a covariate in the models of
    all channels are one family.
    """
    return re.sub(r"\[[^\]]*\]", "", term)


def levels_of(term: str) -> dict[str, str]:
    """Return the levels in a term by factor, such as ROI Left in ROI[Left]:Chroma[hbo]."""
    return dict(re.findall(r"(?:^|:)(?:C\()?(\w+)[^\[:]*\[(?:T\.)?([^\]]+)\]", term))


def model_cautions(found: "pd.DataFrame", estimator: str) -> list[str]:
    """Return cautions for the interpretation of the coefficients, which the sidecar stores."""
    cautions = []
    people = int(found["participants"].min())
    if people < FEW:
        cautions.append(
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
            cautions.append(f"{count} of {len(found)} coefficients: {what}.")
    if estimator == "rlm":
        cautions.append(
            "The M-estimator takes rows of a participant as independent; its errors are too small "
            "where participants differ."
        )
    return cautions


def describe_model_columns(found: "pd.DataFrame", units: str) -> dict[str, Any]:
    """Descriptions of the columns of `model_table`, in the form of a BIDS JSON sidecar."""
    family = "over all rows whose terms differ only in levels"
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
            "Description": "Result of the checks of the fit",
            "Levels": {
                "converged": "the optimizer converged, and the Hessian is positive definite",
                "boundary": "the variance of a random effect is estimated as 0",
                "unstable": "the Hessian is not positive definite; no p",
                "failed": "no optimizer converged; no estimate",
            },
        },
        "optimizer": {"Description": "Optimizer of the fit"},
        "rows": {"Description": "Number of observations"},
        "participants": {"Description": "Number of participants"},
        "group_variance": {"Description": "Variance of the first random effect",
                           "Units": f"({units})^2"},
        "scale": {"Description": "Residual variance", "Units": f"({units})^2"},
        "log_likelihood": {"Description": "Restricted log-likelihood"},
    }  # fmt: skip
    return {name: known.get(name, {"Description": f"Level of {name}"}) for name in found}


def _select_rows(
    table: "pd.DataFrame", where: Mapping[str, Sequence[str]], columns: Sequence[str]
) -> "pd.DataFrame":
    """Return the selected rows. Raises `InputError` if a column or value does not exist."""
    have = ", ".join(map(str, table.columns))
    absent = [name for name in [*where, *columns] if name not in table]
    if absent:
        raise InputError(
            f"the table has no column {', '.join(absent)} (its columns are {have}); correct the "
            "name"
        )
    for name, values in where.items():
        column = table[name].astype(str)
        unknown = [value for value in values if value not in set(column)]
        if unknown:
            raise InputError(
                f"where.{name}: no row has {', '.join(unknown)}; the values are "
                f"{', '.join(sorted(set(column)))}"
            )
        table = table[column.isin(list(values))]
    if not len(table):
        raise InputError("where: no row has these values together; select other values")
    return table.reset_index(drop=True)
