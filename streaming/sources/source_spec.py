"""The text that names a source: ``sim:?seed=7``, ``file:PATH``, ``lsl:NAME``, ``brainflow:BOARD``.

Pure text in, a small picklable value out; no vendor library is touched.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from math import inf, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast
from urllib.parse import quote, unquote

from mdjpt.errors import MdjptError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["OptionValue", "SourceKind", "SourceSpec", "parse_source"]

SourceKind = Literal["sim", "file", "lsl", "brainflow"]
OptionValue = str | int | float

FORMS = "sim:[?seed=7], file:PATH, lsl:[NAME] or brainflow:BOARD"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9_]+):(.*)", re.DOTALL)
_FILE_OPTIONS = re.compile(r"(.+)\?((?:stream|source_id|sfreq|board)=[^?]*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """Which source to open.

    Attributes
    ----------
    kind : {"sim", "file", "lsl", "brainflow"}
        Which of the sources.
    name : str
        Path of the file, name of the stream or board; "" for any stream and for ``sim``.
    options : dict of str to str, int or float
        What stood behind the question mark, each with the type that its kind of source takes.
    """

    kind: SourceKind
    name: str = ""
    options: dict[str, OptionValue] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the text that parses to this."""
        name = self.name if self.kind == "file" else quote(self.name, safe=" /:._-")
        options = "&".join(
            f"{key}={quote(str(v), safe=' /:,._-')}" for key, v in self.options.items()
        )
        return f"{self.kind}:{name}" + (f"?{options}" if options else "")


def _text(value: str) -> str:
    if not value:
        raise ValueError("must not be empty")
    return value


def _integer(low: int, high: float = inf) -> Callable[[str], int]:
    def parse(value: str) -> int:
        number = int(value) if re.fullmatch(r"[+-]?\d{1,18}", value) else None
        if number is None or not low <= number <= high:
            bound = f" to {high:.0f}" if isfinite(high) else " or more"
            raise ValueError(f"must be a whole number, {low}{bound}")
        return number

    return parse


def _positive(unit: str, high: float) -> Callable[[str], float]:
    def parse(value: str) -> float:
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if not 0 < number <= high:
            raise ValueError(f"must be a number of {unit} above 0, up to {high:g}")
        return number

    return parse


_OPTIONS: dict[str, dict[str, Callable[[str], OptionValue]]] = {
    "sim": {
        "seed": _integer(0),
        "sfreq": _positive("Hz", 20_000),
        "n_channels": _integer(1, 1024),
        "duration": _positive("seconds", 1e7),
        "classes": _integer(2, 9),
    },
    "file": {
        "stream": _text,
        "source_id": _text,
        "sfreq": _positive("Hz", 20_000),
        "board": _text,
    },
    "lsl": {
        "source_id": _text,
        "type": _text,
        "hostname": _text,
        "sfreq": _positive("Hz", 20_000),
    },
    "brainflow": {  # the fields of BrainFlowInputParams
        "serial_port": _text,
        "mac_address": _text,
        "ip_address": _text,
        "ip_address_aux": _text,
        "ip_address_anc": _text,
        "ip_port": _integer(1, 65535),
        "ip_port_aux": _integer(1, 65535),
        "ip_port_anc": _integer(1, 65535),
        "ip_protocol": _integer(0, 2),
        "serial_number": _text,
        "timeout": _integer(1, 600),
        "other_info": _text,
        "file": _text,
        "file_aux": _text,
        "file_anc": _text,
        "master_board": _text,
    },
}


def parse_source(text: str) -> SourceSpec:
    """Read the text of a command line that names a source.

    Parameters
    ----------
    text : str
        One of the four forms, or the path of an existing file. Options follow a question mark,
        ``key=value`` joined by ``&``; ``%3F`` stands for a question mark inside a name.

    Returns
    -------
    SourceSpec
        Frozen and picklable.

    Raises
    ------
    MdjptError
        Unknown kind, option or value (bad usage, exit code 2).
    """
    match = _SCHEME.fullmatch(text)
    kind = match[1].lower() if match else ""
    if match and kind in _OPTIONS:
        return _PARSERS[kind](match[2])
    if text and Path(text).exists():
        return SourceSpec("file", text)
    raise MdjptError(f"{text or 'empty source'}: no such file and no kind of source; write {FORMS}")


def _parse_file(rest: str) -> SourceSpec:
    """Read a path; a question mark belongs to it unless an option follows."""
    match = _FILE_OPTIONS.fullmatch(rest)
    if match and not Path(rest).exists():
        return SourceSpec("file", match[1], _options("file", match[2]))
    if not rest:
        raise MdjptError("file: names no file; write file:PATH")
    return SourceSpec("file", rest)


def _parse_lsl(rest: str) -> SourceSpec:
    name, _, options = rest.partition("?")
    return SourceSpec("lsl", unquote(name), _options("lsl", options))


def _parse_brainflow(rest: str) -> SourceSpec:
    name, _, options = rest.partition("?")
    if not name:
        raise MdjptError(
            "brainflow: names no board; write brainflow:synthetic, brainflow:cyton, ..."
        )
    return SourceSpec("brainflow", unquote(name).lower(), _options("brainflow", options))


def _parse_sim(rest: str) -> SourceSpec:
    name, _, options = rest.partition("?")
    if name:
        raise MdjptError(f"sim:{name}: a simulated participant has no name; write sim:?seed=7")
    return SourceSpec("sim", "", _options("sim", options))


_PARSERS: dict[str, Callable[[str], SourceSpec]] = {
    "sim": _parse_sim,
    "file": _parse_file,
    "lsl": _parse_lsl,
    "brainflow": _parse_brainflow,
}


def _options(kind: str, text: str) -> dict[str, OptionValue]:
    """Read ``key=value&key=value``; each value takes the type of its option."""
    known = _OPTIONS[cast("SourceKind", kind)]
    options: dict[str, OptionValue] = {}
    for part in filter(None, text.split("&")):
        key, equals, value = part.partition("=")
        if key not in known or not equals:
            raise MdjptError(f"{kind}: no option {key!r}; known are {', '.join(sorted(known))}")
        if key in options:
            raise MdjptError(f"{kind}: option {key} is given twice")
        try:
            options[key] = known[key](unquote(value))
        except ValueError as error:
            raise MdjptError(f"{kind}: option {key} {error}, got {value!r}") from None
    return options
