"""``mdjpt bench``: how fast every stage is on this machine.

Times are medians and 95th percentiles within one run; the encoder is also given as a multiple of a
matrix product of 0.60 GFLOP on the same core, which carries over between machines.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.bench_report import Timing, performance_page
from app.cli.options import Device, Json, output_file
from app.cli.thread_count import compute_on
from mdjpt.errors import MdjptError, one_line
from mdjpt.guard.atomic_file import write_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streaming.processes.decoder_process import Predicted
    from streaming.sources.source_spec import SourceSpec

__all__ = ["Timing", "bench", "measure_starts"]

N_RUNS = 60
N_UPDATES = 200
N_STARTS = 5
START_LIMIT_S = 60.0
GEMM_SIDE = 669
"""Side of the square matrices: 2 * 669 ** 3 = 0.60 GFLOP, what one window of the released variant
takes (mdJPT's encoder, without the branches that cannot reach its output)."""
LATENCY_S = 20.0
N_CHANNELS, SFREQ = 64, 500.0


def bench(
    as_json: Json = False,
    window: Annotated[
        bool, typer.Option("--window/--no-window", help="Measure the dashboard's start too.")
    ] = True,
    report: Annotated[
        Path | None, typer.Option(help="Page to write (.md), too.", callback=output_file)
    ] = None,
    card: Annotated[
        Path | None, typer.Option(help="Figures of a GPU for the page (.json).")
    ] = None,
    device: Device = "auto",
) -> int:
    """Measure every stage on this machine: median and 95th percentile."""
    # Both libraries read this when they are first imported.
    os.environ["OMP_NUM_THREADS"] = "1"
    compute_on(device)
    parts: dict[str, Callable[[], list[Timing]]] = {
        "stages": measure_stages,
        "alignment": measure_alignment,
        "throughput": measure_throughput,
        "latency": measure_latency,
    }
    rows, missing = measured(parts | ({"start": measure_starts} if window else {}))
    if report is not None:
        write_file(report, performance_page(rows, missing, card).encode())
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        _print(rows)
    return 0


def measured(
    parts: Mapping[str, Callable[[], list[Timing]]],
) -> tuple[list[Timing], list[str]]:
    """Measure part after part; return the rows, and what could not be measured, which is said."""
    rows: list[Timing] = []
    missing: list[str] = []
    for name, measure in parts.items():
        try:
            rows += measure()
        except (MdjptError, AssertionError, OSError) as error:
            missing.append(f"{name}: {one_line(error)}")
            typer.echo(f"note: not measured: {missing[-1]}", err=True)
    return rows, missing


def measure_stages() -> list[Timing]:
    """Time each stage of the live path on one core, one window of 64 channels at 500 Hz."""
    import numpy as np
    import torch

    from app.session import default_bundle
    from mdjpt.alignment.config import recommended_alignment
    from mdjpt.bundle.bundle import load_bundle
    from mdjpt.calibration.decoder import EmotionDecoder
    from mdjpt.network.encoder import Encoder
    from mdjpt.network.model import EncoderConfig, MdjptNetwork
    from mdjpt.signal.window import Preprocessor
    from mdjpt.simulation import SimulatedParticipant, cap

    torch.set_num_threads(1)
    participant = SimulatedParticipant(11, cap(N_CHANNELS), SFREQ)
    raw = participant.generate(round(20 * SFREQ))
    preprocess = Preprocessor(participant.ch_names, SFREQ)
    n_margin, n_raw = round(2 * SFREQ), round(7 * SFREQ)
    for end_s in (7, 12, 17):
        stop = round(end_s * SFREQ)
        prepared = preprocess(raw[:, stop - n_raw : stop], n_margin, stop)
    window = prepared.window
    assert window is not None
    bundle = load_bundle(default_bundle())
    decoder = EmotionDecoder(bundle, 0.5, recommended_alignment(bundle))
    encoder, stats = bundle.encoder(), bundle.row_stats
    paper = Encoder(MdjptNetwork(EncoderConfig(variant="paper")))
    feature = encoder.feature(window[None], stats=stats)
    head = bundle.head
    assert head is not None
    square = torch.rand(GEMM_SIDE, GEMM_SIDE)
    segment = np.ascontiguousarray(raw[:, -n_raw:])
    stages: dict[str, Callable[[], object]] = {
        "matrix product of 0.60 GFLOP": lambda: torch.mm(square, square),
        "preprocessor": lambda: preprocess(segment, n_margin, raw.shape[1]),
        "encoder, released": lambda: encoder.feature(window[None], stats=stats),
        "encoder, paper, random weights": lambda: paper.feature(window[None], 1),
    }
    product, *others = timed_in_turn(*stages.values())
    first, *names = stages
    rows = [_summary(first, product)]
    for name, times in zip(names, others, strict=True):
        ratios = [own / p for own, p in zip(times, product, strict=True)]
        rows += [_summary(name, times), _summary(f"{name} / matrix product", ratios, "x")]
    return [
        *rows,
        timed("head", lambda: head.logits(feature)),
        timed("decoder (encoder, head, smoother)", lambda: decoder.decode(window, 0)),
    ]


def measure_alignment() -> list[Timing]:
    """Time the update of each kind of alignment on one core: a window of 64 channels learned."""
    import torch

    from app.session import default_bundle
    from mdjpt.alignment.aligned_encoder import AlignedEncoder
    from mdjpt.alignment.config import KINDS, AlignmentConfig
    from mdjpt.alignment.stages import build_alignment
    from mdjpt.bundle.bundle import load_bundle
    from mdjpt.errors import ModelError
    from mdjpt.features import prepare_windows
    from mdjpt.recordings.recording import Recording
    from mdjpt.simulation import SimulatedParticipant, cap

    torch.set_num_threads(1)
    person = SimulatedParticipant(11, cap(N_CHANNELS), 250.0)
    recording = Recording(person.generate(round(40 * 250.0)), 250.0, person.ch_names)
    windows = prepare_windows(recording, hop_s=1.0).windows
    bundle, rows = load_bundle(default_bundle()), []
    for kind in KINDS:
        if kind == "none":
            continue
        try:
            aligners = build_alignment(AlignmentConfig(kind), bundle)
        except ModelError:  # the model stores no such statistic
            continue
        encoder, times = AlignedEncoder(bundle, aligners), []
        for k in range(N_UPDATES + 3):
            encoder.encode_next(windows[k % len(windows)])
            start = time.perf_counter()
            encoder.learn(0.5)
            times.append(1e3 * (time.perf_counter() - start))
        rows.append(_summary(f"alignment update, {kind}", times[3:]))
    return rows


def timed_in_turn(*functions: Callable[[], object], n: int = N_RUNS) -> list[list[float]]:
    """Return the milliseconds of each of `n` calls, one list a function.

    They are called by turns, so that a busy moment of the machine meets all of them.
    """
    for function in functions:
        for _ in range(3):
            function()
    times: list[list[float]] = [[] for _ in functions]
    for _ in range(n):
        for function, own in zip(functions, times, strict=True):
            start = time.perf_counter()
            function()
            own.append(1e3 * (time.perf_counter() - start))
    return times


def timed(name: str, function: Callable[[], object], n: int = N_RUNS) -> Timing:
    """Call `function` a few times to warm up, then `n` times against the clock."""
    return _summary(name, timed_in_turn(function, n=n)[0])


def measure_throughput() -> list[Timing]:
    """Decode the real recording that comes with the program as fast as it goes."""
    from app.session import demo_recording
    from streaming.sources.source_spec import SourceSpec

    spec = SourceSpec("file", str(demo_recording()))
    rows: list[Timing] = []
    speeds = [_features_speed() for _ in range(3)]
    rows.append(_summary("features of a file every 2 s, times real time", speeds, "x"))
    for hop_s in (2.0, 0.5):
        speeds = [_decoded(spec, hop_s=hop_s, speed=math.inf)[1] for _ in range(3)]
        rows.append(_summary(f"file at full speed, hop {hop_s:g} s, times real time", speeds, "x"))
    return rows


def _features_speed() -> float:
    """Return how many times real time the features of two minutes of 64 channels are extracted."""
    from app.session import default_bundle
    from mdjpt.bundle.bundle import load_bundle
    from mdjpt.features import extract_features
    from mdjpt.recordings.recording import Recording
    from mdjpt.simulation import SimulatedParticipant, cap

    person = SimulatedParticipant(11, cap(N_CHANNELS), 160.0)
    recording = Recording(person.generate(round(120 * 160.0)), 160.0, person.ch_names)
    bundle = load_bundle(default_bundle())
    start = time.perf_counter()
    extract_features(recording, bundle)
    return recording.duration_s / (time.perf_counter() - start)


def measure_latency() -> list[Timing]:
    """Run engine and decoder on a simulated participant in real time."""
    from streaming.sources.source_spec import parse_source

    source = f"sim:?n_channels={N_CHANNELS}&sfreq={SFREQ:g}&duration={LATENCY_S:g}"
    answers, _ = _decoded(parse_source(source))
    latencies = [a.prediction.latency_ms for a in answers if a.prediction.probabilities]
    if not latencies:
        raise MdjptError(f"no window was decoded within {LATENCY_S:g} s")
    return [_summary("newest sample's arrival to prediction, 64 channels at 500 Hz", latencies)]


def _decoded(
    spec: SourceSpec, hop_s: float = 0.5, speed: float = 1.0
) -> tuple[list[Predicted], float]:
    """Run engine and decoder to the end of a source: the answers, and times real time."""
    from app.session import SessionConfig, default_bundle, engine_config
    from streaming.processes.engine import Engine

    engine = Engine(engine_config(SessionConfig(spec, default_bundle(), hop_s=hop_s, speed=speed)))
    answers: list[Predicted] = []
    engine.start()
    try:
        while not engine.done:
            answers += engine.poll(timeout_s=0.05)
        if engine.failure is not None:
            raise engine.failure
        took_s = math.inf if engine.ready_at is None else time.monotonic() - engine.ready_at
        return answers, engine.snapshot().elapsed_s / took_s
    finally:
        engine.stop()


def measure_starts(n_starts: int = N_STARTS, limit_s: float = START_LIMIT_S) -> list[Timing]:
    """Open the dashboard several times; the first start, which fills the caches, does not count.

    After `limit_s` a window closes that has not shown a signal: a busy machine. Such starts are
    named, and the others counted.
    """
    environment = dict(os.environ)
    place = ""
    if not any(environment.get(v) for v in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")):
        environment["QT_QPA_PLATFORM"] = "offscreen"
        place = ", offscreen"
    starts = [_start_once(environment, limit_s) for _ in range(n_starts + 1)][1:]
    rows = []
    for name in ("painted", "first signal"):
        seconds = [start[name] for start in starts if name in start]
        if len(seconds) < n_starts:
            late = n_starts - len(seconds)
            typer.echo(f"note: {late} of {n_starts} starts: not {name} in {limit_s:g} s", err=True)
        if seconds:
            rows.append(_summary(f"start to {name}{place}", seconds, "s"))
    return rows


def _start_once(environment: dict[str, str], limit_s: float) -> dict[str, float]:
    """Return the seconds from the start of the program to each milestone that was reached."""
    command = [sys.executable, "-m", "app", "app", "--milestones", "--after", str(limit_s)]
    begun = time.time()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise MdjptError(f"the dashboard did not start: {done.stderr.strip()}")
    reached = [json.loads(line) for line in done.stdout.splitlines()]
    return {name: at - begun for line in reached for name, at in line.items()}


def _summary(name: str, values: list[float], unit: str = "ms") -> Timing:
    import numpy as np

    return Timing(
        name, float(np.median(values)), float(np.percentile(values, 95)), len(values), unit
    )


def _print(rows: list[Timing]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="mdjpt bench: medians within this run", title_justify="left")
    for column in ("stage", "median", "p95", "unit", "runs"):
        table.add_column(column, justify="left" if column == "stage" else "right")
    for row in rows:
        table.add_row(row.name, f"{row.median:.2f}", f"{row.p95:.2f}", row.unit, str(row.n))
    Console().print(table)
