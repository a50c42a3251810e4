"""Keeps a decoder at work: starts it, replaces it when it dies or another profile is wanted."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections import deque
from dataclasses import replace
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

import numpy as np

from streaming.processes.decoder_process import (
    Attach,
    Failed,
    Finished,
    Learned,
    Moved,
    Predicted,
    Ready,
    Stop,
    run_decoder,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.process import BaseProcess
    from pathlib import Path

    from streaming.processes.decoder_process import DecoderConfig
    from streaming.snapshot import AlignmentStatus, DecoderState, ModelCard
    from streaming.stream import StreamInfo

__all__ = ["MAX_RESTARTS", "DecoderHandle", "DecoderSupervisor"]

MAX_RESTARTS = 5
"""Restarts in a row, without an answer in between, after which the decoder is given up."""
N_LATENCIES = 100


def _context() -> Any:
    """Return how processes are made: on Linux forked from one that has imported all they need.

    A decoder that died is back in a second, however busy the machine is. That process runs nothing
    and has no second thread, so that it may be forked; elsewhere libraries forbid it.
    """
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["streaming.processes.decoder_modules"])
    return context


class DecoderHandle:
    """One decoder process and the engine's end of its pipe.

    Parameters
    ----------
    config : DecoderConfig
        Handed to the process.
    """

    def __init__(self, config: DecoderConfig) -> None:
        # One thread a process: two of them share a small machine with the acquisition.
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        context = _context()
        self._connection, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(
            target=run_decoder, args=(config, theirs), name="mdjpt-decoder", daemon=True
        )

        def start() -> None:
            self._process.start()
            theirs.close()

        # The first of all waits until the process that it is forked from has imported torch.
        self._starter = threading.Thread(target=start, name="decoder-start", daemon=True)
        self._starter.start()
        self._closed = False
        self.config = config
        self.attached = False
        self.ready = False

    @property
    def alive(self) -> bool:
        """False once the process is gone and everything it sent has been received."""
        return not self._closed

    @property
    def pid(self) -> int | None:
        """Process number, for supervision and tests."""
        return self._process.pid

    def attach(self, message: Attach) -> None:
        """Tell the process where the samples are."""
        self.attached = True
        try:
            self._connection.send(message)
        except OSError:
            self._closed = True

    def receive(self, timeout_s: float) -> list[object]:
        """Return what the process has sent, waiting at most `timeout_s` for the first message."""
        messages: list[object] = []
        ready = wait([self._connection], timeout_s)
        try:
            while ready and self._connection.poll():
                messages.append(self._connection.recv())
        except (EOFError, OSError):
            self._closed = True
        self.ready = self.ready or any(isinstance(m, Ready) for m in messages)
        return messages

    def stop(self, timeout_s: float) -> None:
        """End the process: politely first, then by force."""
        try:
            self._connection.send(Stop())
        except OSError:
            self._closed = True
        self._starter.join(timeout_s)
        if not self._starter.is_alive():
            self._process.join(timeout_s)
            if self._process.is_alive():
                self._process.kill()
                self._process.join(1.0)
        # One that has not begun yet finds the pipe closed, and ends.
        self._connection.close()
        self._closed = True


class DecoderSupervisor:
    """One decoder process at a time, and at times its successor that is still loading.

    All methods are called by the engine's thread.

    Parameters
    ----------
    config : DecoderConfig or None
        Model, hop and profile; None for a stream that is only shown.
    clock : callable
        Monotonic clock, seconds.
    spawn : callable
        Starts a process for a configuration.
    """

    def __init__(
        self,
        config: DecoderConfig | None,
        clock: Callable[[], float],
        spawn: Callable[[DecoderConfig], DecoderHandle] = DecoderHandle,
    ) -> None:
        self.config = config
        self.card: ModelCard | None = None
        """The model in use, None until it is loaded."""
        self.ready_at: float | None = None
        """Clock when the decoder had loaded its model."""
        self.failure: Failed | None = None
        """Why there is no decoder any more, None when all is well."""
        self.finished = False
        """True when the stream ended and every window is answered."""
        self.profile_error = ""
        self.n_windows = 0
        self._clock = clock
        self._spawn = spawn
        self._decoder: DecoderHandle | None = None
        self._successor: DecoderHandle | None = None
        self._learned: dict[Path | None, Learned] = {}
        self._latencies: deque[float] = deque(maxlen=N_LATENCIES)
        self._ch_names: tuple[str, ...] = ()
        self._next_index = 0
        self._n_restarts = 0
        self._n_skipped = 0
        self._skipped_before = 0

    @property
    def pid(self) -> int | None:
        """Process number of the decoder, None while there is none."""
        return None if self._decoder is None else self._decoder.pid

    @property
    def working(self) -> bool:
        """True while there is a process to wait for."""
        return self._decoder is not None

    @property
    def n_skipped(self) -> int:
        """Windows that came too fast to be decoded, in all."""
        return self._skipped_before + self._n_skipped

    @property
    def latency_p95_ms(self) -> float:
        """95th percentile of the latest latencies, 0 without any."""
        return float(np.percentile(self._latencies, 95)) if self._latencies else 0.0

    @property
    def alignment(self) -> AlignmentStatus | None:
        """How far the alignment of the profile in use has come, None before it learned."""
        learned = None if self.config is None else self._learned.get(self.config.profile)
        return None if learned is None else learned.status

    @property
    def state(self) -> DecoderState:
        """What the decoder is doing."""
        if self.config is None:
            return "none"
        if self.failure is not None:
            return "failed"
        if self.finished or (self._decoder is not None and self._decoder.ready):
            return "running" if self._successor is None else "switching"
        return "restarting" if self._n_restarts else "loading"

    def start(self) -> None:
        """Start the process, where there is a model; returns at once."""
        if self.config is not None:
            self._decoder = self._spawn(self.config)

    def use_profile(self, path: Path | None) -> None:
        """Decode with a person's calibration, or without one; returns at once.

        The decoder in use answers until the new one has loaded its model. A profile that cannot
        be used changes nothing but :attr:`profile_error`.

        Parameters
        ----------
        path : Path or None
            The profile.
        """
        self._drop_successor()
        if self.config is None:
            self.profile_error = "no model is in use: connect with one to use a profile"
            return
        self.profile_error = ""
        self._successor = self._spawn(replace(self.config, profile=path, ch_names=self._ch_names))

    def attach(self, ring_name: str, info: StreamInfo) -> None:
        """Tell the process where the samples are, unless it knows."""
        self._ch_names = info.ch_names
        decoder = self._decoder
        if decoder is None or decoder.attached:
            return
        learned = self._learned.get(decoder.config.profile)
        state = {} if learned is None else learned.state
        decoder.attach(Attach(ring_name, info, self._next_index, state))

    def take_over(self) -> None:
        """Let the decoder with the profile that was asked for take over, once it is ready."""
        successor = self._successor
        if successor is None:
            return
        for message in successor.receive(0.0):
            if isinstance(message, Ready):
                self._successor = None
                self._replace_by(successor, message)
                return
            if isinstance(message, Failed):
                self.profile_error = message.message
        if not successor.alive:
            self.profile_error = self.profile_error or "the decoder ended: choose it again"
            self._drop_successor()

    def receive(self, timeout_s: float) -> list[Predicted]:
        """Wait for answers, and start the decoder again when it has died.

        Parameters
        ----------
        timeout_s : float
            Longest wait.
        """
        if self._decoder is None:
            return []
        messages = self._decoder.receive(timeout_s)
        for message in messages:
            self._note(message)
        if not self._decoder.alive:
            self._replace_dead()
        return [message for message in messages if isinstance(message, Predicted)]

    def stop(self, timeout_s: float) -> None:
        """End the processes, politely first, then by force; safe to call twice."""
        self._drop_successor()
        if self._decoder is not None:
            self._decoder.stop(timeout_s)
            self._decoder = None

    def _note(self, message: object) -> None:
        if isinstance(message, Predicted):
            self._note_prediction(message)
        elif isinstance(message, Ready):
            self.card, self.ready_at = message.card, self._clock()
        elif isinstance(message, Moved):
            self.card = message.card
        elif isinstance(message, Learned):
            # Kept for the next decoder with the same profile.
            if self.config is not None:
                self._learned[self.config.profile] = message
        elif isinstance(message, Finished):
            self.finished = True
        elif isinstance(message, Failed):
            self.failure = message

    def _note_prediction(self, message: Predicted) -> None:
        prediction = message.prediction
        self._n_restarts = 0
        self.n_windows += 1
        self._n_skipped = message.n_skipped
        self._next_index = prediction.index + 1
        if prediction.status in ("ok", "unsure"):
            self._latencies.append(prediction.latency_ms)

    def _replace_dead(self) -> None:
        assert self._decoder is not None
        assert self.config is not None
        self._decoder.stop(timeout_s=0.5)
        self._decoder = None
        if self.failure is not None or self.finished:
            return
        self._n_restarts += 1
        self._count_skipped()
        if self._n_restarts > MAX_RESTARTS:
            self.failure = Failed(
                f"the decoder ended {self._n_restarts} times in a row: signals go on without it", 0
            )
            return
        self._decoder = self._spawn(self.config)

    def _replace_by(self, decoder: DecoderHandle, ready: Ready) -> None:
        if self._decoder is not None:
            # What it has not said yet is decoded again by its successor.
            self._decoder.stop(timeout_s=0.5)
        if decoder.config.profile is not None:
            # The file may hold another version now, which has statistics of its own.
            self._learned.pop(decoder.config.profile, None)
        self.config = decoder.config
        self._decoder, self.failure = decoder, None
        self._count_skipped()
        self._n_restarts = 0
        self._note(ready)

    def _count_skipped(self) -> None:
        self._skipped_before += self._n_skipped
        self._n_skipped = 0

    def _drop_successor(self) -> None:
        if self._successor is not None:
            self._successor.stop(timeout_s=0.0)
            self._successor = None
