"""The composition root: the one place that chooses classes.

Nothing here imports torch or Qt at its head: the engine process imports this module to make its
source.
"""

from __future__ import annotations

import math
import multiprocessing
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.calibration.markers import prompt_of
from mdjpt.errors import RecordingError
from streaming.processes.decoder_process import DecoderConfig
from streaming.processes.engine import STOP_WITHIN_S, EngineConfig
from streaming.processes.engine_process import (
    Mark,
    Quit,
    Record,
    Report,
    StopRecording,
    UseProfile,
    run_engine,
)
from streaming.ring import RingBuffer, RingView
from streaming.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.context import SpawnProcess

    from streaming.prediction import Prediction
    from streaming.processes.engine import Publisher
    from streaming.publishers.output import Output
    from streaming.sources.lsl_link.streams import StreamQuery
    from streaming.sources.source_spec import SourceSpec
    from streaming.stream import Marker, Source

__all__ = [
    "LiveSession",
    "SessionConfig",
    "build_source",
    "default_bundle",
    "demo_recording",
    "engine_config",
]


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """One run of the live path, as the user asked for it."""

    source: SourceSpec
    """Where the EEG comes from."""
    bundle: Path | None
    """Model bundle; None shows signals only."""
    hop_s: float = 0.5
    """Seconds from window to window."""
    montage: tuple[str, ...] = ()
    """Electrode names for a source whose labels say nothing; empty to use its own."""
    speed: float = 1.0
    """Times real time for a source that can wait; ``inf`` is as fast as it goes."""
    duration_s: float | None = None
    """Seconds of signal after which the run ends by itself."""
    out: Path | None = None
    """JSON-lines file of the predictions."""
    to_stdout: bool = False
    """Write the JSON lines to standard output."""
    publish: tuple[Output, ...] = ()
    """Where else the predictions go."""
    with_features: bool = False
    """Ask the decoder for the features, and accept a bundle without a head."""
    profile: Path | None = None
    """A person's calibration."""
    record: Path | None = None
    """Recording to write from the first sample on; must not exist."""
    record_streams: tuple[SourceSpec, ...] = ()
    """Further LSL streams that go into every recording."""
    alignment: str = "auto"
    """Kind of alignment, or "auto" for the model's default; a profile brings its own."""
    device: str = "auto"
    """Where the decoder computes, as :func:`mdjpt.network.device.resolve_device` takes it."""


def default_bundle() -> Path:
    """Return the demo bundle that comes with the program."""
    import assets

    return Path(str(assets.__file__)).parent / "demo.safetensors"


def demo_recording() -> Path:
    """Return the short real recording that comes with the program."""
    return default_bundle().parent / "recordings" / "physionet_S001R01_30s.edf"


def build_source(spec: SourceSpec, montage: tuple[str, ...], speed: float) -> Source:
    """Make the source that `spec` names; opens nothing yet.

    Electrode names, if any, replace the source's own; the speed is times real time, for files and
    the simulated participant.
    """
    names = montage or None
    if spec.kind == "lsl":
        from streaming.sources.lsl import LSLSource

        query = _stream_query(spec)
        return LSLSource(
            query.name,
            stream_type=query.type,
            source_id=query.source_id,
            hostname=query.hostname,
            montage=names,
            sfreq=float(spec.options["sfreq"]) if "sfreq" in spec.options else None,
        )
    if spec.kind == "brainflow":
        from streaming.sources.brainflow import BrainFlowSource

        return BrainFlowSource.from_spec(spec, montage=names)
    if spec.kind == "file":
        from streaming.sources.recording import RecordingSource

        return RecordingSource(
            spec.name,
            speed="max" if math.isinf(speed) else speed,
            montage=names,
            **_chosen(spec),
        )
    from streaming.sources.simulated import SimulatedSource

    return SimulatedSource.from_spec(spec, montage=names, speed=speed)


def _chosen(spec: SourceSpec) -> dict[str, Any]:
    """Return what the options of a file choose in it; a source_id tells streams of a name apart."""
    options: dict[str, Any] = dict(spec.options)
    if "source_id" in options:
        options["stream"] = options.pop("source_id")
    return options


def _stream_query(spec: SourceSpec) -> StreamQuery:
    from streaming.sources.lsl_link.streams import StreamQuery

    kind, source_id, hostname = (
        str(spec.options.get(key, "")) for key in ("type", "source_id", "hostname")
    )
    return StreamQuery(spec.name, kind, source_id, hostname)


def engine_config(config: SessionConfig) -> EngineConfig:
    """Translate what the user asked for into the engine's terms."""
    decoder = None
    if config.bundle is not None:
        decoder = DecoderConfig(
            config.bundle,
            config.hop_s,
            config.with_features,
            config.profile,
            alignment=config.alignment,
            device=config.device,
        )
    return EngineConfig(
        source=partial(build_source, config.source, config.montage, config.speed),
        decoder=decoder,
        duration_s=config.duration_s,
        publishers=tuple(_publishers(config)),
        record=config.record,
        record_streams=tuple(_stream_query(spec) for spec in config.record_streams),
        prompt_of=prompt_of,
    )


def _publishers(config: SessionConfig) -> list[Callable[[], Publisher]]:
    from streaming.publishers.json_lines import JsonLinesPublisher

    publishers: list[Callable[[], Publisher]] = []
    if config.out is not None:
        publishers.append(partial(JsonLinesPublisher, config.out))
    if config.to_stdout:
        publishers.append(partial(JsonLinesPublisher, None))
    return publishers + [_made_for(output) for output in config.publish]


def _made_for(output: Output) -> Callable[[], Publisher]:
    if output.kind == "lsl":
        from streaming.publishers.lsl import LSLPublisher

        return LSLPublisher
    if output.kind == "osc":
        from streaming.publishers.osc import OscPublisher

        return partial(OscPublisher, output.host, output.port)
    from streaming.publishers.websocket import WebSocketPublisher

    return partial(WebSocketPublisher, output.host, output.port)


class LiveSession:
    """A running engine process as the windows see it.

    `start` and `stop` are called by the dashboard's worker thread, one at a time, and may block.
    All other methods are called by the GUI thread, 30 times a second, and never block.

    Parameters
    ----------
    config : SessionConfig
        What to run.

    Attributes
    ----------
    wanted_profile : Path or None
        The calibration that was asked for last, whether or not it is in use yet.
    """

    def __init__(self, config: SessionConfig) -> None:
        self.config = config
        self.wanted_profile = config.profile
        self._snapshot = Snapshot()
        self._predictions: list[Prediction] = []
        self._markers: list[tuple[int, Marker]] = []
        self._ring: RingBuffer | None = None
        self._process: SpawnProcess | None = None

    def start(self) -> None:
        """Start the engine process; returns at once."""
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        # Not a daemon: when the window dies, the engine still closes a recording properly.
        process = context.Process(
            target=run_engine, args=(engine_config(self.config), theirs), name="mdjpt-engine"
        )
        process.start()
        theirs.close()
        self._process = process

    def snapshot(self) -> Snapshot:
        """Return the engine's newest state."""
        self._receive()
        return self._snapshot

    def new_predictions(self) -> list[Prediction]:
        """Return the predictions since the last call."""
        self._receive()
        fresh, self._predictions = self._predictions, []
        return fresh

    def new_markers(self) -> list[tuple[int, Marker]]:
        """Return the events since the last call, each with the position of its sample."""
        self._receive()
        fresh, self._markers = self._markers, []
        return fresh

    def latest(self, n_times: int) -> RingView | None:
        """Copy the newest samples; None before the source is open and after the end."""
        return None if self._ring is None else self._ring.latest(n_times)

    def mark(self, label: str) -> None:
        """Set an event at this moment."""
        with suppress(OSError):
            self._connection.send(Mark(label))

    def use_profile(self, path: Path | None) -> None:
        """Decode with a person's calibration, or with none, see :meth:`Engine.use_profile`."""
        self.wanted_profile = path
        with suppress(OSError):
            self._connection.send(UseProfile(path))

    def record(self, path: Path) -> None:
        """Record into a new file from now on; what goes wrong shows in the snapshot."""
        with suppress(OSError):
            self._connection.send(Record(path.absolute()))

    def stop_recording(self) -> None:
        """End the recording, if there is one."""
        with suppress(OSError):
            self._connection.send(StopRecording())

    def stop(self) -> None:
        """End the engine, within about `STOP_WITHIN_S`; safe to call twice and before ``start``.

        Raises RecordingError: the end of a recording is missing.
        """
        process = self._process
        if process is None:
            return
        with suppress(OSError):
            self._connection.send(Quit())
        process.join(STOP_WITHIN_S)
        before = self._snapshot
        forced = process.is_alive()
        if forced:
            process.kill()
            process.join(1.0)
        self._receive()
        self._process = None
        self._connection.close()
        if self._ring is not None:
            self._ring.close()
            self._ring = None
        if forced and before.recording:
            raise RecordingError(
                f"{before.recording}: the engine had to be ended by force after {STOP_WITHIN_S:g} "
                "s; the file is valid, its end is missing"
            )
        if self._snapshot.recording_error not in ("", before.recording_error):
            raise RecordingError(self._snapshot.recording_error)

    def _receive(self) -> None:
        process = self._process
        if process is None:
            return
        try:
            while self._connection.poll():
                self._take(self._connection.recv())
        except (EOFError, OSError):
            before = self._snapshot
            if before.state not in ("stopped", "failed"):
                kept = f"; {before.recording} is valid up to {before.recorded_s:.1f} s"
                self._snapshot = Snapshot(
                    state="failed",
                    error="the engine process ended unexpectedly: connect again"
                    + (kept if before.recording else ""),
                    error_code=1,
                    info=before.info,
                )

    def _take(self, report: Report) -> None:
        self._snapshot = report.snapshot
        self._predictions += report.predictions
        self._markers += report.markers
        if self._ring is None and report.ring_name is not None:
            self._ring = RingBuffer.attach(report.ring_name)
