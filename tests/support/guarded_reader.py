"""A reader for tests of the guarded process: ``python -m tests.support.guarded_reader``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from mdjpt.guard.process import serve

if TYPE_CHECKING:
    from pathlib import Path


def read(path: Path, does: str, **options: Any) -> Any:
    """Answer, allocate or turn for ever."""
    if does == "allocate":
        return len(bytes(options["n_bytes"]))
    while does == "turn":
        pass
    return {"path": str(path), **options, "content": sys.stdin.read()}


if __name__ == "__main__":
    serve(read)
