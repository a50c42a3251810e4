"""``mdjpt model``: import, show and check bundles."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["import_model", "show_model", "verify_model"]


def import_model(checkpoint: Path, out: Path) -> int:
    """Turn a released Lightning checkpoint into a bundle at `out`."""
    from mdjpt.bundle.checkpoint import import_checkpoint

    import_checkpoint(checkpoint, out)
    sys.stdout.write(f"{out}: imported from {checkpoint.name}; it has no emotion head yet\n")
    return 0


def show_model(path: Path) -> int:
    """Print what a bundle holds and where it comes from."""
    from mdjpt.bundle.bundle import describe

    for key, value in describe(path).items():
        sys.stdout.write(f"{key:<16} {value}\n")
    return 0


def verify_model(path: Path) -> int:
    """Check a bundle's layout, shapes and checksum; raises ModelError when it is unsound."""
    from mdjpt.bundle.bundle import verify

    verify(path)
    sys.stdout.write(f"{path}: sound\n")
    return 0
