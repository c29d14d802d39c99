"""What is generated from the typed study: JSON schema, default config, reference of every key.

`python -m groupwise.config.document` writes them; a test holds the committed files in step.
"""

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from groupwise.config.analysis import Analysis, Threshold
from groupwise.config.models import Model
from groupwise.config.section import Section
from groupwise.config.study import KINDS, Study
from groupwise.files import write_text

WIDTH = 96
#: Sections of which a study may have several, each by its own name.
NAMED = {Analysis: "my_analysis", Model: "my_model"}


def json_schema() -> str:
    """JSON schema of the study config, for editors and other tools."""
    return json.dumps(Study.model_json_schema(), indent=2) + "\n"


def default_config() -> str:
    """A YAML config with every key at its default, each with its meaning above it.

    Keys without a default stand there as comments with `<required>`.
    """
    head = (
        "# Every key of a study with its default. Generated from the typed config: copy what you\n"
        "# need into your own config; what you leave out has the value that stands here.\n"
    )
    return head + "\n".join(_yaml_lines(Study, 0)) + "\n"


def reference() -> str:
    """Markdown reference: a table of keys for each section."""
    parts = [
        "# The study config\n",
        "One YAML file says what a study is: where its data are, how they are processed, what is "
        "asked of the group.\n`config.yaml` in this folder is the demo study's; "
        "`default.yaml` shows every key at its default.\nRun another study with "
        "`snakemake --configfile my_study.yaml --cores 8`.\n",
        "An unknown key is refused with the nearest known one, all mistakes are told at once, and "
        "nothing runs before the config is right.\nWhat a key changes is recomputed, and nothing "
        "else is.\n",
        "*This page is generated from the typed config (`src/groupwise/config/`).*\n",
    ]
    for path, model in _sections(Study, ""):
        parts.append(f"## {f'`{path}`' if path else 'Top level'}\n\n{_summary(model)}\n")
        parts.append("| key | default | meaning |\n|---|---|---|")
        for key, field in model.model_fields.items():
            parts.append(f"| `{key}` | {_shown_default(field)} | {field.description} |")
        parts.append("")
        if model is Analysis:
            parts += _table_of_kinds()
    return "\n".join(parts)


def _table_of_kinds() -> list[str]:
    """The keys that an analysis has with some kinds of data alone."""
    return [
        f"`data` is one of {', '.join(f'`{data}`' for data in KINDS)}, and each has keys of its "
        "own:\n",
        "| key | with `data` | default | meaning |\n|---|---|---|---|",
        *(
            f"| `{key}` | {', '.join(f'`{data}`' for data in kinds)} | {_shown_default(field)} "
            f"| {field.description} |"
            for key, field, kinds in _keys_of_kinds()
        ),
        "",
    ]


def write_all(root: Path) -> None:
    """Write the three generated files below the repository's root."""
    for name, text in generated().items():
        write_text(root / name, text)


def generated() -> dict[str, str]:
    """The generated files by their path in the repository."""
    return {
        "workflow/schemas/study.schema.json": json_schema(),
        "config/default.yaml": default_config(),
        "config/README.md": reference(),
    }


def _summary(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().splitlines()[0]


def _section_in(field: FieldInfo) -> type[Section] | None:
    """The section that a field holds, also inside `X | None` and `dict[str, X]`.

    Of several kinds of analyses, what they have in common.
    """
    waiting = [field.annotation]
    while waiting:
        annotation = waiting.pop()
        if isinstance(annotation, type) and issubclass(annotation, Section):
            return Analysis if issubclass(annotation, Analysis) else annotation
        waiting.extend(get_args(annotation))
    return None


def _keys_of_kinds() -> list[tuple[str, FieldInfo, list[str]]]:
    """Keys that not every analysis has, each with the kinds of data that share it."""
    found: dict[tuple, tuple[str, FieldInfo, list[str]]] = {}
    for data, kind in KINDS.items():
        for key, field in kind.model_fields.items():
            if key not in Analysis.model_fields:
                same = (key, _shown_default(field), field.description)
                found.setdefault(same, (key, field, []))[2].append(data)
    keys = [key for key, *_ in found]
    return sorted(found.values(), key=lambda row: keys.index(row[0]))


def _sections(model: type[Section], path: str) -> Iterator[tuple[str, type[Section]]]:
    yield path, model
    for key, field in model.model_fields.items():
        inner = _section_in(field)
        if inner is not None:
            name = f"{key}.<name>" if inner in NAMED else key
            yield from _sections(inner, f"{path}.{name}" if path else name)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True)
    return list(value) if isinstance(value, tuple) else value


def _shown_default(field: FieldInfo) -> str:
    if field.is_required():
        return "*required*"
    inner = _section_in(field)
    if inner is not None and isinstance(field.default, BaseModel):
        return f"`{json.dumps(_plain(field.default))}`" if inner is Threshold else "see below"
    return f"`{json.dumps(_plain(field.default))}`"


def _comment(text: str, pad: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=f"{pad}# ",
        subsequent_indent=f"{pad}# ",
        break_on_hyphens=False,
    )


def _yaml_lines(model: type[Section], depth: int) -> list[str]:
    pad = "  " * depth
    lines: list[str] = []
    for key, field in model.model_fields.items():
        lines += _comment(field.description or "", pad)
        inner = _section_in(field)
        if inner is None or inner is Threshold:
            lines.append(f"{pad}{'# ' if field.is_required() else ''}{_yaml_line(key, field)}")
        elif isinstance(field.default, BaseModel):
            lines += [f"{pad}{key}:", *_yaml_lines(inner, depth + 1)]
        else:
            name = [f"  {NAMED[inner]}:"] if inner in NAMED else []
            block = _yaml_lines(inner, depth + 1 + len(name))
            lines += [f"{pad}# {line}" for line in [f"{key}:", *name, *block]]
    if model is Analysis:
        for key, field, kinds in _keys_of_kinds():
            lines += _comment(f"With data {', '.join(kinds)}: {field.description}", pad)
            lines.append(f"{pad}# {_yaml_line(key, field)}")
    return lines


def _yaml_line(key: str, field: FieldInfo) -> str:
    return f"{key}: {'<required>' if field.is_required() else json.dumps(_plain(field.default))}"


if __name__ == "__main__":
    write_all(Path.cwd())
