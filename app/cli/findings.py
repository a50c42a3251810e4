"""What `mdjpt doctor` looks at, and what it says of it."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mdjpt.errors import one_line
from mdjpt.guard.extras import installed_version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streaming.diagnosis.network import RoundTrip, SeenStream
    from streaming.diagnosis.timing import Timing

__all__ = [
    "Finding",
    "disk_findings",
    "display_findings",
    "gpu_findings",
    "lsl_findings",
    "stream_findings",
    "timing_findings",
    "version_findings",
]

Verdict = Literal["ok", "note", "fail"]

SHOWN_VERSIONS = ("numpy", "torch", "mne", "pylsl", "brainflow")
LEAST_GB, FEW_GB = 1.0, 10.0
RECORDED_MB_PER_HOUR = 64 * 500 * (4 + 9 / 64) * 3600 / 1e6
"""Of 64 channels at 500 Hz: four bytes a value, nine a time stamp."""
SLOW_SYNC_MS = 1000.0
"""The recorder syncs every 0.75 s and must not fall behind."""
RATE_TOLERANCE = 0.02
LOUD_LINE = 2.0
"""Mains above this many times the EEG is worth a look at electrodes and cables."""
EEG_MICROVOLTS = (0.5, 100.0)
SAMPLE_AGE_P99_MS, OWN_SAMPLE_AGE_P99_MS = 25.0, 200.0
"""Of the test signal, sent sample by sample; of a device, whose radio sends packets."""
DECISION_AGE_P95_MS = 500.0
DECISION_JITTER_SHARE = 0.5
"""Of the hop."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    # What was looked at.
    group: str
    what: str
    verdict: Verdict
    """A note is worth knowing and stops nothing."""
    value: str
    """What was found."""
    advice: str = ""
    """What should be, or what to do; "" where all is well."""


def version_findings(distribution: str = "mdjpt-live") -> list[Finding]:
    """Hold what is installed against what this program needs."""
    from packaging.requirements import Requirement

    wrong = []
    needed = [Requirement(text) for text in importlib.metadata.requires(distribution) or ()]
    for requirement in needed:
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        found = installed_version(requirement.name)
        if not found or not requirement.specifier.contains(found, prereleases=True):
            wrong.append(
                Finding(
                    "versions",
                    requirement.name,
                    "fail",
                    found or "not installed",
                    f"needs {requirement.specifier}: pip install {str(requirement)!r}",
                )
            )
    names = [f"{name} {installed_version(name) or 'missing'}" for name in SHOWN_VERSIONS]
    own = installed_version(distribution) or "missing"
    python = f"{own}, Python {platform.python_version()}, {platform.platform()}"
    return [
        Finding("versions", "mdjpt-live", "ok", python),
        Finding("versions", "packages", "fail" if wrong else "ok", ", ".join(names)),
        *wrong,
    ]


def lsl_findings(trip: RoundTrip, library_version: int) -> list[Finding]:
    """Say whether one process hears another over LSL; liblsl's version 118 is 1.18."""
    library = Finding("LSL", "liblsl", "ok", f"{library_version // 100}.{library_version % 100}")
    blocked = (
        "allow multicast and ports 16571 to 16604 in the firewall, for UDP and TCP; a VPN may have "
        "to be off"
    )
    if trip.found_s is None:
        return [library, Finding("LSL", "own stream seen", "fail", "never", blocked)]
    seen = f"after {trip.found_s:.2f} s by another process"
    if trip.delay_ms is None:
        return [library, Finding("LSL", "own stream seen", "fail", f"{seen}, but silent", blocked)]
    return [
        library,
        Finding(
            "LSL", "own stream seen", "ok", f"{seen}, its samples after {trip.delay_ms:.1f} ms"
        ),
    ]


def stream_findings(streams: list[SeenStream]) -> list[Finding]:
    """Say what every stream on the network is and lacks."""
    from streaming.diagnosis.network import duplicates

    found = [
        Finding(
            "streams",
            "identity",
            "fail",
            one_line(name, 120),
            "two streams are called so: give each a source_id",
        )
        for name in duplicates(streams)
    ]
    if not streams:
        return [Finding("streams", "seen", "note", "none", "is the sender running?")]
    return found + [finding for seen in streams for finding in _of_stream(seen)]


def _of_stream(seen: SeenStream) -> Iterator[Finding]:
    s = seen.stream
    name = one_line(s.name or "(no name)", 40)
    what = f"{one_line(s.type or 'no type', 20)}, {s.n_channels} ch, {one_line(s.hostname, 30)}"
    if not s.source_id:
        yield Finding("streams", name, "note", f"{what}, no source_id", "it cannot be told apart "
                      "when it returns")  # fmt: skip
    else:
        yield Finding("streams", name, "ok", what)
    if not seen.is_regular:
        return
    if not seen.answers:
        yield Finding(
            "streams", f"{name}: connection", "fail", "none", "announced, but does not answer"
        )
        return
    yield _on_rate(name, seen)
    if seen.problem:
        yield Finding("streams", f"{name}: labels", "note", "none", one_line(seen.problem, 300))
    elif seen.electrodes:
        yield from _on_signal(name, seen)


def _on_rate(name: str, seen: SeenStream) -> Finding:
    nominal, measured = seen.stream.sfreq, seen.measured_sfreq
    value = f"{nominal:g} Hz declared, {measured:.1f} Hz measured"
    if not measured:
        return Finding("streams", f"{name}: rate", "fail", value, "no samples come")
    if abs(measured / nominal - 1) > RATE_TOLERANCE:
        return Finding("streams", f"{name}: rate", "fail", value, "correct the rate of its sender")
    return Finding("streams", f"{name}: rate", "ok", value)


def _on_signal(name: str, seen: SeenStream) -> Iterator[Finding]:
    n = len(seen.electrodes)
    units = sorted(set(seen.stream.units)) or [""]
    yield Finding("streams", f"{name}: labels", "ok", f"{n} of {seen.stream.n_channels} electrodes")
    declared = ", ".join(one_line(unit or "none", 20) for unit in units)
    amplitude = seen.amplitude_microvolts
    value = f"declared {declared}; EEG of {amplitude:.3g} uV"
    fits = not amplitude or EEG_MICROVOLTS[0] <= amplitude <= EEG_MICROVOLTS[1]
    advice = "" if fits else "scalp EEG has about 5 to 50 uV: is the unit right?"
    yield Finding("streams", f"{name}: units", "ok" if fits else "note", value, advice)
    if seen.line_hz:
        is_loud = seen.line_microvolts > LOUD_LINE * max(amplitude, 1.0)
        yield Finding(
            "streams",
            f"{name}: line noise",
            "note" if is_loud else "ok",
            f"{seen.line_microvolts:.1f} uV at {seen.line_hz:g} Hz",
            "look at electrodes, ground and cables" if is_loud else "",
        )


def disk_findings(folder: Path) -> list[Finding]:
    """Say how much can be recorded in a folder (which may be missing), and how fast the disk is."""
    place = next(p for p in (folder, *folder.parents) if p.is_dir())
    free_gb = shutil.disk_usage(place).free / 1e9
    hours = free_gb * 1e3 / RECORDED_MB_PER_HOUR
    verdict: Verdict = "fail" if free_gb < LEAST_GB else "note" if free_gb < FEW_GB else "ok"
    space = Finding(
        "disk",
        "space for recordings",
        verdict,
        f"{free_gb:.0f} GB in {place}, {hours:.0f} h of 64 channels at 500 Hz",
        "" if verdict == "ok" else "make room, or record elsewhere with --record DIR",
    )
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            began = time.monotonic()
            file.write(bytes(1 << 20))
            file.flush()
            os.fsync(file.fileno())
            sync_ms = (time.monotonic() - began) * 1e3
    except OSError as error:
        advice = "choose another folder with --record DIR"
        reason = error.strerror or "cannot be written"
        return [space, Finding("disk", "writing", "fail", f"{place}: {reason}", advice)]
    slow = sync_ms > SLOW_SYNC_MS
    advice = "recordings may fall behind: use a local disk" if slow else ""
    sync = Finding(
        "disk", "writing", "fail" if slow else "ok", f"1 MB synced in {sync_ms:.0f} ms", advice
    )
    return [space, sync]


def gpu_findings() -> list[Finding]:
    """Say whether PyTorch can use a GPU; the live path needs none."""
    import torch

    if torch.cuda.is_available():
        gpus = [
            f"{torch.cuda.get_device_name(n)}, "
            f"{torch.cuda.get_device_properties(n).total_memory / 2**30:.0f} GiB"
            for n in range(torch.cuda.device_count())
        ]
        return [Finding("GPU", "PyTorch", "ok", "; ".join(gpus))]
    if torch.backends.mps.is_available():
        return [Finding("GPU", "PyTorch", "ok", "Apple's, through Metal")]
    return [Finding("GPU", "PyTorch", "ok", "none: everything runs on the processor")]


def display_findings() -> list[Finding]:
    """Say whether a window can open, and on which screens."""
    from app.dashboard.display import display_problem

    problem = display_problem()
    if problem:
        return [Finding("display", "window", "note", "none can open", problem)]
    # Qt may end the process that asks it: that is another one.
    code = (
        "import json; from PySide6.QtGui import QGuiApplication as A; a = A([]); "
        "print(json.dumps([[s.name(), s.size().width(), s.size().height(), "
        "s.refreshRate(), s.devicePixelRatio()] for s in a.screens()]))"
    )
    asked = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    if asked.returncode != 0:
        said = one_line(asked.stderr) or f"Qt ended with {asked.returncode}"
        return [Finding("display", "window", "fail", "none can open", said)]
    screens = [
        f"{name} {width} x {height}, {rate:.0f} Hz, scaled by {scale:g}"
        for name, width, height, rate, scale in json.loads(asked.stdout)
    ]
    return [Finding("display", "window", "ok", "; ".join(screens) or "no screen")]


def timing_findings(timing: Timing, hop_s: float, *, is_test_signal: bool) -> list[Finding]:
    """Hold the timing of the live path against its limits; packets of a device may be older."""
    age_limit = SAMPLE_AGE_P99_MS if is_test_signal else OWN_SAMPLE_AGE_P99_MS
    jitter_limit = DECISION_JITTER_SHARE * hop_s * 1e3
    t = timing
    ages, decided = t.sample_age_ms, t.decision_age_ms
    return [
        Finding(
            "timing", "measured", "ok",
            f"{t.seconds:.0f} s, {t.n_samples} samples, {t.n_decisions} decisions",
        ),
        _within(
            "sample age", f"median {ages[0]:.1f} ms, p99 {ages[1]:.1f} ms", ages[1], age_limit
        ),
        Finding("timing", "arrival jitter", "ok", f"p99 {t.arrival_jitter_ms:.1f} ms"),
        _within(
            "decision age",
            f"median {decided[0]:.0f} ms, p95 {decided[1]:.0f} ms",
            decided[1],
            DECISION_AGE_P95_MS,
        ),
        _within(
            "decision jitter",
            f"p99 {t.decision_jitter_ms:.0f} ms",
            t.decision_jitter_ms,
            jitter_limit,
        ),
        Finding(
            "timing",
            "lost",
            "fail" if t.n_lost or t.n_skipped else "ok",
            f"{t.n_lost} samples, {t.n_skipped} windows skipped",
            "none should be: close other programs" if t.n_lost or t.n_skipped else "",
        ),
    ]  # fmt: skip


def _within(what: str, value: str, figure: float, limit_ms: float) -> Finding:
    # Not "figure > limit": what could not be measured is not within it.
    if figure <= limit_ms:
        return Finding("timing", what, "ok", f"{value} (limit {limit_ms:g} ms)")
    advice = f"limit {limit_ms:g} ms: close other programs, or let the computer do less"
    return Finding("timing", what, "fail", value, advice)
