"""Predictions over WebSockets (RFC 6455), for pages in a browser and programs alike."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from mdjpt.errors import MdjptError
from mdjpt.guard.extras import require_extra
from streaming.publishers.output import Output
from streaming.snapshot import simulated_parts

if TYPE_CHECKING:
    from streaming.prediction import Prediction
    from streaming.snapshot import ModelCard
    from streaming.stream import StreamInfo

__all__ = ["WebSocketPublisher"]

MAX_WAITING_BYTES = 1 << 16
"""A client with more than this on the way to it misses messages until it has read."""
_START_S = 5.0
_GOODBYE_S = 1.0
_STOP_S = 2.0
_MAX_INCOMING_BYTES = 1024
# Any page in this computer's browser may open a socket to it: only those of this computer get one.
_LOCAL_PAGE = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?")


class WebSocketPublisher:
    """Serves the predictions to any number of clients, one JSON text a message.

    A client first gets ``{"type": "stream", ...}``: name, rate, classes, model, hop and what
    is simulated; then ``{"type": "prediction", ...}`` for each window, as ``mdjpt run --out``
    writes it. What clients send is ignored. All of it runs in one thread of its own.

    Parameters
    ----------
    host : str
        Address of this computer at which it listens. At a loopback address, pages of other
        computers that are open in a browser here are turned away.
    port : int
        TCP port.

    Raises
    ------
    MdjptError
        The extra ``outputs`` is missing, or the port cannot be had.
    """

    def __init__(self, host: str, port: int) -> None:
        self._server_module, self._exceptions = require_extra(
            "outputs", "websockets.asyncio.server", "websockets.exceptions"
        )
        self._origins = [None, _LOCAL_PAGE] if Output("ws", host, port).is_local else None
        self._hello = ""
        self._clients: set[Any] = set()
        self._loop: asyncio.AbstractEventLoop
        self._left: asyncio.Event
        self._started: Future[None] = Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._run(host, port)), name="websocket", daemon=True
        )
        self._thread.start()
        try:
            self._started.result(_START_S)
        except (OSError, TimeoutError) as error:
            reason = getattr(error, "strerror", None) or "no answer"
            raise MdjptError(f"--publish ws:{host}:{port}: {reason}; choose another port") from None

    def open(self, info: StreamInfo, card: ModelCard, hop_s: float) -> None:
        """Say what the next predictions are of, also to clients that are there."""
        parts = simulated_parts(info, card)
        hello = {
            "type": "stream",
            "name": info.name,
            "sfreq": info.sfreq,
            "clock": info.clock,
            "classes": list(card.class_names),
            "model": card.name,
            "hop_s": hop_s,
            "simulated": bool(parts),
            "simulated_parts": list(parts),
            "unproven": card.unproven,
        }
        self._hello = json.dumps(hello)
        self._send(self._hello)

    def publish(self, prediction: Prediction) -> None:
        """Hand one prediction to the thread; returns at once."""
        fields = {"type": "prediction", **prediction.to_json()}
        self._send(json.dumps(fields, allow_nan=False))

    def close(self) -> None:
        """Say goodbye to everybody, within about two seconds. Safe to call twice."""
        with contextlib.suppress(RuntimeError):  # closed
            self._loop.call_soon_threadsafe(self._left.set)
        self._thread.join(_STOP_S)

    def _send(self, text: str) -> None:
        with contextlib.suppress(RuntimeError):  # closed
            self._loop.call_soon_threadsafe(self._broadcast, text)

    async def _run(self, host: str, port: int) -> None:
        """Body of the thread: serve until `close`."""
        self._loop, self._left = asyncio.get_running_loop(), asyncio.Event()
        try:
            server = await self._server_module.serve(
                self._serve,
                host,
                port,
                origins=self._origins,
                compression=None,
                close_timeout=_GOODBYE_S,
                max_size=_MAX_INCOMING_BYTES,
                logger=_silent_logger(),
            )
        except OSError as error:
            self._started.set_exception(error)
            return
        async with server:
            self._started.set_result(None)
            await self._left.wait()
            for client in self._clients:
                if client.transport.get_write_buffer_size():
                    # It does not read, and would not read a goodbye.
                    client.transport.abort()

    async def _serve(self, client: Any) -> None:
        """Keep one client until it leaves."""
        with contextlib.suppress(self._exceptions.ConnectionClosed):
            if self._hello:
                await client.send(self._hello)
            self._clients.add(client)
            try:
                async for _ in client:
                    pass
            finally:
                self._clients.discard(client)

    def _broadcast(self, text: str) -> None:
        ready = [
            client
            for client in self._clients
            if client.transport.get_write_buffer_size() < MAX_WAITING_BYTES
        ]
        self._server_module.broadcast(ready, text)


def _silent_logger() -> logging.Logger:
    """Return a logger that keeps remarks on clients off the terminal."""
    logger = logging.getLogger("mdjpt.websocket")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger
