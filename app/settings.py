"""What the window remembers from one day to the next: a TOML file in the user's folder. No Qt."""

from __future__ import annotations

import contextlib
import json
import tomllib
from typing import TYPE_CHECKING, TypeVar

from platformdirs import user_config_path

from mdjpt.errors import MdjptError
from mdjpt.guard.atomic_file import write_file

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Settings"]

Value = str | int | float | bool | list[str]
T = TypeVar("T", bound=Value)


class Settings:
    """Values by section and name; each change is written at once. One thread calls everything.

    A file that cannot be read is begun anew, one that cannot be written is given up: settings are a
    convenience and stop nothing.

    Parameters
    ----------
    path : Path or None
        TOML file, made when something is put; None remembers until the program ends.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._sections: dict[str, dict[str, Value]] = {}
        if path is not None:
            with contextlib.suppress(OSError, ValueError):
                read = tomllib.loads(path.read_text("utf-8"))
                self._sections = {k: v for k, v in read.items() if isinstance(v, dict)}

    @classmethod
    def of_user(cls) -> Settings:
        """Return those of the person at this computer."""
        return cls(user_config_path("mdjpt-live", appauthor=False) / "window.toml")

    def get(self, section: str, name: str, default: T) -> T:
        """Return what was put last; `default` when nothing was, or something of another kind."""
        value = self._sections.get(section, {}).get(name, default)
        return value if type(value) is type(default) else default

    def put(self, section: str, name: str, value: Value) -> None:
        """Remember a value."""
        if self._sections.setdefault(section, {}).get(name) == value:
            return
        self._sections[section][name] = value
        if self.path is not None:
            with contextlib.suppress(MdjptError):
                write_file(self.path, self._text().encode("utf-8"))

    def push(self, section: str, name: str, value: str, *, at_most: int) -> None:
        """Put `value` in front of a list of the newest values, without repeating it."""
        others = [old for old in self.get(section, name, [""]) if old not in ("", value)]
        self.put(section, name, [value, *others][:at_most])

    def _text(self) -> str:
        # A JSON string is a basic string of TOML as long as no character is escaped in two halves.
        lines = []
        for section, values in self._sections.items():
            lines.append(f"[{json.dumps(section, ensure_ascii=False)}]")
            lines += [
                f"{json.dumps(name, ensure_ascii=False)} = {_toml(value)}"
                for name, value in values.items()
            ]
        return "\n".join(lines) + "\n"


def _toml(value: Value) -> str:
    return repr(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)
