"""Reading the study config: all errors at once, each with its key path and a remedy."""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from groupwise.config.study import Study
from groupwise.errors import InputError


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
    key = ".".join(str(part) for part in item["loc"] if not _is_union_member(part))
    if item["type"] == "extra_forbidden":
        return [f"{key}: unknown key; {_remedy(item['loc'][-1], _keys_at(item['loc'][:-1]))}"]
    if item["type"] == "missing":
        return [f"{key}: is missing; add it"]
    if item["type"] == "literal_error":
        # A list where one word or a list may stand: what is wrong in the list is told by itself.
        if isinstance(item["input"], list) and _is_union_member(item["loc"][-1]):
            return []
        known = re.findall(r"'([^']*)'", item["ctx"]["expected"])
        return [f"{key}: {item['input']!r} is not known; {_remedy(item['input'], known)}"]
    if item["type"] == "string_type" and isinstance(item["input"], (bool, int, float)):
        kind = "a yes or no" if isinstance(item["input"], bool) else "a number"
        return [f"{key}: YAML reads {kind} here ({item['input']!r}), not text; put it in quotes"]
    message = item["msg"].removeprefix("Value error, ")
    if item["type"] == "value_error":
        return [f"{key}: {line}" if key else line for line in message.splitlines()]
    return [f"{key}: {message[0].lower()}{message[1:]} (got {item['input']!r})"]


def _remedy(written: Any, known: list[str]) -> str:
    nearest = difflib.get_close_matches(str(written).lower(), [k.lower() for k in known], n=1)
    if nearest:
        return f"did you mean {next(k for k in known if k.lower() == nearest[0])}?"
    return f"known: {', '.join(known)}"


def _is_union_member(part: Any) -> bool:
    """Pydantic puts the tried member of a union into the path; a user's key never looks so."""
    return isinstance(part, str) and (
        "[" in part or part in {"int", "str", "float", "bool", "constrained-str"}
    )


def _keys_at(location: tuple) -> list[str]:
    """Keys that the model at this place of the config knows."""
    annotation: Any = Study
    for part in location:
        model = _model_in(annotation)
        if model is not None and part in model.model_fields:
            annotation = model.model_fields[part].annotation
        elif model is None and get_origin(_not_none(annotation)) is dict:
            annotation = get_args(_not_none(annotation))[1]
    model = _model_in(annotation)
    return list(model.model_fields) if model else []


def _not_none(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, UnionType):
        return next(arg for arg in get_args(annotation) if arg is not type(None))
    return annotation


def _model_in(annotation: Any) -> type[BaseModel] | None:
    plain = _not_none(annotation)
    return plain if isinstance(plain, type) and issubclass(plain, BaseModel) else None
