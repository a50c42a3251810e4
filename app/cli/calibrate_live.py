"""``mdjpt calibrate-live``: a whole calibration in the terminal, electrodes to head."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from app.calibration.labels import labels_from_markers, write_labels
from app.calibration.plan import CalibrationPlan, too_few_to_tell
from app.calibration.session import CalibrationSession, Phase
from app.calibration.terminal_guide import KEYS, LineReader, TerminalGuide
from app.calibration.training_process import TrainingRequest
from app.cli.calibrate import add_to_profile
from app.files import read_montage
from app.interruption import stopped_by_signal
from app.session import SessionConfig, default_bundle, engine_config
from mdjpt.errors import MdjptError, ModelError, RecordingError, SourceLost
from mdjpt.signal.quality import electrode_quality
from streaming.engine import Engine
from streaming.ring import RingBuffer
from streaming.sources.source_spec import parse_source

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator
    from pathlib import Path

    from mdjpt.calibration.trials import LabelledInterval

__all__ = ["LiveCalibration", "calibrate_live"]

INTERRUPTED = 130
ELECTRODES_S = 5.0
POLL_S = 0.03


@dataclass(frozen=True, slots=True)
class LiveCalibration:
    """The options of ``mdjpt calibrate-live``, as in its help."""

    source: str
    out: Path
    model: Path | None = None
    classes: tuple[str, ...] = ()
    trials: int = 4
    trial_s: float = 15.0
    baseline_s: float = 30.0
    seed: int = 0
    media: Path | None = None
    ratings: bool = True
    label_by: str = "intended"
    record: Path | None = None
    montage: str | None = None
    speed: float = 1.0


def calibrate_live(request: LiveCalibration) -> int:
    """Lead a person through a calibration, record it, train from it, add it to the profile.

    Parameters
    ----------
    request : LiveCalibration
        What to do.

    Returns
    -------
    int
        0; 130 when the person ended it before its time.

    Raises
    ------
    MdjptError
        Source, media or files cannot be used, or the decoder is not better.
    """
    interactive = sys.stdin.isatty()
    plan = _plan(request, interactive=interactive)
    recording = _recording_path(request)
    minutes = plan.duration_s / 60 / request.speed
    sys.stdout.write(
        f"{plan.n_trials} trials in about {minutes:.0f} min, recorded into {recording}\n"
        "Recording and profile stay on this computer; deleting the files deletes everything. "
        "Research use, not a medical device.\n"
    )
    if too_few_to_tell(plan):
        sys.stderr.write(
            "note: so few trials cannot be told from luck, the decoder will be refused: more "
            "--trials or --classes\n"
        )
    with stopped_by_signal() as stopped:
        finished = _record(request, plan, recording, stopped, interactive=interactive)
    labels = recording.with_suffix(".csv")
    trials = _write_labels(recording, labels)
    if not finished:
        sys.stdout.write(
            f"{len(trials)} trials are recorded; to train from them: mdjpt calibrate {recording} "
            f"--out {request.out}\n"
        )
        return INTERRUPTED
    bundle = request.model or default_bundle()
    add_to_profile(TrainingRequest(recording, labels, request.out, bundle))
    return 0


def _plan(request: LiveCalibration, *, interactive: bool) -> CalibrationPlan:
    """Make the plan and refuse before the session what would be refused after it."""
    from mdjpt.bundle.bundle import load_bundle
    from mdjpt.calibration.profile import load_profile

    if parse_source(request.source).kind == "file":
        raise MdjptError(f"{request.source}: nobody can be asked in a file; use mdjpt calibrate")
    bundle = load_bundle(request.model or default_bundle())
    if request.out.exists():
        load_profile(request.out, bundle)
    if not request.out.parent.is_dir():
        raise MdjptError(f"{request.out.parent}: no such folder; make it, or choose another --out")
    classes = request.classes or bundle.class_names
    if not classes:
        raise ModelError("the model names no emotions: name yours with --classes")
    return CalibrationPlan(
        class_names=classes,
        trials_per_class=request.trials,
        trial_s=request.trial_s,
        baseline_s=request.baseline_s,
        seed=request.seed,
        label_by=request.label_by,  # type: ignore[arg-type]
        media=request.media,
        ratings=request.ratings and interactive,
    )


def _recording_path(request: LiveCalibration) -> Path:
    folder = request.record or request.out.parent / "calibrations"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise RecordingError(
            f"{folder}: cannot be made: {error.strerror}; choose another --record"
        ) from None
    stamp = datetime.now(UTC).astimezone().strftime("%Y%m%d-%H%M%S")
    return folder / f"calibration-{stamp}.xdf"


@contextmanager
def _running(request: LiveCalibration, recording: Path) -> Iterator[Engine]:
    """Yield an engine that records; without a decoder, which nobody would look at."""
    config = SessionConfig(
        source=parse_source(request.source),
        bundle=None,
        montage=read_montage(request.montage),
        speed=request.speed,
    )
    engine = Engine(engine_config(config))
    engine.start()
    try:
        engine.start_recording(recording)
        yield engine
    finally:
        engine.stop()


def _record(
    request: LiveCalibration,
    plan: CalibrationPlan,
    recording: Path,
    stopped: threading.Event,
    *,
    interactive: bool,
) -> bool:
    """Run the session to its end; False when the person ended it before."""
    with _running(request, recording) as engine:
        # Of the signal: a simulated participant may live faster than the clock.
        session = CalibrationSession(plan, engine.mark, lambda: engine.snapshot().elapsed_s)
        guide = TerminalGuide(session, sys.stdout, interactive=interactive)
        keyboard = LineReader(sys.stdin) if interactive else None
        try:
            _wait_for_signal(engine, stopped)
            sys.stdout.write(_electrodes(engine))
            if keyboard is None:
                session.start()
            else:
                sys.stdout.write(f"Enter begins. {KEYS}\n")
            while session.view().phase not in (Phase.DONE, Phase.ABORTED):
                engine.poll(POLL_S)
                _check(engine)
                if stopped.is_set():
                    session.abort()
                for line in () if keyboard is None else keyboard.lines():
                    guide.take(line)
                guide.show(session.tick())
        finally:
            session.abort()
        return session.view().phase is Phase.DONE


def _wait_for_signal(engine: Engine, stopped: threading.Event) -> None:
    while engine.snapshot().recorded_s < ELECTRODES_S and not stopped.is_set():
        engine.poll(POLL_S)
        _check(engine)


def _check(engine: Engine) -> None:
    """Raise what ends a calibration: the source, or the disk."""
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
        f"{electrode} ({reason})"
        for electrode, reason in zip(info.ch_names, quality.reason, strict=True)
        if reason
    ]
    told = f"{info.n_channels - len(bad)} of {info.n_channels} electrodes are good"
    simulated = " (SIMULATED SIGNAL)" if info.simulated else ""
    return f"{info.name}{simulated}: {told}" + (f"; check {', '.join(bad)}" if bad else "") + "\n"


def _write_labels(recording: Path, path: Path) -> tuple[LabelledInterval, ...]:
    """Write the table of the trials beside the recording and return them."""
    from mdjpt.recordings import read_recording

    trials = labels_from_markers(read_recording(recording).markers)
    write_labels(path, trials)
    return trials
