"""Text files given by users: TSV tables and JSON sidecars, read in one way everywhere."""

import csv
import io
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groupwise.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

#: The first bytes of files in encodings other than UTF-8.
OTHER_ENCODINGS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


def read_text(path: str | Path) -> str:
    """Return the text of a UTF-8 file without a byte-order mark.

    Raises
    ------
    InputError : the file cannot be opened, or is not UTF-8.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    encoding = OTHER_ENCODINGS.get(content[:2], "")
    try:
        if not encoding:
            return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        encoding = f"another encoding, such as Latin-1 (line {line})"
    raise InputError(f"{path}: is in {encoding}, not in UTF-8; save it as UTF-8")


def read_json(path: str | Path) -> dict[str, Any]:
    """Return the content of a JSON file with one object.

    Raises
    ------
    InputError : the file cannot be read, is not JSON, or is not one object.
    """
    text = read_text(path)
    try:
        content = json.loads(text)
    except ValueError as error:
        raise InputError(f"{path}: is not readable as JSON ({error}); correct it") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: is not a JSON object, in braces; correct it")
    return content


def read_table(path: str | Path) -> "pd.DataFrame":
    """Return a TSV table with all values as text, without blanks around names and values.

    The index is the line of each row in the file. Empty lines are left out.

    Raises
    ------
    InputError : the file cannot be read, has no header line, has a column twice or a column without
        a name, or has rows with more or fewer values than columns; all findings at once.
    """
    import pandas as pd

    reader = csv.reader(io.StringIO(read_text(path), newline=None), delimiter="\t")
    rows = {}
    for row in reader:
        values = [value.strip() for value in row]
        if any(values):
            rows[reader.line_num] = values
    if not rows:
        raise InputError(f"{path}: is empty; it needs a header line with the names of the columns")
    start = min(rows)
    names = rows.pop(start)
    # Tabs at the end of lines are no columns.
    while not names[-1] and not any(any(row[len(names) - 1 :]) for row in rows.values()):
        names.pop()
    for number, row in rows.items():
        if not any(row[len(names) :]):
            rows[number] = row[: len(names)]
    findings = [
        f"{path}, line {start}: column {name!r} occurs {count} times; rename or remove one"
        if name
        else f"{path}, line {start}: a column has no name; name or remove it"
        for name, count in Counter(names).items()
        if count > 1 or not name
    ]
    findings += [
        f"{path}, line {number}: has {len(row)} values for {len(names)} columns; correct the line, "
        "and write n/a for a missing value"
        for number, row in rows.items()
        if len(row) != len(names)
    ]
    if findings:
        raise InputError(findings)
    return pd.DataFrame(list(rows.values()), index=pd.Index(list(rows)), columns=names, dtype=str)
