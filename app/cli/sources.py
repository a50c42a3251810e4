"""``mdjpt sources``: what can be connected."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from streaming.sources.discovery import list_boards, list_lsl

__all__ = ["list_sources"]


def list_sources(*, as_json: bool, timeout_s: float) -> int:
    """Print LSL streams, with nominal and measured rate, and BrainFlow boards.

    Parameters
    ----------
    as_json : bool
        Print one JSON object instead of tables.
    timeout_s : float
        Seconds to look for LSL streams.
    """
    streams, boards = list_lsl(timeout_s), list_boards()
    if as_json:
        found = {
            "lsl": [asdict(stream) for stream in streams],
            "brainflow": [asdict(board) for board in boards],
        }
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return 0
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(title=f"LSL streams ({len(streams)})", title_justify="left")
    for column in ("SOURCE", "type", "channels", "nominal Hz", "measured Hz", "host"):
        table.add_column(column)
    for stream in streams:
        table.add_row(
            f"lsl:{stream.name}",
            stream.type,
            str(stream.n_channels),
            f"{stream.sfreq:g}",
            f"{stream.measured_sfreq:.1f}",
            stream.hostname,
        )
    console.print(table)
    names = ", ".join(board.name for board in boards)
    console.print(f"\nBrainFlow boards ({len(boards)}), as brainflow:NAME: {names}")
    return 0
