"""Write tables as text for the terminal, as HTML and as TSV."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

#: Width of the terminal in characters.
WIDTH = 96


class Cell(NamedTuple):
    """Text of a cell, and the state that determines its colour in HTML."""

    text: str
    state: str = ""


@dataclass(frozen=True)
class Table:
    """Table with a title; each row has one cell per column."""

    title: str
    columns: list[str]
    rows: list[list[Cell]]


@dataclass(frozen=True)
class Page:
    """Output of a command: title, sentences and tables."""

    title: str
    lines: list[str]
    tables: list[Table]


def as_text(page: Page) -> str:
    """Return text for the terminal. In a wide table, numbers replace the names of columns."""
    parts = ["\n".join(page.lines)]
    for table in page.tables:
        short = [
            place > 0 and all(len(row[place].text) < 8 for row in table.rows)
            for place in range(len(table.columns))
        ]
        wide = sum(len(name) + 2 for name in table.columns) > WIDTH
        heads = [
            str(place) if wide and short[place] else name
            for place, name in enumerate(table.columns)
        ]
        lines = [table.title]
        if wide:
            key = [f"{place} {name}" for place, name in enumerate(table.columns) if short[place]]
            lines += _wrap(key)
        cells = [heads, *([cell.text for cell in row] for row in table.rows)]
        widths = [max(len(row[k]) for row in cells) for k in range(len(heads))]
        lines += [
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
            for row in cells
        ]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _wrap(words: Sequence[str], width: int = WIDTH) -> list[str]:
    lines = [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + len(word) > width:
            lines.append("")
        lines[-1] += ("   " if lines[-1] else "  ") + word
    return lines


def as_html(page: Page) -> str:
    """Return a self-contained HTML page."""
    from jinja2 import Environment, PackageLoader

    loader = PackageLoader("groupwise.command", "")
    environment = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template("page.html.j2").render(page=page)


def as_tsv(rows: Sequence[dict[str, object]]) -> str:
    """Return tab-separated text, with n/a for empty cells."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = [columns]
    lines += [[str(row.get(name, "")) or "n/a" for name in columns] for row in rows]
    return "".join("\t".join(line) + "\n" for line in lines)
