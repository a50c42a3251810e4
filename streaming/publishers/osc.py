"""Predictions as Open Sound Control messages over UDP, for Max, TouchDesigner, Unity and others.

OSC 1.0: https://opensoundcontrol.stanford.edu/spec-1_0.html
"""

from __future__ import annotations

import math
import re
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mdjpt.errors import MdjptError
from mdjpt.guard.extras import require_extra

if TYPE_CHECKING:
    from streaming.prediction import Prediction
    from streaming.snapshot import ModelCard
    from streaming.stream import StreamInfo

__all__ = ["OscPublisher"]

# What an address pattern gives a meaning to.
_NOT_IN_ADDRESS = re.compile(r"[\s#*,/?\[\]{}]|[^\x20-\x7e]")


class OscPublisher:
    """Sends one OSC bundle a window to an address; nobody needs to listen there.

    ``/mdjpt/prediction`` carries ``end_s`` (float, seconds since the stream opened), ``timestamp``
    (double, source clock at the window's end), ``status`` and ``label`` (texts, the label "" for
    none), ``confidence``, ``valence`` and ``arousal`` (floats, NaN where unknown), ``simulated``
    (int) and ``reason`` (text: why there is no label, "" with one). ``/mdjpt/probability/CLASS``
    carries one float for each class that was decoded.

    Parameters
    ----------
    host : str
        Name or address, looked up once.
    port : int
        UDP port.

    Raises
    ------
    MdjptError
        The extra ``outputs`` is missing, or there is no such host.
    """

    def __init__(self, host: str, port: int) -> None:
        self._bundles, self._messages = require_extra(
            "outputs", "pythonosc.osc_bundle_builder", "pythonosc.osc_message_builder"
        )
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
            self._socket = socket.socket(found[0], socket.SOCK_DGRAM)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise MdjptError(f"--publish osc:{host}:{port}: {reason}") from None
        self._address = found[4]
        self._socket.setblocking(False)

    def open(self, info: StreamInfo, card: ModelCard, hop_s: float) -> None:
        """Need nothing of the stream."""

    def publish(self, prediction: Prediction) -> None:
        """Send one bundle; what the system does not take at once is lost."""
        bundle = self._bundles.OscBundleBuilder(self._bundles.IMMEDIATELY)
        bundle.add_content(self._decision(prediction))
        for name, probability in prediction.probabilities.items():
            address = f"/mdjpt/probability/{_NOT_IN_ADDRESS.sub('_', name)}"
            bundle.add_content(self._message(address, [("f", probability)]))
        with suppress(OSError):
            self._socket.sendto(bundle.build().dgram, self._address)

    def close(self) -> None:
        """Close the socket; safe to call twice."""
        self._socket.close()

    def _decision(self, p: Prediction) -> Any:
        valence, arousal = (math.nan if v is None else v for v in (p.valence, p.arousal))
        return self._message(
            "/mdjpt/prediction",
            [
                ("f", p.end_s),
                ("d", p.timestamp),
                ("s", p.status),
                ("s", p.label or ""),
                ("f", p.confidence),
                ("f", valence),
                ("f", arousal),
                ("i", int(p.simulated)),
                ("s", p.reason),
            ],
        )

    def _message(self, address: str, arguments: list[tuple[str, Any]]) -> Any:
        message = self._messages.OscMessageBuilder(address)
        for kind, value in arguments:
            message.add_arg(value, kind)
        return message.build()
