"""Reading the study config: all errors at once, each with its key path and a remedy."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from groupwise.config.study import KINDS, Study
from groupwise.errors import InputError

#: A word in a list of allowed ones, as pydantic writes it.
QUOTED = re.compile(r"'([^']*)'")


def read_study(raw: dict[str, Any], origin: str = "config") -> Study:
    """Type a raw config dict.

    Parameters
    ----------
    raw
        What the YAML file holds.
    origin
        Name of the file, for messages.

    Raises
    ------
    InputError
        With one finding for each wrong key: its path, what is wrong, and for an unknown key the
        nearest known one.
    """
    try:
        return Study.model_validate(raw)
    except ValidationError as error:
        findings = [
            f"{origin}: {line}"
            for item in error.errors(include_url=False)
            for line in _findings(item)
        ]
        raise InputError(list(dict.fromkeys(findings))) from None


def read_study_file(path: str) -> Study:
    """Read and type a YAML file. Raises `InputError` as `read_study` does."""
    try:
        with Path(path).open(encoding="utf-8") as handle:
            raw = yaml.safe_load(handle)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path}: is not valid YAML: {error}") from None
    if not isinstance(raw, dict):
        raise InputError(f"{path}: must hold keys and values, as config/config.yaml does")
    return read_study(raw, path)


def _findings(item: Mapping[str, Any]) -> list[str]:
    place = _place_of(item["loc"])
    key, written = ".".join(place.parts), item["input"]
    if item["type"] == "extra_forbidden":
        return [f"{key}: {_unknown(item['loc'][-1], place.model)}"]
    if item["type"] == "missing":
        return [f"{key}: is missing; add it"]
    if item["type"] == "union_tag_not_found":
        return [f"{key}.data: is missing; add it (known: {', '.join(KINDS)})"]
    if item["type"] == "union_tag_invalid":
        return [f"{key}.data: {_not_known(written['data'], list(KINDS))}"]
    if place.beside_list and item["type"] in (
        ("literal_error", "string_type", "float_type")
        if isinstance(written, list)
        else ("list_type",)
    ):
        return []  # a value or a list may stand here: what is wrong with the other is no matter
    if item["type"] == "literal_error":
        return [f"{key}: {_not_known(written, QUOTED.findall(item['ctx']['expected']))}"]
    if item["type"] == "string_type" and isinstance(written, (bool, int, float)):
        kind = "a yes or no" if isinstance(written, bool) else "a number"
        return [f"{key}: YAML reads {kind} here ({written!r}), not text; put it in quotes"]
    if item["type"] in ("model_type", "model_attributes_type", "dict_type"):
        return [f"{key}: must hold keys and values, not {written!r}"]
    message = item["msg"].removeprefix("Value error, ")
    if item["type"] == "value_error":
        return [f"{key}: {line}" if key else line for line in message.splitlines()]
    return [f"{key}: {message[0].lower()}{message[1:]} (got {written!r})"]


def _not_known(written: Any, known: list[str]) -> str:
    return f"{written!r} is not known; {_remedy(written, known)}"


def _unknown(key: str, model: type[BaseModel] | None) -> str:
    """What is said of a key that its model does not know."""
    owners = [data for data, kind in KINDS.items() if key in kind.model_fields]
    for data, kind in KINDS.items():
        if kind is model and owners:
            return f"unknown key with data: {data}; it belongs to {_joined(owners)}; remove it"
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
    """Where in the config an error is.

    parts : keys as the user wrote them.
    model : the model that the last key is of, if any.
    beside_list : whether pydantic's location ends with a member of a union with a list.
    """

    parts: list[str]
    model: type[BaseModel] | None = None
    beside_list: bool = False


def _place_of(location: tuple[str | int, ...]) -> _Place:
    """The place that pydantic's location means, which also names the members of unions it tried."""
    place = _Place([])
    annotation: Any = Study
    for part in location:
        members = _members(annotation)
        place.beside_list = len(members) > 1 and any(get_origin(m) is list for m in members)
        if len(members) > 1:
            annotation = next((each for each in members if _is_named(each, str(part))), None)
            continue
        (member,) = members
        place.model = None
        if isinstance(member, type) and issubclass(member, BaseModel):
            place.model = member
            field = member.model_fields.get(str(part))
            annotation = field.annotation if field else None
        else:  # a dict of keys and values, or a list of values
            annotation = next(iter(get_args(member)[-1:]), None)
        if part != "[key]":  # so pydantic says that the key itself is wrong
            place.parts.append(str(part))
    return place


def _members(annotation: Any) -> list[Any]:
    """The types that a value may have beside null."""
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        each = [arg for arg in get_args(annotation) if arg is not type(None)]
        return [member for arg in each for member in _members(arg)]
    return [annotation]


def _is_named(member: Any, name: str) -> bool:
    """Whether pydantic calls a member of a union so; of plain values nobody asks."""
    return KINDS.get(name) is member or (name.startswith("list[") and get_origin(member) is list)
