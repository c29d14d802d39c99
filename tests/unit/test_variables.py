"""Variables of formulas that were read as another type: covariates as factors, codes as numbers."""

import numpy as np
import pandas as pd
import pytest

from groupwise.config.read import read_study
from groupwise.errors import InputError
from groupwise.inputs.participants import read_participants, values_of
from groupwise.inputs.variables import find_wrong_types
from groupwise.plan.build import Plan
from groupwise.stats.mixed_models import add_participant_columns, read_model_table

AGES = [str(20 + 3 * k) for k in range(11)]


def found(formula, values, **options):
    rows = {f"subject {k:02d}": value for k, value in enumerate(values)}
    return find_wrong_types(formula, "x", rows, "participants.tsv", **options)


@pytest.mark.parametrize("odd", ["89+", "23,5", ">89", "34 years", "1 234", "10%", "?"])
def test_a_covariate_with_a_value_that_is_no_number_is_refused(odd):
    (finding,) = found("theta ~ x", [*AGES, odd])
    assert f"participants.tsv: column x: subject 11 has {odd!r}, which is not a number" in finding
    assert "write C(x) if x is a factor" in finding
    assert found("theta ~ C(x)", [*AGES, odd]) == []
    assert found("theta ~ I(x ** 2) + x", [*AGES, odd])


def test_a_covariate_with_decimal_commas_only_is_refused():
    (finding,) = found("theta ~ x", [f"{k},5" for k in range(20, 31)])
    assert "subject 00 has '20,5'" in finding and "and 6 more" in finding


@pytest.mark.parametrize(
    "codes", [[0, 1], [1, 2], [1, 2, 3], [0, 1, 2, 3, 4], [101, 102, 103], [10, 20]]
)
def test_numeric_codes_of_groups_are_declared(codes):
    values = [str(codes[k % len(codes)]) for k in range(12)]
    (finding,) = found("theta ~ Condition * x", values)
    assert f"the values {', '.join(map(str, codes))}, which may be codes" in finding
    assert found("theta ~ Condition * C(x)", values) == []
    assert found("theta ~ Condition * I(x)", values) == []
    assert found("x ~ Condition", values) == []  # a response


@pytest.mark.parametrize(
    "values",
    [
        AGES,
        ["18", "19", "20", "21", "22", "23"] * 4,  # ages of students
        ["-1", "1"] * 6,  # effect coding
        ["0.5", "1.5"] * 6,
        ["21", "25", "30"],
        ["patient", "control"] * 6,
        ["18-29", "30-39", "40+"] * 4,  # age bands
        ["S1_D1", "S1_D2"],
        ["1a", "2a"],
        [str(k) for k in range(12)],
        ["1.5e-3", ".5", "-2.", "+3", "n/a"],
    ],
)
def test_columns_of_real_tables_pass(values):
    assert found("theta ~ x", values) == []


def test_places_with_numbers_for_names_are_declared():
    places = [str(k) for k in range(1, 31)]
    assert found("theta ~ x", places) == []
    assert "write C(x) for groups" in found("theta ~ x", places, labels=True)[0]


def test_declared_types_reach_the_model():
    people = {f"{k:02d}": {"site": str(1 + k % 3), "age": AGES[k]} for k in range(9)}
    table = pd.DataFrame({"ID": list(people) * 2, "theta": np.arange(18.0)})
    with pytest.raises(InputError, match="column site has only the values 1, 2, 3"):
        add_participant_columns(table, people, "theta ~ site")
    added = add_participant_columns(table, people, "theta ~ C(site) + age")
    assert added["age"].tolist() == [float(age) for age in AGES[:9]] * 2
    people["04"]["age"] = "89+"
    with pytest.raises(InputError, match=r"subject 04 has '89\+'"):
        add_participant_columns(table, people, "theta ~ age")


@pytest.mark.parametrize("ending", ["tsv", "csv"])
def test_factors_of_a_table_of_values_stay_text(tmp_path, ending):
    path = tmp_path / f"values.{ending}"
    sign = {"tsv": "\t", "csv": ","}[ending]
    rows = [["subject", "Condition", "theta"], ["sub-01", "1", "0.5"], ["sub-02", "2", "1.5"]]
    path.write_text("\n".join(map(sign.join, rows)) + "\n")
    table = read_model_table(str(path))
    assert table["ID"].tolist() == ["01", "02"] and table["Condition"].tolist() == ["1", "2"]
    assert table["theta"].tolist() == [0.5, 1.5]


def test_the_plan_names_file_row_column_and_value(tmp_path):
    rows = [
        f"{k:02d}\t{condition}\t{1 + k % 2}\t{'23,5' if k == 3 else 20 + k}\t1.5\t{condition}"
        for k in range(1, 7)
        for condition in ("go", "stop")
    ]
    rows[0] = rows[0].replace("go", "n/a")
    values, people = tmp_path / "values.tsv", tmp_path / "participants.tsv"
    values.write_text("\n".join(["ID\tCondition\tvisit\tage\ttheta\tch_name", *rows]) + "\n")
    people.write_text(
        "participant_id\tiq\n" + "".join(f"sub-{k:02d}\t{100 + k}\n" for k in range(1, 6))
    )
    model = {"data": "values", "formula": "theta ~ Condition + visit + age + iq"}
    study = {
        "study": "s",
        "participants": str(people),
        "values": {"table": str(values)},
        "models": {"m": model},
    }
    findings = Plan(read_study(study), "out").findings
    assert [line.split(", which")[0] for line in findings] == [
        f"models.m: {values}: column age: line 6 has '23,5', line 7 has '23,5'",
        f"models.m: {values}: column visit has only the values 1, 2",
        f"models.m: {values}, line 2: Condition is missing, and the formula names it; give the "
        "value or remove the row",
        f"models.m: {people}: subject 06 has no iq",
    ]
    model["formula"] = "theta ~ C(visit)"
    assert Plan(read_study(study), "out").findings == []


@pytest.mark.parametrize("value", ["89+", "23,5", "1_0", "inf", "nan1"])
def test_covariates_of_maps_are_numbers(value):
    people = {"01": {"age": "31.5"}, "02": {"age": value}}
    with pytest.raises(InputError, match=r"subject 02: age .* is not a number"):
        values_of(people, ["01", "02"], "age", "participants.tsv")
    assert values_of(people, ["01"], "age", "participants.tsv") == [31.5]


def test_a_participants_table_in_another_encoding_is_named(tmp_path):
    path = tmp_path / "participants.tsv"
    path.write_bytes("participant_id\tcity\nsub-01\tKöln\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"participants\.tsv: is not text in UTF-8"):
        read_participants(str(path))
