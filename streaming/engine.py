"""The engine: acquires, keeps the decoder process alive, hands predictions on. No Qt, no torch.

``mdjpt run`` holds an :class:`Engine` in its own process; the dashboard talks to one in a process
of its own through :func:`run_engine`, so that neither a slow redraw nor a crash of the window
touches the acquisition.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from mdjpt.errors import MdjptError
from streaming.acquisition import Acquisition
from streaming.decoder_handle import DecoderHandle
from streaming.decoder_process import (
    Attach,
    DecoderConfig,
    Failed,
    Finished,
    Learned,
    Predicted,
    Ready,
)
from streaming.recorder import RecordingSwitch
from streaming.snapshot import AlignmentStatus, DecoderState, ModelCard, Snapshot, StreamState
from streaming.stream import Prompted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from streaming.prediction import Prediction
    from streaming.stream import Marker, Prompt, Source, StreamInfo

__all__ = ["STALLED_AFTER_S", "Engine", "EngineConfig", "Publisher"]

STALLED_AFTER_S = 0.8
"""Silence of a live source after which it counts as stalled, in seconds."""
MAX_RESTARTS = 5
"""Deaths of the decoder in a row after which it is given up."""


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
    """What an engine needs to know; picklable.

    Attributes
    ----------
    source : callable
        Makes the source; called in the engine's process.
    decoder : DecoderConfig or None
        Model; None shows signals only.
    duration_s : float or None
        Seconds of signal after which the engine ends by itself.
    publishers : tuple of callable
        Make the publishers; called in the engine's process.
    prompt_of : callable or None
        Reads in the label of an event what a participant who obeys does from then on.
    record : Path or None
        File to record into from the first sample; must not exist.
    """

    source: Callable[[], Source]
    decoder: DecoderConfig | None = None
    duration_s: float | None = None
    publishers: tuple[Callable[[], Publisher], ...] = ()
    prompt_of: Callable[[str], Prompt | None] | None = None
    record: Path | None = None


class Engine:
    """Runs one stream from its source to the predictions.

    All methods are called by one thread; the acquisition thread is the engine's own.

    Parameters
    ----------
    config : EngineConfig
        Source, model, outputs.
    clock : callable
        Monotonic clock, seconds.
    """

    def __init__(
        self, config: EngineConfig, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._config = config
        self._clock = clock
        self._source = config.source()
        self._acquisition = Acquisition(self._source, clock=clock)
        self._recording = RecordingSwitch(self._acquisition)
        self._thread = threading.Thread(target=self._acquire, name="acquisition", daemon=True)
        self._opened = threading.Event()
        self._stopping = threading.Event()
        self._failure: BaseException | None = None
        self._decoder: DecoderHandle | None = None
        self._decoder_failure: Failed | None = None
        self._successor: DecoderHandle | None = None
        self._profile_error = ""
        self._learned: dict[Path | None, Learned] = {}
        self._finished = False
        self._n_restarts = 0
        self._publishers = [make() for make in config.publishers]
        self._publishing = False
        self._card: ModelCard | None = None
        self._latencies: deque[float] = deque(maxlen=100)
        self._next_index = 0
        self._n_windows = 0
        self._n_skipped = 0
        self._skipped_before = 0
        self.ready_at: float | None = None
        """Monotonic clock when the decoder had loaded its model."""

    @property
    def ring_name(self) -> str | None:
        """Shared memory with the raw samples, None until the source is open."""
        return self._acquisition.ring.name if self._opened.is_set() else None

    @property
    def decoder_pid(self) -> int | None:
        """Process number of the decoder, None while there is none."""
        return None if self._decoder is None else self._decoder.pid

    def start(self) -> None:
        """Start the acquisition thread and the decoder process; returns at once."""
        if self._config.decoder is not None:
            self._decoder = DecoderHandle(self._config.decoder)
        if self._config.record is not None:
            self.start_recording(self._config.record)
        self._thread.start()

    def poll(self, timeout_s: float) -> list[Predicted]:
        """Wait for answers of the decoder, publish and return them; keeps the decoder alive.

        Parameters
        ----------
        timeout_s : float
            Longest wait.
        """
        self._replace_by_successor()
        self._attach_decoder()
        if self.done:
            self.stop_recording()
        if self._decoder is None:
            self._stopping.wait(timeout_s)
            return []
        answers = [m for m in self._decoder.receive(timeout_s) if self._handle(m)]
        predicted = [a for a in answers if isinstance(a, Predicted)]
        for answer in predicted:
            self._publish(answer.prediction)
        if not self._decoder.alive:
            self._replace_dead_decoder()
        return predicted

    def start_recording(self, path: Path) -> None:
        """Record into a new file, from the next samples on; nothing happens while one is written.

        What goes wrong shows in the snapshot, and the session goes on without a recording. A
        recording ends with the stream by itself.

        Parameters
        ----------
        path : Path
            Never overwritten; its folder must exist.
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

        The decoder in use answers until the new one has loaded its model. A profile that cannot
        be used changes nothing and stands in the snapshot.

        Parameters
        ----------
        path : Path or None
            The profile.
        """
        self._drop_successor()
        if self._config.decoder is None:
            self._profile_error = "no model is in use: connect with one to use a profile"
            return
        self._profile_error = ""
        self._successor = DecoderHandle(replace(self._config.decoder, profile=path))

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
        return self._decoder is None or self._finished

    def snapshot(self) -> Snapshot:
        """Return the present state; never blocks."""
        opened = self._opened.is_set()
        acquisition = self._acquisition
        ring = acquisition.ring if opened else None
        arrived = acquisition.last_arrival
        return Snapshot(
            state=self._state(),
            error=_one_line(self._failure),
            error_code=getattr(self._failure, "exit_code", 1) if self._failure else 0,
            info=acquisition.info if opened else None,
            n_samples=ring.n_samples if ring else 0,
            n_lost=ring.n_lost if ring else 0,
            n_gaps=ring.n_gaps if ring else 0,
            measured_sfreq=acquisition.measured_sfreq(),
            sample_age_s=0.0 if arrived is None else self._clock() - arrived,
            elapsed_s=ring.written / ring.sfreq if ring else 0.0,
            decoder_state=self._decoder_state(),
            decoder_error=self._decoder_failure.message if self._decoder_failure else "",
            profile_error=self._profile_error,
            latency_p95_ms=float(np.percentile(self._latencies, 95)) if self._latencies else 0.0,
            n_windows=self._n_windows,
            n_skipped=self._skipped_before + self._n_skipped,
            truth=acquisition.truth,
            model=self._card,
            alignment=self._alignment(),
            recording=self._recording.path,
            recording_error=self._recording.error,
            recorded_s=self._recording.recorded_s,
        )

    @property
    def failure(self) -> BaseException | None:
        """What ended the acquisition or made the decoder unusable, None when all is well."""
        if self._failure is not None:
            return self._failure
        if self._decoder_failure is None:
            return None
        error = MdjptError(self._decoder_failure.message)
        error.exit_code = self._decoder_failure.exit_code
        return error

    def stop(self, timeout_s: float = 5.0) -> None:
        """End everything within `timeout_s`; safe to call twice and before ``start``."""
        self._stopping.set()
        deadline = self._clock() + timeout_s
        self._drop_successor()
        if self._decoder is not None:
            self._decoder.stop(timeout_s / 2)
            self._decoder = None
        if self._thread.is_alive():
            self._thread.join(max(0.1, deadline - self._clock()))
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
            info = acquisition.open()
            self._opened.set()
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

    def _attach_decoder(self) -> None:
        decoder = self._decoder
        if decoder is None or decoder.attached or not self._opened.is_set():
            return
        ring_name, info = self._acquisition.ring.name, self._acquisition.info
        learned = self._learned.get(decoder.config.profile)
        state = {} if learned is None else learned.state
        decoder.attach(Attach(ring_name, info, self._next_index, state))

    def _handle(self, message: object) -> bool:
        """Note what the decoder says; True for an answer to hand on."""
        if isinstance(message, Predicted):
            self._note(message)
            return True
        if isinstance(message, Ready):
            self._card = message.card
            self.ready_at = self._clock()
        elif isinstance(message, Learned):
            self._note_learned(message)
        elif isinstance(message, Finished):
            self._finished = True
        elif isinstance(message, Failed):
            self._decoder_failure = message
        return False

    def _note(self, message: Predicted) -> None:
        prediction = message.prediction
        self._n_restarts = 0
        self._n_windows += 1
        self._n_skipped = message.n_skipped
        self._next_index = prediction.index + 1
        if prediction.status in ("ok", "unsure"):
            self._latencies.append(prediction.latency_ms)

    def _note_learned(self, message: Learned) -> None:
        """Keep what the alignment learned, for the next decoder with the same profile."""
        if self._config.decoder is not None:
            self._learned[self._config.decoder.profile] = message

    def _alignment(self) -> AlignmentStatus | None:
        decoder = self._config.decoder
        learned = None if decoder is None else self._learned.get(decoder.profile)
        return None if learned is None else learned.status

    def _publish(self, prediction: Prediction) -> None:
        if not self._publishing and self._card is not None and self._config.decoder is not None:
            for publisher in self._publishers:
                publisher.open(self._acquisition.info, self._card, self._config.decoder.hop_s)
            self._publishing = True
        for publisher in self._publishers:
            publisher.publish(prediction)
        self._recording.predicted(prediction, self._card)

    def _replace_dead_decoder(self) -> None:
        assert self._decoder is not None
        assert self._config.decoder is not None
        self._decoder.stop(timeout_s=0.5)
        self._decoder = None
        if self._decoder_failure is not None or self._finished or self._stopping.is_set():
            if self._opened.is_set() and self._decoder_failure is not None:
                # Nobody reads any more: a source that waits for its reader must go on.
                self._acquisition.ring.want(0, 2**62)
            return
        self._n_restarts += 1
        self._skipped_before += self._n_skipped
        self._n_skipped = 0
        if self._n_restarts > MAX_RESTARTS:
            self._decoder_failure = Failed(
                f"the decoder ended {self._n_restarts} times in a row: signals go on without it", 4
            )
            return
        self._decoder = DecoderHandle(self._config.decoder)

    def _replace_by_successor(self) -> None:
        """Let the decoder with the profile that was asked for take over once it is ready."""
        successor = self._successor
        if successor is None:
            return
        for message in successor.receive(0.0):
            if isinstance(message, Ready):
                self._successor = None
                self._take_over(successor, message)
                return
            if isinstance(message, Failed):
                self._profile_error = message.message
        if not successor.alive:
            self._profile_error = self._profile_error or "the decoder ended: choose it again"
            self._drop_successor()

    def _take_over(self, decoder: DecoderHandle, ready: Ready) -> None:
        if self._decoder is not None:
            # What it has not said yet is decoded again by its successor.
            self._decoder.stop(timeout_s=0.5)
        if self._card is not None and self._card.class_names != ready.card.class_names:
            self._publishing = False
        if decoder.config.profile is not None:
            # The file may hold another version now, which has statistics of its own.
            self._learned.pop(decoder.config.profile, None)
        self._config = replace(self._config, decoder=decoder.config)
        self._decoder, self._decoder_failure = decoder, None
        self._skipped_before += self._n_skipped
        self._n_skipped = self._n_restarts = 0
        self._handle(ready)

    def _drop_successor(self) -> None:
        if self._successor is not None:
            self._successor.stop(timeout_s=0.0)
            self._successor = None

    def _state(self) -> StreamState:
        if self._failure is not None:
            return "failed"
        if self._stopping.is_set():
            return "stopped"
        if not self._opened.is_set():
            return "starting"
        if self._acquisition.ring.ended:
            return "ended"
        arrived = self._acquisition.last_arrival
        if arrived is None or self._acquisition.info.lossless:
            return "streaming"
        return "stalled" if self._clock() - arrived > STALLED_AFTER_S else "streaming"

    def _decoder_state(self) -> DecoderState:
        if self._config.decoder is None:
            return "none"
        if self._decoder_failure is not None:
            return "failed"
        if self._decoder is not None and self._decoder.ready:
            return "running"
        if self._finished:
            return "running"
        return "restarting" if self._n_restarts else "loading"


def _one_line(error: BaseException | None) -> str:
    if error is None:
        return ""
    if isinstance(error, MdjptError):
        return str(error)
    return f"unexpected {type(error).__name__}: {error}".splitlines()[0]
