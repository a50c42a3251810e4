"""LSL streams of one test run are seen by no other, on this machine or in the building."""

from __future__ import annotations

import os
import tempfile
import uuid
from pathlib import Path

_SESSION = f"mdjpt-tests-{uuid.uuid4()}"
_CONFIG = f"""[lab]
SessionID = {_SESSION}
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
