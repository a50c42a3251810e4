"""The text that names an output: ``lsl``, ``osc:HOST:PORT``, ``ws:PORT``."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Literal, cast

from mdjpt.errors import MdjptError

__all__ = ["LOOPBACK", "Output", "parse_output"]

FORMS = "lsl, osc:[HOST:]PORT or ws:[HOST:]PORT"
LOOPBACK = "127.0.0.1"
_ADDRESS = re.compile(r"(osc|ws):(?:(\[[^\]]+\]|[^\[\]:]+):)?([0-9]{1,5})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Output:
    """Where predictions are sent; picklable."""

    kind: Literal["lsl", "osc", "ws"]
    """Lab Streaming Layer, Open Sound Control over UDP, WebSockets."""
    host: str = LOOPBACK
    """OSC: who receives. WebSockets: the address of this computer at which clients connect."""
    port: int = 0
    """1 to 65535; 0 for LSL."""

    @property
    def is_local(self) -> bool:
        """True when nothing of it leaves this computer."""
        if self.kind == "lsl":
            return False
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"

    def __str__(self) -> str:
        """Say where it goes, for a person."""
        if self.kind == "lsl":
            return "LSL streams mdjpt-emotion and mdjpt-emotion-label, open to the network"
        host = f"[{self.host}]" if ":" in self.host else self.host
        what = f"OSC to {host}:{self.port}" if self.kind == "osc" else f"ws://{host}:{self.port}"
        return f"{what}, " + ("this computer only" if self.is_local else "over the network")


def parse_output(text: str) -> Output:
    """Read a ``--publish`` option.

    Without a host it is this computer's loopback; an IPv6 address stands in brackets.

    Raises MdjptError: no such kind, or a port that is none.
    """
    if text.lower() == "lsl":
        return Output("lsl")
    match = _ADDRESS.fullmatch(text)
    if match is None:
        raise MdjptError(f"--publish takes {FORMS}, got {text!r}")
    kind, host, port = match[1].lower(), match[2] or LOOPBACK, int(match[3])
    if not 0 < port < 65536:
        raise MdjptError(f"--publish {text}: a port is a number from 1 to 65535")
    return Output(cast("Literal['osc', 'ws']", kind), host.strip("[]"), port)
