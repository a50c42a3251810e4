"""The timing certificate: how old samples and decisions are, and how evenly they come.

In the way of BCI2000's certification (Wilson et al. 2010, doi:10.1109/TBME.2010.2052808): the whole
live path runs on this machine, as `mdjpt run` does, and every figure is held against a limit.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import time
import uuid
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.errors import MdjptError
from streaming.diagnosis.network import TEST_TYPE
from streaming.processes.engine import Engine, EngineConfig

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from numpy.typing import NDArray

    from streaming.prediction import Prediction
    from streaming.processes.decoder_process import DecoderConfig
    from streaming.snapshot import ModelCard
    from streaming.stream import Chunk, Source, StreamInfo

__all__ = ["DecisionClock", "TimedSource", "Timing", "certify", "sent_test_stream"]

START_S = 60.0
"""Longest wait for the first decision: the model loads, the signal's scale is learned for 10 s."""
_POLL_S = 0.01


@dataclass(frozen=True, slots=True)
class Timing:
    """What was measured."""

    seconds: float
    """For how long, from the first decision on."""
    # What came and what did not.
    n_samples: int
    n_lost: int
    n_decisions: int
    n_skipped: int
    sample_age_ms: tuple[float, float]
    """From the time stamp of a sample to its arrival: median, 99th percentile."""
    arrival_jitter_ms: float
    """99th percentile of the time from one arrival to the next, less its median."""
    decision_age_ms: tuple[float, float]
    """From the time stamp of the newest sample of a window to its decision: median and 95th
    percentile."""
    decision_jitter_ms: float
    """99th percentile of how far the time between two decisions is from the hop."""


class TimedSource:
    """A live source that notes when its samples arrived; else it is the one that it holds.

    The clocks, by :attr:`StreamInfo.clock`, tell the time on the clock of the stamps.
    """

    def __init__(self, source: Source, clocks: dict[str, Callable[[], float]]) -> None:
        self._source = source
        self._clocks = clocks
        self.clock: Callable[[], float] = time.monotonic
        self.ages_s: list[NDArray[np.float64]] = []
        self.arrivals_s: list[float] = []

    @property
    def ended(self) -> bool:
        """As the source says."""
        return self._source.ended

    def open(self) -> StreamInfo:
        """Open the source; MdjptError when its stamps are on no clock of this computer."""
        info = self._source.open()
        if info.clock not in self._clocks:
            self._source.close()
            raise MdjptError(
                "timing needs a source that is measured now (lsl: or brainflow:): a file or a "
                "simulated participant has no delay"
            )
        self.clock = self._clocks[info.clock]
        return info

    def read(self, timeout_s: float) -> Chunk:
        """Read, and note the age of what has come."""
        chunk = self._source.read(timeout_s)
        if chunk.n_times:
            now = self.clock()
            self.ages_s.append(now - chunk.timestamps)
            self.arrivals_s.append(now)
        return chunk

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def forget(self) -> None:
        """Begin anew with what comes from now on."""
        self.ages_s, self.arrivals_s = [], []


class DecisionClock:
    """A publisher that notes when decisions were made and how old their newest sample was.

    The source tells the time on the clock of the samples.
    """

    def __init__(self, source: TimedSource) -> None:
        self._source = source
        self.ages_s: list[float] = []
        self.made_s: list[float] = []

    def open(self, info: StreamInfo, card: ModelCard, hop_s: float) -> None:
        """Need nothing of the stream."""

    def publish(self, prediction: Prediction) -> None:
        """Note a decision; windows before the signal's scale is known are none."""
        if prediction.status == "warming_up":
            return
        now = self._source.clock()
        self.ages_s.append(now - prediction.timestamp)
        self.made_s.append(now)

    def close(self) -> None:
        """Need nothing."""

    def forget(self) -> None:
        """Begin anew with the next decision."""
        self.ages_s, self.made_s = [], []


def certify(
    make_source: Callable[[], Source],
    decoder: DecoderConfig,
    seconds: float,
    *,
    tell: Callable[[float], None] = lambda _seconds: None,
) -> Timing:
    """Run the live path and measure it. Blocks for the time it takes to start, and `seconds`.

    They count from the first decision on; `tell` takes those measured so far, now and then. The
    source is one of samples that are measured now.

    Raises MdjptError: the source or the model cannot be used, or no decision is made.
    """
    import pylsl

    clocks = {"lsl": pylsl.local_clock, "unix": time.time}
    source = TimedSource(make_source(), clocks)
    decisions = DecisionClock(source)
    engine = Engine(
        EngineConfig(source=lambda: source, decoder=decoder, publishers=(lambda: decisions,))
    )
    engine.start()
    try:
        _poll(engine, lambda: bool(decisions.made_s), START_S)
        if not decisions.made_s:
            raise MdjptError(f"timing: no decision within {START_S:g} s; is its signal EEG?")
        before = engine.snapshot()
        source.forget()
        decisions.forget()
        began = time.monotonic()
        _poll(engine, lambda: tell(time.monotonic() - began), seconds)
        shot = engine.snapshot()
        return _timing(
            source,
            decisions,
            decoder.hop_s,
            time.monotonic() - began,
            shot.n_lost - before.n_lost,
            shot.n_skipped - before.n_skipped,
        )
    finally:
        engine.stop()


def _poll(engine: Engine, done: Callable[[], object], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and not done():
        engine.poll(_POLL_S)
        if engine.failure is not None:
            raise engine.failure
        if engine.done:
            raise MdjptError("timing: the source ended")


def _timing(
    source: TimedSource,
    decisions: DecisionClock,
    hop_s: float,
    seconds: float,
    n_lost: int,
    n_skipped: int,
) -> Timing:
    ages_ms = np.concatenate([np.empty(0), *list(source.ages_s)]) * 1e3
    decided_ms = np.array(decisions.ages_s) * 1e3
    steps_ms = np.diff(np.array(source.arrivals_s)) * 1e3
    hops_ms = np.abs(np.diff(np.array(decisions.made_s)) - hop_s) * 1e3
    return Timing(
        seconds=seconds,
        n_samples=len(ages_ms),
        n_lost=n_lost,
        n_decisions=len(decided_ms),
        n_skipped=n_skipped,
        sample_age_ms=(_percentile(ages_ms, 50), _percentile(ages_ms, 99)),
        arrival_jitter_ms=_percentile(steps_ms, 99) - _percentile(steps_ms, 50),
        decision_age_ms=(_percentile(decided_ms, 50), _percentile(decided_ms, 95)),
        decision_jitter_ms=_percentile(hops_ms, 99),
    )


def _percentile(values: NDArray[np.float64], percent: float) -> float:
    return float(np.percentile(values, percent)) if len(values) else float("nan")


@contextlib.contextmanager
def sent_test_stream(seconds: float) -> Any:
    """Send a simulated participant over LSL from another process; yield what makes its source.

    The `seconds` of signal are made beforehand and sent again and again, sample by sample.
    """
    name = f"mdjpt-doctor-{uuid.uuid4().hex[:8]}"
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_send, args=(name, seconds, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(START_S):
            raise MdjptError("timing: the test signal does not start")
        from streaming.sources.lsl import LSLSource

        yield partial(LSLSource, name, stream_type=TEST_TYPE, markers=False)
    finally:
        with contextlib.suppress(OSError):
            ours.send("end")
        process.join(5.0)
        if process.is_alive():
            process.kill()


def _send(name: str, seconds: float, connection: Connection) -> None:
    """Body of the sending process: each sample goes when it is due, and is stamped then."""
    from streaming.sources.lsl_link.streams import quieten

    quieten()
    import pylsl

    from streaming.sources.simulated import SimulatedSource
    from streaming.sources.source_spec import parse_source

    spec = parse_source(f"sim:?seed=7&n_channels=32&sfreq=250&duration={seconds}")
    source = SimulatedSource.from_spec(spec, speed=float("inf"))
    described = source.open()
    blocks = []
    while not source.ended:
        blocks.append(source.read(1.0).samples.T)
    rows = np.ascontiguousarray(np.concatenate(blocks), np.float32)
    info = pylsl.StreamInfo(name, TEST_TYPE, described.n_channels, described.sfreq, "float32", name)
    info.set_channel_labels(list(described.ch_names))
    info.set_channel_units("microvolts")
    info.desc().append_child_value("simulated", "true")
    outlet = pylsl.StreamOutlet(info)
    connection.send("ready")
    began, n_sent = pylsl.local_clock(), 0
    while not connection.poll(max(0.0, began + n_sent / described.sfreq - pylsl.local_clock())):
        outlet.push_sample(rows[n_sent % len(rows)])
        n_sent += 1
