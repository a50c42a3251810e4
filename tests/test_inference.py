"""The live path decodes each window once, abstains where it must and loses nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdjpt.calibration.decoder import Decoded
from mdjpt.errors import RecordingError, SourceLost
from streaming.inference import AHEAD
from streaming.label_hold import LabelHold
from streaming.pipeline import Pipeline
from streaming.sources.cutter import ChunkCutter
from streaming.stream import Chunk, StreamInfo
from tests.support.fakes import NAMES, PowerDecoder, ScriptedSource, cut, eeg_like
from tests.support.stamped_stream import StampedStream, bursts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdjpt.signal.window import OwnElectrodes
    from streaming.inference import Answer
    from streaming.prediction import Prediction

SFREQ = 125.0
FILE = StreamInfo("test", NAMES, SFREQ, lossless=True)
LIVE = StreamInfo("test", NAMES, SFREQ, lossless=False)
SIGNAL = eeg_like(len(NAMES), int(20 * SFREQ))


class ManualClock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def answers(chunks: list[Chunk], info: StreamInfo = FILE, hop_s: float = 0.5) -> list[Answer]:
    source = ScriptedSource(chunks, info)
    return list(Pipeline(source, PowerDecoder(), hop_s=hop_s, clock=ManualClock()).run())


def test_a_file_gives_one_answer_a_hop_and_warms_up_for_ten_seconds() -> None:
    got = answers(cut(SIGNAL, range(50, 2500, 50), SFREQ))
    assert [a.prediction.index for a in got] == list(range(31))
    statuses = [a.prediction.status for a in got]
    assert statuses == ["warming_up"] * 10 + ["ok"] * 21
    assert got[10].prediction.end_s == 10.0
    assert all(a.prediction.label is None for a in got[:10])


@pytest.mark.parametrize(("sfreq", "hop_s"), [(160.0, 0.5), (250.0, 0.3), (500.0, 0.1)])
def test_the_warm_up_lasts_ten_seconds_at_any_rate_and_hop(sfreq: float, hop_s: float) -> None:
    signal = eeg_like(len(NAMES), round(12 * sfreq))
    info = StreamInfo("test", NAMES, sfreq, lossless=True)
    got = answers(cut(signal, range(50, signal.shape[1], 50), sfreq), info, hop_s)
    first = next(a.prediction for a in got if a.prediction.status == "ok")
    assert 10.0 <= first.end_s < 10.0 + hop_s


def world_of(name: str, seed: int) -> dict[str, Any]:
    """Return what a device delivers in 20 s: stamps, arrivals, a counter."""
    stream = StampedStream(SFREQ, jitter_s=0.004, per="chunk", seed=seed)
    n_times = SIGNAL.shape[1]
    stamps, counter = stream.stamps(20.0), None
    if name == "gaps":
        stamps = stream.stamps(20.0, gaps=[(1.0, 300), (16.0, 8)])
    elif name == "bursts":
        stamps = bursts(SFREQ, seed)[:n_times]
    elif name == "counter":
        kept = np.delete(np.arange(n_times + 400), slice(1500, 1900))
        counter, stamps = kept % 256, stream.stamps(24.0)[kept]
    elif name == "wrong rate":
        stamps = StampedStream(SFREQ, rate=80.0, jitter_s=0.004, seed=seed).stamps(31.25)
    arrivals = stamps + 0.01
    if name == "late first sample":
        stamps[:5] += 0.9
    return {"stamps": stamps, "arrivals": arrivals, "counter": counter}


class Device:
    """A live source of a signal that is delivered in blocks, through the cutter of all of them."""

    def __init__(self, world: dict[str, Any], cuts: list[int]) -> None:
        self._world = world
        self._edges = [0, *sorted(cuts), SIGNAL.shape[1]]
        self._cutter = ChunkCutter(
            len(NAMES), SFREQ, counter_modulus=0 if world["counter"] is None else 256
        )

    @property
    def ended(self) -> bool:
        return len(self._edges) == 1 and not self._cutter

    def open(self) -> StreamInfo:
        return FILE

    def read(self, timeout_s: float) -> Chunk:
        if not self._cutter and len(self._edges) > 1:
            part = slice(self._edges.pop(0), self._edges[0])
            if part.stop > part.start:
                counter = self._world["counter"]
                self._cutter.take(
                    SIGNAL[:, part],
                    self._world["stamps"][part],
                    float(self._world["arrivals"][part][-1]),
                    counter=None if counter is None else counter[part],
                )
        return self._cutter.next()

    def close(self) -> None:
        pass


WORLDS = ["steady", "gaps", "bursts", "counter", "wrong rate", "late first sample"]


@pytest.mark.parametrize("world", WORLDS)
@settings(max_examples=3, deadline=None)
@given(cuts=st.lists(st.integers(0, SIGNAL.shape[1]), max_size=60), seed=st.integers(0, 999))
def test_any_chunking_gives_identical_predictions(world: str, cuts: list[int], seed: int) -> None:
    def predictions(cuts: list[int]) -> tuple[list[Prediction], list[NDArray[np.float32] | None]]:
        device = Device(world_of(world, seed), cuts)
        got = list(Pipeline(device, PowerDecoder(), clock=ManualClock()).run())
        return [a.prediction for a in got], [a.feature for a in got]

    (parts, part_features), (whole, features) = predictions(cuts), predictions([])
    assert parts == whole
    for a, b in zip(part_features, features, strict=True):
        np.testing.assert_array_equal(a, b)
    statuses = {p.status for p in whole}
    assert ("gap" in statuses) == (world in ("gaps", "counter"))
    assert ("ok" in statuses) == (world != "wrong rate")


@pytest.mark.parametrize("n_chunk", [7, 50, 1250])
def test_a_prediction_in_a_gap_carries_the_time_of_its_own_window(n_chunk: int) -> None:
    """20 s lost behind 10 s: the ring's newest sample is any time later, by the chunks' size."""
    lost = round(20 * SFREQ)
    head = cut(SIGNAL[:, :1250], range(n_chunk, 1250, n_chunk), SFREQ)
    tail = cut(SIGNAL[:, 1250:], range(n_chunk, 1250, n_chunk), SFREQ, first_sample=1250 + lost)
    shown = [answer.prediction for answer in answers([*head, *tail])]
    assert {p.status for p in shown} >= {"gap", "ok"}
    np.testing.assert_allclose([p.timestamp for p in shown], [p.end_s - 1 / SFREQ for p in shown])


def test_a_wrong_rate_stops_labels_and_is_told_with_both_rates() -> None:
    device = Device(world_of("wrong rate", 1), list(range(5, 2500, 5)))
    pipeline = Pipeline(device, PowerDecoder(), clock=ManualClock())
    told = [answer.prediction for answer in pipeline.run()]
    assert {p.status for p in told} == {"bad_signal"}
    assert "80 Hz by its time stamps, declared 125 Hz" in told[-1].reason
    (note,) = pipeline.acquisition.info.notes
    assert note == "declared 125 Hz, but 80.0 Hz by its time stamps: no labels"


def test_no_window_spans_a_gap_and_decoding_goes_on_behind_it() -> None:
    lost = 3
    head = cut(SIGNAL[:, :1500], range(50, 1500, 50), SFREQ)
    tail = cut(SIGNAL[:, 1500 + lost :], range(50, 900, 50), SFREQ, first_sample=1500 + lost)
    got = answers([*head, *tail])
    for answer in got:
        p = answer.prediction
        touches = p.start_s * SFREQ < 1500 + lost and p.end_s * SFREQ > 1500
        assert (p.status == "gap") == touches
    assert got[-1].prediction.status == "ok"


def test_a_gap_longer_than_the_ring_is_survived() -> None:
    head = cut(SIGNAL, range(100, 2500, 100), SFREQ)
    hour = round(3600 * SFREQ)
    tail = cut(SIGNAL, range(100, 2500, 100), SFREQ, first_sample=SIGNAL.shape[1] + hour)
    got = answers([*head, *tail])
    assert got[-1].prediction.status == "ok"
    assert got[-1].prediction.end_s == pytest.approx(3600 + 40.0, abs=0.5)


def test_a_live_source_skips_to_the_newest_window_and_counts() -> None:
    source = ScriptedSource(cut(SIGNAL, [1000, 2000], SFREQ), LIVE)
    pipeline = Pipeline(source, PowerDecoder(), hop_s=0.5, clock=ManualClock())
    pipeline.open()
    got = [a for _ in range(3) for a in pipeline.step()]
    assert [a.prediction.index for a in got] == [6, 22, 30]
    assert pipeline.inference.n_skipped == 6 + 15 + 7
    pipeline.close()


def test_latency_counts_from_the_arrival_of_the_newest_sample() -> None:
    clock = ManualClock()
    pipeline = Pipeline(
        ScriptedSource(cut(SIGNAL, [1250], SFREQ), LIVE), PowerDecoder(), clock=clock
    )
    pipeline.open()
    pipeline.acquisition.step(0.0)
    clock.now = 0.25
    answer = pipeline.inference.step()
    assert answer is not None
    assert answer.prediction.latency_ms == pytest.approx(250.0)
    pipeline.close()


@pytest.mark.parametrize("value", [np.nan, 0.0, 187500.0])
def test_no_label_while_most_electrodes_are_dead(value: float) -> None:
    signal = SIGNAL.copy()
    signal[:5, 1500:2000] = value
    decoder = PowerDecoder()
    source = ScriptedSource(cut(signal, range(50, 2500, 50), SFREQ), FILE)
    got = list(Pipeline(source, decoder, clock=ManualClock()).run())
    inside = [
        a.prediction
        for a in got
        if a.prediction.start_s * SFREQ >= 1400 and a.prediction.end_s * SFREQ <= 2100
    ]
    assert inside
    assert {p.status for p in inside} == {"bad_signal"}
    assert all(p.label is None and p.quality.bad == NAMES[:5] for p in inside)
    assert decoder.n_resets > 0


def test_one_dead_electrode_is_named_and_replaced() -> None:
    signal = SIGNAL.copy()
    signal[2] = 0.0
    got = answers(cut(signal, range(50, 2500, 50), SFREQ))
    assert got[-1].prediction.status == "ok"
    assert got[-1].prediction.quality.bad == ("C3",)
    assert got[-1].prediction.quality.good == 7


class AheadDecoder(PowerDecoder):
    """Starts each window before its turn, and remembers when."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[int] = []
        self.lead: list[int] = []

    def begin(self, window, index):  # type: ignore[no-untyped-def,override]
        self.begun.append(index)
        kept = window.copy()
        return lambda: np.square(kept, dtype=np.float64).mean(axis=1).astype(np.float32)

    def decode(self, window, index, own=None, encoding=None):  # type: ignore[no-untyped-def,override]
        self.lead.append(self.begun[-1] - index if self.begun else 0)
        decoded = super().decode(window, index, own)
        if encoding is not None:
            np.testing.assert_array_equal(encoding(), decoded.feature)
        return decoded


@pytest.mark.parametrize("at_a_time", [50, 700, 2500])
def test_a_file_is_encoded_ahead_and_answers_as_window_by_window(at_a_time: int) -> None:
    signal = SIGNAL.copy()
    signal[:, 1500:1600] = 0.0  # flat: the decoder is reset between windows that are begun
    chunks = cut(signal, range(at_a_time, 2500, at_a_time), SFREQ)
    decoder = AheadDecoder()
    ahead = list(Pipeline(ScriptedSource(chunks, FILE), decoder, clock=ManualClock()).run())
    alone = PowerDecoder()
    plain = list(Pipeline(ScriptedSource(chunks, LIVE), alone, clock=ManualClock()).run())
    if at_a_time == 50:  # a live stream, read this often, skips no window
        assert [a.prediction for a in ahead] == [
            replace(a.prediction, latency_ms=b.prediction.latency_ms)
            for a, b in zip(plain, ahead, strict=True)
        ]
        assert (decoder.n_resets, decoder.indices) == (alone.n_resets, alone.indices)
    assert decoder.begun == decoder.indices == sorted(decoder.indices)
    assert 0 <= min(decoder.lead) <= max(decoder.lead) < AHEAD
    assert max(decoder.lead) > 0 or at_a_time == 50


def test_a_live_stream_is_never_encoded_ahead() -> None:
    decoder = AheadDecoder()
    source = ScriptedSource(cut(SIGNAL, range(50, 2500, 50), SFREQ), LIVE)
    assert list(Pipeline(source, decoder, clock=ManualClock()).run())
    assert decoder.begun == []


def test_a_decoder_that_answers_nonsense_gives_no_label() -> None:
    class Broken(PowerDecoder):
        def decode(self, window, index, own=None):  # type: ignore[no-untyped-def]
            decoded = super().decode(window, index, own)
            return type(decoded)(decoded.feature, {"low": float("nan"), "high": 1.0})

    source = ScriptedSource(cut(SIGNAL, range(50, 2500, 50), SFREQ), FILE)
    got = list(Pipeline(source, Broken(), clock=ManualClock()).run())
    assert {a.prediction.status for a in got} == {"warming_up", "bad_signal"}


def test_a_prediction_is_one_json_object_without_surprises() -> None:
    line = json.dumps(answers(cut(SIGNAL, range(50, 2500, 50), SFREQ))[-1].prediction.to_json())
    fields = json.loads(line)
    assert set(fields) == {
        "index",
        "start_s",
        "end_s",
        "timestamp",
        "status",
        "label",
        "probabilities",
        "confidence",
        "quality",
        "latency_ms",
        "simulated",
        "simulated_parts",
        "unproven",
        "valence",
        "arousal",
        "reason",
    }
    assert fields["quality"] == {"good": 8, "bad": []}


def test_a_stream_without_an_electrode_name_is_refused_with_the_way_out() -> None:
    info = StreamInfo("test", ("Ch1", "Ch2"), SFREQ)
    pipeline = Pipeline(ScriptedSource([], info), PowerDecoder())
    with pytest.raises(RecordingError, match="--montage"):
        pipeline.open()
    pipeline.close()


def test_a_source_that_is_lost_is_closed_and_reported() -> None:
    source = ScriptedSource([*cut(SIGNAL, [100], SFREQ), SourceLost("gone")], LIVE)
    with pytest.raises(SourceLost, match="gone"):
        list(Pipeline(source, PowerDecoder()).run())
    assert source.closed == 1


def test_a_decoder_that_takes_over_needs_no_new_warm_up() -> None:
    pipeline = Pipeline(ScriptedSource(cut(SIGNAL, [2400], SFREQ), LIVE), PowerDecoder())
    pipeline.open()
    pipeline.acquisition.step(0.0)
    pipeline.inference.take_over(next_index=20)
    answer = pipeline.inference.step()
    assert answer is not None
    assert answer.prediction.status == "ok"
    assert answer.prediction.index == 28
    assert pipeline.inference.n_skipped == 8
    pipeline.close()


def test_windows_before_the_first_decoder_was_ready_are_not_lost() -> None:
    pipeline = Pipeline(ScriptedSource(cut(SIGNAL, [2400], SFREQ), LIVE), PowerDecoder())
    pipeline.open()
    pipeline.acquisition.step(0.0)
    pipeline.inference.take_over(next_index=0)
    assert pipeline.inference.n_skipped == 0
    pipeline.close()


class ScriptedDecoder(PowerDecoder):
    """Answers with given probabilities of "low", one a window."""

    def __init__(self, low: list[float]) -> None:
        super().__init__()
        self._low = low

    def decode(
        self, window: NDArray[np.float32], index: int, own: OwnElectrodes | None = None
    ) -> Decoded:
        feature = super().decode(window, index, own).feature
        low = self._low[min(len(self.indices) - 1, len(self._low) - 1)]
        return Decoded(feature, {"low": low, "high": 1.0 - low}, {"valence": low})


def test_the_label_changes_only_when_another_class_leads_clearly() -> None:
    low = [0.6, 0.49, 0.51, 0.49, 0.3, 0.51, 0.6]
    pipeline = Pipeline(
        ScriptedSource(cut(SIGNAL, range(50, 2500, 50), SFREQ), FILE), ScriptedDecoder(low)
    )
    shown = [a.prediction for a in pipeline.run() if a.prediction.status == "ok"]
    assert [p.label for p in shown[:7]] == ["low", "low", "low", "low", "high", "high", "low"]
    assert [p.confidence for p in shown[:6]] == pytest.approx([0.6, 0.49, 0.51, 0.49, 0.7, 0.49])
    assert shown[0].valence == 0.6
    assert shown[0].arousal is None


def test_a_label_is_forgotten_when_the_signal_was_bad() -> None:
    signal = SIGNAL.copy()
    signal[:5, 1500:1600] = np.nan
    decoder = ScriptedDecoder([0.6] * 3 + [0.49] * 40)
    source = ScriptedSource(cut(signal, range(50, 2500, 50), SFREQ), FILE)
    shown = [a.prediction for a in Pipeline(source, decoder).run()]
    bad = [k for k, p in enumerate(shown) if p.status == "bad_signal"]
    assert {p.label for p in shown[: bad[0]] if p.status == "ok"} == {"low"}
    assert {p.label for p in shown[bad[-1] + 1 :]} == {"high"}


def test_hysteresis_takes_the_margin_it_is_given() -> None:
    hold = LabelHold(0.2)
    assert hold({"a": 0.6, "b": 0.4}) == "a"
    assert hold({"a": 0.41, "b": 0.59}) == "a"
    assert hold({"a": 0.35, "b": 0.65}) == "b"
    assert hold({"c": 1.0}) == "c"
    assert hold({}) is None
    without = LabelHold(0.0)
    assert [without(p) for p in ({"a": 0.6, "b": 0.4}, {"a": 0.49, "b": 0.51})] == ["a", "b"]
    with pytest.raises(ValueError, match="margin"):
        LabelHold(1.5)
