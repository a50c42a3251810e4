"""Which streams hold events, and how an event is called."""

from __future__ import annotations

import numpy as np
import pytest

from mdjpt.recordings.events import TriggerLine, event_label, holds_events


@pytest.mark.parametrize(
    ("kind", "holds"),
    [
        ("Markers", True),
        ("marker", True),
        ("EVENTS", True),
        ("annotations", True),
        ("Trigger", True),
        ("MyMarkers", True),
        ("MarkerStream", True),
        ("EEG", False),
        ("MoCap", False),
        ("", False),
    ],
)
def test_a_stream_of_events_is_known_by_its_type(kind: str, holds: bool) -> None:
    assert holds_events(kind) is holds


@pytest.mark.parametrize(
    ("row", "label"),
    [
        (["happy"], "happy"),
        (["happy", ""], "happy"),
        (["", "  "], ""),
        ([7], "7"),
        ([2.0], "2"),
        ([np.float32(0.1)], "0.1"),
        (["111.000000"], "111"),
        (['["a", 1]', "b"], "a/1/b"),
        (["[broken"], "[broken"),
        ([None, 3], "3"),
    ],
)
def test_an_event_is_called_by_what_its_columns_hold(row: list, label: str) -> None:
    assert event_label(row) == label


def events(*values: float) -> list[str]:
    line = TriggerLine()
    return [line.label([v]) for v in values if line.takes([v])]


def test_a_line_gives_its_changes_to_anything_but_rest() -> None:
    assert events(0, 0, 7, 7, 0, 9, 0) == ["7", "9"]
    assert events(0, 1, 3, 2, 0) == ["1", "3", "2"]
    assert events(*[255] * 9, 4, 4, *[255] * 9, 5, 255) == ["4", "5"]
    assert events(5, 0, 0) == []


def test_a_signal_is_no_trigger_line() -> None:
    line = TriggerLine()
    for value in np.random.default_rng(0).normal(size=600).tolist():
        line.takes([value])
    assert line.restless
    steady = TriggerLine()
    for number in range(600):
        steady.takes([number % 100 < 5])
    assert not steady.restless
