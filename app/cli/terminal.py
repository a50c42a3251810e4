"""The live view in a terminal: a table that changes in place, or plain lines into a pipe."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from streaming.prediction import Prediction
    from streaming.snapshot import AlignmentStatus, ModelCard, Snapshot

__all__ = ["TerminalView", "terminal_view"]

BAR_WIDTH = 30


class TerminalView(Protocol):
    """Shows a running session in a terminal."""

    def predicted(self, prediction: Prediction, truth: str | None) -> None:
        """Take a new prediction, and the true state at the end of its window where it is known."""
        ...

    def show(self, snapshot: Snapshot) -> None:
        """Show the present state."""
        ...


@contextmanager
def terminal_view(*, quiet: bool = False) -> Iterator[TerminalView]:
    """Yield the view that suits standard output, none where that belongs to the data (`quiet`)."""
    if quiet:
        yield _Silent()
    elif not sys.stdout.isatty():
        yield _Lines()
    else:
        from rich.live import Live

        with Live(auto_refresh=False) as live:
            yield _Table(live)


class _Silent:
    def predicted(self, prediction: Prediction, truth: str | None) -> None:
        """Say nothing."""

    def show(self, snapshot: Snapshot) -> None:
        """Say nothing."""


class _Lines:
    """One plain line a prediction; a reason that stays the same is said once."""

    def __init__(self) -> None:
        self._introduced = False
        self._reason = ""

    def predicted(self, prediction: Prediction, truth: str | None) -> None:
        """Print the prediction."""
        answer = prediction.label or "-"
        beside = f"  true state {truth}" if truth else ""
        why = f"  {prediction.reason}" if prediction.reason != self._reason else ""
        self._reason = prediction.reason
        line = (
            f"{prediction.end_s:8.2f} s  {prediction.status:<10}  {answer:<10} "
            f"{prediction.confidence:5.2f}{beside}{why}"
        )
        sys.stdout.write(f"{line.rstrip()}\n")
        sys.stdout.flush()

    def show(self, snapshot: Snapshot) -> None:
        """Print once what is decoded with what."""
        if self._introduced or snapshot.info is None or snapshot.model is None:
            return
        self._introduced = True
        sys.stdout.write(f"{headline(snapshot)}\n")


class _Table:
    """A table that changes in place."""

    def __init__(self, live: object) -> None:
        self._live = live
        self._newest: Prediction | None = None
        self._truth: str | None = None

    def predicted(self, prediction: Prediction, truth: str | None) -> None:
        """Keep the prediction for the next redraw."""
        self._newest, self._truth = prediction, truth

    def show(self, snapshot: Snapshot) -> None:
        """Redraw."""
        table = render(snapshot, self._newest, self._truth)
        self._live.update(table, refresh=True)  # type: ignore[attr-defined]


def headline(snapshot: Snapshot) -> str:
    """Return what is decoded with what, simulated parts named."""
    info, model = snapshot.info, snapshot.model
    if info is None:
        return "connecting ..."
    source = f"{info.name}: {info.n_channels} channels, {info.sfreq:g} Hz"
    source += " (SIMULATED SIGNAL)" if info.simulated else ""
    if model is None:
        return source
    marks = " (SIMULATED MODEL)" if model.simulated else ""
    marks += " (SIMULATED PERSON)" if model.person_simulated else ""
    marks += " (UNPROVEN CALIBRATION)" if model.unproven else ""
    return f"{source} | model {model.name}{marks}"


def _learned(status: AlignmentStatus, model: ModelCard | None) -> str:
    """Say how far the alignment has come, in the words of a user."""
    if status.kind == "none":
        return "none"
    if model is not None and model.normalisation == "stream" and not status.frozen:
        return f"{status.kind}, by this session's last {status.effective_s:.0f} s alone"
    if status.frozen:
        return f"{status.kind}, as calibrated"
    own = f"{1 - status.prior_share:.0%} from this session's {status.effective_s:.0f} s"
    return f"{status.kind}, {own}"


def render(
    snapshot: Snapshot, newest: Prediction | None, truth: str | None = None
) -> RenderableType:
    """Draw the state of a session, its newest prediction and the truth for that as a table."""
    from rich.console import Group
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    if newest is None:
        table.add_row(f"decoder {snapshot.decoder_state} ...")
    else:
        table.add_row("emotion", Text(newest.label or newest.status, style="bold"))
        if truth is not None:
            table.add_row("true state", Text(truth))
        for name, probability in newest.probabilities.items():
            filled = round(probability * BAR_WIDTH)
            table.add_row(
                Text(name), "█" * filled + "·" * (BAR_WIDTH - filled), f"{probability:.2f}"
            )
        if newest.valence is not None:
            table.add_row("valence", f"{newest.valence:.1f}")
        if newest.arousal is not None:
            table.add_row("arousal", f"{newest.arousal:.1f}")
        if snapshot.alignment is not None:
            table.add_row("alignment", _learned(snapshot.alignment, snapshot.model))
        if newest.quality.bad:
            table.add_row("bad electrodes", Text(", ".join(newest.quality.bad)))
    health = (
        f"{snapshot.state} | {snapshot.elapsed_s:.0f} s | {snapshot.measured_sfreq:.1f} Hz | "
        f"lost {snapshot.n_lost} | skipped {snapshot.n_skipped} | "
        f"latency p95 {snapshot.latency_p95_ms:.0f} ms"
    )
    footer = Text("research use, not a medical device · Ctrl-C ends", style="dim")
    title = Text(headline(snapshot), style="bold")
    why = [Text(f"no label: {newest.reason}")] if newest is not None and newest.reason else []
    return Panel(Group(title, table, *why, Text(health), footer), width=96)
