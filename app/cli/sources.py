"""``mdjpt sources``: what can be connected."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from app.cli.options import Json, positive
from mdjpt.errors import printable

__all__ = ["sources"]


def sources(
    as_json: Json = False,
    timeout_s: Annotated[
        float,
        typer.Option("--timeout", help="Seconds to look for LSL streams.", callback=positive),
    ] = 2.0,
) -> int:
    """List LSL streams, with nominal and measured rate, and BrainFlow boards."""
    from streaming.sources.boards import PASSING_ON
    from streaming.sources.discovery import list_boards, list_lsl

    streams, boards = list_lsl(timeout_s), list_boards()
    if as_json:
        found = {
            "lsl": [asdict(stream) for stream in streams],
            "brainflow": [asdict(board) for board in boards],
        }
        typer.echo(json.dumps(found, indent=2))
        return 0
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    table = Table(title=f"LSL streams ({len(streams)})", title_justify="left")
    for column in ("SOURCE", "type", "channels", "nominal Hz", "measured Hz", "host"):
        table.add_column(column)
    for stream in streams:
        table.add_row(
            # Never read as markup: whoever sends chooses these.
            Text(f"lsl:{printable(stream.name)}"),
            Text(printable(stream.type)),
            str(stream.n_channels),
            f"{stream.sfreq:g}",
            f"{stream.measured_sfreq:.1f}",
            Text(printable(stream.hostname)),
        )
    console.print(table)
    names = ", ".join(board.name for board in boards)
    console.print(f"\nBrainFlow boards ({len(boards)}), as brainflow:NAME: {names}")
    console.print("What another program shares, or a file of BrainFlow's, as one of:")
    for name, needs in PASSING_ON.items():
        console.print(Text(f"  brainflow:{name}?{needs}&master_board=NAME"))
    return 0
