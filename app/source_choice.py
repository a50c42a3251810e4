"""What the user wants to connect to, and what answered to a search."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FoundSource", "SourceChoice"]


@dataclass(frozen=True, slots=True)
class SourceChoice:
    """What the user wants to connect to.

    Attributes
    ----------
    source : str
        As on the command line: ``sim:``, ``lsl:NAME``, ``brainflow:BOARD``, ``file:PATH``.
    model : str
        Path of a model bundle, "" for the built-in one.
    montage : tuple of str
        Electrode names for a source whose labels say nothing; empty to take its own.
    publish_lsl : bool
        True when the predictions leave as an LSL stream.
    """

    source: str
    model: str = ""
    montage: tuple[str, ...] = ()
    publish_lsl: bool = False


@dataclass(frozen=True, slots=True)
class FoundSource:
    """An LSL stream that answered to a search.

    Attributes
    ----------
    source : str
        What connects to it, see :attr:`SourceChoice.source`.
    title : str
        Its name.
    detail : str
        Channels, rate and host on one line.
    """

    source: str
    title: str
    detail: str = ""
