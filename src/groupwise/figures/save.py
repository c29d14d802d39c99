"""Save the figures of one stage as PNG, with their captions and the list for the report."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader
from matplotlib.figure import Figure

from groupwise.figures.manifest import write_manifest
from groupwise.files import write_whole_folder


@dataclass(frozen=True)
class CaptionedFigure:
    """A figure with its title, caption and alt text. `name` is the stem of its file."""

    name: str
    figure: Figure
    title: str
    caption: str
    alt: str


def save_figures(
    figures: Iterable[CaptionedFigure],
    folder: str | os.PathLike,
    title: str,
    subject: str | None = None,
) -> None:
    """Write figures as PNG (150 dpi), their list `figures.json` and a page `index.html`.

    The report reads `figures.json`. The folder is written completely or not at all.
    """
    with write_whole_folder(folder) as part:
        listed = []
        for figure in figures:
            path = part / f"{figure.name}.png"
            # Without the version of Matplotlib, the same numbers give the same bytes.
            figure.figure.savefig(path, dpi=150, metadata={"Software": None})
            words = {"title": figure.title, "caption": figure.caption, "alt": figure.alt}
            listed.append({"file": str(path), **words})
        write_manifest(part / "figures.json", listed, title=title, subject=subject)
        page = Environment(loader=PackageLoader("groupwise", "figures"), autoescape=True)
        beside = [{**each, "file": Path(each["file"]).name} for each in listed]
        text = page.get_template("page.html.j2").render(title=title, figures=beside)
        (part / "index.html").write_text(text, encoding="utf-8")
