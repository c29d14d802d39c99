"""Check the tables of the regression models before the first job."""

from collections.abc import Mapping

from groupwise.config.models import Model
from groupwise.config.study import Study
from groupwise.errors import InputError
from groupwise.inputs.participants import ABSENT, read_participants
from groupwise.inputs.variables import (
    LISTED,
    find_wrong_people,
    find_wrong_types,
    names_in,
)
from groupwise.plan.source import Source
from groupwise.plan.tables import TableSource


def find_wrong_tables(study: Study, sources: Mapping[str, Source]) -> list[str]:
    """Return findings on variables that the formulas of the models would read as another type."""
    findings = []
    for name, model in study.models.items():
        source = sources[model.section]
        if source.subjects:  # otherwise the findings of the source state the reason
            findings += [f"models.{name}: {each}" for each in _of_model(model, source)]
    return findings


def _of_model(model: Model, source: Source) -> list[str]:
    formula, findings = f"{model.formula} + {model.random}", []
    needed = {*names_in(formula), *model.by}
    if isinstance(source, TableSource) and source.table is not None:
        findings += _of_table(model, formula, source)
        needed -= set(source.table)
    if not source.participants_file:
        return findings
    path = str(source.participants_file)
    try:
        people = read_participants(path)
    except InputError as error:
        return [*findings, *error.findings]
    columns = sorted(needed & {column for row in people.values() for column in row})
    return findings + find_wrong_people(people, source.subjects, formula, columns, path)


def _of_table(model: Model, formula: str, source: TableSource) -> list[str]:
    """Return findings on the rows of a ready-made table that a model uses."""
    assert source.table is not None
    table, origin = source.table.astype(str), source.section.table
    used = names_in(formula) & set(table)
    findings = []
    for column in sorted(used):
        values = {f"line {line + 2}": value for line, value in table[column].items()}
        labels = column == source.section.place
        findings += find_wrong_types(formula, column, values, origin, labels)
    for column, wanted in model.where.items():
        table = table[table[column].isin(wanted)] if column in table else table
    findings += [
        f"{origin}, line {line + 2}: {column} is missing, and the formula names it; give the value "
        "or remove the row"
        for column in sorted(used)
        for line in table.index[table[column].isin(ABSENT)][:LISTED]
    ]
    return findings
