"""Check that the variables of a formula are read as what they are: numbers, or levels of a factor.

In a formula, a column of numbers is a covariate, and a column of text is a factor. One value such
as `89+` or `23,5` therefore makes a factor of a covariate, and codes of groups are a covariate.
"""

import re
from collections.abc import Collection, Iterable, Mapping

from groupwise.errors import shorten_list
from groupwise.inputs.participants import ABSENT, NUMBER

#: A number that is not written as one: with a decimal comma, a limit or a unit. Not in it are bands
#: such as 20-29, which are levels.
NEARLY = re.compile(r"[<>≤≥~]?\s*[+-]?\d[\d.,\s]*\s*(\+|%|y|yrs?|years?|ms|s|mm|cm)?", re.I)
#: Columns of tables of values that are always factors, as MNE-NIRS names them.
FACTORS = ("ID", "Condition", "Chroma", "ROI", "ch_name")
#: Integers from 0 or 1 on without gaps, as many as this or fewer, may be codes (of groups or
#: sites); so may any few values that occur often. Ages and scores have more values.
MOST_CODES, FEW, OFTEN = 10, 3, 3
#: Number of values that a message lists.
LISTED = 5


def find_wrong_people(
    people: Mapping[str, Mapping[str, str]],
    subjects: Collection[str],
    formula: str,
    columns: Iterable[str],
    origin: str,
) -> list[str]:
    """Return findings on columns of a participants table that a formula needs.

    Parameters
    ----------
    people : rows of the table by subject.
    subjects : subjects whose values are needed.
    columns : columns to check, those of the table that the formula names.
    origin : file, for messages.
    """
    findings = []
    for name in columns:
        values = {who: people.get(who, {}).get(name, "") for who in subjects}
        absent = [who for who, value in values.items() if value in ABSENT]
        if absent:
            findings.append(
                f"{origin}: subject {', '.join(absent)} has no {name}, which the formula names; "
                "give the value, or list the subject under exclude"
            )
        rows = {f"subject {who}": value for who, value in values.items()}
        findings += find_wrong_types(formula, name, rows, origin)
    return findings


def names_in(formula: str) -> set[str]:
    """Return the names in a formula: of columns, functions and their arguments."""
    return set(re.findall(r"[A-Za-z_]\w*", formula))


def find_wrong_types(
    formula: str, name: str, values: Mapping[str, str], origin: str, labels: bool = False
) -> list[str]:
    """Return findings on a column of a table that a formula would read as another type.

    Parameters
    ----------
    formula : formula of patsy. `C(name)` declares a factor, and `I(name)`, or any other function,
        that the values are what they seem.
    values : text of each row, by the name of the row, such as "line 3" or "subject 01".
    origin : file, for messages.
    labels : whether the values are names of places, also if they are numbers.
    """
    response, _, terms = formula.partition("~")
    use = "I" if _use_of(response, name) is not None else _use_of(terms, name)
    if use in (None, "C") or name in FACTORS:
        return []
    present = {row: value for row, value in values.items() if value not in ABSENT}
    others = {row: value for row, value in present.items() if not NUMBER.fullmatch(value)}
    if others and (len(others) < len(present) or all(map(NEARLY.fullmatch, others.values()))):
        rows = shorten_list([f"{row} has {value!r}" for row, value in others.items()], LISTED)
        return [
            f"{origin}: column {name}: {rows}, which is not a number, so the "
            f"formula would take every value for a level of a factor; correct it (a missing value "
            f"is n/a), or write C({name}) if {name} is a factor"
        ]
    if use == "" and not others and (labels or _may_be_codes(list(present.values()))):
        codes = ", ".join(sorted(set(present.values()), key=float))
        return [
            f"{origin}: column {name} has only the values {codes}, which may be codes of groups, "
            f"but the formula would fit a slope; write C({name}) for groups, or I({name}) for "
            "numbers"
        ]
    return []


def _may_be_codes(texts: list[str]) -> bool:
    values = sorted({float(text) for text in texts})
    if len(values) < 2 or values[0] < 0 or not all(value.is_integer() for value in values):
        return False
    without_gaps = values[0] in (0, 1) and values[-1] - values[0] == len(values) - 1
    often = len(values) <= FEW and len(texts) >= OFTEN * len(values)
    return (without_gaps and len(values) <= MOST_CODES) or often


def _use_of(formula: str, name: str) -> str | None:
    """Return the function around a column in a formula, such as "C"; "" for none, None: not used.

    If a column is used several times, a function comes before none.
    """
    text = re.sub(r"""Q\(["'](.*?)["']\)""", r"\1", formula)
    text = re.sub(r"""(["']).*?\1""", '""', text)
    uses = []
    for match in re.finditer(rf"(?<![\w.]){re.escape(name)}\b(?!\s*\()", text):
        depth, function = 0, ""
        for opening in reversed(list(re.finditer(r"([\w.]*)\s*[(]|[)]", text[: match.start()]))):
            depth += 1 if opening[0] == ")" else -1
            if depth < 0:
                depth, function = 0, opening[1]
                if function:
                    break
        uses.append(function)
    return max(uses, default=None)
