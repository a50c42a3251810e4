"""Predictions leave as they are: no invented label, simulated said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mdjpt.errors import MdjptError
from mdjpt.signal.quality import Quality
from streaming.prediction import Prediction
from streaming.publisher import JsonLinesPublisher, LSLPublisher
from streaming.snapshot import ModelCard
from streaming.stream import StreamInfo

if TYPE_CHECKING:
    from pathlib import Path

CARD = ModelCard("demo", "released", ("low", "high"), simulated=True)
INFO = StreamInfo("publisher-test", ("Cz",), 125.0)


def prediction(label: str | None) -> Prediction:
    known = label is not None
    return Prediction(
        index=0,
        start_s=0.0,
        end_s=5.0,
        timestamp=5.0,
        status="ok" if known else "gap",
        label=label,
        probabilities={"low": 0.25, "high": 0.75} if known else {},
        confidence=0.75 if known else 0.0,
        quality=Quality(1),
        latency_ms=20.0,
        simulated=True,
    )


def test_each_prediction_is_one_line_of_json(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    publisher = JsonLinesPublisher(path)
    publisher.open(INFO, CARD, 0.5)
    publisher.publish(prediction("high"))
    publisher.publish(prediction(None))
    publisher.close()
    publisher.close()
    first, second = (json.loads(line) for line in path.read_text().splitlines())
    assert first["label"] == "high"
    assert first["simulated"] is True
    assert second["label"] is None
    assert second["probabilities"] == {}


def test_a_file_that_cannot_be_written_is_said_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(MdjptError, match="choose another --out"):
        JsonLinesPublisher(tmp_path / "none" / "out.jsonl")


def test_probabilities_arrive_over_lsl_and_abstentions_as_such() -> None:
    import pylsl

    publisher = LSLPublisher("mdjpt-publisher-test")
    publisher.open(INFO, CARD, 0.5)
    found = pylsl.resolve_byprop("name", "mdjpt-publisher-test", 1, 10.0)
    inlet = pylsl.StreamInlet(found[0])
    inlet.open_stream(10.0)
    publisher.publish(prediction("high"))
    publisher.publish(prediction(None))
    known, _ = inlet.pull_sample(10.0)
    unknown, _ = inlet.pull_sample(10.0)
    assert inlet.info().desc().child_value("simulated") == "true"
    inlet.close_stream()
    publisher.close()
    np.testing.assert_allclose(known, [0.25, 0.75, 0.75, 0.0])
    assert np.isnan(unknown[:2]).all()
    assert unknown[3] == 1.0
