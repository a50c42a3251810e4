"""What travels with a simulated signal: its label and its truth."""

from __future__ import annotations

import numpy as np
import pytest

from streaming.sources.lsl_link.streams import describe
from streaming.stream import Chunk, Marker, StreamInfo


def test_a_truth_label_is_the_state_of_a_simulated_participant() -> None:
    assert Marker.of_label(2.0, "truth/positive") == Marker(2.0, "positive", "truth")
    assert Marker.of_label(2.0, "T1") == Marker(2.0, "T1")


@pytest.mark.parametrize(("said", "simulated"), [("true", True), ("false", False), (None, False)])
def test_an_lsl_stream_that_says_it_is_simulated_is_taken_at_its_word(
    said: str | None, simulated: bool
) -> None:
    import pylsl

    info = pylsl.StreamInfo("x", "EEG", 1, 100.0, pylsl.cf_float32, "x")
    if said is not None:
        info.desc().append_child_value("simulated", said)
    assert describe(info).simulated is simulated


def test_a_stream_without_a_rate_or_channels_is_refused() -> None:
    with pytest.raises(ValueError, match="sfreq must be positive, got -1"):
        StreamInfo("x", ("Cz",), -1.0)
    with pytest.raises(ValueError, match="at least one channel"):
        StreamInfo("x", (), 100.0)


def test_samples_and_stamps_of_a_chunk_must_match() -> None:
    with pytest.raises(ValueError, match="do not match"):
        Chunk(np.zeros((2, 5), np.float32), np.zeros(4), 0)
