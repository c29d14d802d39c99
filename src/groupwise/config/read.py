"""Reading of the config: all errors at once, each with its key path and a remedy."""

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from groupwise.config.study import KINDS, Study
from groupwise.errors import InputError

#: One of the allowed values in an error of pydantic.
QUOTED = re.compile(r"'([^']*)'")
#: Loader of YAML: that of libyaml is ten times as fast, where PyYAML was built with it.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_study(
    raw: dict[str, Any], origin: str = "config", files: Iterable[str | Path] = ()
) -> Study:
    """Return the typed study of a raw config dict.

    Parameters
    ----------
    raw
        Content of the YAML file.
    origin
        Name of the file, for messages.
    files
        Files with that content. Their keys are checked for repetitions, which a dict cannot show.

    Raises
    ------
    InputError
        With one finding per wrong key: its path, what is wrong, and what to do.
    """
    findings = [finding for path in files for finding in _repeated_keys(path)]
    try:
        study = Study.model_validate(raw)
    except ValidationError as error:
        findings += [
            f"{origin}: {line}"
            for item in error.errors(include_url=False)
            for line in _findings(item)
        ]
    if findings:
        raise InputError(list(dict.fromkeys(findings)))
    return study


def read_study_file(path: str) -> Study:
    """Return the typed study of a YAML file. Raises `InputError`, as `read_study` does."""
    try:
        with Path(path).open(encoding="utf-8") as handle:
            raw = yaml.safe_load(handle)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path}: is not valid YAML: {error}") from None
    if not isinstance(raw, dict):
        raise InputError(f"{path}: must contain keys and values, as config/config.yaml does")
    return read_study(raw, path, [path])


def _repeated_keys(path: str | Path) -> list[str]:
    """Return findings on keys that occur twice in a mapping, of which YAML keeps the last only.

    A file that is not readable has none: whoever reads its values reports that.
    """
    try:
        # Snakemake also reads JSON, in which tabs are allowed.
        root = yaml.compose(Path(path).read_text(encoding="utf-8").expandtabs(), LOADER)
    except (OSError, ValueError, yaml.YAMLError):
        return []
    return [
        f"{path}, lines {', '.join(map(str, lines))}: the key {key} occurs {len(lines)} times, "
        "and only the last would be used; remove or rename the others"
        for key, lines in _lines_of_keys(root, "", set())
        if len(lines) > 1
    ]


def _lines_of_keys(
    node: yaml.Node | None, parent: str, seen: set[int]
) -> Iterator[tuple[str, list[int]]]:
    """Yield the path of each key below a node, with the lines of its occurrences.

    `seen` has the ids of visited nodes: an anchored node can occur several times, also in itself.
    """
    if not isinstance(node, yaml.CollectionNode) or id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _lines_of_keys(item, parent, seen)
        return
    lines: dict[str, list[int]] = {}
    for key, value in node.value:
        name = str(key.value)
        if key.tag != "tag:yaml.org,2002:merge":  # `<<` may occur more than once
            lines.setdefault(f"{parent}{name}", []).append(key.start_mark.line + 1)
        yield from _lines_of_keys(value, f"{parent}{name}.", seen)
    yield from lines.items()


def _findings(item: Mapping[str, Any]) -> list[str]:
    place = _place_of(item["loc"])
    key, written = ".".join(place.parts), item["input"]
    if item["type"] == "extra_forbidden":
        return [f"{key}: {_unknown(item['loc'][-1], place.model)}"]
    if item["type"] == "missing":
        return [_missing(key, place.annotation)]
    if item["type"] == "union_tag_not_found":
        return [_missing(f"{key}.data", Literal[*KINDS])]
    if item["type"] == "union_tag_invalid":
        return [f"{key}.data: {_not_known(written['data'], list(KINDS))}"]
    if place.beside_list and item["type"] in (
        ("literal_error", "string_type", "float_type")
        if isinstance(written, list)
        else ("list_type",)
    ):
        return []  # of "a value or a list", the error of the one that the user did not write
    if item["type"] == "literal_error":
        return [f"{key}: {_not_known(written, QUOTED.findall(item['ctx']['expected']))}"]
    if item["type"] == "string_type" and isinstance(written, (bool, int, float)):
        kind = "a boolean" if isinstance(written, bool) else "a number"
        return [f"{key}: must be text, but YAML reads {kind} ({_shown(written)}); put it in quotes"]
    if item["type"] in ("model_type", "model_attributes_type", "dict_type"):
        return [f"{key}: must contain keys and values, but is {_shown(written)}"]
    message = item["msg"].removeprefix("Value error, ")
    if item["type"] == "value_error":
        return [
            _joined_path(key, line, _model_in(place.annotation)) for line in message.splitlines()
        ]
    return [f"{key}: {message[0].lower()}{message[1:]} (got {_shown(written)})"]


def _joined_path(key: str, finding: str, model: type[BaseModel] | None) -> str:
    """Return a finding of a model with its key path: its first word may be a key of the model."""
    first = re.split("[.:]", finding)[0]
    own = model is not None and first in model.model_fields
    return f"{key}{'.' if own else ': '}{finding}" if key else finding


def _shown(value: Any) -> str:
    """Return a value as it is written in YAML."""
    return json.dumps(value) if value is None or isinstance(value, bool) else repr(value)


def _missing(key: str, annotation: Any) -> str:
    known = (
        f" (known: {', '.join(get_args(annotation))})" if get_origin(annotation) is Literal else ""
    )
    return f"{key}: is missing; add it{known}"


def _not_known(written: Any, known: list[str]) -> str:
    return f"{_shown(written)} is unknown; {_remedy(written, known)}"


def _unknown(key: str, model: type[BaseModel] | None) -> str:
    """Return the message on an unknown key."""
    owners = [data for data, kind in KINDS.items() if key in kind.model_fields]
    for data, kind in KINDS.items():
        if kind is model and owners:
            have = "have" if len(owners) > 1 else "has"
            return f"unknown key with data: {data}; only {_joined(owners)} {have} it; remove it"
    return f"unknown key; {_remedy(key, list(model.model_fields) if model else [])}"


def _joined(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _remedy(written: Any, known: list[str]) -> str:
    nearest = difflib.get_close_matches(str(written).lower(), [k.lower() for k in known], n=1)
    if nearest:
        return f"did you mean {next(k for k in known if k.lower() == nearest[0])}?"
    return f"known: {', '.join(known)}"


@dataclass
class _Place:
    """The place of an error in the config.

    parts : key path, as the user wrote it.
    model : model with the last key, if any.
    annotation : type of the value.
    beside_list : whether pydantic's location ends with a member of a union that includes a list.
    """

    parts: list[str]
    model: type[BaseModel] | None = None
    annotation: Any = Study
    beside_list: bool = False


def _place_of(location: tuple[str | int, ...]) -> _Place:
    """Return the place of pydantic's location, which also includes the tried members of unions."""
    place = _Place([])
    for part in location:
        members = _members(place.annotation)
        place.beside_list = len(members) > 1 and any(get_origin(m) is list for m in members)
        if len(members) > 1:
            place.annotation = next((each for each in members if _is_named(each, str(part))), None)
            continue
        (member,) = members
        place.model = _model_in(member)
        if place.model:
            field = place.model.model_fields.get(str(part))
            place.annotation = field.annotation if field else None
        else:  # a dict or a list
            place.annotation = next(iter(get_args(member)[-1:]), None)
        if part != "[key]":  # pydantic's mark of an error in the key itself
            place.parts.append(str(part))
    return place


def _model_in(annotation: Any) -> type[BaseModel] | None:
    first = _members(annotation)[0]
    return first if isinstance(first, type) and issubclass(first, BaseModel) else None


def _members(annotation: Any) -> list[Any]:
    """Return the types that a value may have, without null."""
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        each = [arg for arg in get_args(annotation) if arg is not type(None)]
        return [member for arg in each for member in _members(arg)]
    return [annotation]


def _is_named(member: Any, name: str) -> bool:
    """Whether pydantic uses this name for a member of a union (models and lists only)."""
    return KINDS.get(name) is member or (name.startswith("list[") and get_origin(member) is list)
