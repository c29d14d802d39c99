"""Files generated from the typed config: JSON schema, default config and reference of all keys.

`python -m groupwise.config.document` writes them. A test checks that the committed files are
current.
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
#: Sections of which a study can have several, each with a name.
NAMED = {Analysis: "my_analysis", Model: "my_model"}


def json_schema() -> str:
    """Return the JSON schema of the config, for editors and other tools."""
    return json.dumps(Study.model_json_schema(), indent=2) + "\n"


def default_config() -> str:
    """Return a YAML config with every key at its default, with its meaning above it.

    Keys without a default are comments with the value `<required>`.
    """
    head = (
        "# Every key of the config with its default. Copy the keys that you want to change to\n"
        "# your config; all others have the values below. Generated from the typed config.\n"
    )
    return head + "\n".join(_yaml_lines(Study, 0)) + "\n"


def reference() -> str:
    """Return the Markdown reference, with a table of keys for each section."""
    parts = [
        "# The config\n",
        "One YAML file defines a study: its data, its processing and the analyses of the group.\n"
        "In this folder, `config.yaml` is the demo study, and `default.yaml` shows every key with "
        "its default.\nRun another study with `snakemake --configfile my_study.yaml --cores 8`.\n",
        "Before the first job, all errors in the config are reported at once. For an unknown key, "
        "the message suggests the nearest known one.\nA changed key reruns only the stages that "
        "depend on it.\n",
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
    """Return the lines of the table of keys that only some kinds of data have."""
    return [
        f"`data` is one of {', '.join(f'`{data}`' for data in KINDS)}. Some of them have further "
        "keys:\n",
        "| key | with `data` | default | meaning |\n|---|---|---|---|",
        *(
            f"| `{key}` | {', '.join(f'`{data}`' for data in kinds)} | {_shown_default(field)} "
            f"| {field.description} |"
            for key, field, kinds in _keys_of_kinds()
        ),
        "",
    ]


def write_all(root: Path) -> None:
    """Write the generated files to the repository at `root`."""
    for name, text in generated().items():
        write_text(root / name, text)


def generated() -> dict[str, str]:
    """Return the content of the generated files by path in the repository."""
    return {
        "workflow/schemas/study.schema.json": json_schema(),
        "config/default.yaml": default_config(),
        "config/README.md": reference(),
    }


def _summary(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().splitlines()[0]


def _section_in(field: FieldInfo) -> type[Section] | None:
    """Return the section in a field, also from `X | None` and `dict[str, X]`.

    For the union of all kinds of analyses, it is their base class.
    """
    waiting = [field.annotation]
    while waiting:
        annotation = waiting.pop()
        if isinstance(annotation, type) and issubclass(annotation, Section):
            return Analysis if issubclass(annotation, Analysis) else annotation
        waiting.extend(get_args(annotation))
    return None


def _keys_of_kinds() -> list[tuple[str, FieldInfo, list[str]]]:
    """Return the keys that only some kinds of data have, each with these kinds."""
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
