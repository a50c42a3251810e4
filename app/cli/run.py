"""``mdjpt run``: engine and decoder without a window."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.features import NORMALISED_BY, save_features
from app.cli.interruption import stopped_by_signal
from app.cli.options import (
    Alignment,
    Device,
    Hop,
    Model,
    Montage,
    Profile,
    Record,
    RecordStreams,
    SourceName,
    Speed,
    named_streams,
    output_file,
    positive,
    refuse_second_alignment,
)
from app.cli.record import tell_new, tell_recorded
from mdjpt.errors import MdjptError, ModelError, ProfileError

if TYPE_CHECKING:
    import threading

    from app.cli.terminal import TerminalView
    from app.session import SessionConfig
    from streaming.processes.decoder_process import Predicted
    from streaming.processes.engine import Engine
    from streaming.snapshot import Snapshot

__all__ = ["run"]


def run(
    source: SourceName,
    *,
    model: Model = None,
    profile: Profile = None,
    alignment: Alignment = "auto",
    duration: Annotated[
        float | None, typer.Option(help="Seconds of signal to run for.", callback=positive)
    ] = None,
    hop: Hop = 0.5,
    speed: Speed = 1.0,
    out: Annotated[str | None, typer.Option(help="JSON lines: FILE, or - for stdout.")] = None,
    record: Record = None,
    record_stream: RecordStreams = None,
    publish: Annotated[
        list[str] | None,
        typer.Option(
            metavar="lsl|osc:[HOST:]PORT|ws:[HOST:]PORT",
            help="Send the predictions to other programs, of this computer unless HOST is said; "
            "several times.",
        ),
    ] = None,
    features: Annotated[
        Path | None,
        typer.Option(
            help="Store the features of the decoded windows (.npz).", callback=output_file
        ),
    ] = None,
    montage: Montage = None,
    device: Device = "auto",
) -> int:
    """Decode a source without a window."""
    import numpy as np

    from app.cli.terminal import terminal_view
    from app.recording_files import new_recording
    from app.session import SessionConfig, default_bundle, engine_config
    from mdjpt.recordings import montage_names
    from streaming.processes.engine import Engine
    from streaming.publishers.output import parse_output
    from streaming.sources.source_spec import parse_source

    refuse_second_alignment(alignment, profile)
    if record_stream and record is None:
        raise MdjptError("--record-stream needs --record DIR: it is recorded beside the EEG")
    config = SessionConfig(
        source=parse_source(source),
        bundle=model or default_bundle(),
        hop_s=hop,
        montage=montage_names(montage) or (),
        speed=speed,
        duration_s=duration,
        out=Path(out) if out not in (None, "-") else None,
        to_stdout=out == "-",
        publish=tuple(parse_output(text) for text in publish or ()),
        with_features=features is not None,
        profile=profile,
        record_streams=named_streams(record_stream),
        record=None if record is None else new_recording(record),
        alignment=alignment,
        device=device,
    )
    _refuse_missing(config)
    collected: list[Predicted] = []
    with stopped_by_signal() as stopped, terminal_view(quiet=config.to_stdout) as view:
        engine = Engine(engine_config(config))
        for output in config.publish:
            typer.echo(f"publishing: {output}", err=True)
        try:
            outcome = _run(engine, view, collected, stopped)
        except MdjptError:
            tell_recorded(config.record)
            raise
    if features is not None:
        save_features(
            features,
            np.array([a.feature for a in collected if a.feature is not None]),
            np.array([a.prediction.start_s for a in collected]),
        )
        if (card := outcome.snapshot.model) is not None:
            by = NORMALISED_BY[card.normalisation]
            typer.echo(f"{features}: {len(collected)} windows, normalised by {by}", err=True)
    typer.echo(outcome.summary(), err=True)
    if engine.snapshot().recording_error:
        return 2
    tell_recorded(config.record)
    return 4 if outcome.snapshot.decoder_error else 0


def _refuse_missing(config: SessionConfig) -> None:
    """Refuse a model or a profile that is not there before anything is opened or recorded."""
    if config.bundle is not None and not config.bundle.exists():
        raise ModelError(f"{config.bundle}: no such model bundle; check the path")
    if config.profile is not None and not config.profile.exists():
        raise ProfileError(f"{config.profile}: no such profile; check the path")


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
    from app.dashboard.timeline import TruthTimeline

    engine.start()
    truth, told, noted = TruthTimeline(), "", frozenset[str]()
    try:
        while not engine.done and not stopped.is_set():
            answers = engine.poll(timeout_s=0.05)
            shot = engine.snapshot()
            # At full speed the newest true state is far ahead of the windows that are answered.
            for sample, marker in engine.new_markers():
                if marker.kind == "truth" and shot.info is not None:
                    truth.observe(sample / shot.info.sfreq, marker.label)
            for answer in answers:
                view.predicted(answer.prediction, truth.at(answer.prediction.end_s))
                if answer.feature is not None:
                    collected.append(answer)
            view.show(shot)
            told = _tell(shot.recording_error, told)
            if engine.failure is not None:
                break
            noted = tell_new(shot, noted)
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
    typer.echo(f"mdjpt: {error}", err=True)
    return error
