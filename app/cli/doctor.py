"""``mdjpt doctor``: is this computer fit for real time, and what is on its network."""

from __future__ import annotations

import io
import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.findings import (
    Finding,
    disk_findings,
    display_findings,
    gpu_findings,
    lsl_findings,
    stream_findings,
    timing_findings,
    version_findings,
)
from app.cli.options import Json, Model, Montage, at_least
from app.cli.progress import shown_progress
from mdjpt.errors import MdjptError

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["doctor", "write_report"]

HOP_S = 0.5
_STYLE = {"ok": "green", "note": "yellow", "fail": "bold red"}


def doctor(
    source: Annotated[
        str | None,
        typer.Argument(help="lsl: or brainflow: to time that device; a test signal by default."),
    ] = None,
    *,
    seconds: Annotated[
        float,
        typer.Option(help="How long to measure timing; 0 leaves it out.", callback=at_least(0)),
    ] = 60.0,
    as_json: Json = False,
    html: Annotated[Path | None, typer.Option(help="Write the report as a page, too.")] = None,
    model: Model = None,
    montage: Montage = None,
) -> int:
    """Check versions, LSL, streams, disk, GPU, display and timing; code 1 when something fails."""
    from app.recording_files import default_recordings
    from streaming.diagnosis.network import lsl_round_trip, seen_streams

    if html is not None and html.exists():
        raise MdjptError(f"{html}: exists already and is not overwritten; name another file")
    import pylsl

    found = [
        *version_findings(),
        *lsl_findings(lsl_round_trip(), pylsl.library_version()),
        *stream_findings(seen_streams()),
        *disk_findings(default_recordings()),
        *gpu_findings(),
        *display_findings(),
    ]
    if seconds:
        found += _timing(source, seconds, model, montage)
    write_report(found, as_json=as_json, html=html)
    return 1 if any(finding.verdict == "fail" for finding in found) else 0


def write_report(found: list[Finding], *, as_json: bool, html: Path | None) -> None:
    """Print a report as a table or JSON, and write it as a page, which does not exist yet.

    Raises MdjptError: the page cannot be written.
    """
    from rich.console import Console

    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in found], indent=2))
    else:
        _print(Console(), found)
    if html is None:
        return
    page = Console(record=True, width=120, file=io.StringIO())
    _print(page, found)
    try:
        with html.open("x", encoding="utf-8") as file:
            file.write(page.export_html())
    except OSError as error:
        raise MdjptError(f"{html}: cannot be written: {error.strerror}") from None


def _timing(
    source: str | None, seconds: float, model: Path | None, montage: str | None
) -> list[Finding]:
    """Run the live path for a while; what makes that impossible is a finding."""
    from app.session import build_source, default_bundle
    from mdjpt.recordings import montage_names
    from streaming.diagnosis.timing import certify, sent_test_stream
    from streaming.processes.decoder_process import DecoderConfig
    from streaming.sources.source_spec import parse_source

    decoder = DecoderConfig(model or default_bundle(), HOP_S)
    with shown_progress("timing, seconds", every_s=10.0) as progress:

        def tell(done_s: float) -> None:
            progress(min(int(done_s), int(seconds)), int(seconds))

        try:
            if source is None:
                with sent_test_stream(seconds + 20.0) as make_source:
                    timing = certify(make_source, decoder, seconds, tell=tell)
            else:
                spec = parse_source(source)
                make = partial(build_source, spec, montage_names(montage) or (), 1.0)
                timing = certify(make, decoder, seconds, tell=tell)
        except MdjptError as error:
            return [Finding("timing", "measured", "fail", "not at all", str(error))]
    return timing_findings(timing, HOP_S, is_test_signal=source is None)


def _print(console: Console, found: list[Finding]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(title="mdjpt doctor", title_justify="left", show_lines=False)
    for column in ("", "what", "", "found", "advice"):
        table.add_column(column)
    group = ""
    for finding in found:
        shown = "" if finding.group == group else finding.group
        group = finding.group
        cells = (shown, finding.what, finding.verdict, finding.value, finding.advice)
        styles = ("bold", "", _STYLE[finding.verdict], "", "yellow")
        # Text, never markup: what a stream calls itself is not to be obeyed.
        table.add_row(*(Text(cell, style) for cell, style in zip(cells, styles, strict=True)))
    console.print(table)
    n_failed = sum(finding.verdict == "fail" for finding in found)
    console.print(f"{n_failed} of {len(found)} fail" if n_failed else "nothing fails")
