"""How the windows word numbers and names. No Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streaming.snapshot import Snapshot

__all__ = ["MINUS", "NOTHING", "STALL_AFTER_S", "clock_text", "has_stalled", "titled"]

NOTHING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
STALL_AFTER_S = 0.8


def clock_text(seconds: float) -> str:
    """Return minutes and seconds, with hours when there are any: ``2:05``, ``1:00:07``."""
    whole = int(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    if hours:
        return f"{hours}:{minutes:02d}:{whole % 60:02d}"
    return f"{minutes}:{whole % 60:02d}"


def titled(name: str) -> str:
    """Return a class name as a heading: first letter in upper case, no underscores."""
    plain = name.replace("_", " ").strip()
    return plain[:1].upper() + plain[1:]


def has_stalled(snapshot: Snapshot) -> bool:
    """Tell whether samples should arrive but do not."""
    late = snapshot.state == "streaming" and snapshot.sample_age_s > STALL_AFTER_S
    return late or snapshot.state == "stalled"
