"""Which streams hold events, and how an event is called: one rule for LSL and for XDF."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["TriggerLine", "event_label", "holds_events"]

MAX_LABEL = 1000
_EVENT_TYPES = ("marker", "event", "annotation", "trigger")
_FEW_ROWS, _RESTLESS = 500, 0.5
_MOST_CODES = 512


def holds_events(stream_type: str) -> bool:
    """Tell a stream of events by its type; LSL has no rule: Markers, MyMarkers, MarkerStream."""
    kind = stream_type.lower().removesuffix("s")
    return kind.startswith(_EVENT_TYPES) or kind.endswith(_EVENT_TYPES)


def event_label(row: Iterable[Any]) -> str:
    """Return one label of a row: its texts and numbers, joined by a slash; "" of an empty one."""
    parts = [_tidy(_text(value)) for value in row if value is not None]
    return "/".join(part for part in parts if part)[:MAX_LABEL]


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float | np.floating) else str(value)


def _tidy(text: str) -> str:
    """Write "111.000000" as 111 and the list ["a", 1] as a/1."""
    text = text.strip()
    if re.fullmatch(r"-?\d+\.0*", text):
        return text.split(".")[0]
    if text.startswith("["):
        try:
            return "/".join(_tidy(str(part)) for part in json.loads(text))
        except (ValueError, RecursionError):
            return text
    return text


class TriggerLine:
    """Finds the events of a line that is sampled: its changes to anything but rest.

    Rest is 0, and what the line shows most of the time: BioSemi's rests at 255. One thread feeds
    it, in order.
    """

    def __init__(self) -> None:
        self._row: tuple[Any, ...] = ()
        self._shown: Counter[tuple[Any, ...]] = Counter()
        self._n_rows = self._n_changes = 0

    @property
    def restless(self) -> bool:
        """True for a line that changes at most samples: a signal, no events."""
        return self._n_rows >= _FEW_ROWS and self._n_changes > _RESTLESS * self._n_rows

    def takes(self, values: Iterable[Any]) -> bool:
        """Tell whether an event begins with a row."""
        row = tuple(values)
        before, self._row = self._row, row
        changes = row != before
        self._n_rows += 1
        self._n_changes += changes
        self._shown[row] += 1
        if len(self._shown) > _MOST_CODES:
            self._shown = Counter(dict(self._shown.most_common(_MOST_CODES // 2)))
        rests = not any(row) or row == max(self._shown, key=self._shown.__getitem__)
        return changes and bool(before) and not rests

    def label(self, row: Iterable[Any]) -> str:
        """Return what an event is called: what is not 0."""
        return event_label(value for value in row if value)
