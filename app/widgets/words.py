"""How the windows word numbers and names. No Qt."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mdjpt.signal.montage import short_name
from streaming.reasons import FAULTS, bad_electrodes

if TYPE_CHECKING:
    from mdjpt.signal.quality import Quality
    from streaming.snapshot import Snapshot

__all__ = [
    "MINUS",
    "NOTHING",
    "STALL_AFTER_S",
    "causes_of",
    "clock_text",
    "for_the_window",
    "has_stalled",
    "left_out",
    "silence",
    "size_text",
    "span_text",
    "titled",
]

NOTHING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
STALL_AFTER_S = 0.8
_FIELD = "“Electrode names”"
_OPTIONS = (
    (r"(?:with )?--montage NAMES(?: or --montage FILE)?", f"under {_FIELD}"),
    (r"assumed from --montage", f"as typed under {_FIELD}"),
    (r"--montage (?!NAMES|names|holds)((?:or )?[\w,-]*\d[\w,-]*)", rf"“\1” under {_FIELD}"),
    (r"(?:with )?--montage", _FIELD),
    (r"(?:with )?--(sfreq|board|stream) (\S+)", r"by ?\1=\2 behind its path"),
    (r"say which, as in lsl:\S+(?: or lsl:\S+)?", "choose it in the list of “Connect…”"),
)
"""What a command line calls an option, and where it stands in the window."""


def clock_text(seconds: float) -> str:
    """Return minutes and seconds, with hours when there are any: ``2:05``, ``1:00:07``."""
    whole = int(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    if hours:
        return f"{hours}:{minutes:02d}:{whole % 60:02d}"
    return f"{minutes}:{whole % 60:02d}"


def span_text(seconds: float) -> str:
    """Return a span of time: ``4.2 s``, from a minute on ``2:05 min``."""
    return f"{seconds:.1f} s" if seconds < 60 else f"{clock_text(seconds)} min"


def size_text(n_bytes: int) -> str:
    """Return a size on disk: ``980 kB``, ``12.4 MB``, ``3.1 GB``."""
    if n_bytes < 1e6:
        return f"{n_bytes / 1e3:.0f} kB"
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes < 1e9 else f"{n_bytes / 1e9:.1f} GB"


def titled(name: str) -> str:
    """Return a class name as a heading: first letter in upper case, no underscores."""
    plain = name.replace("_", " ").strip()
    return plain[:1].upper() + plain[1:]


def for_the_window(text: str) -> str:
    """Return a message with the names of fields instead of those of command-line options."""
    for option, words in _OPTIONS:
        text = re.sub(option, words, text)
    return text


def causes_of(quality: Quality | None) -> dict[str, str]:
    """Return what is wrong with each electrode that was left out, as far as it is known."""
    if quality is None:
        return {}
    return {name: FAULTS[cause] for name, cause in zip(quality.bad, quality.causes, strict=False)}


def left_out(quality: Quality | None) -> str:
    """Say which electrodes were left out and why, "" when none was."""
    if quality is None or not quality.bad:
        return ""
    if len(quality.causes) == len(quality.bad):
        return f"Left out, {bad_electrodes(quality)}"
    return f"Left out: {', '.join(map(short_name, quality.bad))}"


def has_stalled(snapshot: Snapshot) -> bool:
    """Tell whether samples should arrive but do not."""
    late = snapshot.state == "streaming" and snapshot.sample_age_s > STALL_AFTER_S
    return late or snapshot.state == "stalled"


def silence(snapshot: Snapshot | None) -> str:
    """Return why no samples come now, "" while they do: what is on show is then of the past."""
    if snapshot is None:
        return "Disconnected"
    if has_stalled(snapshot):
        return f"No data for {span_text(snapshot.sample_age_s)}"
    words = {"failed": "Connection failed", "ended": "Recording ended", "stopped": "Stopped"}
    return words.get(snapshot.state, "")
