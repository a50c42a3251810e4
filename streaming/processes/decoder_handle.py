"""The engine's grip on one decoder process."""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing.connection import wait
from typing import TYPE_CHECKING

from streaming.processes.decoder_process import Attach, DecoderConfig, Ready, Stop, run_decoder

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

__all__ = ["DecoderHandle"]


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
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process: SpawnProcess = context.Process(
            target=run_decoder, args=(config, theirs), name="mdjpt-decoder", daemon=True
        )
        self._process.start()
        theirs.close()
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
        self._process.join(timeout_s)
        if self._process.is_alive():
            self._process.kill()
            self._process.join(1.0)
        self._connection.close()
        self._closed = True
