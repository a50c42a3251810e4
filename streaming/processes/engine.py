"""The engine: acquires, has windows decoded, hands predictions on. No Qt, no torch.

``mdjpt run`` holds an :class:`Engine` in its own process; the dashboard talks to one in a process
of its own through :func:`run_engine`, so that neither a slow redraw nor a crash of the window
touches the acquisition.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from mdjpt.errors import MdjptError, one_line
from streaming.acquisition import Acquisition
from streaming.processes.decoder_supervisor import DecoderSupervisor
from streaming.recorder import RecordingSwitch, SideStreams
from streaming.recorder.recorder import CLOSE_S
from streaming.recorder.side_streams import ANSWER_S
from streaming.snapshot import Snapshot
from streaming.stream import Prompted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from streaming.prediction import Prediction
    from streaming.processes.decoder_process import DecoderConfig, Predicted
    from streaming.snapshot import ModelCard, StreamState
    from streaming.sources.lsl_link.streams import StreamQuery
    from streaming.stream import Marker, Prompt, Source, StreamInfo

__all__ = ["STALLED_AFTER_S", "STOP_WITHIN_S", "Engine", "EngineConfig", "Publisher"]

STALLED_AFTER_S = 0.8
"""Silence of a live source after which it counts as stalled, in seconds."""
STOP_S = 5.0
"""What driver and decoder are given to end, in seconds."""
STOP_WITHIN_S = STOP_S + 1.0 + ANSWER_S + CLOSE_S + 1.0 + 1.0
"""Longest that an engine's process takes to its end, in seconds: driver and decoder, a decoder that
is killed, side streams, a slow disk, the last report, a busy machine. Who ends the process by force
before loses the end of the recording."""


class Publisher(Protocol):
    """Takes every prediction in order: a file, an LSL outlet."""

    def open(self, info: StreamInfo, card: ModelCard, hop_s: float) -> None:
        """Get ready; called before the first prediction, and again when the classes change."""
        ...

    def publish(self, prediction: Prediction) -> None:
        """Hand one prediction on; must not block."""
        ...

    def close(self) -> None:
        """Finish; safe to call twice."""
        ...


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """What an engine needs to know; picklable."""

    source: Callable[[], Source]
    """Makes the source; called in the engine's process."""
    decoder: DecoderConfig | None = None
    """Model; None shows signals only."""
    duration_s: float | None = None
    """Seconds of signal after which the engine ends by itself."""
    publishers: tuple[Callable[[], Publisher], ...] = ()
    """Make the publishers; called in the engine's process."""
    prompt_of: Callable[[str], Prompt | None] | None = None
    """Reads in the label of an event what a participant who obeys does from then on."""
    record: Path | None = None
    """File to record into from the first sample; must not exist."""
    record_streams: tuple[StreamQuery, ...] = ()
    """Further LSL streams that go into every recording beside the EEG."""


class Engine:
    """Runs one stream from its source to the predictions.

    All methods are called by one thread; the acquisition thread is the engine's own. The clock is
    monotonic.
    """

    def __init__(
        self, config: EngineConfig, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._config = config
        self._clock = clock
        self._source = config.source()
        self._acquisition = Acquisition(self._source, clock=clock)
        self._recording = RecordingSwitch(self._acquisition)
        self._sides = SideStreams(config.record_streams, self._recording.beside)
        self._thread = threading.Thread(target=self._acquire, name="acquisition", daemon=True)
        self._opened = threading.Event()
        self._stopping = threading.Event()
        self._failure: BaseException | None = None
        self._decoders = DecoderSupervisor(config.decoder, clock)
        self._publishers = [make() for make in config.publishers]
        self._published: tuple[str, ...] | None = None

    @property
    def ring_name(self) -> str | None:
        """Shared memory with the raw samples, None until the source is open."""
        return self._acquisition.ring.name if self._opened.is_set() else None

    @property
    def decoder_pid(self) -> int | None:
        """Process number of the decoder, None while there is none."""
        return self._decoders.pid

    @property
    def ready_at(self) -> float | None:
        """Monotonic clock when the decoder had loaded its model."""
        return self._decoders.ready_at

    def start(self) -> None:
        """Start the acquisition thread and the decoder process; returns at once."""
        self._decoders.start()
        if self._config.record is not None:
            self.start_recording(self._config.record)
        self._thread.start()

    def poll(self, timeout_s: float) -> list[Predicted]:
        """Wait for answers of the decoder, publish and return them; keeps the decoder alive."""
        self._decoders.take_over()
        if self._opened.is_set():
            self._decoders.attach(self._acquisition.ring.name, self._acquisition.info)
            if self._config.decoder is None or self._decoders.failure is not None:
                # Nobody reads any more: a source that waits for its reader must go on.
                self._acquisition.ring.want(0, 2**62)
        if self.done:
            self.stop_recording()
        if not self._decoders.working:
            self._stopping.wait(timeout_s)
            return []
        answers = self._decoders.receive(timeout_s)
        for answer in answers:
            self._publish(answer.prediction)
        return answers

    def start_recording(self, path: Path) -> None:
        """Record into a new file, from the next samples on; nothing happens while one is written.

        What goes wrong shows in the snapshot, and the session goes on without a recording. A
        recording ends with the stream by itself. The file's folder must exist; nothing is
        overwritten.
        """
        self._recording.start(path)

    def stop_recording(self) -> None:
        """End the recording, if there is one; blocks until it is on the disk."""
        self._recording.stop()

    def mark(self, label: str) -> None:
        """Set an event at the newest sample; ignored before the stream is open.

        A simulated participant does what a calibration's events ask for.
        """
        if not self._opened.is_set():
            return
        self._acquisition.mark(label)
        prompt = self._config.prompt_of(label) if self._config.prompt_of is not None else None
        if prompt is not None and isinstance(self._source, Prompted):
            self._source.prompt(prompt.state)

    def use_profile(self, path: Path | None) -> None:
        """Decode with a person's calibration, or without one; returns at once.

        The decoder in use answers until the new one has loaded its model. A profile that cannot be
        used changes nothing and stands in the snapshot.
        """
        self._decoders.use_profile(path)

    def new_markers(self) -> list[tuple[int, Marker]]:
        """Return the events since the last call, each with the position of its sample."""
        markers = self._acquisition.markers
        return [markers.popleft() for _ in range(len(markers))]

    @property
    def done(self) -> bool:
        """True when nothing more will come: the stream ended or failed and all is answered."""
        if self._failure is not None:
            return True
        if not self._opened.is_set() or not self._acquisition.ring.ended:
            return False
        return not self._decoders.working or self._decoders.finished

    def snapshot(self) -> Snapshot:
        """Return the present state; never blocks."""
        opened = self._opened.is_set()
        acquisition, decoders = self._acquisition, self._decoders
        ring = acquisition.ring if opened else None
        return Snapshot(
            state=self._state(),
            error=_told(self._failure),
            error_code=getattr(self._failure, "exit_code", 1) if self._failure else 0,
            info=acquisition.info if opened else None,
            n_samples=ring.n_samples if ring else 0,
            n_lost=ring.n_lost if ring else 0,
            n_gaps=ring.n_gaps if ring else 0,
            measured_sfreq=acquisition.measured_sfreq,
            sample_age_s=self._clock() - acquisition.last_arrival if opened else 0.0,
            elapsed_s=ring.written / ring.sfreq if ring else 0.0,
            decoder_state=decoders.state,
            decoder_error=decoders.failure.message if decoders.failure else "",
            profile_error=decoders.profile_error,
            latency_p95_ms=decoders.latency_p95_ms,
            n_windows=decoders.n_windows,
            n_skipped=decoders.n_skipped,
            truth=acquisition.truth,
            model=decoders.card,
            alignment=decoders.alignment,
            recording=self._recording.path,
            recording_error=self._recording.error,
            recorded_s=self._recording.recorded_s,
            recording_notes=self._sides.notes,
        )

    @property
    def failure(self) -> BaseException | None:
        """What ended the acquisition or made the model unusable, None when the session goes on."""
        if self._failure is not None:
            return self._failure
        failed = self._decoders.failure
        if failed is None or not failed.exit_code:
            return None
        error = MdjptError(failed.message)
        error.exit_code = failed.exit_code
        return error

    def stop(self, timeout_s: float = STOP_S) -> None:
        """End everything, driver and decoder within `timeout_s`, the recording as the disk allows.

        Safe to call twice and before ``start``; takes at most `STOP_WITHIN_S` with what the
        process around it still does.
        """
        self._stopping.set()
        deadline = self._clock() + timeout_s
        self._decoders.stop(timeout_s / 2)
        if self._thread.is_alive():
            self._thread.join(max(0.1, deadline - self._clock()))
        self._sides.close()
        self.stop_recording()
        for publisher in self._publishers:
            publisher.close()
        if self._opened.is_set() and not self._thread.is_alive():
            self._opened.clear()
            self._acquisition.ring.close()

    def _acquire(self) -> None:
        """Body of the acquisition thread: blocks on nothing but its source."""
        acquisition = self._acquisition
        try:
            self._sides.find()
            info = acquisition.open()
            self._opened.set()
            self._sides.begin(info.clock)
            n_wanted = None
            if self._config.duration_s is not None:
                n_wanted = round(self._config.duration_s * info.sfreq)
            while not self._stopping.is_set() and not acquisition.ring.ended:
                if not acquisition.step(timeout_s=0.1):
                    self._stopping.wait(0.002)
                if n_wanted is not None and acquisition.ring.written >= n_wanted:
                    acquisition.ring.end()
        except Exception as error:  # stored, shown in the snapshot, reported by whoever runs us
            self._failure = error
        finally:
            acquisition.close()

    def _publish(self, prediction: Prediction) -> None:
        card, config = self._decoders.card, self._decoders.config
        if card is not None and config is not None and self._published != card.class_names:
            for publisher in self._publishers:
                publisher.open(self._acquisition.info, card, config.hop_s)
            self._published = card.class_names
        for publisher in self._publishers:
            publisher.publish(prediction)
        self._recording.predicted(prediction, card)

    def _state(self) -> StreamState:
        if self._failure is not None:
            return "failed"
        if self._stopping.is_set():
            return "stopped"
        if not self._opened.is_set():
            return "starting"
        if self._acquisition.ring.ended:
            return "ended"
        silent_s = self._clock() - self._acquisition.last_arrival
        stalled = silent_s > STALLED_AFTER_S and not self._acquisition.info.lossless
        return "stalled" if stalled else "streaming"


def _told(error: BaseException | None) -> str:
    if error is None or isinstance(error, MdjptError):
        return str(error or "")
    return f"unexpected {type(error).__name__}: {one_line(error)}"
