"""Reads many damaged copies of one recording (POSIX only).

Run as ``python -m tests.support.recording_mutants``.

Each copy is read by a fork of its own, under the limits of the guarded reader, so that a crash or
an endless loop ends that fork and is counted.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

import numpy as np

from mdjpt.errors import RecordingError
from mdjpt.recordings.reader_process import read_here

MEMORY_BYTES = 1 << 30
CPU_S = 10
MAX_FLIPS = 8


def mutant(content: bytes, rng: np.random.Generator) -> bytes:
    """Cut, overwrite, repeat or flip some of a file, its head more often than the rest."""
    data = bytearray(content)
    span = len(data) if rng.random() < 0.4 else min(len(data), 4096)
    at = int(rng.integers(span))
    kind = rng.integers(5)
    if kind == 0:
        return bytes(data[:at])
    if kind == 1:
        n = int(rng.integers(1, 64))
        data[at : at + n] = rng.bytes(n)
    elif kind == 2:
        n = int(rng.integers(1, 512))
        data[at:at] = data[at : at + n]
    elif kind == 3:
        del data[at : at + int(rng.integers(1, 64))]
    else:
        for place in rng.integers(span, size=rng.integers(1, MAX_FLIPS + 1)).tolist():
            data[place] ^= 1 << int(rng.integers(8))
    return bytes(data)


def _read_in_child(path: Path, montage: tuple[str, ...] | None, report: Path) -> int:
    """Read one file under limits; the exit status says what came of it."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        read_here(path, montage, None)
    except RecordingError as error:
        if "\n" not in str(error):
            return 1
        report.write_text(f"several lines: {error}")
        return 2
    except BaseException:
        report.write_text(traceback.format_exc())
        return 2
    return 0


def _outcome(path: Path, montage: tuple[str, ...] | None, report: Path) -> str:
    """Read one file in a fork and name what came of it."""
    child = os.fork()
    if child == 0:
        code = 2
        try:
            code = _read_in_child(path, montage, report)
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code < 0:
        return signal.Signals(-code).name
    return ("read", "refused", "wrong")[code]


def run(path: Path, seed: int, n: int, montage: tuple[str, ...] | None) -> dict[str, object]:
    """Read `n` mutants of a file; its companions (same stem) stay intact."""
    content = path.read_bytes()
    outcomes: dict[str, int] = {}
    wrong: list[str] = []
    slowest_s = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for beside in path.parent.glob(f"{path.stem}.*"):
            shutil.copy(beside, folder)
        copy, report = Path(folder) / path.name, Path(folder) / "report.log"
        read_here(copy, montage, None)
        for k in range(n):
            copy.write_bytes(mutant(content, np.random.default_rng((seed, k))))
            begun = time.perf_counter()
            outcome = _outcome(copy, montage, report)
            slowest_s = max(slowest_s, time.perf_counter() - begun)
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
            if outcome == "wrong":
                wrong.append(f"mutant {k} of seed {seed}: {report.read_text()[-2000:]}")
    return {"outcomes": outcomes, "wrong": wrong[:3], "slowest_s": slowest_s}


if __name__ == "__main__":
    file, seed_text, n_text, names = sys.argv[1:]
    with Path(os.devnull).open("w") as nowhere:
        result, sys.stdout, sys.stderr = sys.stdout, nowhere, nowhere
        found = run(
            Path(file), int(seed_text), int(n_text), tuple(names.split(",")) if names else None
        )
        print(json.dumps(found), file=result)
