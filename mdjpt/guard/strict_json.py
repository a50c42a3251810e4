"""JSON from a file that nobody vouches for: plain values only, or nothing."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

__all__ = ["json_object"]

MAX_LEVELS = 16  # of objects and lists in each other; a bundle or a profile has 5
_MAX_WHOLE = 1 << 63


def json_object(text: object) -> dict[str, Any] | None:
    """Parse a JSON object; None for anything else.

    Numbers that are none, or that no float or 64-bit integer holds, and deep nesting are something
    else too: whoever goes on with the object, or writes it again, need not think of them.
    """
    if not isinstance(text, str | bytes):
        return None
    try:
        value = json.loads(text, parse_constant=_no_number, parse_float=_finite, parse_int=_whole)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and _is_shallow(value) else None


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text:.40} is no number that is kept")


def _finite(text: str) -> float:
    # JSON's grammar allows 1e999, which reads as infinity.
    value = float(text)
    return value if math.isfinite(value) else _no_number(text)


def _whole(text: str) -> int:
    value = int(text)
    return value if -_MAX_WHOLE <= value < _MAX_WHOLE else _no_number(text)


def _is_shallow(value: object, levels: int = MAX_LEVELS) -> bool:
    """Tell whether a parsed value is nested no deeper than `levels`."""
    if not isinstance(value, dict | list):
        return True
    parts = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_is_shallow(part, levels - 1) for part in parts)
