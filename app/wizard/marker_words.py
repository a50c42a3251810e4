"""What the dashboard calls the markers of a calibration. No Qt."""

from __future__ import annotations

from app.calibration.markers import BaselineMark, SessionMark, TrialMark, parse_mark

__all__ = ["marker_words"]

_TURNS = {"pause": "pause", "end": "calibrated", "abort": "stopped"}


def marker_words(label: str) -> str:
    """Return what to show for a marker, "" for one that only a program reads.

    Parameters
    ----------
    label : str
        Of any marker; those of others are shown as they are.
    """
    match parse_mark(label):
        case TrialMark(number=number, label=emotion, step="begin"):
            return f"{number} {emotion}"
        case BaselineMark(eyes=eyes, step="begin"):
            return f"eyes {eyes}"
        case SessionMark(turn=turn):
            return _TURNS.get(turn, "")
        case None:
            return label
        case _:
            return ""
