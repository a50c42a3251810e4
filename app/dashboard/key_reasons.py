"""Why a key does nothing at this moment, so that it can say so. No Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streaming.snapshot import Snapshot

__all__ = ["why_not"]

_NO_SOURCE = "Nothing is connected: choose a source first (Ctrl+K)"
_OF_A_SESSION = ("disconnect", "calibrate", "felt", "mark", "record")
_OF_SIGNALS = ("freeze", "filter", "fit", "larger", "smaller")
_OF_SAMPLES = ("calibrate", "record")


def why_not(name: str, state: str, snapshot: Snapshot | None, *, can_calibrate: bool) -> str:
    """Return why an action of :data:`app.dashboard.shortcuts.KEYS` would do nothing, "" if it does.

    Parameters
    ----------
    name : str
        Of the action.
    state : str
        Of the connection: "idle", "opening", "open" or "closing".
    snapshot : Snapshot or None
        Of the session, None when there is none.
    can_calibrate : bool
        Whether there is anything to calibrate with.
    """
    if name == "connect":
        busy = {"open": "A source is connected: disconnect first (Ctrl+D)"}
        return "" if state == "idle" else busy.get(state, "Please wait: the session changes")
    if state == "opening" and name == "disconnect":
        return ""
    of_session = name in _OF_A_SESSION or name.startswith("mark_")
    if snapshot is None and (of_session or name in _OF_SIGNALS):
        return _NO_SOURCE
    if name in ("calibrate", "felt") and not can_calibrate:
        return "Calibrations are not offered here"
    if snapshot is None:
        return ""
    if name in _OF_SIGNALS and snapshot.info is None:
        return "No signals have come yet"
    if name in _OF_SAMPLES and snapshot.state not in ("streaming", "stalled"):
        return "No samples come from the source"
    if name == "calibrate" and snapshot.model is None:
        return snapshot.decoder_error or "No model is running yet: wait until it is loaded"
    return ""
