"""The commands for signals as they come: names, options and help.

The work is done in :mod:`app.cli`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli.options import (
    SOURCE_HELP,
    Alignment,
    Hop,
    Model,
    Montage,
    Profile,
    Record,
    checked_alignment,
    positive,
    speed_factor,
)
from app.thread_count import one_thread
from mdjpt.errors import MdjptError

__all__ = [
    "app_command",
    "bench_command",
    "check_command",
    "features_command",
    "replay_command",
    "run_command",
    "simulate_command",
    "sources_command",
]

RecordingFile = Annotated[Path, typer.Argument(help="Recording to read.")]


def app_command(
    source: Annotated[str | None, typer.Argument(help=SOURCE_HELP)] = None,
    model: Model = None,
    profile: Profile = None,
    alignment: Alignment = "auto",
    record: Record = None,
    montage: Montage = None,
    screenshot: Annotated[
        Path | None, typer.Option(help="Save a picture of the window as PNG, then quit.")
    ] = None,
    after: Annotated[
        float | None, typer.Option(help="Close the window after this many seconds.")
    ] = None,
    hop: Hop = 0.5,
    speed: Annotated[str, typer.Option(help="Times real time, for files.")] = "1",
) -> int:
    """Open the dashboard (what plain `mdjpt` does)."""
    from app.cli.dashboard import open_window

    return open_window(
        source,
        model,
        montage,
        profile=profile,
        hop_s=positive(hop, "--hop") or hop,
        speed=speed_factor(speed),
        alignment=checked_alignment(alignment, profile),
        record=record,
        screenshot=screenshot,
        after_s=after,
    )


def run_command(
    source: Annotated[str, typer.Argument(help=SOURCE_HELP)],
    model: Model = None,
    profile: Profile = None,
    alignment: Alignment = "auto",
    duration: Annotated[float | None, typer.Option(help="Seconds of signal to run for.")] = None,
    hop: Hop = 0.5,
    speed: Annotated[str, typer.Option(help="Times real time for a file, or max.")] = "1",
    out: Annotated[str | None, typer.Option(help="JSON lines: FILE, or - for stdout.")] = None,
    record: Record = None,
    publish: Annotated[
        str | None, typer.Option(help="lsl: offer predictions as an LSL stream.")
    ] = None,
    features: Annotated[
        Path | None, typer.Option(help="Store the features of the decoded windows (.npz).")
    ] = None,
    montage: Montage = None,
) -> int:
    """Decode a source without a window."""
    from app.cli.run import RunRequest, run_headless

    if publish not in (None, "lsl"):
        raise MdjptError(f"--publish knows lsl only, got {publish!r}")
    request = RunRequest(
        source=source,
        model=model,
        duration_s=positive(duration, "--duration"),
        hop_s=positive(hop, "--hop") or hop,
        speed=speed_factor(speed),
        out=out,
        publish_lsl=publish == "lsl",
        features=features,
        montage=montage,
        profile=profile,
        record=record,
        alignment=checked_alignment(alignment, profile),
    )
    return run_headless(request)


def sources_command(
    json: Annotated[bool, typer.Option("--json", help="Machine-readable.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to look for LSL streams.")] = 2.0,
) -> int:
    """List LSL streams, with nominal and measured rate, and BrainFlow boards."""
    from app.cli.sources import list_sources

    return list_sources(as_json=json, timeout_s=timeout)


def replay_command(
    file: Annotated[Path, typer.Argument(help="Recording to send.")],
    speed: Annotated[float, typer.Option(help="Times real time.")] = 1.0,
    start: Annotated[float, typer.Option(help="Second of the recording to start at.")] = 0.0,
    loop: Annotated[bool, typer.Option("--loop", help="Start again at the end.")] = False,
    stream_name: Annotated[str | None, typer.Option(help="Name of the LSL stream.")] = None,
    fault: Annotated[
        list[str] | None, typer.Option(help="Inject a fault: drop=N, jitter_ms=X, stall_s=X.")
    ] = None,
    montage: Montage = None,
) -> int:
    """Send a recording as an LSL stream."""
    from app.cli.replay import replay

    return replay(
        file,
        speed=positive(speed, "--speed") or speed,
        start_s=start,
        loop=loop,
        stream_name=stream_name,
        faults=fault or [],
        montage=montage,
    )


def check_command(
    file: Annotated[Path, typer.Argument(help="Recording to look at.")],
) -> int:
    """Say what a recording holds and whether it is as it was written."""
    from app.cli.check import check_recording

    return check_recording(file)


def features_command(
    file: RecordingFile,
    out: Annotated[Path, typer.Option(help="File to write (.npz).")],
    model: Model = None,
    hop: Hop = 2.0,
    scale: Annotated[
        str, typer.Option(help="causal: as live; recording: one scale for the whole file.")
    ] = "causal",
    montage: Montage = None,
) -> int:
    """Extract the features of a whole recording: features [n, 512], start_s [n]."""
    one_thread()
    from app.cli.features import store_features

    return store_features(
        file, out, model=model, hop_s=positive(hop, "--hop") or hop, scale=scale, montage=montage
    )


def simulate_command(
    out: Annotated[Path, typer.Option(help="Recording to write (.edf), or a folder for a corpus.")],
    duration: Annotated[float, typer.Option(help="Recording: seconds.")] = 300.0,
    sfreq: Annotated[float, typer.Option(help="Recording: sampling rate in Hz.")] = 250.0,
    seed: Annotated[int, typer.Option(help="Participants and schedule.")] = 7,
    preset: Annotated[
        list[str] | None, typer.Option(help="Corpus: a dataset such as SEED-like; several times.")
    ] = None,
    subjects: Annotated[int | None, typer.Option(help="Corpus: participants a dataset.")] = None,
    difficulty: Annotated[float, typer.Option(help="Corpus: 0 (easiest) to 1.")] = 0.5,
    jobs: Annotated[int, typer.Option(help="Corpus: recordings at a time.")] = 1,
) -> int:
    """Simulate a recording with its true emotions, or a corpus of several prepared datasets."""
    if out.suffix:
        from app.cli.simulate import simulate

        return simulate(out, positive(duration, "--duration") or duration, seed, sfreq)
    from app.cli.data import simulate_data

    return simulate_data(
        out, preset or (), seed=seed, difficulty=difficulty, n_subjects=subjects, jobs=jobs
    )


def bench_command(
    json: Annotated[bool, typer.Option("--json", help="Machine-readable.")] = False,
    window: Annotated[
        bool, typer.Option("--window/--no-window", help="Measure the dashboard's start too.")
    ] = True,
) -> int:
    """Measure every stage on this machine: median and 95th percentile."""
    from app.cli.bench import bench

    return bench(as_json=json, with_window=window)
