"""Reads many damaged copies of files of datasets (POSIX only).

Run as ``python -m tests.support.dataset_mutants``.

Each copy is read by a fork of its own, under the limits of the guarded process, so that a crash or
an endless loop ends that fork and is counted.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from mdjpt.datasets.guarded_file import READER, as_it_is
from mdjpt.errors import DatasetError
from mdjpt.guard.process import call_named, leave_result
from mdjpt.guard.result import RESULT
from tests.support.recording_mutants import CPU_S, MEMORY_BYTES, mutant


def _forked(path: Path, function: str, options: dict[str, Any], folder: Path) -> str:
    """Read in a fork; name the signal that ended it, or ""."""
    child = os.fork()
    if child == 0:
        try:
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, resource.RLIM_INFINITY))
            resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, resource.RLIM_INFINITY))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            leave_result(folder, call_named, path, function=function, options=options)
        finally:
            os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return signal.Signals(-code).name if code else ""


def _outcome(path: Path, function: str, options: dict[str, Any], folder: Path) -> str:
    died_of = _forked(path, function, options, folder)
    if died_of:
        return died_of
    try:
        READER.taken_over(path, folder, as_it_is)
    except DatasetError as error:
        is_clear = str(error).startswith(f"{path}: ") and "\n" not in str(error)
        return "refused" if is_clear else f"unclear: {error}"
    return "read"


def run(path: Path, function: str, options: dict[str, Any], seed: int, n: int) -> dict[str, Any]:
    """Read `n` mutants of a file and return how often each outcome came."""
    content = path.read_bytes()
    outcomes: dict[str, int] = {}
    slowest_s = 0.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy = folder / path.name
        # The sound file is read, and what every fork then has is imported.
        leave_result(folder, call_named, path, function=function, options=options)
        READER.taken_over(path, folder, as_it_is)
        for k in range(n):
            copy.write_bytes(mutant(content, np.random.default_rng((seed, k))))
            (folder / RESULT).unlink(missing_ok=True)
            begun = time.perf_counter()
            outcome = _outcome(copy, function, options, folder)
            slowest_s = max(slowest_s, time.perf_counter() - begun)
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
    return {"outcomes": outcomes, "slowest_s": slowest_s}


if __name__ == "__main__":
    cases, seed_text, n_text = sys.argv[1:]
    with Path(os.devnull).open("w") as nowhere:
        result, sys.stdout, sys.stderr = sys.stdout, nowhere, nowhere
        found = {
            name: run(Path(file), function, options, int(seed_text), int(n_text))
            for name, (file, function, options) in json.loads(cases).items()
        }
        print(json.dumps(found), file=result)
