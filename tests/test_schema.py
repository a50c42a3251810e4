"""Checking what a file says of itself: strict, and one line for each fault."""

from __future__ import annotations

import datetime
import math
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError
from pydantic.dataclasses import dataclass

from mdjpt.errors import DatasetError, ModelError
from mdjpt.guard.schema import STRICT, checked, fault, parsed


@dataclass(frozen=True, config=STRICT)
class Part:
    name: str
    size_s: Annotated[float, Field(gt=0)] = 1.0

    def __post_init__(self) -> None:
        if self.name == "none":
            raise ValueError("name must be a name, got none")


class Whole(BaseModel, frozen=True):
    model_config = STRICT

    parts: tuple[Part, ...]
    folder: Path = Path()
    mode: Literal["a", "b"] = "a"
    threads: Annotated[int, Field(ge=0)] = 0
    ready: bool = False
    about: dict[str, Any] = {}
    first: Part | None = None


def refused(value: object, **extra: str) -> str:
    with pytest.raises(DatasetError) as caught:
        checked(Whole, value, "a/file.json", DatasetError, **extra)
    message = str(caught.value)
    assert message.startswith("a/file.json: ")
    assert message.isprintable()
    assert len(message) < 250
    return message.removeprefix("a/file.json: ")


def test_lists_become_tuples_texts_paths_and_nothing_else_is_converted() -> None:
    content = {"parts": [{"name": "x", "size_s": 2}], "folder": "some/where", "about": {"k": [1]}}
    whole = checked(Whole, content, "", DatasetError)
    assert whole.parts == (Part("x", 2.0),)
    assert whole.folder == Path("some/where")
    assert whole.about == {"k": [1]}
    assert parsed(Whole, b'{"parts": []}', "", DatasetError) == Whole(parts=())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"parts": [{"name": 3}]}, "key 'parts[0].name' must be a valid string, got 3"),
        ({"parts": [{}]}, "key 'parts[0].name' is missing"),
        ({"parts": []} | {"mode": "c"}, "key 'mode' must be 'a' or 'b', got 'c'"),
        ({"parts": []} | {"threads": -1}, "key 'threads' must be greater than or equal to 0, got"),
        ({"parts": []} | {"threads": True}, "key 'threads' must be a valid integer, got True"),
        ({"parts": []} | {"threads": 1.0}, "key 'threads' must be a valid integer, got 1.0"),
        ({"parts": []} | {"ready": 1}, "key 'ready' must be a valid boolean, got 1"),
        ({"parts": "x"}, "key 'parts' must be a valid array, got 'x'"),
        ({"parts": [{"name": "none"}]}, "key 'parts[0]': name must be a name, got none"),
        ({"parts": [{"name": "x", "size_s": math.nan}]}, "size_s' must be a finite number"),
        ({"parts": [{"name": "x", "size_s": 10**400}]}, "size_s' must be a"),
        ({"parts": [{"name": datetime.date(2024, 1, 1), "size_s": 0}]}, "must be greater than 0"),
        ([], "must be an object, got []"),
    ],
)
def test_a_fault_is_one_line_with_key_rule_and_value(content: object, message: str) -> None:
    assert message in refused(content)


def test_an_unknown_key_is_told_which_ones_there_are() -> None:
    part = {"name": "x", "sise_s": 1}
    assert refused({"parts": [part]}) == (
        "key 'parts[0].sise_s' is unknown; there are name, size_s"
    )
    assert "; there are parts, folder, mode" in refused({"parts": [], "modus": "a"})
    assert refused({"parts": [], "first": part}) == "key 'first.sise_s' is unknown"


def test_the_hint_says_what_to_do_about_it() -> None:
    assert refused({}, hint="make it again") == "key 'parts' is missing: make it again"


@pytest.mark.parametrize(
    "text", [b"", b"\xff\xfe\x00", b"[" * 100_000, b'{"parts": ', b'{"about": ' * 1000]
)
def test_what_is_no_json_is_said_to_be_none(text: bytes) -> None:
    with pytest.raises(ModelError, match=r"^f: damaged, no JSON: try again$"):
        parsed(Whole, text, "f", ModelError, hint="try again")


def test_a_value_without_an_end_is_refused() -> None:
    deep: dict[str, Any] = {}
    deep["about"] = deep
    assert refused(deep) == "damaged, nested too deeply"


def test_hostile_keys_and_values_stay_on_one_short_line() -> None:
    refused({"parts": [], "\n\x1b[31m" * 99: 1})
    refused({"parts": [], "threads": "\n\x1b[31m" * 99_999})
    refused({"parts": [], "threads": [[["x" * 99] * 9] * 99] * 99})


def test_what_a_constructor_refuses_can_be_said_in_one_line_too() -> None:
    with pytest.raises(ValidationError) as caught:
        Part("x", size_s=-1.0)
    assert fault(caught.value) == "key 'size_s' must be greater than 0, got -1.0"
