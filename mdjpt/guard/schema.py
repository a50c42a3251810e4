"""What a file says of itself, checked against a type: one clear line where it does not fit.

The types are pydantic models or dataclasses with :data:`STRICT`. Everything is read as JSON: there
a list stands for a tuple and a text for a path, while nothing else is converted.
"""

from __future__ import annotations

import json
import re
import reprlib
from typing import TYPE_CHECKING, Annotated, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from pydantic_core.core_schema import any_schema

from mdjpt.errors import MdjptError, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic_core.core_schema import AnySchema

__all__ = ["STRICT", "Unchecked", "checked", "fault", "parsed"]

STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
"""For every type that stands for the content of a file: unknown keys, other types, and NaN or
infinity in a number are errors. ``Any`` lets NaN through."""

MAX_VALUE = 60  # characters of a wrong value that are shown
_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")

T = TypeVar("T")


class _Passed:
    """Has pydantic pass a value as it is, whatever its type."""

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> AnySchema:
        return any_schema()


Unchecked = Annotated[T, _Passed()]
"""A field that pydantic does not look at, an array: the constructor checks it by itself."""


def parsed(
    kind: type[T], text: bytes | str, where: object, error: type[MdjptError], hint: str = ""
) -> T:
    """Parse a JSON text as a pydantic model, or a dataclass, with :data:`STRICT`.

    `where` is what the error begins with: the path of the file; `hint` is its end: what to do about
    it. A text that is nested more than some 200 levels deep is refused.

    Raises MdjptError of the class `error`: no JSON, a key that is missing or unknown, a value of
    another type or out of its range. One line names file, key, rule and value.
    """
    try:
        value = TypeAdapter(kind).validate_json(text)
    except ValidationError as invalid:
        raise error(f"{where}: {fault(invalid, kind)}{hint and f': {hint}'}") from None
    return value


def checked(
    kind: type[T], value: object, where: object, error: type[MdjptError], hint: str = ""
) -> T:
    """Check what was parsed already, a TOML table or a part of a larger JSON text.

    A value that is no JSON type (a date) counts as its text. The rest is as for :func:`parsed`.

    Raises MdjptError as for :func:`parsed`.
    """
    try:
        text = json.dumps(value, default=str)
    except (ValueError, RecursionError):
        raise error(f"{where}: damaged, nested too deeply{hint and f': {hint}'}") from None
    return parsed(kind, text, where, error, hint)


def fault(invalid: ValidationError, kind: type | None = None) -> str:
    """Say in one line what pydantic found first: key, rule and value.

    Where `kind`, what was asked for, is known, an unknown key is told which ones there are.
    """
    first = invalid.errors(include_url=False)[0]
    subject = f"key {one_line(_dotted(first['loc']), MAX_VALUE)!r} " if first["loc"] else ""
    if first["type"] == "json_invalid":
        return "damaged, no JSON"
    if first["type"] == "missing":
        return f"{subject}is missing"
    if first["type"] in _UNKNOWN:
        known = ", ".join(_keys_beside(kind, first["loc"]))
        return f"{subject}is unknown{known and f'; there are {known}'}"
    if first["type"] == "value_error":  # a rule of ours says key, value and unit itself
        rule = one_line(first["ctx"]["error"])
        return (
            subject + rule if not subject or rule.startswith("must") else f"{subject[:-1]}: {rule}"
        )
    rule = re.sub(r"^\w+ should", "must", first["msg"])
    return f"{subject}{rule}, got {one_line(reprlib.repr(first['input']), MAX_VALUE)}"


def _dotted(steps: Sequence[int | str]) -> str:
    """Return a path of keys and places as ``key.key[place].key``."""
    return "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in steps).removeprefix(".")


def _keys_beside(kind: type | None, steps: Sequence[int | str]) -> list[str]:
    """Return the keys that a type has where one was found that it has not; none when in doubt."""
    if kind is None:
        return []
    try:
        schema = node = TypeAdapter(kind).json_schema()
        for step in steps[:-1]:
            node = node["items"] if isinstance(step, int) else node["properties"][step]
            if "$ref" in node:
                node = schema["$defs"][node["$ref"].rpartition("/")[2]]
        return list(node["properties"])
    except (KeyError, PydanticUserError):
        return []
