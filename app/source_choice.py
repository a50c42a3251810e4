"""What the user wants to connect to, and what answered to a search. No Qt."""

from __future__ import annotations

from dataclasses import dataclass

from streaming.sources.source_spec import parse_source

__all__ = ["FoundSource", "SourceChoice", "source_identity"]


@dataclass(frozen=True, slots=True)
class SourceChoice:
    """What the user wants to connect to."""

    source: str
    """As on the command line: ``sim:``, ``lsl:NAME``, ``brainflow:BOARD``, ``file:PATH``."""
    model: str = ""
    """Path of a model bundle, "" for the built-in one."""
    montage: tuple[str, ...] = ()
    """Electrode names for a source whose labels say nothing; empty to take its own."""
    publish_lsl: bool = False
    """True when the predictions leave as an LSL stream."""


@dataclass(frozen=True, slots=True)
class FoundSource:
    """An LSL stream that answered to a search."""

    source: str
    """What connects to it, see :attr:`SourceChoice.source`."""
    title: str
    """Its name."""
    detail: str = ""
    """Channels, rates, electrodes and origin on one line."""


def source_identity(source: str) -> str:
    """Return what stays the same of a source when only its settings change.

    Electrode names belong to it: to a file, a board, a stream of one sender, and to nothing else.

    Parameters
    ----------
    source : str
        See :attr:`SourceChoice.source`.

    Raises
    ------
    MdjptError
        It names no source.
    """
    spec = parse_source(source)
    whose = [str(spec.options[key]) for key in ("source_id", "hostname") if key in spec.options]
    return ":".join([spec.kind, spec.name, *whose])
