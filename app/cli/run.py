"""``mdjpt run``: engine and decoder without a window."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app.files import read_montage, save_features
from app.interruption import stopped_by_signal
from app.recording_files import new_recording
from app.session import SessionConfig, default_bundle, engine_config
from streaming.engine import Engine
from streaming.sources.source_spec import parse_source

if TYPE_CHECKING:
    import threading

    from app.terminal import TerminalView
    from streaming.processes.decoder_process import Predicted
    from streaming.snapshot import Snapshot

__all__ = ["RunRequest", "run_headless"]


@dataclass(frozen=True, slots=True)
class RunRequest:
    """The options of ``mdjpt run``, as in its help."""

    source: str
    model: Path | None = None
    duration_s: float | None = None
    hop_s: float = 0.5
    speed: float = 1.0
    out: str | None = None
    publish_lsl: bool = False
    features: Path | None = None
    montage: str | None = None
    profile: Path | None = None
    record: Path | None = None
    alignment: str = "auto"


def run_headless(request: RunRequest) -> int:
    """Decode until the source or the duration ends, or Ctrl-C.

    Parameters
    ----------
    request : RunRequest
        What to do.

    Returns
    -------
    int
        0, or 2 when the recording failed; other errors are raised.

    Raises
    ------
    MdjptError
        Source, file or model cannot be used; carries the exit code.
    """
    from app.terminal import terminal_view

    config = SessionConfig(
        source=parse_source(request.source),
        bundle=request.model or default_bundle(),
        hop_s=request.hop_s,
        montage=read_montage(request.montage),
        speed=request.speed,
        duration_s=request.duration_s,
        out=Path(request.out) if request.out not in (None, "-") else None,
        to_stdout=request.out == "-",
        publish_lsl=request.publish_lsl,
        with_features=request.features is not None,
        profile=request.profile,
        record=None if request.record is None else new_recording(request.record),
        alignment=request.alignment,
    )
    collected: list[Predicted] = []
    with stopped_by_signal() as stopped, terminal_view(quiet=request.out == "-") as view:
        engine = Engine(engine_config(config))
        outcome = _run(engine, view, collected, stopped)
    if request.features is not None:
        save_features(
            request.features,
            np.array([a.feature for a in collected if a.feature is not None]),
            np.array([a.prediction.start_s for a in collected]),
        )
    sys.stderr.write(outcome.summary() + "\n")
    if engine.snapshot().recording_error:
        return 2
    if config.record is not None and config.record.exists():
        sys.stderr.write(f"recorded: {config.record}\n")
    return 0


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How a run ended."""

    snapshot: Snapshot
    decoding_s: float

    def summary(self) -> str:
        """Say in one line what was decoded, what was lost and how fast it went."""
        shot = self.snapshot
        parts = [
            f"{shot.elapsed_s:.1f} s of signal, {shot.n_windows} windows",
            f"{shot.n_skipped} skipped",
            f"{shot.n_lost} samples lost in {shot.n_gaps} gaps",
        ]
        if shot.info is not None and shot.info.lossless and self.decoding_s > 0:
            speed = shot.elapsed_s / self.decoding_s
            parts.append(f"decoded in {self.decoding_s:.2f} s ({speed:.0f} x real time)")
        elif shot.latency_p95_ms:
            parts.append(f"latency p95 {shot.latency_p95_ms:.0f} ms")
        return ", ".join(parts)


def _run(
    engine: Engine, view: TerminalView, collected: list[Predicted], stopped: threading.Event
) -> _Outcome:
    engine.start()
    told = ""
    try:
        while not engine.done and not stopped.is_set():
            for answer in engine.poll(timeout_s=0.05):
                view.predicted(answer.prediction)
                if answer.feature is not None:
                    collected.append(answer)
            shot = engine.snapshot()
            view.show(shot)
            told = _tell(shot.recording_error, told)
            if engine.failure is not None:
                break
        if engine.failure is not None:
            raise engine.failure
        ready_at = engine.ready_at
        decoding_s = 0.0 if ready_at is None else time.monotonic() - ready_at
        return _Outcome(engine.snapshot(), decoding_s)
    finally:
        engine.stop()
        _tell(engine.snapshot().recording_error, told)


def _tell(error: str, told: str) -> str:
    """Say at once what happened to the recording, and say it once; return what was said."""
    if error in ("", told):
        return told
    sys.stderr.write(f"mdjpt: {error}\n")
    return error
