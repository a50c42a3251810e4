"""A calibration without a window: the session runs, is recorded and led in the terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from app.calibration.session import CalibrationSession, Phase
from app.calibration.terminal_guide import KEYS, LineReader, TerminalGuide
from mdjpt.errors import RecordingError, SourceLost
from mdjpt.signal.quality import electrode_quality
from streaming.processes.engine import Engine
from streaming.reasons import FAULTS
from streaming.ring import RingBuffer

if TYPE_CHECKING:
    import threading
    from pathlib import Path

    from app.calibration.plan import CalibrationPlan
    from streaming.processes.engine import EngineConfig

__all__ = ["record_session"]

ELECTRODES_S = 5.0
POLL_S = 0.03


def record_session(
    config: EngineConfig,
    plan: CalibrationPlan,
    recording: Path,
    stopped: threading.Event,
    *,
    interactive: bool,
) -> bool:
    """Lead a person through a session and record it; False when it was ended before its time.

    The source has no decoder, which nobody would look at; `stopped` ends the session early.

    Raises MdjptError: the source or the recording failed.
    """
    engine = Engine(config)
    engine.start()
    try:
        engine.start_recording(recording)
        return _lead(engine, plan, stopped, interactive=interactive)
    finally:
        engine.stop()


def _lead(
    engine: Engine, plan: CalibrationPlan, stopped: threading.Event, *, interactive: bool
) -> bool:
    # Of the signal: a simulated participant may live faster than the clock.
    session = CalibrationSession(plan, engine.mark, lambda: engine.snapshot().elapsed_s)
    guide = TerminalGuide(session, sys.stdout, interactive=interactive)
    keyboard = LineReader(sys.stdin) if interactive else None
    try:
        while engine.snapshot().recorded_s < ELECTRODES_S and not stopped.is_set():
            _follow(engine)
        if stopped.is_set():
            return False
        sys.stdout.write(f"{_electrodes(engine)}\n")
        if keyboard is None:
            session.start()
        else:
            sys.stdout.write(f"Enter begins. {KEYS}\n")
        while session.view().phase not in (Phase.DONE, Phase.ABORTED):
            _follow(engine)
            if stopped.is_set():
                session.abort()
            for line in () if keyboard is None else keyboard.lines():
                guide.take(line)
            guide.show(session.tick())
    finally:
        session.abort()
    return session.view().phase is Phase.DONE


def _follow(engine: Engine) -> None:
    """Let a moment pass; raise what ends a calibration: the source, or the disk."""
    engine.poll(POLL_S)
    if engine.failure is not None:
        raise engine.failure
    if engine.done:
        raise SourceLost("the source ended before the calibration did: choose one that lasts")
    if problem := engine.snapshot().recording_error:
        raise RecordingError(problem)


def _electrodes(engine: Engine) -> str:
    """Say which electrodes can be used."""
    info, name = engine.snapshot().info, engine.ring_name
    assert info is not None, "samples have been recorded"
    assert name is not None, "samples have been recorded"
    ring = RingBuffer.attach(name)
    try:
        samples = ring.latest(round(ELECTRODES_S * info.sfreq)).samples
    finally:
        ring.close()
    quality = electrode_quality(samples, info.sfreq)
    bad = [
        f"{electrode} ({FAULTS[reason]})"
        for electrode, reason in zip(info.ch_names, quality.reason, strict=True)
        if reason
    ]
    told = f"{info.n_channels - len(bad)} of {info.n_channels} electrodes are good"
    simulated = " (SIMULATED SIGNAL)" if info.simulated else ""
    return f"{info.name}{simulated}: {told}" + (f"; check {', '.join(bad)}" if bad else "")
