"""Text files of users: read right in UTF-8, refused with the line in any other form."""

import pytest

from groupwise.errors import InputError
from groupwise.inputs.text import read_json, read_table

TABLE = "name\tplace\nJosé\tx\n"


def test_a_table_is_read_as_text_without_blanks(tmp_path):
    path = tmp_path / "t.tsv"
    path.write_bytes(b"\xef\xbb\xbfname \tvalue\r\n go\t1.50 \r\n\r\nstop\tn/a\r\n")
    table = read_table(path)
    assert table.to_dict("list") == {"name": ["go", "stop"], "value": ["1.50", "n/a"]}
    assert list(table.index) == [2, 4]


def test_tabs_at_the_end_of_lines_are_no_columns(tmp_path):
    path = tmp_path / "t.tsv"
    path.write_text("a\tb\t\t\n1\t2\t\t\n3\t4\n\t\t\t\n")
    assert read_table(path).to_dict("list") == {"a": ["1", "3"], "b": ["2", "4"]}


@pytest.mark.parametrize(
    ("content", "finding"),
    [
        (TABLE.encode("latin-1"), "is in another encoding, such as Latin-1 (line 2), not in UTF-8"),
        (TABLE.encode("utf-16"), "is in UTF-16, not in UTF-8; save it as UTF-8"),
        (b"", "is empty; it needs a header line"),
        (b" \t\n\n", "is empty; it needs a header line"),
        (b"a\tb\ta\n1\t2\t3\n", "line 1: column 'a' occurs 2 times"),
        (b"a\t\n1\t2\n", "line 1: a column has no name"),
        (b"a\t\tb\n1\t\t2\n", "line 1: a column has no name"),
        (b"a\tb\n1\t2\n1\n", "line 3: has 1 values for 2 columns"),
        (b"a\tb\n1\t2\t3\n", "line 2: has 3 values for 2 columns"),
    ],
)
def test_other_tables_are_refused(tmp_path, content, finding):
    path = tmp_path / "t.tsv"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_table(path)
    assert str(path) in str(error.value) and finding in str(error.value)


def test_all_lines_of_wrong_length_are_named(tmp_path):
    path = tmp_path / "t.tsv"
    path.write_text("a\tb\n1\n1\t2\n1\n")
    with pytest.raises(InputError) as error:
        read_table(path)
    assert [finding.split(":")[0][-6:] for finding in error.value.findings] == ["line 2", "line 4"]


@pytest.mark.parametrize(
    ("content", "finding"),
    [
        (b"{", "is not readable as JSON"),
        (b"[1]", "is not a JSON object"),
        ('{"a": "é"}'.encode("latin-1"), "is in another encoding, such as Latin-1 (line 1)"),
    ],
)
def test_other_sidecars_are_refused(tmp_path, content, finding):
    path = tmp_path / "t.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"t\.json") as error:
        read_json(path)
    assert finding in str(error.value)


def test_files_that_cannot_be_opened_are_named(tmp_path):
    with pytest.raises(InputError, match=r"no\.tsv: cannot be read \(No such file"):
        read_table(tmp_path / "no.tsv")
