"""A published checkpoint, downloaded by whoever accepts its terms.

The project never ships one: its authors state no licence. A file is known by its git blob id, so a
mirror need not be trusted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mdjpt.bundle.checkpoint import COMMIT, MAX_BYTES, RELEASED_BLOBS
from mdjpt.errors import ModelError
from mdjpt.guard.download import download

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["RELEASED_BLOB", "RELEASED_URL", "download_checkpoint"]

RELEASED_BLOB = "6ae915489e775bdf41e02b7b97791808675ee782"
"""Git blob id of the checkpoint of the last epoch."""
RELEASED_URL = (
    "https://raw.githubusercontent.com/ncclab-sustech/mdJPT_nips2025/"
    f"{COMMIT}/{RELEASED_BLOBS[RELEASED_BLOB].replace('=', '%3D')}"
)


def download_checkpoint(
    path: Path,
    url: str = RELEASED_URL,
    blob: str = RELEASED_BLOB,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Path:
    """Download the file of a git blob id, unless it is there; see :func:`download`.

    Raises ModelError as that.
    """
    return download(path, url, blob, "git", at_most=MAX_BYTES, error=ModelError, progress=progress)
