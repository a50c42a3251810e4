"""LSL streams of one test process are seen by no other, on this machine or in the building.

liblsl answers a search on 32 UDP ports of a machine, two for each outlet where there is IPv6; a
run with several processes uses them up, and an outlet beyond them is not found. Every process has
its own, of IPv4 alone: each search asks all of them.
"""

from __future__ import annotations

import os
import tempfile
import uuid
from pathlib import Path

_SESSION = f"mdjpt-tests-{uuid.uuid4()}"
_PORTS_EACH = 60
_BASE_PORT = 17_000 + os.getpid() % 240 * _PORTS_EACH  # below the ports that Linux lends (32768)
_CONFIG = f"""[lab]
SessionID = {_SESSION}
[ports]
IPv6 = disable
BasePort = {_BASE_PORT}
PortRange = {_PORTS_EACH}
[multicast]
ResolveScope = machine
[log]
level = -3
"""


def pytest_configure() -> None:
    """Configure every copy of liblsl in this process and its children before its first use."""
    import pylsl

    pylsl.set_config_content(_CONFIG)
    config = Path(tempfile.mkdtemp(prefix="mdjpt-tests-")) / "lsl_api.cfg"
    config.write_text(_CONFIG, encoding="utf-8")
    os.environ["LSLAPICFG"] = str(config)
