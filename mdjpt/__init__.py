"""mdJPT: the science. Arrays in, arrays out; no LSL, no Qt, and torch only where the network is.

The public names resolve on first use, so that importing this package costs nothing and a process
that needs no network never imports torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mdjpt.bundle.bundle import Bundle, load_bundle, save_bundle
    from mdjpt.bundle.checkpoint import import_checkpoint
    from mdjpt.evaluation.lds import lds_filter, lds_smooth
    from mdjpt.evaluation.running_norm import running_norm
    from mdjpt.recordings import read_recording
    from mdjpt.signal.montage import montage_matrix

_HOMES = {
    "Bundle": "mdjpt.bundle.bundle",
    "import_checkpoint": "mdjpt.bundle.checkpoint",
    "lds_filter": "mdjpt.evaluation.lds",
    "lds_smooth": "mdjpt.evaluation.lds",
    "load_bundle": "mdjpt.bundle.bundle",
    "montage_matrix": "mdjpt.signal.montage",
    "read_recording": "mdjpt.recordings",
    "running_norm": "mdjpt.evaluation.running_norm",
    "save_bundle": "mdjpt.bundle.bundle",
}

__all__ = [
    "Bundle",
    "import_checkpoint",
    "lds_filter",
    "lds_smooth",
    "load_bundle",
    "montage_matrix",
    "read_recording",
    "running_norm",
    "save_bundle",
]


def __getattr__(name: str) -> Any:
    """Import the module that holds `name` and return it (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'mdjpt' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
